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
 * How long a waiter spins before it sleeps is a setting of the run (C_MUTEX_POLICY), because a design that meets at a
 * lock is judged by it:
 *
 *   MUTEX_GLIBC    as the original's locks: pthread's adaptive mutex of glibc 2.36. A waiter pauses 1, 2, 4, 8, then 16
 *                  times (each number with a jitter up to its double), looks at the lock between, and sleeps once it has
 *                  paused min(100, 2 x average + 10) times: about 2.5 us at most. The average moves by an eighth of the error.
 *   MUTEX_BACKOFF  a waiter looks at most min(100, 2 x average + 10) times, with long pauses that grow from look to look, and
 *                  hardly ever sleeps: more throughput in a closed loop, longer waits.
 *
 * WebAssembly has no pause instruction; a run of plain reads of about the same length stands in for it.
 *
 * Lock order, in all designs, by lock class (probe/flavour.ts): LC_CT, then the lock of one connection (LC_CONN), then LC_RESOURCES; a
 * lock is taken only while no lock of its own class or a later one is held. So no connection's lock is held while ct_lock is
 * taken. With shards (shm/shards.ts) LC_CT is the class of their locks too, and only in it are several held at once: those of shards by
 * number, then ct_lock (lockBeside). LC_FRAGMENT is taken only while no other lock is held, before or after the tracker's work. Debug
 * builds check order and owner at every call (checkLockOrder).
 */
import {
  checkLockBeside,
  checkLockOrder,
  clock,
  DEBUG,
  noteAcquired,
  noteAcquiredBeside,
  noteContended,
  noteReleasing,
  PROBED,
  timeThisHold,
} from '../probe/counters';
import { FAULT_MUTEX_UNCHECKED, isPlanted } from '../probe/faults';
import { TORTURE } from '../probe/flavour';
import {
  S_LOCK_LOOK,
  S_LOCK_TRY,
  S_NOTIFY,
  S_SLEEP_LOOK,
  S_SLEEP_MARK,
  S_SLEEP_TAKE,
  S_SLEEP_WAIT,
  S_SLEEP_WOKEN,
  S_UNLOCK,
  sleepNs,
  step,
} from '../probe/steps';
import {
  C_ABORT,
  CONTROL,
  MUTEX_BACKOFF,
  mutexPolicy,
  ownerWord,
  threadBlock,
  threadIndex,
} from '../records/memory-map';

const WAITERS: u32 = 1;
/** Pauses (MUTEX_GLIBC) or looks (MUTEX_BACKOFF) before a waiter sleeps. */
const MAX_SPINS: u32 = 100;
/** Pauses between two looks at most, before jitter (MUTEX_GLIBC). */
const MAX_PAUSES: u32 = 16;
/** Reads of an own cache line that take as long as one x86 pause instruction: 90 x 0.28 ns, 25 ns (AMD EPYC). */
const PAUSE_READS: u32 = 90;
/**
 * MUTEX_BACKOFF: reads between two looks at the lock, doubled per round up to the longest. Backing off lets the holder of a
 * short critical section go on undisturbed.
 */
const FIRST_BACKOFF_READS: u32 = 512;
const LONGEST_BACKOFF_READS: u32 = 4096;
const ABORT_POLL_NS: i64 = 50_000_000;
const AVERAGE: usize = 4;

// @ts-ignore: decorator
@inline
export function lock(at: usize, lockClass: u32): void {
  if (DEBUG) checkLockOrder(lockClass, true);
  if (TORTURE) step(S_LOCK_TRY);
  if (atomic.cmpxchg<u32>(at, 0, ownerWord) != 0) lockContended(at, lockClass);
  if (PROBED) noteAcquired(lockClass);
}

/** As lock, while one of the same class is held that comes before this one. It has to be released before that one is. */
export function lockBeside(at: usize, lockClass: u32): void {
  if (DEBUG) checkLockBeside(lockClass);
  if (TORTURE) step(S_LOCK_TRY);
  if (atomic.cmpxchg<u32>(at, 0, ownerWord) != 0) lockContended(at, lockClass);
  if (PROBED) noteAcquiredBeside(lockClass);
}

export function unlockBeside(at: usize, lockClass: u32): void {
  if (DEBUG) {
    checkLockBeside(lockClass);
    if (!holds(at)) unreachable();
  }
  release(at);
}

/** As lock, and the hold is timed whatever the sampling interval: for one that is long and seldom. */
export function lockTimed(at: usize, lockClass: u32): void {
  lock(at, lockClass);
  if (PROBED) timeThisHold(lockClass);
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
  release(at);
}

// @ts-ignore: decorator
@inline
function release(at: usize): void {
  if (TORTURE) step(S_UNLOCK);
  if (atomic.xchg<u32>(at, 0) & WAITERS) {
    if (TORTURE) step(S_NOTIFY);
    atomic.notify(at, 1);
  }
}

function lockContended(at: usize, lockClass: u32): void {
  let startNs: f64 = 0;
  if (PROBED) startNs = clock();
  const average = <u32>load<u16>(at, AVERAGE);
  const bound = min<u32>(MAX_SPINS, 2 * average + 10);
  const spins = mutexPolicy == MUTEX_BACKOFF ? spinBackingOff(at, bound) : spinLikeGlibc(at, bound);
  const waits = holds(at) ? 0 : sleepForLock(at);
  store<u16>(at, <u16>(<i32>average + (<i32>spins - <i32>average) / 8), AVERAGE);
  if (PROBED) noteContended(lockClass, spins, waits, clock() - startNs);
}

/** Whether this thread holds the lock. */
// @ts-ignore: decorator
@inline
function holds(at: usize): bool {
  return (atomic.load<u32>(at) & ~WAITERS) == ownerWord;
}

/** Takes the lock if it is free. The look before the exchange leaves the line with the holder while it is not. */
// @ts-ignore: decorator
@inline
function takeIfFree(at: usize): bool {
  if (TORTURE) step(S_LOCK_LOOK);
  return atomic.load<u32>(at) == 0 && atomic.cmpxchg<u32>(at, 0, ownerWord) == 0;
}

/** Passes time on the thread's own cache line: looking at the lock takes its line away from the holder. */
// @ts-ignore: decorator
@inline
function idle(reads: u32): void {
  for (let i: u32 = 0; i < reads; i++) atomic.load<u32>(threadBlock);
}

/** Both ways of spinning return how much of the bound they used; whether the lock is held then, `holds` says. */
function spinLikeGlibc(at: usize, bound: u32): u32 {
  let spins: u32 = 0;
  let longest: u32 = 1;
  const jitter = nextJitter();
  while (true) {
    const pauses = longest + (jitter & (longest - 1));
    spins += pauses;
    if (spins >= bound) return spins;
    idle(pauses * PAUSE_READS);
    if (takeIfFree(at)) return spins;
    if (longest < MAX_PAUSES) longest <<= 1;
  }
}

function spinBackingOff(at: usize, bound: u32): u32 {
  let spins: u32 = 0;
  while (spins < bound) {
    spins++;
    idle(min<u32>(FIRST_BACKOFF_READS << min<u32>(spins - 1, 3), LONGEST_BACKOFF_READS));
    if (takeIfFree(at)) break;
  }
  return spins;
}

/** This thread's own sequence, so that two waiters do not stay in step. Nothing that a run counts depends on it. */
let jitterState: u32 = 0;

function nextJitter(): u32 {
  if (jitterState == 0) jitterState = (threadIndex + 1) * 0x9e3779b1;
  jitterState ^= jitterState << 13;
  jitterState ^= jitterState >> 17;
  jitterState ^= jitterState << 5;
  return jitterState;
}

/** Sleeps until the lock is this thread's; returns how often it slept. Traps when the run is aborted. */
function sleepForLock(at: usize): u32 {
  const mine = ownerWord | WAITERS;
  let waits: u32 = 0;
  while (true) {
    if (TORTURE) step(S_SLEEP_LOOK);
    const seen = atomic.load<u32>(at);
    if (seen == 0) {
      if (TORTURE) step(S_SLEEP_TAKE);
      if (atomic.cmpxchg<u32>(at, 0, mine) == 0) return waits;
      continue;
    }
    if (TORTURE && (seen & WAITERS) == 0) step(S_SLEEP_MARK);
    if ((seen & WAITERS) == 0 && atomic.cmpxchg<u32>(at, seen, seen | WAITERS) != seen) continue;
    waits++;
    if (TORTURE) step(S_SLEEP_WAIT);
    atomic.wait<u32>(at, seen | WAITERS, TORTURE ? sleepNs : ABORT_POLL_NS);
    if (TORTURE) step(S_SLEEP_WOKEN);
    if (atomic.load<u32>(CONTROL + C_ABORT) != 0) unreachable();
    if (TORTURE && isPlanted(FAULT_MUTEX_UNCHECKED)) {
      atomic.store<u32>(at, mine);
      return waits;
    }
  }
}

/** Index of the thread that holds the lock, or -1. */
export function lockOwner(at: usize): i32 {
  return <i32>(atomic.load<u32>(at) >> 1) - 1;
}
