/**
 * Counters of one thread: work counts, reasons, ct_states, lock figures. Written by their thread only, with plain
 * stores into its own block; read by the main thread after the end barrier (or approximately, for live display).
 *
 * In the `bare` flavour lock figures and work counts are compiled away (probe/flavour.ts).
 * Counts of ct_states and reasons exist in every flavour, because the run's self-audit needs them.
 */
import {
  LOCK_STATS_SIZE,
  T_CLASSES,
  T_HOLD_INTERVAL,
  T_LOCK_STATS,
  T_LOCKS_HELD,
  T_REASONS,
  T_VERDICTS,
  T_WORK,
  threadBlock,
} from '../records/memory-map';
import { clock, LC_FRAGMENT, PROBED } from './flavour';
import { recordLockHold, recordLockWait } from './histogram';

export { clock, DEBUG, LC_CONN, LC_CT, LC_FRAGMENT, LC_RESOURCES, PROBED } from './flavour';

/** Work counts: exact, deterministic in single-thread mode. */
export const W_PACKETS: u32 = 0;
export const W_LOOKUPS: u32 = 1;
/** Map buckets read. */
export const W_BUCKET_PROBES: u32 = 2;
/** Chain nodes whose key was compared. */
export const W_KEY_COMPARES: u32 = 3;
export const W_LIST_INSERTS: u32 = 4;
export const W_LIST_REMOVES: u32 = 5;
/** Unlink plus push back of a refreshed connection (old design). */
export const W_LIST_MOVES: u32 = 6;
export const W_MAP_INSERTS: u32 = 7;
export const W_MAP_REMOVES: u32 = 8;
/** Map entries shifted to make room. */
export const W_MAP_DISPLACEMENTS: u32 = 9;
export const W_CREATED: u32 = 10;
export const W_REMOVED: u32 = 11;
export const W_REFRESHES: u32 = 12;
export const W_SWEEPS: u32 = 13;
/** Connections that sweeps looked at. */
export const W_SWEEP_CHECKED: u32 = 14;
/** Connections that sweeps removed. */
export const W_SWEEP_CLEANED: u32 = 15;
export const W_NAT_ALLOCATIONS: u32 = 16;
export const W_NAT_CANDIDATES: u32 = 17;
export const W_NAT_FAILURES: u32 = 18;
export const W_BYTES_CHECKSUMMED: u32 = 19;
export const W_BYTES_COPIED: u32 = 20;
export const W_EPOCH_ADVANCES: u32 = 21;
export const W_SLOTS_RETURNED: u32 = 22;
export const W_POLICY_LOOKUPS: u32 = 23;
export const W_EXPECTATIONS: u32 = 24;
export const W_ALG_REWRITES: u32 = 25;
export const W_FRAGMENTS: u32 = 26;

// @ts-ignore: decorator
@inline
export function countWork(index: u32, n: u64): void {
  if (PROBED) {
    const at = threadBlock + T_WORK + (index << 3);
    store<u64>(at, load<u64>(at) + n);
  }
}

/** What was counted so far; 0 without probes. */
// @ts-ignore: decorator
@inline
export function workSoFar(index: u32): u64 {
  return PROBED ? load<u64>(threadBlock + T_WORK + (index << 3)) : 0;
}

// @ts-ignore: decorator
@inline
export function countState(state: u32): void {
  const at = threadBlock + T_VERDICTS + ((state & 255) << 3);
  store<u64>(at, load<u64>(at) + 1);
}

// @ts-ignore: decorator
@inline
export function countReason(reason: u32): void {
  const at = threadBlock + T_REASONS + (reason << 3);
  store<u64>(at, load<u64>(at) + 1);
}

// @ts-ignore: decorator
@inline
export function countClass(packetClass: u32): void {
  const at = threadBlock + T_CLASSES + (packetClass << 3);
  store<u64>(at, load<u64>(at) + 1);
}

// ---- Lock figures --------------------------------------------------------------------------------------------------
// Layout per class, u64 each unless said: all times in nanoseconds.
//
// Acquisitions are counted in periods of the sampling interval, so that counting and sampling are one decrement: those
// of finished periods stand in LS_ACQUISITIONS, and the present period has seen LS_PERIOD - LS_LEFT. The first acquisition of a
// period is the one whose hold is timed.
/** Acquisitions of the periods that are over; all of them are this + LS_PERIOD - LS_LEFT. */
export const LS_ACQUISITIONS: usize = 0;
export const LS_CONTENDED: usize = 8;
export const LS_SPINS: usize = 16;
export const LS_FUTEX_WAITS: usize = 24;
export const LS_WAIT_TOTAL: usize = 32;
export const LS_WAIT_MIN: usize = 40;
export const LS_WAIT_MAX: usize = 48;
export const LS_HOLD_SAMPLES: usize = 56;
export const LS_HOLD_TOTAL: usize = 64;
export const LS_HOLD_MIN: usize = 72;
export const LS_HOLD_MAX: usize = 80;
/** f64: when the sampled hold in progress began; 0 = none. */
const LS_HOLD_START: usize = 88;
/** u32: acquisitions left in the present period. */
export const LS_LEFT: usize = 96;
/** u32: length of the present period; 0 before the first. */
export const LS_PERIOD: usize = 100;
/** u32: the hold in progress is timed because its caller asked for it, not because its turn has come. */
const LS_SINGLED_OUT: usize = 104;
/** Holds timed on request, which stand for themselves alone; they are in samples and total as well. */
export const LS_SINGLE_SAMPLES: usize = 112;
export const LS_SINGLE_TOTAL: usize = 120;

/** Length of a period where no hold is timed. */
const UNTIMED_PERIOD: u32 = 1 << 30;

// @ts-ignore: decorator
@inline
function lockStats(lockClass: u32): usize {
  return threadBlock + T_LOCK_STATS + lockClass * LOCK_STATS_SIZE;
}

/** Called right after an acquisition: counts it and begins to time the hold where one is due. */
// @ts-ignore: decorator
@inline
export function noteAcquired(lockClass: u32): void {
  const s = lockStats(lockClass);
  const left = load<u32>(s, LS_LEFT);
  if (left != 0) store<u32>(s, left - 1, LS_LEFT);
  else beginPeriod(s);
}

/** Called instead of `noteAcquired` for a lock that is taken beside one of its class: it is held within that one's hold, and not timed. */
export function noteAcquiredBeside(lockClass: u32): void {
  const s = lockStats(lockClass);
  store<u64>(s, load<u64>(s, LS_ACQUISITIONS) + 1, LS_ACQUISITIONS);
}

/** Called before `noteAcquired` when the lock was not free at once. */
export function noteContended(lockClass: u32, spins: u32, futexWaits: u32, waitedNs: f64): void {
  const s = lockStats(lockClass);
  const wait = <u64>max<f64>(waitedNs, 0);
  store<u64>(s, load<u64>(s, LS_CONTENDED) + 1, LS_CONTENDED);
  store<u64>(s, load<u64>(s, LS_SPINS) + spins, LS_SPINS);
  store<u64>(s, load<u64>(s, LS_FUTEX_WAITS) + futexWaits, LS_FUTEX_WAITS);
  store<u64>(s, load<u64>(s, LS_WAIT_TOTAL) + wait, LS_WAIT_TOTAL);
  if (wait > load<u64>(s, LS_WAIT_MAX)) store<u64>(s, wait, LS_WAIT_MAX);
  const min = load<u64>(s, LS_WAIT_MIN);
  if (min == 0 || wait < min) store<u64>(s, max<u64>(wait, 1), LS_WAIT_MIN);
  recordLockWait(lockClass, wait);
}

function beginPeriod(s: usize): void {
  store<u64>(s, load<u64>(s, LS_ACQUISITIONS) + load<u32>(s, LS_PERIOD), LS_ACQUISITIONS);
  const interval = load<u32>(threadBlock, T_HOLD_INTERVAL);
  const period = interval == 0 ? UNTIMED_PERIOD : interval;
  store<u32>(s, period, LS_PERIOD);
  store<u32>(s, period - 1, LS_LEFT);
  if (interval != 0) store<f64>(s, clock(), LS_HOLD_START);
}

/** Called after `noteAcquired` for a lock that is held long and seldom: times this hold whatever the interval. */
export function timeThisHold(lockClass: u32): void {
  const s = lockStats(lockClass);
  if (load<u32>(threadBlock, T_HOLD_INTERVAL) == 0 || load<f64>(s, LS_HOLD_START) != 0) return;
  store<u32>(s, 1, LS_SINGLED_OUT);
  store<f64>(s, clock(), LS_HOLD_START);
}

/** Called right before a release. */
// @ts-ignore: decorator
@inline
export function noteReleasing(lockClass: u32): void {
  const s = lockStats(lockClass);
  // As an integer, which is one instruction: no time is all zeros but none.
  if (load<u64>(s, LS_HOLD_START) != 0) recordHold(s, lockClass);
}

function recordHold(s: usize, lockClass: u32): void {
  const held = <u64>max<f64>(clock() - load<f64>(s, LS_HOLD_START), 0);
  store<f64>(s, 0, LS_HOLD_START);
  store<u64>(s, load<u64>(s, LS_HOLD_SAMPLES) + 1, LS_HOLD_SAMPLES);
  store<u64>(s, load<u64>(s, LS_HOLD_TOTAL) + held, LS_HOLD_TOTAL);
  if (held > load<u64>(s, LS_HOLD_MAX)) store<u64>(s, held, LS_HOLD_MAX);
  const min = load<u64>(s, LS_HOLD_MIN);
  if (min == 0 || held < min) store<u64>(s, max<u64>(held, 1), LS_HOLD_MIN);
  if (load<u32>(s, LS_SINGLED_OUT) != 0) {
    store<u32>(s, 0, LS_SINGLED_OUT);
    store<u64>(s, load<u64>(s, LS_SINGLE_SAMPLES) + 1, LS_SINGLE_SAMPLES);
    store<u64>(s, load<u64>(s, LS_SINGLE_TOTAL) + held, LS_SINGLE_TOTAL);
  }
  recordLockHold(lockClass, held);
}

/** Debug flavour: traps where a lock is taken, or released, beside one of its class and this one is not all that is held. */
export function checkLockBeside(lockClass: u32): void {
  const bit: u32 = 1 << lockClass;
  if (load<u32>(threadBlock, T_LOCKS_HELD) != bit) unreachable();
}

/** Debug flavour: traps where the lock order (shm/mutex.ts) is broken, or a lock is released that is not held. */
export function checkLockOrder(lockClass: u32, taking: bool): void {
  const held = load<u32>(threadBlock, T_LOCKS_HELD);
  const bit: u32 = 1 << lockClass;
  if (taking) {
    // The bits of this class and of later ones.
    if (held >= bit || (lockClass == LC_FRAGMENT && held != 0)) unreachable();
    store<u32>(threadBlock, held | bit, T_LOCKS_HELD);
  } else {
    if ((held & bit) == 0) unreachable();
    store<u32>(threadBlock, held & ~bit, T_LOCKS_HELD);
  }
}
