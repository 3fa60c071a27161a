/**
 * One bucket of the hash map (shm/hash-map.ts, which says how buckets make a map): a cache line with a version and seven slots of a hash
 * and a reference.
 *
 * Who writes: one thread at a time, the one that holds the lock of the map. Who reads at the same time: everybody.
 *
 * Why the ordering holds: a slot changes only between two bumps of the version, which is odd meanwhile; a reader takes the version
 * before and after scanning, and scans again if it moved. All accesses are atomic but for those of the writer to what it alone writes,
 * and for `matchingSlots`, which is a hint: what it finds is looked at again with atomics, and what it does not find is looked for.
 */
import { TORTURE } from '../probe/flavour';
import {
  S_FIND_AWAIT,
  S_FIND_HASH,
  S_FIND_REF,
  S_FIND_VERSION,
  S_SLOT_CLOSE,
  S_SLOT_HASH,
  S_SLOT_OPEN,
  S_SLOT_REF,
  step,
} from '../probe/steps';
import { C_ABORT, CONTROL } from '../records/memory-map';

export const SLOTS_PER_BUCKET: u32 = 7;
export const HASHES: usize = 4;
export const REFS: usize = 32;
export const NO_SLOT: u32 = 0xffffffff;

/** A writer is done within a few instructions, unless it was taken off its CPU, or has died. */
const LOOKS_PER_ABORT_LOOK: u32 = 1024;

// @ts-ignore: decorator
@inline
export function slotRef(bucket: usize, slot: u32): usize {
  return bucket + ((<usize>slot) << 2);
}

/**
 * First record of the chain with this hash in one bucket, by one scan that the caller validates. The slot that seems to have it is
 * looked at first: which one it is differs from hash to hash, so that a loop would leave at a place that no branch predictor knows.
 */
// @ts-ignore: decorator
@inline
export function scan(bucket: usize, hash: u32): usize {
  const seeming = matchingSlots(bucket, hash);
  if (seeming != 0) {
    const at = slotRef(bucket, ctz<u32>(seeming));
    if (TORTURE) step(S_FIND_HASH);
    if (atomic.load<u32>(at, HASHES) == hash) {
      if (TORTURE) step(S_FIND_REF);
      const ref = <usize>atomic.load<u32>(at, REFS);
      if (ref != 0) return ref;
    }
  }
  for (let slot: u32 = 0; slot < SLOTS_PER_BUCKET; slot++) {
    const at = slotRef(bucket, slot);
    if (TORTURE) step(S_FIND_HASH);
    if (atomic.load<u32>(at, HASHES) == hash) {
      if (TORTURE) step(S_FIND_REF);
      const ref = <usize>atomic.load<u32>(at, REFS);
      if (ref != 0) return ref;
    }
  }
  return 0;
}

// @ts-ignore: decorator
@inline
export function stableVersion(bucket: usize): u32 {
  if (TORTURE) step(S_FIND_VERSION);
  const version = atomic.load<u32>(bucket);
  return version & 1 ? awaitWriter(bucket) : version;
}

/** Waits until the writer is done with the bucket; returns its version. Traps when the writer is gone and the run is aborted. */
function awaitWriter(bucket: usize): u32 {
  if (TORTURE) step(S_FIND_AWAIT);
  let version = atomic.load<u32>(bucket);
  for (let looks: u32 = 1; version & 1; looks++) {
    if (looks % LOOKS_PER_ABORT_LOOK == 0 && atomic.load<u32>(CONTROL, C_ABORT) != 0) unreachable();
    if (TORTURE) step(S_FIND_AWAIT);
    version = atomic.load<u32>(bucket);
  }
  return version;
}

/** Slots that seem to have this hash, a bit each. All seven are compared at once, for a wrong guess of a branch costs more. */
// @ts-ignore: decorator
@inline
export function matchingSlots(bucket: usize, hash: u32): u32 {
  const wanted = i32x4.splat(<i32>hash);
  const low = i32x4.bitmask(i32x4.eq(v128.load(bucket, HASHES), wanted));
  // Slots 3 to 6: the one in the middle is in both.
  const high = i32x4.bitmask(i32x4.eq(v128.load(bucket, HASHES + 12), wanted));
  return <u32>(low | (high << 3));
}

export function setSlot(bucket: usize, slot: u32, hash: u32, ref: usize): void {
  const version = atomic.load<u32>(bucket);
  if (TORTURE) step(S_SLOT_OPEN);
  atomic.store<u32>(bucket, version + 1);
  const at = slotRef(bucket, slot);
  if (TORTURE) step(S_SLOT_REF);
  atomic.store<u32>(at, <u32>ref, REFS);
  if (TORTURE) step(S_SLOT_HASH);
  atomic.store<u32>(at, hash, HASHES);
  if (TORTURE) step(S_SLOT_CLOSE);
  atomic.store<u32>(bucket, version + 2);
}

/** Empties slots, given as a bit each. A hash may stay in an empty slot. */
export function emptySlots(bucket: usize, slots: u32): void {
  const version = atomic.load<u32>(bucket);
  if (TORTURE) step(S_SLOT_OPEN);
  atomic.store<u32>(bucket, version + 1);
  for (let left = slots; left != 0; left &= left - 1) {
    if (TORTURE) step(S_SLOT_REF);
    atomic.store<u32>(slotRef(bucket, ctz<u32>(left)), 0, REFS);
  }
  if (TORTURE) step(S_SLOT_CLOSE);
  atomic.store<u32>(bucket, version + 2);
}

/** Slot that holds this hash with a record, or NO_SLOT. */
export function occupiedSlot(bucket: usize, hash: u32): u32 {
  for (let slot: u32 = 0; slot < SLOTS_PER_BUCKET; slot++) {
    const at = slotRef(bucket, slot);
    if (load<u32>(at, HASHES) == hash && load<u32>(at, REFS) != 0) return slot;
  }
  return NO_SLOT;
}

export function emptySlot(bucket: usize): u32 {
  for (let slot: u32 = 0; slot < SLOTS_PER_BUCKET; slot++) {
    if (load<u32>(slotRef(bucket, slot), REFS) == 0) return slot;
  }
  return NO_SLOT;
}
