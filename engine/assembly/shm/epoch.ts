/**
 * Epochs: quiescent-state based reclamation. A record removed from the map and the lists may still be read by threads
 * that found it before; its slot is handed back only after every thread has passed a quiescent point.
 *
 * Words: the global epoch (control block); per thread the epoch seen at its last quiescent point, 0 while offline.
 *
 * Who writes: any thread advances the global epoch by atomic add; each thread alone writes its seen word and owns its two
 * chains of retired slots: `retired` collects, `waiting` is stamped with a target epoch and waits. A thread that goes
 * offline with slots still waiting appends them to the orphan chains, which have a lock word of their own and which
 * every thread turns over at its quiescent points; else the slots would stay out of use for as long as the thread sleeps.
 * Main reads the counts for display, and empties everything in `epochInit` while nobody else runs.
 *
 * Why the ordering holds: a record is unlinked (atomic stores) before the epoch is advanced (atomic add), and a thread
 * stores its seen epoch after its last read and before its next one. All of these are sequentially consistent. So
 * a thread whose seen epoch is later than the target took its references after the record had been unlinked. A thread
 * that comes online stores its seen epoch before it reads anything: either the reclaimer sees it online, or the thread
 * sees the record already unlinked. It may store an epoch that has passed meanwhile: that only delays others.
 * Orphans are stamped when they move to the waiting chain, hence after they were unlinked, by whichever thread.
 *
 * Why the last thread out leaves nothing behind: who finds the orphans' lock taken does not wait for it but changes the word
 * to LOCK_CALLED, and whoever holds it goes round once more before it is done. A thread going offline stores that first and
 * looks at the count or the lock word after; so either the holder's last look at the seen words came after that store, or
 * the thread found the lock taken and the holder looks again. An offline thread that reads a count of 0 while another is about
 * to publish orphans leaves them to that one, which turns them over after publishing. Without the call both could leave the
 * orphans to each other: the holder has seen the other online, the other cannot get the lock.
 *
 * Following references from a removed record is safe too: a reader that stands on one has been online since before it
 * was unlinked, hence since before anything that the record leads to was unlinked later.
 *
 * The epoch moves in steps of two and is always odd, so it never takes the value 0 that means offline, and it wraps
 * safely: seen and target are compared by their signed difference, which is right as long as no thread stays inside one batch
 * for 2^30 advances.
 *
 * A thread that sleeps or waits for work must be offline, or nothing is ever freed; the sweeper must not quiesce
 * while it stands in a list.
 *
 * The chains run through the `prev` word of the slot's list link, which only a list's writer ever follows: `next` of the
 * map and of an rculist must stay intact for traversals that stand on the record.
 *
 * A slot's generation is even from the moment it is retired (shm/slab.ts): who holds a reference across a quiescent point
 * compares the generation when it is online, and an equal one means that the grace period had not begun then, so it
 * cannot end before the thread's next quiescent point.
 *
 * Differs from the original: there quiescing bumps a global sequence every time and a helper thread runs the
 * callbacks; here quiescing touches only the thread's own line unless it has something to reclaim, and the threads
 * themselves return the slots.
 */
import { countWork, W_EPOCH_ADVANCES } from '../probe/counters';
import { FAULT_ORPHANS_UNCALLED, FAULT_SLOT_EARLY, isPlanted } from '../probe/faults';
import { TORTURE } from '../probe/flavour';
import {
  S_ADVANCE,
  S_ADVANCE_EPOCH,
  S_ADVANCE_SEEN,
  S_GRACE_COUNT,
  S_GRACE_LOOK,
  S_OFFLINE,
  S_ONLINE_EPOCH,
  S_ONLINE_SEEN,
  S_ORPHANS_CALL,
  S_ORPHANS_CLAIM,
  S_ORPHANS_COUNT,
  S_ORPHANS_LOCK,
  S_ORPHANS_PUBLISH,
  S_ORPHANS_RELEASE,
  S_QUIESCE_EPOCH,
  S_QUIESCE_SEEN,
  S_RETIRE_COUNT,
  step,
} from '../probe/steps';
import {
  C_ABORT,
  C_EPOCH,
  C_GRACE_PENDING,
  C_ORPHAN_COUNT,
  C_ORPHANS,
  CONTROL,
  maxThreads,
  ownerWord,
  T_EPOCH_SEEN,
  T_RETIRED,
  T_WAITING,
  THREAD_SIZE,
  threadBlock,
  threadsBase,
} from '../records/memory-map';
import { endGeneration, NEXT_SLOT, returnSlots } from './slab';

const CHAIN_HEAD: usize = 0;
const CHAIN_TAIL: usize = 4;
const CHAIN_COUNT: usize = 8;
const CHAIN_TARGET: usize = 12;

/** Orphans: lock word, then the two chains. The word is 0 or its holder's ownerWord, so that a run can say who died with it. */
const ORPHANS_WAITING: usize = 16;
const ORPHANS_RETIRED: usize = 32;
const ORPHANS_SIZE: usize = 48;

const LOCK_FREE: u32 = 0;
/** Bit beside the holder: another thread has come by since, and the holder has to look once more. */
const LOCK_CALLED: u32 = 1;

/** Keeps the epoch odd. */
const EPOCH_STEP: u32 = 2;

export function goOnline(): void {
  if (TORTURE) step(S_ONLINE_EPOCH);
  const now = atomic.load<u32>(CONTROL + C_EPOCH);
  if (TORTURE) step(S_ONLINE_SEEN);
  atomic.store<u32>(threadBlock, now, T_EPOCH_SEEN);
}

/** No reference into the tracker may be kept across this call. */
export function goOffline(): void {
  if (TORTURE) step(S_OFFLINE);
  atomic.store<u32>(threadBlock, 0, T_EPOCH_SEEN);
  turnOver(threadBlock + T_WAITING, threadBlock + T_RETIRED);
  if (load<u32>(threadBlock, T_RETIRED) | load<u32>(threadBlock, T_WAITING)) {
    lockOrphans();
    append(CONTROL + C_ORPHANS + ORPHANS_RETIRED, threadBlock + T_WAITING);
    append(CONTROL + C_ORPHANS + ORPHANS_RETIRED, threadBlock + T_RETIRED);
    unlockOrphans();
  }
  if (TORTURE) step(S_ORPHANS_COUNT);
  if (atomic.load<u32>(CONTROL, C_ORPHAN_COUNT) != 0) turnOrphansOver();
}

/** Quiescent point: the thread holds no reference. Harmless while offline. */
// @ts-ignore: decorator
@inline
export function quiesce(): void {
  if (TORTURE) step(S_QUIESCE_EPOCH);
  const now = atomic.load<u32>(CONTROL + C_EPOCH);
  const seen = load<u32>(threadBlock, T_EPOCH_SEEN);
  // The store is a locked instruction; skipping it when nothing moved keeps the usual quiesce to a few loads. A thread
  // that is offline stays so: nobody would wait for it, and it would be waited for.
  if (seen != now && seen != 0) {
    if (TORTURE) step(S_QUIESCE_SEEN);
    atomic.store<u32>(threadBlock, now, T_EPOCH_SEEN);
  }
  if (TORTURE) step(S_ORPHANS_COUNT);
  if (
    load<u32>(threadBlock, T_RETIRED) |
    load<u32>(threadBlock, T_WAITING) |
    atomic.load<u32>(CONTROL, C_ORPHAN_COUNT)
  ) {
    reclaimNow();
  }
}

/** Hands the slot over to be reused after a grace period. The record must already be unreachable for new readers. */
export function retire(slot: usize): void {
  endGeneration(slot);
  const chain = threadBlock + T_RETIRED;
  store<u32>(slot, load<u32>(chain, CHAIN_HEAD), NEXT_SLOT);
  if (load<u32>(chain, CHAIN_HEAD) == 0) store<u32>(chain, <u32>slot, CHAIN_TAIL);
  store<u32>(chain, <u32>slot, CHAIN_HEAD);
  store<u32>(chain, load<u32>(chain, CHAIN_COUNT) + 1, CHAIN_COUNT);
  if (TORTURE) step(S_RETIRE_COUNT);
  atomic.add<u32>(CONTROL + C_GRACE_PENDING, 1);
}

/**
 * Puts every slot whose grace period is over back, as far as the other threads allow. Precondition: the thread is offline
 * or at a quiescent point.
 */
export function reclaimNow(): void {
  turnOver(threadBlock + T_WAITING, threadBlock + T_RETIRED);
  if (TORTURE) step(S_ORPHANS_COUNT);
  if (atomic.load<u32>(CONTROL, C_ORPHAN_COUNT) != 0) turnOrphansOver();
}

/** Returns what has waited long enough; starts the wait of what has been collected since. */
function turnOver(waiting: usize, retired: usize): void {
  for (let round = 0; round < 2; round++) {
    const head = load<u32>(waiting, CHAIN_HEAD);
    if (head != 0) {
      if (!graceEnded(load<u32>(waiting, CHAIN_TARGET))) return;
      const count = load<u32>(waiting, CHAIN_COUNT);
      emptyChain(waiting);
      returnSlots(<usize>head, <usize>load<u32>(waiting, CHAIN_TAIL), count);
      if (TORTURE) step(S_GRACE_COUNT);
      atomic.sub<u32>(CONTROL + C_GRACE_PENDING, count);
    }
    if (load<u32>(retired, CHAIN_HEAD) == 0) return;
    append(waiting, retired);
    store<u32>(waiting, advance(), CHAIN_TARGET);
    // This thread itself is at a quiescent point: let it not be what the wait is for.
    if (TORTURE) step(S_ADVANCE_EPOCH);
    const now = atomic.load<u32>(CONTROL + C_EPOCH);
    if (atomic.load<u32>(threadBlock, T_EPOCH_SEEN) != 0) {
      if (TORTURE) step(S_ADVANCE_SEEN);
      atomic.store<u32>(threadBlock, now, T_EPOCH_SEEN);
    }
  }
}

/** Moves everything of one chain to the end of another. */
function append(to: usize, from: usize): void {
  const head = load<u32>(from, CHAIN_HEAD);
  if (head == 0) return;
  if (load<u32>(to, CHAIN_HEAD) == 0) store<u32>(to, head, CHAIN_HEAD);
  else store<u32>(<usize>load<u32>(to, CHAIN_TAIL), head, NEXT_SLOT);
  store<u32>(to, load<u32>(from, CHAIN_TAIL), CHAIN_TAIL);
  store<u32>(to, load<u32>(to, CHAIN_COUNT) + load<u32>(from, CHAIN_COUNT), CHAIN_COUNT);
  emptyChain(from);
}

/** Moves the global epoch on; returns the epoch that has to be left behind. */
function advance(): u32 {
  countWork(W_EPOCH_ADVANCES, 1);
  if (TORTURE) step(S_ADVANCE);
  return atomic.add<u32>(CONTROL + C_EPOCH, EPOCH_STEP);
}

/** Every thread is offline or has quiesced after `target`. */
function graceEnded(target: u32): bool {
  if (TORTURE && isPlanted(FAULT_SLOT_EARLY)) return true;
  let block = threadsBase;
  for (let i: u32 = 0; i < maxThreads; i++, block += THREAD_SIZE) {
    if (TORTURE) step(S_GRACE_LOOK);
    const seen = atomic.load<u32>(block, T_EPOCH_SEEN);
    if (seen != 0 && <i32>(seen - target) <= 0) return false;
  }
  return true;
}

/** Turns the orphan chains over; while another thread is at it, leaves that to it. */
function turnOrphansOver(): void {
  if (TORTURE && isPlanted(FAULT_ORPHANS_UNCALLED)) {
    turnOrphansOverUncalled();
    return;
  }
  while (claimOrphans()) {
    turnOver(CONTROL + C_ORPHANS + ORPHANS_WAITING, CONTROL + C_ORPHANS + ORPHANS_RETIRED);
    if (!unlockOrphans()) return;
  }
}

/** FAULT_ORPHANS_UNCALLED: what turnOrphansOver was. */
function turnOrphansOverUncalled(): void {
  if (TORTURE) step(S_ORPHANS_CLAIM);
  if (atomic.cmpxchg<u32>(CONTROL + C_ORPHANS, LOCK_FREE, ownerWord) != LOCK_FREE) return;
  turnOver(CONTROL + C_ORPHANS + ORPHANS_WAITING, CONTROL + C_ORPHANS + ORPHANS_RETIRED);
  unlockOrphans();
}

/** Takes the lock, or calls the thread that has it. Returns whether it was taken. */
export function claimOrphans(): bool {
  while (true) {
    if (TORTURE) step(S_ORPHANS_CLAIM);
    const seen = atomic.cmpxchg<u32>(CONTROL + C_ORPHANS, LOCK_FREE, ownerWord);
    if (seen == LOCK_FREE) return true;
    if ((seen & LOCK_CALLED) != 0) return false;
    if (TORTURE) step(S_ORPHANS_CALL);
    // Let go meanwhile: the next round takes it, or calls whoever has it then.
    if (atomic.cmpxchg<u32>(CONTROL + C_ORPHANS, seen, seen | LOCK_CALLED) == seen) return false;
  }
}

/** Held for a few instructions, or one look at each thread's seen word: not worth sleeping. */
function lockOrphans(): void {
  if (TORTURE) step(S_ORPHANS_LOCK);
  while (atomic.cmpxchg<u32>(CONTROL + C_ORPHANS, LOCK_FREE, ownerWord) != LOCK_FREE) {
    if (atomic.load<u32>(CONTROL, C_ABORT) != 0) unreachable();
    if (TORTURE) step(S_ORPHANS_LOCK);
  }
}

/** Publishes how many orphans there are, then lets go. Returns whether there are any that a thread has called about. */
export function unlockOrphans(): bool {
  const orphans = CONTROL + C_ORPHANS;
  const count = load<u32>(orphans, ORPHANS_WAITING + CHAIN_COUNT) + load<u32>(orphans, ORPHANS_RETIRED + CHAIN_COUNT);
  if (TORTURE) step(S_ORPHANS_PUBLISH);
  atomic.store<u32>(CONTROL, count, C_ORPHAN_COUNT);
  if (TORTURE) step(S_ORPHANS_RELEASE);
  return (atomic.xchg<u32>(orphans, LOCK_FREE) & LOCK_CALLED) != 0 && count != 0;
}

/** Forgets every retired slot, whoever retired it; the slab is emptied with them. Precondition: no other thread is online. */
export function epochInit(): void {
  let block = threadsBase;
  for (let i: u32 = 0; i < maxThreads; i++, block += THREAD_SIZE) {
    emptyChain(block + T_RETIRED);
    emptyChain(block + T_WAITING);
  }
  memory.fill(CONTROL + C_ORPHANS, 0, ORPHANS_SIZE);
  atomic.store<u32>(CONTROL, 0, C_ORPHAN_COUNT);
  atomic.store<u32>(CONTROL, 0, C_GRACE_PENDING);
}

function emptyChain(chain: usize): void {
  store<u32>(chain, 0, CHAIN_HEAD);
  store<u32>(chain, 0, CHAIN_COUNT);
}
