/**
 * Epochs: quiescent-state based reclamation. A record removed from the map and the lists may still be read by threads
 * that found it before; its slot is handed back only after every thread has passed a quiescent point.
 *
 * Words: the global epoch (control block); per thread the epoch seen at its last quiescent point, 0 while offline.
 *
 * Who writes: any thread advances the global epoch by atomic add; each thread alone writes its seen word and owns its two
 * chains of retired slots: `retired` collects, `waiting` is stamped with a target epoch and waits. Main reads the counts
 * for display.
 *
 * Why the ordering holds: a record is unlinked (atomic stores) before the epoch is advanced (atomic add), and a thread
 * stores its seen epoch after its last read and before its next one. All of these are sequentially consistent. So
 * a thread whose seen epoch is later than the target took its references after the record had been unlinked. A thread
 * that comes online stores its seen epoch before it reads anything: either the reclaimer sees it online, or the thread
 * sees the record already unlinked.
 *
 * A thread that sleeps or waits for work must be offline, or nothing is ever freed; the sweeper must not quiesce
 * while it stands in a list.
 *
 * The chains run through the `prev` word of the slot's list link, which only a list's writer ever follows: `next` of the
 * map and of the list must stay intact for traversals that stand on the record.
 *
 * Differs from the original: there quiescing bumps a global sequence every time and a helper thread runs the
 * callbacks; here quiescing touches only the thread's own line unless it has something to reclaim, and the thread itself
 * returns its slots.
 */
import { CO_LINK } from '../conntrack/connection';
import { countWork, W_EPOCH_ADVANCES } from '../probe/counters';
import {
  C_EPOCH,
  C_GRACE_PENDING,
  CONTROL,
  maxThreads,
  T_EPOCH_SEEN,
  T_RETIRED,
  T_WAITING,
  THREAD_SIZE,
  threadBlock,
  threadsBase,
} from './memory-map';
import { returnSlots } from './slab';

const CHAIN_HEAD: usize = 0;
const CHAIN_TAIL: usize = 4;
const CHAIN_COUNT: usize = 8;
const CHAIN_TARGET: usize = 12;

/** Where a retired slot keeps the address of the next one in its chain. */
export const RETIRED_NEXT: usize = CO_LINK;

export function goOnline(): void {
  atomic.store<u32>(threadBlock, atomic.load<u32>(CONTROL + C_EPOCH), T_EPOCH_SEEN);
}

/** No reference into the tracker may be kept across this call. */
export function goOffline(): void {
  reclaim();
  atomic.store<u32>(threadBlock, 0, T_EPOCH_SEEN);
}

/** Quiescent point: the thread holds no reference. */
// @ts-ignore: decorator
@inline
export function quiesce(): void {
  const now = atomic.load<u32>(CONTROL + C_EPOCH);
  // The store is a locked instruction; skipping it when nothing moved keeps the usual quiesce to two loads.
  if (load<u32>(threadBlock, T_EPOCH_SEEN) != now) atomic.store<u32>(threadBlock, now, T_EPOCH_SEEN);
  if (load<u32>(threadBlock, T_RETIRED) | load<u32>(threadBlock, T_WAITING)) reclaim();
}

/** Hands the slot over to be reused after a grace period. The record must already be unreachable for new readers. */
export function retire(slot: usize): void {
  const chain = threadBlock + T_RETIRED;
  store<u32>(slot, load<u32>(chain, CHAIN_HEAD), RETIRED_NEXT);
  if (load<u32>(chain, CHAIN_HEAD) == 0) store<u32>(chain, <u32>slot, CHAIN_TAIL);
  store<u32>(chain, <u32>slot, CHAIN_HEAD);
  store<u32>(chain, load<u32>(chain, CHAIN_COUNT) + 1, CHAIN_COUNT);
  atomic.add<u32>(CONTROL + C_GRACE_PENDING, 1);
}

/** Returns what has waited long enough; starts the wait of what has been collected since. */
function reclaim(): void {
  const waiting = threadBlock + T_WAITING;
  const retired = threadBlock + T_RETIRED;
  for (let round = 0; round < 2; round++) {
    const head = load<u32>(waiting, CHAIN_HEAD);
    if (head != 0) {
      if (!graceEnded(load<u32>(waiting, CHAIN_TARGET))) return;
      const count = load<u32>(waiting, CHAIN_COUNT);
      store<u32>(waiting, 0, CHAIN_HEAD);
      store<u32>(waiting, 0, CHAIN_COUNT);
      returnSlots(<usize>head, <usize>load<u32>(waiting, CHAIN_TAIL), count);
      atomic.sub<u32>(CONTROL + C_GRACE_PENDING, count);
    }
    const collected = load<u32>(retired, CHAIN_HEAD);
    if (collected == 0) return;
    store<u32>(waiting, collected, CHAIN_HEAD);
    store<u32>(waiting, load<u32>(retired, CHAIN_TAIL), CHAIN_TAIL);
    store<u32>(waiting, load<u32>(retired, CHAIN_COUNT), CHAIN_COUNT);
    store<u32>(retired, 0, CHAIN_HEAD);
    store<u32>(retired, 0, CHAIN_COUNT);
    store<u32>(waiting, advance(), CHAIN_TARGET);
    // This thread itself is at a quiescent point: let it not be what the wait is for.
    const now = atomic.load<u32>(CONTROL + C_EPOCH);
    if (atomic.load<u32>(threadBlock, T_EPOCH_SEEN) != 0) atomic.store<u32>(threadBlock, now, T_EPOCH_SEEN);
  }
}

/** Moves the global epoch on, past 0; returns the epoch that has to be left behind. */
function advance(): u32 {
  countWork(W_EPOCH_ADVANCES, 1);
  const before = atomic.add<u32>(CONTROL + C_EPOCH, 1);
  if (before + 1 == 0) atomic.add<u32>(CONTROL + C_EPOCH, 1);
  return before;
}

/** Every thread is offline or has quiesced after `target`. */
function graceEnded(target: u32): bool {
  let block = threadsBase;
  for (let i: u32 = 0; i < maxThreads; i++, block += THREAD_SIZE) {
    const seen = atomic.load<u32>(block, T_EPOCH_SEEN);
    if (seen != 0 && <i32>(seen - target) <= 0) return false;
  }
  return true;
}

/** Puts every slot whose grace period is over back, as far as the other threads allow; for idle threads and tests. */
export function reclaimNow(): void {
  reclaim();
}
