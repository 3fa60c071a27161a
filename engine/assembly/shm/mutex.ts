/**
 * Futex mutex with bounded adaptive spinning.
 *
 * Layout at the lock's address: u32 word, then u16 running average of successful spins.
 *   word = 0                 free
 *   word = owner << 1        held; owner = thread index + 1
 *   word | WAITERS           held, and somebody may sleep on it
 * Keeping the owner in the word costs nothing and lets the run say who held a lock when a worker died.
 *
 * Who writes: any thread, by compare-exchange on the word; the average is written by the holder only (a plain u16 that
 * spinners read loosely: a stale value only changes how long they spin).
 *
 * Why the ordering holds: acquisition is a sequentially consistent compare-exchange, release a sequentially consistent
 * exchange; what the holder wrote before releasing is visible to the next holder.
 *
 * Why no wake-up is lost: a thread sleeps only on a word that has WAITERS, so the release that ends that hold finds the bit and
 * notifies; the wait compares the word once more, so a release in between makes it return at once. One sleeper is
 * woken per release. It either takes the lock, and then with WAITERS set, since others may still sleep (the worst case is one
 * spare notify), or finds a barger holding it and sets WAITERS on the barger's word before it sleeps again: in both
 * cases the next release notifies again. A barger itself need not set WAITERS: it can only take a free word, and the release
 * that freed it has woken somebody if anybody slept.
 *
 * Sleeps are bounded to ABORT_POLL_NS, after which the run's abort flag is looked at: a waiter behind a dead
 * holder traps instead of hanging.
 *
 * Differs from the original (adaptive pthread mutex): same policy (try, spin up to min(100, 2 x average + 10) rounds,
 * then sleep; the average moves by an eighth of the error), but WebAssembly has no pause instruction, so a spin
 * round is a run of plain reads that grows from round to round.
 *
 * Lock order, all designs: fragment lock alone; ct_lock (rank 0) -> one connection's lock (rank 1) -> resources lock
 * (rank 2). No connection lock is ever held while taking ct_lock. Debug builds check order and owner at every call.
 */
import {
  checkLockOrder,
  clock,
  DEBUG,
  noteAcquired,
  noteReleasing,
  PROBED,
} from '../probe/counters';
import { C_ABORT, CONTROL, ownerWord, threadBlock } from './memory-map';

const WAITERS: u32 = 1;
const MAX_SPINS: u32 = 100;
/**
 * Reads of an own cache line between two looks at the lock, doubled per round up to the longest. They stand in for the pause
 * instruction; backing off lets the holder of a short critical section go on undisturbed (measured: 1.2 times the
 * throughput of polling at two threads).
 */
const FIRST_PAUSE: u32 = 512;
const LONGEST_PAUSE: u32 = 4096;
const ABORT_POLL_NS: i64 = 50_000_000;
const AVERAGE: usize = 4;

// @ts-ignore: decorator
@inline
export function lock(at: usize, lockClass: u32): void {
  if (DEBUG) checkLockOrder(lockClass, true);
  if (atomic.cmpxchg<u32>(at, 0, ownerWord) == 0) {
    if (PROBED) noteAcquired(lockClass, 0, 0, -1);
  } else {
    lockContended(at, lockClass);
  }
}

// @ts-ignore: decorator
@inline
export function unlock(at: usize, lockClass: u32): void {
  if (DEBUG) {
    checkLockOrder(lockClass, false);
    // Only the thread that holds a lock may release it.
    if ((atomic.load<u32>(at) & ~WAITERS) != ownerWord) unreachable();
  }
  if (PROBED) noteReleasing(lockClass);
  if (atomic.xchg<u32>(at, 0) & WAITERS) atomic.notify(at, 1);
}

function lockContended(at: usize, lockClass: u32): void {
  let startNs: f64 = 0;
  if (PROBED) startNs = clock();
  const average = <u32>load<u16>(at, AVERAGE);
  const bound = min<u32>(MAX_SPINS, 2 * average + 10);
  let spins: u32 = 0;
  let waits: u32 = 0;
  let taken = false;
  while (spins < bound) {
    spins++;
    // The thread's own cache line is read, not the lock's: a poll takes the line away from the holder.
    const pause = min<u32>(FIRST_PAUSE << min<u32>(spins - 1, 3), LONGEST_PAUSE);
    for (let i: u32 = 0; i < pause; i++) atomic.load<u32>(threadBlock);
    if (atomic.load<u32>(at) == 0 && atomic.cmpxchg<u32>(at, 0, ownerWord) == 0) {
      taken = true;
      break;
    }
  }
  if (!taken) waits = sleepForLock(at);
  store<u16>(at, <u16>(<i32>average + (<i32>spins - <i32>average) / 8), AVERAGE);
  if (PROBED) noteAcquired(lockClass, spins, waits, max<f64>(clock() - startNs, 0));
}

/** Sleeps until the lock is this thread's; returns how often it slept. Traps when the run is aborted. */
function sleepForLock(at: usize): u32 {
  const mine = ownerWord | WAITERS;
  let waits: u32 = 0;
  while (true) {
    const seen = atomic.load<u32>(at);
    if (seen == 0) {
      if (atomic.cmpxchg<u32>(at, 0, mine) == 0) return waits;
      continue;
    }
    if ((seen & WAITERS) == 0 && atomic.cmpxchg<u32>(at, seen, seen | WAITERS) != seen) continue;
    waits++;
    atomic.wait<u32>(at, seen | WAITERS, ABORT_POLL_NS);
    if (atomic.load<u32>(CONTROL + C_ABORT) != 0) unreachable();
  }
}

/** Index of the thread that holds the lock, or -1. */
export function lockOwner(at: usize): i32 {
  return <i32>(atomic.load<u32>(at) >> 1) - 1;
}
