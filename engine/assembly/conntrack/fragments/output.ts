/**
 * Putting fragments out: those of completed packets, and those whose packet never completed (spec §1.5, §13).
 *
 * A batch puts out at most MAX_OUTPUTS fragments; a completed list that does not fit goes on in the next batch of whichever
 * thread. The fragments put out stay in their slots until the thread's next batch begins.
 */
import { countReason, LC_FRAGMENT } from '../../probe/counters';
import { ST_INV } from '../../records/connection';
import { C_FRAGMENT_LOCK, CONTROL } from '../../records/memory-map';
import { R_FRAGMENT_EXPIRED } from '../../records/reasons';
import { lock, unlock } from '../../shm/mutex';
import { OUTPUTS_AT, threadBuffer } from './recognise';
import {
  countFragment,
  FC_COMPLETED,
  FC_EXPIRED,
  FC_PURGED,
  FS_COMPLETED,
  FS_GENERATION,
  FS_HELD,
  FS_WAITING,
} from './settings';
import {
  endListLocked,
  F_NEXT,
  fragmentPacket,
  L_EXPIRATION,
  L_IPV6,
  L_NEXT_OUT,
  L_STATE,
  LIST_FAILED,
  queueHead,
  queueNext,
  releaseSlotLocked,
  slotOfPacket,
} from './store';

/** Packets of a batch, as in the original. */
const MAX_OUTPUTS: u32 = 32;
/** A list this long past its timeout is dropped instead of put out. */
const PURGE_AFTER_MS: i64 = 10000;

class Outputs {
  static count: u32 = 0;
  /** Generation of the store that they belong to. */
  static generation: u32 = 0;
}

/** Packets put out since the batch began. */
export function outputCount(): u32 {
  return Outputs.count;
}
/** Address of the descriptor of output `index`, or 0. Valid until the thread's next batch. */
export function outputAddress(index: u32): usize {
  return index < Outputs.count ? <usize>load<u32>(threadBuffer() + OUTPUTS_AT + ((<usize>index) << 2)) : 0;
}

/** Begins a batch: the slots of the previous one's outputs become free. */
// @ts-ignore: decorator
@inline
export function outputsReset(): void {
  if (Outputs.count != 0) releaseOutputs();
}

function releaseOutputs(): void {
  lock(CONTROL + C_FRAGMENT_LOCK, LC_FRAGMENT);
  if (Outputs.generation == atomic.load<u32>(CONTROL, FS_GENERATION)) {
    for (let i: u32 = 0; i < Outputs.count; i++) releaseSlotLocked(slotOfPacket(outputAddress(i)));
  }
  Outputs.count = 0;
  unlock(CONTROL + C_FRAGMENT_LOCK, LC_FRAGMENT);
}

/** Puts out what completed lists hold. */
export function putOutCompletedLocked(now: i64): void {
  let list = queueHead(FS_COMPLETED);
  while (list != 0) {
    const next = queueNext(list);
    if (!purgeLocked(list, now) && !putOutLocked(list, false)) return;
    endListLocked(FS_COMPLETED, list);
    list = next;
  }
}

/** Puts out, or drops, the oldest list if its time is over. */
export function putOutExpiredLocked(now: i64): void {
  const list = queueHead(FS_WAITING);
  if (list == 0 || now <= load<i64>(list, L_EXPIRATION)) return;
  if (purgeLocked(list, now) || putOutLocked(list, true)) endListLocked(FS_WAITING, list);
}

/** Whether there may be something to put out; a moment's staleness does not matter. */
export function mayPutOut(now: i64): bool {
  if (queueHead(FS_COMPLETED) != 0) return true;
  const oldest = queueHead(FS_WAITING);
  return oldest != 0 && now > load<i64>(oldest, L_EXPIRATION);
}

/** Drops the fragments of a list that is long past its timeout. Returns whether it was. */
function purgeLocked(list: usize, now: i64): bool {
  if (now < load<i64>(list, L_EXPIRATION) + PURGE_AFTER_MS) return false;
  const ipv6 = load<u32>(list, L_IPV6) != 0;
  let part = <usize>load<u32>(list, L_NEXT_OUT);
  while (part != 0) {
    const next = <usize>load<u32>(part, F_NEXT);
    countFragment(FC_PURGED, ipv6);
    atomic.sub<u32>(CONTROL + FS_HELD, 1);
    releaseSlotLocked(part);
    part = next;
  }
  return true;
}

/** Puts the fragments of a list out in its order. Returns false when the batch became full first. */
function putOutLocked(list: usize, expired: bool): bool {
  const ipv6 = load<u32>(list, L_IPV6) != 0;
  let part = <usize>load<u32>(list, L_NEXT_OUT);
  while (part != 0) {
    if (Outputs.count == MAX_OUTPUTS) {
      store<u32>(list, <u32>part, L_NEXT_OUT);
      // What was put out is free soon, so the list takes in nothing more: it would be looked for among that.
      if (expired) store<u32>(list, LIST_FAILED, L_STATE);
      return false;
    }
    const p = fragmentPacket(part);
    if (expired) {
      p.ctState = ST_INV;
      p.reason = <u8>R_FRAGMENT_EXPIRED;
      countReason(R_FRAGMENT_EXPIRED);
    }
    countFragment(expired ? FC_EXPIRED : FC_COMPLETED, ipv6);
    atomic.sub<u32>(CONTROL + FS_HELD, 1);
    store<u32>(threadBuffer() + OUTPUTS_AT + ((<usize>Outputs.count) << 2), <u32>changetype<usize>(p));
    Outputs.count++;
    Outputs.generation = atomic.load<u32>(CONTROL, FS_GENERATION);
    part = <usize>load<u32>(part, F_NEXT);
  }
  return true;
}
