/**
 * Slab of connection slots.
 *
 * Who writes: `takeSlotLocked` runs under ct_lock and owns the private free list and the bump pointer. `returnSlots` runs on
 * any thread, without a lock, after a grace period (shm/epoch.ts): it pushes a whole chain on the returned stack.
 *
 * Why the ordering holds: the stack is pushed with compare-exchange and emptied whole with one exchange, so the ABA
 * problem of popping single elements does not arise. A slot's words are written before its chain is pushed.
 *
 * The slab is never initialised slot by slot: slots never used are taken from a bump pointer, so a table of millions
 * costs no memory until it fills.
 *
 * `generation` of a slot is odd while the slot is out and even otherwise: it goes up when the slot is handed out and
 * again when it is retired, before its grace period. The packet's cached connection is trusted only when the generations
 * are equal (and odd); since the reader is online then, the slot is not handed out again before the reader's next quiescent
 * point. Comparing with a generation that changed only on reuse would leave a gap: the slot could be handed out, and its
 * words overwritten, right after the comparison. Emptying the slab ends the generations of the slots that are out, so a packet that
 * still carries a connection from before learns that it is gone, and nothing starts with a generation that was in use once.
 */
import { countWork, DEBUG, W_SLOTS_RETURNED } from '../probe/counters';
import { TORTURE } from '../probe/flavour';
import {
  S_GENERATION_END,
  S_PUT_COUNT,
  S_RETURN_COUNT,
  S_RETURN_LOOK,
  S_RETURN_PUSH,
  S_TAKE_ALL,
  S_TAKE_GENERATION,
  S_TAKE_LOOK,
  step,
} from '../probe/steps';
import { CO_GENERATION, CO_LINK } from '../records/connection';
import {
  C_SLAB_FREE,
  C_SLAB_IN_USE,
  C_SLAB_NEXT,
  C_SLAB_RETURNED,
  CONN_SIZE,
  CONTROL,
  slabBase,
  slabEnd,
} from '../records/memory-map';

/** Where a retired or free slot keeps the address of the next one in its chain: `prev` of the list link. */
export const NEXT_SLOT: usize = CO_LINK;

/** Makes every slot free, whoever had it. Precondition: no other thread runs. */
export function slabInit(): void {
  const end = <usize>load<u32>(CONTROL, C_SLAB_NEXT);
  for (let slot = slabBase; slot < end; slot += CONN_SIZE) {
    const generation = atomic.load<u32>(slot, CO_GENERATION);
    if (generation & 1) atomic.store<u32>(slot, generation + 1, CO_GENERATION);
  }
  store<u32>(CONTROL, <u32>slabBase, C_SLAB_NEXT);
  store<u32>(CONTROL, 0, C_SLAB_FREE);
  atomic.store<u32>(CONTROL, 0, C_SLAB_RETURNED);
  atomic.store<u32>(CONTROL, 0, C_SLAB_IN_USE);
}

/** A slot with undefined content but its generation, or 0 when the slab is full. Precondition: ct_lock is held. */
export function takeSlotLocked(): usize {
  let slot = <usize>load<u32>(CONTROL, C_SLAB_FREE);
  if (TORTURE && slot == 0) step(S_TAKE_LOOK);
  if (slot == 0 && atomic.load<u32>(CONTROL, C_SLAB_RETURNED) != 0) {
    if (TORTURE) step(S_TAKE_ALL);
    slot = <usize>atomic.xchg<u32>(CONTROL + C_SLAB_RETURNED, 0);
  }
  if (slot != 0) {
    store<u32>(CONTROL, load<u32>(slot, NEXT_SLOT), C_SLAB_FREE);
  } else {
    slot = <usize>load<u32>(CONTROL, C_SLAB_NEXT);
    if (slot + CONN_SIZE > slabEnd) return 0;
    store<u32>(CONTROL, <u32>(slot + CONN_SIZE), C_SLAB_NEXT);
  }
  const generation = atomic.load<u32>(slot, CO_GENERATION);
  if (DEBUG && (generation & 1) != 0) unreachable();
  if (TORTURE) step(S_TAKE_GENERATION);
  atomic.store<u32>(slot, generation + 1, CO_GENERATION);
  atomic.add<u32>(CONTROL + C_SLAB_IN_USE, 1);
  return slot;
}

/**
 * The slot that lies where `ref` points to, in use or not, 0 when that is outside the slab: for a reference that was read without
 * any guard and may be anything. All CONN_SIZE bytes from the result on lie inside the slab.
 */
// @ts-ignore: decorator
@inline
export function slotWithin(ref: usize): usize {
  const offset = ref - slabBase;
  return offset < slabEnd - slabBase ? slabBase + (offset & ~(CONN_SIZE - 1)) : 0;
}

/** Marks a slot as no longer in use; twice for one use is a broken invariant. */
// @ts-ignore: decorator
@inline
export function endGeneration(slot: usize): void {
  const generation = atomic.load<u32>(slot, CO_GENERATION);
  if (DEBUG && (generation & 1) == 0) unreachable();
  if (TORTURE) step(S_GENERATION_END);
  atomic.store<u32>(slot, generation + 1, CO_GENERATION);
}

/** Gives a slot back at once: only for slots that were never reachable by another thread. Precondition: ct_lock is held. */
export function putSlotLocked(slot: usize): void {
  endGeneration(slot);
  store<u32>(slot, load<u32>(CONTROL, C_SLAB_FREE), NEXT_SLOT);
  store<u32>(CONTROL, <u32>slot, C_SLAB_FREE);
  if (TORTURE) step(S_PUT_COUNT);
  atomic.sub<u32>(CONTROL + C_SLAB_IN_USE, 1);
}

/** Pushes a chain of `count` slots, linked through NEXT_SLOT from `head` to `tail`, whose grace period is over. */
export function returnSlots(head: usize, tail: usize, count: u32): void {
  // Before anyone can take them, so that the count never exceeds the slab.
  if (TORTURE) step(S_RETURN_COUNT);
  atomic.sub<u32>(CONTROL + C_SLAB_IN_USE, count);
  if (TORTURE) step(S_RETURN_LOOK);
  let seen = atomic.load<u32>(CONTROL, C_SLAB_RETURNED);
  while (true) {
    store<u32>(tail, seen, NEXT_SLOT);
    if (TORTURE) step(S_RETURN_PUSH);
    const found = atomic.cmpxchg<u32>(CONTROL + C_SLAB_RETURNED, seen, <u32>head);
    if (found == seen) break;
    seen = found;
  }
  countWork(W_SLOTS_RETURNED, count);
}
