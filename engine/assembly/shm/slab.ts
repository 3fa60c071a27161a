/**
 * Slab of connection slots.
 *
 * Who writes: `takeSlot` runs under ct_lock and owns the private free list and the bump pointer. `returnSlots` runs on any
 * thread, without a lock, after a grace period (shm/epoch.ts): it pushes a whole chain on the returned stack.
 *
 * Why the ordering holds: the stack is pushed with compare-exchange and emptied whole with one exchange, so the ABA
 * problem of popping single elements does not arise. A slot's words are written before its chain is pushed.
 *
 * The slab is never initialised slot by slot: slots never used are taken from a bump pointer, so a table of millions
 * costs no memory until it fills.
 *
 * `generation` of a slot is bumped when it is handed out; tests and the packet's cached connection check it.
 */
import { countWork, W_SLOTS_RETURNED } from '../probe/counters';
import { CO_GENERATION } from '../conntrack/connection';
import { RETIRED_NEXT } from './epoch';
import {
  C_SLAB_FREE,
  C_SLAB_IN_USE,
  C_SLAB_NEXT,
  C_SLAB_RETURNED,
  CONN_SIZE,
  CONTROL,
  slabBase,
  slabEnd,
} from './memory-map';

export function slabInit(): void {
  store<u32>(CONTROL, <u32>slabBase, C_SLAB_NEXT);
  store<u32>(CONTROL, 0, C_SLAB_FREE);
  atomic.store<u32>(CONTROL, 0, C_SLAB_RETURNED);
  atomic.store<u32>(CONTROL, 0, C_SLAB_IN_USE);
}

/** A slot with undefined content but its generation, or 0 when the slab is full. Precondition: ct_lock is held. */
export function takeSlotLocked(): usize {
  let slot = <usize>load<u32>(CONTROL, C_SLAB_FREE);
  if (slot == 0 && atomic.load<u32>(CONTROL, C_SLAB_RETURNED) != 0) {
    slot = <usize>atomic.xchg<u32>(CONTROL + C_SLAB_RETURNED, 0);
  }
  if (slot != 0) {
    store<u32>(CONTROL, load<u32>(slot, RETIRED_NEXT), C_SLAB_FREE);
  } else {
    slot = <usize>load<u32>(CONTROL, C_SLAB_NEXT);
    if (slot + CONN_SIZE > slabEnd) return 0;
    store<u32>(CONTROL, <u32>(slot + CONN_SIZE), C_SLAB_NEXT);
  }
  atomic.store<u32>(slot, atomic.load<u32>(slot, CO_GENERATION) + 1, CO_GENERATION);
  atomic.add<u32>(CONTROL + C_SLAB_IN_USE, 1);
  return slot;
}

/** Gives a slot back at once: only for slots that were never reachable by another thread. Precondition: ct_lock is held. */
export function putSlotLocked(slot: usize): void {
  store<u32>(slot, load<u32>(CONTROL, C_SLAB_FREE), RETIRED_NEXT);
  store<u32>(CONTROL, <u32>slot, C_SLAB_FREE);
  atomic.sub<u32>(CONTROL + C_SLAB_IN_USE, 1);
}

/** Pushes a chain of `count` slots, linked through RETIRED_NEXT from `head` to `tail`, whose grace period is over. */
export function returnSlots(head: usize, tail: usize, count: u32): void {
  let seen = atomic.load<u32>(CONTROL, C_SLAB_RETURNED);
  while (true) {
    store<u32>(tail, seen, RETIRED_NEXT);
    const found = atomic.cmpxchg<u32>(CONTROL + C_SLAB_RETURNED, seen, <u32>head);
    if (found == seen) break;
    seen = found;
  }
  countWork(W_SLOTS_RETURNED, count);
  atomic.sub<u32>(CONTROL + C_SLAB_IN_USE, count);
}
