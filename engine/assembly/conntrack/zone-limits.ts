/**
 * Zone limits (spec §9): how many connections a zone may hold, with a default entry for zones without their own.
 *
 * Layout: one 16-byte entry per zone, the default entry first (index zone + 1): u32 state, u32 limit, atomic u32 count,
 * u32 sequence.
 *
 * Who writes: set and delete under ct_lock; counts go up under ct_lock and down from any thread (atomic). Who reads: the
 * creating thread, under ct_lock (narrow-insert also without it, as a first test that is repeated under the lock).
 *
 * Why the ordering holds: the sequence is set once per life of an entry, and count and sequence are one aligned 64-bit word
 * (count low). A removed connection decrements by compare-exchange on that word, only while the sequence is the one it recorded and
 * the count is above 0; an entry deleted and set again between its look and its decrement makes the exchange fail.
 *
 * With shards (shm/shards.ts) creations are several at a time, none of which holds ct_lock. Testing the limit and counting are then one
 * step, a compare-exchange on the same word (admitWithin), so a limit is never exceeded; and the count of a zone under the default limit
 * begins under ct_lock, which is taken for it beside the shard's. A limit that is set or deleted meanwhile counts for such a creation
 * either as it was or as it is.
 */
import { LC_CT } from '../probe/counters';
import { TORTURE } from '../probe/flavour';
import { S_ADMIT_TAKE, step } from '../probe/steps';
import {
  C_CT_LOCK,
  C_ZONE_SEQUENCE,
  CONTROL,
  SWITCH_DEFAULT_LIMIT_PER_ZONE,
  switches,
  zonesBase,
} from '../records/memory-map';
import { lock, lockBeside, unlock, unlockBeside } from '../shm/mutex';

export const ZONE_ENTRIES: u32 = 65537;
export const ZONE_ENTRY_SIZE: usize = 16;
const STATE: usize = 0;
export const Z_LIMIT: usize = 4;
export const Z_COUNT: usize = 8;
export const Z_SEQUENCE: usize = 12;
const ABSENT: u32 = 0;
const EXPLICIT: u32 = 1;
/** Counts a zone under the default limit on its own (SWITCH_DEFAULT_LIMIT_PER_ZONE). */
const IMPLICIT: u32 = 2;

/** More than any table holds. */
const UNLIMITED: u32 = 0xffffffff;

const EINVAL: i32 = 22;
const DEFAULT_ZONE: i32 = -1;

// @ts-ignore: decorator
@inline
function entryOf(zone: i32): usize {
  return zonesBase + <usize>(zone + 1) * ZONE_ENTRY_SIZE;
}

/** Zone whose entry governs `zone`: itself, the default (-1), or -2 when neither exists. */
// @ts-ignore: decorator
@inline
export function governingZone(zone: i32): i32 {
  const state = atomic.load<u32>(entryOf(zone), STATE);
  if (state == EXPLICIT) return zone;
  if (atomic.load<u32>(zonesBase, STATE) == ABSENT) return -2;
  return switches & SWITCH_DEFAULT_LIMIT_PER_ZONE ? zone : DEFAULT_ZONE;
}

/** Whether the entry that governs (see governingZone, not -2) has no room. */
export function zoneIsFull(governing: i32): bool {
  const limit = limitOf(governing);
  return limit != UNLIMITED && atomic.load<u32>(entryOf(governing), Z_COUNT) >= limit;
}

/** What the entry that governs allows, or UNLIMITED. */
// @ts-ignore: decorator
@inline
function limitOf(governing: i32): u32 {
  const entry = entryOf(governing);
  const own = load<u32>(entry, Z_LIMIT);
  if (governing < 0 || load<u32>(entry, STATE) == EXPLICIT) return own;
  // Not of its own (any more): the default governs, where there is one and zones count under it.
  if ((switches & SWITCH_DEFAULT_LIMIT_PER_ZONE) == 0 || load<u32>(zonesBase, STATE) == ABSENT)
    return UNLIMITED;
  // Upstream's later revision reads a default limit of 0 as "no limit".
  const limit = load<u32>(zonesBase, Z_LIMIT);
  return limit == 0 ? UNLIMITED : limit;
}

/** Counts one connection in; returns the entry's sequence. Precondition: ct_lock is held. */
export function admitLocked(governing: i32): u32 {
  const entry = entryOf(governing);
  if (load<u32>(entry, STATE) == ABSENT) {
    startCount(entry);
    atomic.store<u32>(entry, IMPLICIT, STATE);
  }
  atomic.add<u32>(entry + Z_COUNT, 1);
  return load<u32>(entry, Z_SEQUENCE);
}

/**
 * Counts one connection in if the limit that governs (see governingZone, not -2) has room for it; returns the entry's sequence, or -1.
 * Precondition: ct_lock is not held, locks of shards may be.
 */
export function admitWithin(governing: i32): i64 {
  const entry = entryOf(governing);
  if (governing >= 0 && atomic.load<u32>(entry, STATE) == ABSENT) beginCount(governing, entry);
  while (true) {
    const seen = atomic.load<u64>(entry, Z_COUNT);
    if (<u32>seen >= limitOf(governing)) return -1;
    if (TORTURE) step(S_ADMIT_TAKE);
    if (atomic.cmpxchg<u64>(entry, seen, seen + 1, Z_COUNT) == seen) return <i64>(seen >> 32);
  }
}

/** The first connection of a zone that counts under the default limit, unless another one was quicker or the limit is gone. */
function beginCount(governing: i32, entry: usize): void {
  lockBeside(CONTROL + C_CT_LOCK, LC_CT);
  if (load<u32>(entry, STATE) == ABSENT && governingZone(governing) == governing) {
    startCount(entry);
    atomic.store<u32>(entry, IMPLICIT, STATE);
  }
  unlockBeside(CONTROL + C_CT_LOCK, LC_CT);
}

/** Counts one connection out, if the entry is still the one that admitted it. */
export function releaseZone(governing: i32, sequence: u32): void {
  if (governing < DEFAULT_ZONE) return;
  const entry = entryOf(governing);
  const at = entry + Z_COUNT;
  while (atomic.load<u32>(entry, STATE) != ABSENT) {
    const seen = atomic.load<u64>(at);
    if (<u32>(seen >> 32) != sequence || <u32>seen == 0) return;
    if (atomic.cmpxchg<u64>(at, seen, seen - 1) == seen) return;
  }
}

/** A new life of an entry: no connection, the next sequence. Precondition: ct_lock is held. */
function startCount(entry: usize): void {
  atomic.store<u64>(entry, (<u64>nextSequence()) << 32, Z_COUNT);
}

function nextSequence(): u32 {
  const sequence = load<u32>(CONTROL, C_ZONE_SEQUENCE);
  store<u32>(CONTROL, sequence + 1, C_ZONE_SEQUENCE);
  return sequence;
}

/** Sets the limit of a zone (-1 = default), keeping the count of an existing entry. Returns 0 or EINVAL. */
export function setZoneLimit(zone: i32, limit: u32): i32 {
  if (zone < DEFAULT_ZONE || zone > 65535) return EINVAL;
  lock(CONTROL + C_CT_LOCK, LC_CT);
  const entry = entryOf(zone);
  store<u32>(entry, limit, Z_LIMIT);
  if (load<u32>(entry, STATE) == ABSENT) {
    startCount(entry);
  }
  atomic.store<u32>(entry, EXPLICIT, STATE);
  unlock(CONTROL + C_CT_LOCK, LC_CT);
  return 0;
}

/** Removes a limit; removing one that does not exist is no error (spec §9 as observed). Returns 0 or EINVAL. */
export function deleteZoneLimit(zone: i32): i32 {
  if (zone < DEFAULT_ZONE || zone > 65535) return EINVAL;
  lock(CONTROL + C_CT_LOCK, LC_CT);
  const entry = entryOf(zone);
  if (load<u32>(entry, STATE) == EXPLICIT) atomic.store<u32>(entry, ABSENT, STATE);
  unlock(CONTROL + C_CT_LOCK, LC_CT);
  return 0;
}

/** Writes {i32 zone, u32 limit, u32 count} of the record that applies to `zone`; none: -1, 0, 0. */
export function getZoneLimit(zone: i32, out: usize): void {
  store<i32>(out, -1);
  store<u32>(out, 0, 4);
  store<u32>(out, 0, 8);
  if (zone < DEFAULT_ZONE || zone > 65535) return;
  const governing = governingZone(zone);
  if (governing == -2) return;
  const entry = entryOf(governing);
  store<i32>(out, governing);
  store<u32>(out, load<u32>(load<u32>(entry, STATE) == EXPLICIT ? entry : zonesBase, Z_LIMIT), 4);
  store<u32>(out, atomic.load<u32>(entry, Z_COUNT), 8);
}

export function zonesInit(): void {
  memory.fill(zonesBase, 0, <usize>ZONE_ENTRIES * ZONE_ENTRY_SIZE);
  store<u32>(CONTROL, 0, C_ZONE_SEQUENCE);
}
