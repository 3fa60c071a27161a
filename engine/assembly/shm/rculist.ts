/**
 * rculist: a circular doubly linked list that one writer changes while others walk it forwards without a lock.
 *
 * Layout of a link (8 bytes, in the list head and in every element): u32 prev, u32 next; both are addresses of links.
 *
 * Who writes: one thread at a time, holding the lock that guards the list (ct_lock in every design here).
 * Who reads at the same time: any number of threads, forwards only (`next`).
 *
 * Why the ordering holds: `next` is stored and loaded atomically (sequentially consistent). An element's own `next` is
 * written before its predecessor's `next` is published, so a reader that can reach an element can walk on from it.
 * `prev` is for the writer only.
 *
 * What a reader may see half-way: elements pushed in front after it started are missed; an element removed while the
 * reader stands on it still leads onwards, because removal keeps its `next`. That is why a removed element's slot must
 * not be reused before a grace period (shm/epoch.ts).
 *
 * Removal poisons `prev`, so that removing twice traps in debug builds instead of corrupting the list.
 */
import { DEBUG } from '../probe/counters';
import { TORTURE } from '../probe/flavour';
import { S_LIST_NEXT, S_LIST_OWN_NEXT, S_LIST_PUBLISH, S_LIST_UNLINK, step } from '../probe/steps';

export const LINK_SIZE: usize = 8;
const PREV: usize = 0;
const NEXT: usize = 4;
export const POISON: u32 = 0xcccccccc;

export function listInit(head: usize): void {
  store<u32>(head, <u32>head, PREV);
  atomic.store<u32>(head, <u32>head, NEXT);
}

// @ts-ignore: decorator
@inline
function insertBefore(successor: usize, link: usize): void {
  const predecessor = <usize>load<u32>(successor, PREV);
  store<u32>(link, <u32>predecessor, PREV);
  if (TORTURE) step(S_LIST_OWN_NEXT);
  atomic.store<u32>(link, <u32>successor, NEXT);
  if (TORTURE) step(S_LIST_PUBLISH);
  atomic.store<u32>(predecessor, <u32>link, NEXT);
  store<u32>(successor, <u32>link, PREV);
}

// @ts-ignore: decorator
@inline
export function listPushFront(head: usize, link: usize): void {
  insertBefore(<usize>load<u32>(head, NEXT), link);
}

// @ts-ignore: decorator
@inline
export function listPushBack(head: usize, link: usize): void {
  insertBefore(head, link);
}

// @ts-ignore: decorator
@inline
export function listRemove(link: usize): void {
  const predecessor = <usize>load<u32>(link, PREV);
  if (DEBUG && <u32>predecessor == POISON) unreachable();
  const successor = <usize>load<u32>(link, NEXT);
  store<u32>(successor, <u32>predecessor, PREV);
  if (TORTURE) step(S_LIST_UNLINK);
  atomic.store<u32>(predecessor, <u32>successor, NEXT);
  store<u32>(link, POISON, PREV);
}

// @ts-ignore: decorator
@inline
export function listNext(link: usize): usize {
  if (TORTURE) step(S_LIST_NEXT);
  return <usize>atomic.load<u32>(link, NEXT);
}
