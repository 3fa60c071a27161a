/**
 * The locks under which a creation looks up again, chooses and inserts: ct_lock, or with shards those of the connection's shard and of its
 * companion's (shm/shards.ts). Which those are is kept here, for this thread alone, so that whoever ends the creation need not know.
 */
import { LC_CT } from '../probe/counters';
import { C_CT_LOCK, CONTROL, SHARDED } from '../records/memory-map';
import { lock, unlock } from '../shm/mutex';
import { lockShards, shardOfHash, unlockShards } from '../shm/shards';

/** Shards that this thread has locked for a creation. */
class Locked {
  static own: u32 = 0;
  static companions: u32 = 0;
}

/** `hash`: of the connection's key; `companionHash`: of its reverse key, which is another only where it is translated. */
// @ts-ignore: decorator
@inline
export function lockCreation(hash: u32, companionHash: u32): void {
  if (SHARDED) {
    Locked.own = shardOfHash(hash);
    Locked.companions = shardOfHash(companionHash);
    lockShards(Locked.own, Locked.companions);
  } else {
    lock(CONTROL + C_CT_LOCK, LC_CT);
  }
}

// @ts-ignore: decorator
@inline
export function unlockCreation(): void {
  if (SHARDED) unlockShards(Locked.own, Locked.companions);
  else unlock(CONTROL + C_CT_LOCK, LC_CT);
}
