/**
 * Plain list: a circular doubly linked list that nobody touches without the lock that guards it.
 *
 * Layout of a link (8 bytes, in the list head and in every element): u32 prev, u32 next; both are addresses of links. It is
 * that of shm/rculist.ts, so a connection has one link for either.
 *
 * Who writes and who reads: one thread at a time, holding ct_lock. Nobody walks it without: that is what rculist is for.
 *
 * Why the ordering holds: all loads and stores are plain. What a holder of the lock wrote before releasing it is visible to the
 * next holder (shm/mutex.ts), and there are no other readers. Atomic stores would be correct too, but each is a full barrier
 * under the lock that the whole design waits for, and the original's list (`ovs_list`) has none.
 *
 * Removal leaves the links of the element behind, as the original does; debug builds poison them, so that removing twice, or going
 * on from a removed element, traps instead of corrupting the list.
 */
import { DEBUG } from '../probe/counters';
import { POISON } from './rculist';

const PREV: usize = 0;
const NEXT: usize = 4;

export function plainListInit(head: usize): void {
  store<u32>(head, <u32>head, PREV);
  store<u32>(head, <u32>head, NEXT);
}

// @ts-ignore: decorator
@inline
export function plainListPushBack(head: usize, link: usize): void {
  const predecessor = load<u32>(head, PREV);
  store<u32>(link, predecessor, PREV);
  store<u32>(link, <u32>head, NEXT);
  store<u32>(<usize>predecessor, <u32>link, NEXT);
  store<u32>(head, <u32>link, PREV);
}

// @ts-ignore: decorator
@inline
export function plainListRemove(link: usize): void {
  const predecessor = load<u32>(link, PREV);
  const successor = load<u32>(link, NEXT);
  if (DEBUG && (predecessor == POISON || successor == POISON)) unreachable();
  store<u32>(<usize>successor, predecessor, PREV);
  store<u32>(<usize>predecessor, successor, NEXT);
  if (DEBUG) {
    store<u32>(link, POISON, PREV);
    store<u32>(link, POISON, NEXT);
  }
}

/** Moves everything of one list to the end of another, in its order. */
export function plainListAppendAll(head: usize, from: usize): void {
  const first = load<u32>(from, NEXT);
  if (first == <u32>from) return;
  const last = load<u32>(from, PREV);
  const predecessor = load<u32>(head, PREV);
  store<u32>(<usize>predecessor, first, NEXT);
  store<u32>(<usize>first, predecessor, PREV);
  store<u32>(<usize>last, <u32>head, NEXT);
  store<u32>(head, last, PREV);
  plainListInit(from);
}

// @ts-ignore: decorator
@inline
export function plainListNext(link: usize): usize {
  const next = load<u32>(link, NEXT);
  if (DEBUG && next == POISON) unreachable();
  return <usize>next;
}
