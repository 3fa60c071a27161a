/**
 * Log-linear histograms in shared memory, by HdrHistogram's bucket rule with a lowest discernible value of 1: a value's
 * bucket is fixed by its highest bits, its slot in the bucket by the bits below them. Written by their own thread with plain
 * stores; read by the main thread after the end barrier.
 *
 * Two resolutions: fine (3 significant digits: 2048 sub-buckets) and coarse (2 digits: 256). Values up to one hour
 * in nanoseconds; larger ones count in the last slot.
 *
 * A thread's histogram region, in order: service time [class][outside, during a sweep], response time likewise, then
 * expiration lag in milliseconds (all fine), then per lock class wait and hold, then NAT candidates (all coarse).
 */
import { N_CLASSES } from '../conntrack/context';
import { N_LOCK_CLASSES, PROBED } from './flavour';
import { histograms } from '../shm/memory-map';

/** 2048 sub-buckets, 32 buckets: (32 + 1) * 1024 counts of u64. */
export const FINE_COUNTS: u32 = 33792;
export const FINE_BYTES: usize = 270336;
const FINE_MASK: u64 = 2047;
const FINE_HALF_BITS: u32 = 10;
/** 256 sub-buckets, 35 buckets: (35 + 1) * 128 counts of u64. */
export const COARSE_COUNTS: u32 = 4608;
export const COARSE_BYTES: usize = 36864;
const COARSE_MASK: u64 = 255;
const COARSE_HALF_BITS: u32 = 7;

export const H_SERVICE: usize = 0;
export const H_RESPONSE: usize = 2 * <usize>N_CLASSES * FINE_BYTES;
export const H_LAG: usize = 2 * H_RESPONSE;
export const H_LOCK_WAIT: usize = H_LAG + FINE_BYTES;
export const H_LOCK_HOLD: usize = H_LOCK_WAIT + <usize>N_LOCK_CLASSES * COARSE_BYTES;
export const H_NAT_CANDIDATES: usize = H_LOCK_HOLD + <usize>N_LOCK_CLASSES * COARSE_BYTES;
/** Two interval histograms that the host swaps; see T_INTERVAL_HISTOGRAM. */
export const H_INTERVAL: usize = H_NAT_CANDIDATES + COARSE_BYTES;
export const HISTOGRAMS_SIZE: usize = H_INTERVAL + 4 * COARSE_BYTES;

// @ts-ignore: decorator
@inline
function index(value: u64, mask: u64, halfBits: u32): u32 {
  const bucket = 63 - <u32>clz<u64>(value | mask) - halfBits;
  return (bucket << halfBits) + <u32>(value >> bucket);
}

// @ts-ignore: decorator
@inline
export function recordFine(at: usize, value: u64): void {
  let i = index(value, FINE_MASK, FINE_HALF_BITS);
  if (i >= FINE_COUNTS) i = FINE_COUNTS - 1;
  const slot = at + (<usize>i << 3);
  store<u64>(slot, load<u64>(slot) + 1);
}

// @ts-ignore: decorator
@inline
export function recordCoarse(at: usize, value: u64): void {
  let i = index(value, COARSE_MASK, COARSE_HALF_BITS);
  if (i >= COARSE_COUNTS) i = COARSE_COUNTS - 1;
  const slot = at + (<usize>i << 3);
  store<u64>(slot, load<u64>(slot) + 1);
}

export function recordLockWait(lockClass: u32, ns: u64): void {
  recordCoarse(histograms + H_LOCK_WAIT + lockClass * COARSE_BYTES, ns);
}

export function recordLockHold(lockClass: u32, ns: u64): void {
  recordCoarse(histograms + H_LOCK_HOLD + lockClass * COARSE_BYTES, ns);
}

/** Milliseconds between a connection's expiration and its removal. */
export function recordLag(lagMs: i64): void {
  if (PROBED) recordFine(histograms + H_LAG, <u64>max<i64>(lagMs, 0));
}
