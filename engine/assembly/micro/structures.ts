/**
 * Loops over the operations of the shared structures. Each runs `n` operations and returns how many did what they should,
 * so that the host can check that the work was done, and the compiler cannot drop it. Where an operation needs input that
 * differs from one round to the next, a second loop makes only the input: its time is subtracted by the host.
 */
import { LC_CT } from '../probe/counters';
import { recordCoarse, recordFine } from '../probe/histogram';
import { CO_LINK } from '../records/connection';
import { CONN_SIZE, CONTROL, C_CT_LOCK, slabBase } from '../records/memory-map';
import { quiesce, retire } from '../shm/epoch';
import { mapFind, mapInsertLocked, mapNext, mapRemoveLocked } from '../shm/hash-map';
import { lock, unlock } from '../shm/mutex';
import { plainListInit, plainListPushBack, plainListRemove } from '../shm/plain-list';
import { listInit, listNext, listPushFront, listRemove } from '../shm/rculist';
import { takeSlotLocked } from '../shm/slab';

/** A well-spread number for each `i`. */
// @ts-ignore: decorator
@inline
function spread(i: u32): u32 {
  let x = i * 0x9e3779b1;
  x ^= x >> 15;
  x *= 0x85ebca6b;
  return x ^ (x >> 13);
}

/** One of `population` records, in an order that caches cannot foresee. */
// @ts-ignore: decorator
@inline
function pick(i: u32, population: u32): u32 {
  return <u32>((<u64>spread(i) * population) >> 32);
}

// @ts-ignore: decorator
@inline
function recordAt(i: u32): usize {
  return slabBase + <usize>i * CONN_SIZE;
}

/** Hash of record `i` in the map loops. */
// @ts-ignore: decorator
@inline
function hashOf(i: u32): u32 {
  return spread(i + 0x51ed270b);
}

/** Nothing but the loop. */
export function loopNothing(n: u32): u32 {
  let sum: u32 = 0;
  for (let i: u32 = 0; i < n; i++) sum += spread(i) | 1;
  return sum == 0 ? 0 : n;
}

/** A free mutex taken and released. */
export function loopMutex(n: u32): u32 {
  let done: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    lock(CONTROL + C_CT_LOCK, LC_CT);
    done++;
    unlock(CONTROL + C_CT_LOCK, LC_CT);
  }
  return done;
}

/** A quiescent point with nothing to reclaim. */
export function loopQuiesce(n: u32): u32 {
  let done: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    quiesce();
    done++;
  }
  return done;
}

/** A slot's life: taken, retired, waited for (one thread online) and returned. */
export function loopSlotLife(n: u32): u32 {
  let done: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const slot = takeSlotLocked();
    if (slot == 0) return done;
    retire(slot);
    quiesce();
    done++;
  }
  return done;
}

// ---- rculist: links of the first n slots ----------------------------------------------------------------------------
export function listPrepare(head: usize): void {
  listInit(head);
}

export function loopListInsert(head: usize, n: u32): u32 {
  for (let i: u32 = 0; i < n; i++) listPushFront(head, recordAt(i) + CO_LINK);
  return n;
}

export function loopListRemove(n: u32): u32 {
  for (let i: u32 = 0; i < n; i++) listRemove(recordAt(i) + CO_LINK);
  return n;
}

/** Links met in one walk. */
export function loopListScan(head: usize): u32 {
  let met: u32 = 0;
  for (let link = listNext(head); link != head; link = listNext(link)) met++;
  return met;
}

// ---- Plain list: links of the first n slots --------------------------------------------------------------------------
export function plainListPrepare(head: usize): void {
  plainListInit(head);
}

export function loopPlainListInsert(head: usize, n: u32): u32 {
  for (let i: u32 = 0; i < n; i++) plainListPushBack(head, recordAt(i) + CO_LINK);
  return n;
}

export function loopPlainListRemove(n: u32): u32 {
  for (let i: u32 = 0; i < n; i++) plainListRemove(recordAt(i) + CO_LINK);
  return n;
}

/** What a refresh of the old design does: out of the list, and in again at its end. The list holds the first `population` links. */
export function loopPlainListMove(head: usize, population: u32, n: u32): u32 {
  for (let i: u32 = 0; i < n; i++) {
    const link = recordAt(pick(i, population)) + CO_LINK;
    plainListRemove(link);
    plainListPushBack(head, link);
  }
  return n;
}

/** What loopPlainListMove does besides moving. */
export function loopPick(population: u32, n: u32): u32 {
  let sum: usize = 0;
  for (let i: u32 = 0; i < n; i++) sum += recordAt(pick(i, population)) | 1;
  return sum == 0 ? 0 : n;
}

// ---- Hash map: record i under hashOf(i) -----------------------------------------------------------------------------
export function loopMapInsert(first: u32, n: u32): u32 {
  let done: u32 = 0;
  for (let i: u32 = first; i < first + n; i++) done += u32(mapInsertLocked(recordAt(i), hashOf(i)));
  return done;
}

export function loopMapRemove(first: u32, n: u32): u32 {
  let done: u32 = 0;
  for (let i: u32 = first; i < first + n; i++) done += u32(mapRemoveLocked(recordAt(i)));
  return done;
}

/** Finds records among `population` from `first` on; the chain is walked to the very record. Returns how many were found. */
export function loopMapFind(first: u32, population: u32, n: u32): u32 {
  let found: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const which = first + pick(i, population);
    const wanted = recordAt(which);
    let record = mapFind(hashOf(which));
    while (record != 0 && record != wanted) record = mapNext(record);
    if (record != 0) found++;
  }
  return found;
}

/** What loopMapFind does besides finding. */
export function loopMapPick(first: u32, population: u32, n: u32): u32 {
  let sum: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const which = first + pick(i, population);
    sum += hashOf(which) ^ <u32>recordAt(which);
  }
  return sum == 0 ? 0 : n;
}

// ---- Histograms: values of a latency-like spread --------------------------------------------------------------------
// @ts-ignore: decorator
@inline
function latencyLike(i: u32): u64 {
  const x = spread(i);
  return 50 + <u64>(x >> (16 + (x & 15)));
}

export function loopRecordFine(at: usize, n: u32): u32 {
  for (let i: u32 = 0; i < n; i++) recordFine(at, latencyLike(i));
  return n;
}

export function loopRecordCoarse(at: usize, n: u32): u32 {
  for (let i: u32 = 0; i < n; i++) recordCoarse(at, latencyLike(i));
  return n;
}

/** What the record loops do besides recording. */
export function loopValues(n: u32): u32 {
  let sum: u64 = 0;
  for (let i: u32 = 0; i < n; i++) sum += latencyLike(i);
  return sum == 0 ? 0 : n;
}
