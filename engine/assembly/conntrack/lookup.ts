/** Finding a connection by tuple (spec §2 step b). */
import { countWork, LC_CONN, W_KEY_COMPARES, W_LOOKUPS } from '../probe/counters';
import { TORTURE } from '../probe/flavour';
import { S_EXPIRATION_READ, step } from '../probe/steps';
import { CO_EXPIRATION, CO_FLAGS, CO_KEY, CO_LOCK, CONN_UN_NAT } from '../records/connection';
import { keyEquals, keyHash, keyIsReverse, reverseKey } from '../records/key';
import { hasAtomicExpiry, hashBasis } from '../records/memory-map';
import { peerOf, reverseIsPeers } from '../records/side-data';
import { mapFind, mapNext } from '../shm/hash-map';
import { lock, unlock } from '../shm/mutex';
import { Context } from './context';

/**
 * Whether the connection no longer matches: `now >= expiration`, read under its lock, or without it where a preset has atomic
 * expirations (expiry/rculist-sweep.ts says why that holds). Companions never expire.
 */
// @ts-ignore: decorator
@inline
export function isExpired(conn: usize, now: i64): bool {
  if (isCompanion(conn)) return false;
  if (hasAtomicExpiry()) {
    if (TORTURE) step(S_EXPIRATION_READ);
    return now >= atomic.load<i64>(conn, CO_EXPIRATION);
  }
  lock(conn + CO_LOCK, LC_CONN);
  const expired = now >= load<i64>(conn, CO_EXPIRATION);
  unlock(conn + CO_LOCK, LC_CONN);
  return expired;
}

// @ts-ignore: decorator
@inline
export function isCompanion(conn: usize): bool {
  return (load<u8>(conn, CO_FLAGS) & (<u8>CONN_UN_NAT)) != 0;
}

/** Whether `key` is the record's reverse key. */
// @ts-ignore: decorator
@inline
function isReverseOf(record: usize, key: usize): bool {
  return reverseIsPeers(record)
    ? keyEquals(peerOf(record) + CO_KEY, key)
    : keyIsReverse(record + CO_KEY, key);
}

/**
 * The newest live record whose key (Context.reply = false) or reverse key (true) equals `key`, or 0. Takes the record's
 * lock for the expiry check. `hash` is keyHash(key).
 */
// @ts-ignore: decorator
@inline
export function lookup(key: usize, hash: u32, now: i64): usize {
  countWork(W_LOOKUPS, 1);
  let record = mapFind(hash);
  while (record != 0) {
    countWork(W_KEY_COMPARES, 1);
    if (keyEquals(record + CO_KEY, key) && !isExpired(record, now)) {
      Context.reply = false;
      return record;
    }
    if (isReverseOf(record, key) && !isExpired(record, now)) {
      Context.reply = true;
      return record;
    }
    record = mapNext(record);
  }
  return 0;
}

/** Whether a look-up of the connection's own tuple still finds something. Overwrites Context.reply. */
export function stillMatches(conn: usize, now: i64): bool {
  const key = conn + CO_KEY;
  return lookup(key, keyHash(key, hashBasis), now) != 0;
}

/** As `lookup`, but passes companions over. */
export function lookupConnection(key: usize, hash: u32, now: i64): usize {
  countWork(W_LOOKUPS, 1);
  for (let record = mapFind(hash); record != 0; record = mapNext(record)) {
    countWork(W_KEY_COMPARES, 1);
    if (isCompanion(record)) continue;
    if (keyEquals(record + CO_KEY, key) && !isExpired(record, now)) {
      Context.reply = false;
      return record;
    }
    if (isReverseOf(record, key) && !isExpired(record, now)) {
      Context.reply = true;
      return record;
    }
  }
  return 0;
}

/**
 * Whether a companion belongs to a translation that changed nothing (all-zero SNAT, or SNAT to the sender's own address):
 * then it answers to its parent's own tuple (spec §13).
 */
export function isIdentityCompanion(companion: usize, scratch: usize): bool {
  reverseKey(scratch, peerOf(companion) + CO_KEY);
  return keyEquals(scratch, companion + CO_KEY);
}
