/** Taking a connection out of the table: the part that every expiry design shares (spec §6.1, §6.2). */
import { purgeExpectations } from '../conntrack/alg/expectations';
import { releaseZone } from '../conntrack/zone-limits';
import { countWork, PROBED, W_LIST_REMOVES, W_MAP_REMOVES, W_REMOVED } from '../probe/counters';
import { pended, pendLag, pendLagGroups } from '../probe/histogram';
import { CO_ALG, CO_FLAGS, CO_KEY, CO_TP_ID, CONN_TRANSLATED, NO_ZONE } from '../records/connection';
import { K_ZONE } from '../records/key';
import { C_N_CONN, CONTROL, lagGroups, SHARDED } from '../records/memory-map';
import { admissionSequence, admissionZone, peerOf } from '../records/side-data';
import { retire } from '../shm/epoch';
import { mapRemoveLocked } from '../shm/hash-map';
import { lockShards, shardOf, unlockShards } from '../shm/shards';

// @ts-ignore: decorator
@inline
function hasCompanion(conn: usize): bool {
  return (load<u8>(conn, CO_FLAGS) & (<u8>CONN_TRANSLATED)) != 0;
}

/**
 * Takes a connection and its companion out of expectations and map; its list is the design's own affair. Precondition: ct_lock is
 * held, with shards the locks of both records' shards; the caller has won the right to remove it (test-and-set of `reclaimed`, or
 * `cleaned` under ct_lock).
 */
export function unindexLocked(conn: usize): void {
  if (load<u8>(conn, CO_ALG) != 0) purgeExpectations(conn + CO_KEY);
  mapRemoveLocked(conn);
  if (!hasCompanion(conn)) return;
  mapRemoveLocked(peerOf(conn));
  countWork(W_MAP_REMOVES, 1);
}

/**
 * unindexLocked where the lock of the connection's own shard is held alone: one that has a companion stays in the map until `unindexRest`,
 * for the lock of the companion's shard may have to be taken before the one that is held. It is this caller's then, who has the right.
 */
// @ts-ignore: decorator
@inline
export function unindexOwnLocked(conn: usize): void {
  if (!SHARDED || !hasCompanion(conn)) unindexLocked(conn);
}

/** What unindexOwnLocked has left to do. Precondition: no lock is held. */
// @ts-ignore: decorator
@inline
export function unindexRest(conn: usize): void {
  if (SHARDED && hasCompanion(conn)) unindexTranslated(conn);
}

function unindexTranslated(conn: usize): void {
  const own = shardOf(conn);
  const companions = shardOf(peerOf(conn));
  lockShards(own, companions);
  unindexLocked(conn);
  unlockShards(own, companions);
}

/** Gives the zone's place back. */
export function releaseAdmission(conn: usize): void {
  const zone = admissionZone(conn);
  if (zone != NO_ZONE) releaseZone(zone, admissionSequence(conn));
}

/** Last step: hands the slots to the grace period and stops counting the connection. */
export function discard(conn: usize): void {
  const peer = peerOf(conn);
  retire(conn);
  if (peer != 0) retire(peer);
  atomic.sub<u32>(CONTROL + C_N_CONN, 1);
}

/** Counts connections that were taken out of the table. A sweep counts all of its at its end, as it does their lags. */
// @ts-ignore: decorator
@inline
export function countRemoved(count: u32): void {
  countWork(W_MAP_REMOVES, count);
  countWork(W_LIST_REMOVES, count);
  countWork(W_REMOVED, count);
}

/**
 * Keeps how long after its expiration a swept connection left; forced expirations (0) have no such time. The slot may be
 * retired already: nobody gets it before this thread has passed a quiescent point. The sweep ends with `recordLags`.
 * @param ordinal how many removals of this sweep came before
 */
// @ts-ignore: decorator
@inline
export function noteLag(conn: usize, ordinal: u32, expiration: i64, now: i64): void {
  if (PROBED) {
    pendLag(ordinal, expiration, now);
    if (lagGroups != 0) pendLagGroups(ordinal, load<u16>(conn, CO_KEY + K_ZONE), load<u32>(conn, CO_TP_ID));
    pended(ordinal);
  }
}
