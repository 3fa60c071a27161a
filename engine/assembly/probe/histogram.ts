/**
 * Log-linear histograms in shared memory, by HdrHistogram's bucket rule with a lowest discernible value of 1: a value's
 * bucket is fixed by its highest bits, its slot in the bucket by the bits below them. Written by their own thread with plain
 * stores; read by the main thread after the end barrier.
 *
 * Layout of one histogram: a 64-byte header {u64 count, sum, min (all ones while empty), max, overflows}, then the counts,
 * u64 each. The header keeps exactly what the counts keep only to a slot's width.
 *
 * Two resolutions: fine (3 significant digits: 2048 sub-buckets) and coarse (2 digits: 256). Values up to one hour
 * in nanoseconds; larger ones count in the last slot.
 *
 * A thread's histogram region, in order: service time [class][outside, during a sweep], response time likewise, then
 * expiration lag in milliseconds (all fine), then per lock class wait and hold, then NAT candidates, service time of packets
 * that allocated a NAT tuple, four interval histograms, and expiration lag by zone and by timeout policy (all coarse); then lags
 * of the sweep in progress that wait to be recorded.
 */
import { histograms, lagGroups } from '../records/memory-map';
import { N_CLASSES } from '../records/reasons';
import { N_LOCK_CLASSES, PROBED } from './flavour';

const HEADER: usize = 64;
const H_SUM: usize = 8;
const H_MIN: usize = 16;
const H_MAX: usize = 24;
const H_OVERFLOWS: usize = 32;
/** Whose histogram it is, plus 1, where histograms are given out on first use; u32, 0 = nobody's yet. */
export const H_KEY: usize = 40;
/** Key of the last histogram of such a group once more keys have come than there are histograms. */
export const KEY_OTHERS: u32 = 0xffff_ffff;

/** 2048 sub-buckets, 32 buckets: (32 + 1) * 1024 counts of u64. */
const FINE_COUNTS: u32 = 33792;
export const FINE_BYTES: usize = HEADER + <usize>FINE_COUNTS * 8;
const FINE_MASK: u64 = 2047;
const FINE_HALF_BITS: u32 = 10;
/** 256 sub-buckets, 35 buckets: (35 + 1) * 128 counts of u64. */
const COARSE_COUNTS: u32 = 4608;
export const COARSE_BYTES: usize = HEADER + <usize>COARSE_COUNTS * 8;
const COARSE_MASK: u64 = 255;
const COARSE_HALF_BITS: u32 = 7;

export const H_SERVICE: usize = 0;
export const H_RESPONSE: usize = 2 * <usize>N_CLASSES * FINE_BYTES;
export const H_LAG: usize = 2 * H_RESPONSE;
export const H_LOCK_WAIT: usize = H_LAG + FINE_BYTES;
export const H_LOCK_HOLD: usize = H_LOCK_WAIT + <usize>N_LOCK_CLASSES * COARSE_BYTES;
export const H_NAT_CANDIDATES: usize = H_LOCK_HOLD + <usize>N_LOCK_CLASSES * COARSE_BYTES;
/** Service times of packets that asked for a NAT tuple, found or not. */
export const H_NAT_SERVICE: usize = H_NAT_CANDIDATES + COARSE_BYTES;
/** Four interval histograms that the host takes in turn; see T_INTERVAL_HISTOGRAM. */
export const H_INTERVAL: usize = H_NAT_SERVICE + COARSE_BYTES;
/** Zones, or policies, whose lag is kept apart; the last one takes all further ones together. */
export const N_LAG_GROUPS: u32 = 16;
export const H_LAG_ZONES: usize = H_INTERVAL + 4 * COARSE_BYTES;
export const H_LAG_POLICIES: usize = H_LAG_ZONES + <usize>N_LAG_GROUPS * COARSE_BYTES;
/** Lags of the present sweep that are not in a histogram yet, LAG_ENTRY bytes each. */
const H_LAG_PENDING: usize = H_LAG_POLICIES + <usize>N_LAG_GROUPS * COARSE_BYTES;
/** i64 lag in milliseconds, u32 zone, u32 policy. */
const LAG_ENTRY: usize = 16;
/** A power of two. */
const LAG_PENDING_MAX: u32 = 64;
export const HISTOGRAMS_SIZE: usize = H_LAG_PENDING + <usize>LAG_PENDING_MAX * LAG_ENTRY;

// @ts-ignore: decorator
@inline
function index(value: u64, mask: u64, halfBits: u32): u32 {
  const bucket = 63 - <u32>clz<u64>(value | mask) - halfBits;
  return (bucket << halfBits) + <u32>(value >> bucket);
}

// @ts-ignore: decorator
@inline
function noteExact(at: usize, value: u64): void {
  store<u64>(at, load<u64>(at) + 1);
  store<u64>(at, load<u64>(at, H_SUM) + value, H_SUM);
  if (value < load<u64>(at, H_MIN)) store<u64>(at, value, H_MIN);
  if (value > load<u64>(at, H_MAX)) store<u64>(at, value, H_MAX);
}

// @ts-ignore: decorator
@inline
function countAt(at: usize, slot: u32, counts: u32): void {
  let i = slot;
  if (i >= counts) {
    i = counts - 1;
    store<u64>(at, load<u64>(at, H_OVERFLOWS) + 1, H_OVERFLOWS);
  }
  const bin = at + HEADER + ((<usize>i) << 3);
  store<u64>(bin, load<u64>(bin) + 1);
}

// @ts-ignore: decorator
@inline
export function recordFine(at: usize, value: u64): void {
  noteExact(at, value);
  countAt(at, index(value, FINE_MASK, FINE_HALF_BITS), FINE_COUNTS);
}

// @ts-ignore: decorator
@inline
export function recordCoarse(at: usize, value: u64): void {
  noteExact(at, value);
  countAt(at, index(value, COARSE_MASK, COARSE_HALF_BITS), COARSE_COUNTS);
}

/** Clears the slots from the smallest value's to the largest one's: nothing was counted in others, and much of the memory was never used. */
// @ts-ignore: decorator
@inline
function resetOne(at: usize, mask: u64, halfBits: u32, counts: u32): void {
  if (load<u64>(at) != 0) {
    const first = min<u32>(index(load<u64>(at, H_MIN), mask, halfBits), counts - 1);
    const last = min<u32>(index(load<u64>(at, H_MAX), mask, halfBits), counts - 1);
    memory.fill(at + HEADER + ((<usize>first) << 3), 0, (<usize>(last - first + 1)) << 3);
  }
  memory.fill(at, 0, HEADER);
  store<u64>(at, u64.MAX_VALUE, H_MIN);
}

function resetFine(at: usize): void {
  resetOne(at, FINE_MASK, FINE_HALF_BITS, FINE_COUNTS);
}

function resetCoarse(at: usize): void {
  resetOne(at, COARSE_MASK, COARSE_HALF_BITS, COARSE_COUNTS);
}

/** Empties every histogram of this thread. */
export function resetHistograms(): void {
  for (let at = histograms; at < histograms + H_LOCK_WAIT; at += FINE_BYTES) resetFine(at);
  for (let at = histograms + H_LOCK_WAIT; at < histograms + H_LAG_PENDING; at += COARSE_BYTES)
    resetCoarse(at);
}

/** Empties one of the interval histograms (0..3). */
export function resetInterval(which: u32): void {
  resetCoarse(histograms + H_INTERVAL + <usize>which * COARSE_BYTES);
}

export function recordLockWait(lockClass: u32, ns: u64): void {
  recordCoarse(histograms + H_LOCK_WAIT + lockClass * COARSE_BYTES, ns);
}

export function recordLockHold(lockClass: u32, ns: u64): void {
  recordCoarse(histograms + H_LOCK_HOLD + lockClass * COARSE_BYTES, ns);
}

/** The histogram of `key` in a group that starts at `group`: found, or taken, or the last one. */
function groupMember(group: usize, key: u32): usize {
  let at = group;
  for (let i: u32 = 0; i < N_LAG_GROUPS - 1; i++, at += COARSE_BYTES) {
    const owner = load<u32>(at, H_KEY);
    if (owner == key + 1) return at;
    if (owner == 0) {
      store<u32>(at, key + 1, H_KEY);
      return at;
    }
  }
  store<u32>(at, KEY_OTHERS, H_KEY);
  return at;
}

/** As a lag: the connection had no expiration of its own. */
const NO_LAG: i64 = i64.MIN_VALUE;

/**
 * Milliseconds between a connection's expiration and its removal; an expiration of 0 is none. It waits until `recordLags`: between the
 * removals of two connections, each with its cache misses and locked instructions, every instruction costs several times
 * what it does in a row, and would be counted as the sweep's time.
 * @param ordinal how many removals of this sweep came before
 */
// @ts-ignore: decorator
@inline
export function pendLag(ordinal: u32, expiration: i64, now: i64): void {
  store<i64>(pendingAt(ordinal), expiration > 0 ? max<i64>(now - expiration, 0) : NO_LAG);
}

/** The zone and the timeout policy that the connection had, where lags are kept by them. */
// @ts-ignore: decorator
@inline
export function pendLagGroups(ordinal: u32, zone: u32, policy: u32): void {
  store<u32>(pendingAt(ordinal), zone, 8);
  store<u32>(pendingAt(ordinal), policy, 12);
}

/** Makes room once as many wait as fit. */
// @ts-ignore: decorator
@inline
export function pended(ordinal: u32): void {
  if ((ordinal & (LAG_PENDING_MAX - 1)) == LAG_PENDING_MAX - 1) recordPending(LAG_PENDING_MAX);
}

// @ts-ignore: decorator
@inline
function pendingAt(ordinal: u32): usize {
  return histograms + H_LAG_PENDING + <usize>(ordinal & (LAG_PENDING_MAX - 1)) * LAG_ENTRY;
}

/** Records the lags that wait after so many removals. A sweep ends with it. */
// @ts-ignore: decorator
@inline
export function recordLags(removals: u32): void {
  if (PROBED) recordPending(removals & (LAG_PENDING_MAX - 1));
}

function recordPending(count: u32): void {
  const pending = histograms + H_LAG_PENDING;
  for (let at = pending; at < pending + <usize>count * LAG_ENTRY; at += LAG_ENTRY) {
    const lag = load<i64>(at);
    if (lag == NO_LAG) continue;
    recordFine(histograms + H_LAG, lag);
    if (lagGroups == 0) continue;
    recordCoarse(groupMember(histograms + H_LAG_ZONES, load<u32>(at, 8)), lag);
    recordCoarse(groupMember(histograms + H_LAG_POLICIES, load<u32>(at, 12)), lag);
  }
}
