/** Whole-table operations: flush, flush by tuple, dump, counts (spec §9). */
import { CO_KEY } from '../records/connection';
import { K_ZONE, keyHash } from '../records/key';
import { hashBasis } from '../records/memory-map';
import { SLOTS_PER_BUCKET } from '../shm/bucket';
import { mapBucketCount, mapFind, mapNext, mapSlotHead } from '../shm/hash-map';
import { isCompanion, isExpired, lookup } from './lookup';

const ENOENT: i32 = 2;

/** Position of the walk of this thread: bucket, slot, record in the slot's chain. */
class Walk {
  static bucket: u32 = 0;
  static slot: u32 = 0;
  static record: usize = 0;
}

/** Starts a walk over every record, companions included. */
export function walkStart(): void {
  Walk.bucket = 0;
  Walk.slot = 0;
  Walk.record = mapSlotHead(0, 0);
}

/** Next record or 0. The thread must stay online and not quiesce during a walk. */
export function walkNext(): usize {
  while (Walk.record == 0) {
    if (++Walk.slot == SLOTS_PER_BUCKET) {
      Walk.slot = 0;
      if (++Walk.bucket >= mapBucketCount()) {
        Walk.bucket = mapBucketCount() - 1;
        Walk.slot = SLOTS_PER_BUCKET - 1;
        return 0;
      }
    }
    Walk.record = mapSlotHead(Walk.bucket, Walk.slot);
  }
  const record = Walk.record;
  Walk.record = mapNext(record);
  return record;
}

/** Removes every connection of a zone, or of all zones when `zone` is negative. */
export function flushTable<E>(zone: i32): void {
  const expiry = changetype<E>(0);
  expiry.flushBegin();
  walkStart();
  for (let record = walkNext(); record != 0; record = walkNext()) {
    if (isCompanion(record)) continue;
    if (zone < 0 || <i32>load<u16>(record, CO_KEY + K_ZONE) == zone) expiry.flushOne(record);
  }
  expiry.flushEnd();
}

/** Removes every connection that has expired, however the design hides it. Returns how many. */
export function removeExpiredOf<E>(now: i64): u32 {
  let count: u32 = 0;
  walkStart();
  for (let record = walkNext(); record != 0; record = walkNext()) {
    if (isCompanion(record) || !isExpired(record, now)) continue;
    changetype<E>(0).remove(record);
    count++;
  }
  return count;
}

/** Removes the connection that matches the key in either direction. Returns 0 or ENOENT. */
export function flushTupleOf<E>(key: usize, now: i64): i32 {
  const conn = lookup(key, keyHash(key, hashBasis), now);
  if (conn == 0 || isCompanion(conn)) return ENOENT;
  changetype<E>(0).remove(conn);
  return 0;
}

/** Next connection of a dump: `first` starts one. 0 = end. Expired ones are shown as the design does. */
export function dumpNextOf<E>(first: bool, now: i64): usize {
  if (first) walkStart();
  for (let record = walkNext(); record != 0; record = walkNext()) {
    if (isCompanion(record)) continue;
    if (changetype<E>(0).dumpShowsExpired() || !isExpired(record, now)) return record;
  }
  return 0;
}

/** Records in the map, companions included. */
export function tableCount(): u32 {
  let count: u32 = 0;
  walkStart();
  while (walkNext() != 0) count++;
  return count;
}

/** Connections that have expired and are still in the table. Approximate while others run. */
export function countExpired(now: i64): u32 {
  let count: u32 = 0;
  walkStart();
  for (let record = walkNext(); record != 0; record = walkNext()) {
    if (!isCompanion(record) && isExpired(record, now)) count++;
  }
  return count;
}

/** Whether the map finds this very record under its own key: for structure checks in tests. */
export function isReachable(record: usize): bool {
  for (let found = mapFind(keyHash(record + CO_KEY, hashBasis)); found != 0; found = mapNext(found)) {
    if (found == record) return true;
  }
  return false;
}
