/**
 * IP fragments (spec §1.5): held until their packet is whole, tracked as that packet, then put out with its ct_state.
 *
 * Per batch the tracker calls outputsReset, for each packet that may be a fragment fragmentsPreprocess, after tracking a
 * reassembled packet fragmentsPostprocess, and at the end fragmentsExpire. The fragment lock is taken inside, alone.
 */
import { countWork, LC_FRAGMENT, W_BYTES_COPIED, W_FRAGMENTS } from '../../probe/counters';
import { ST_INV } from '../../records/connection';
import { C_FRAGMENT_LOCK, CONTROL, fragmentSlots } from '../../records/memory-map';
import { Packet } from '../../records/packet';
import { R_FRAGMENT_BAD } from '../../records/reasons';
import { lock, unlock } from '../../shm/mutex';
import { appendFragment, overlaps } from './list';
import { mayPutOut, outputsReset, putOutCompletedLocked, putOutExpiredLocked } from './output';
import { reassemble, shareState } from './reassemble';
import { BAD_FRAGMENT, Fragment, fragmentKey, NOT_FRAGMENT, recognise } from './recognise';
import {
  countFragment,
  FC_ACCEPTED,
  FC_OVERLAP,
  FC_TOO_LONG,
  FS_COMPLETED,
  FS_COUNTERS,
  FS_ENABLED4,
  FS_ENABLED6,
  FS_HELD,
  FS_MAX,
  FS_MIN4,
  FS_WAITING,
  N_FRAGMENT_COUNTERS,
  setting,
} from './settings';
import {
  F_NEXT,
  findListLocked,
  FRAGMENT_FRAME_SIZE,
  fragmentPacket,
  L_COUNT,
  L_NEXT_OUT,
  L_STATE,
  LIST_COMPLETED,
  LIST_FAILED,
  pushLocked,
  queueHead,
  queueNext,
  removeLocked,
  startListLocked,
  storeFragmentLocked,
  storeInit,
} from './store';

export { outputAddress, outputCount, outputsReset } from './output';
export { reassembledPacket } from './reassemble';

/** Not a fragment, or one that is not held: the packet goes on, and a fragment then fails extraction. */
const PASS: u32 = 0;
/** The packet was taken. */
export const HELD: u32 = 1;
/** The packet goes on as invalid: its ct_state says so. */
const INVALID: u32 = 2;
/** The packet was taken and completed its list: reassembledPacket() is to be tracked, then fragmentsPostprocess called. */
export const COMPLETE: u32 = 3;

const LIST_TIMEOUT_MS: i64 = 15000;
/** Most bytes that the fragments of an IPv4 packet share, by the original's reckoning with the longest header. */
const IPV4_LONGEST_HEADER: u32 = 60;
const IPV4_LONGEST_PAYLOAD: u32 = 65535 - IPV4_LONGEST_HEADER;
const IPV6_LONGEST_LIST: u32 = 65535;

class Executing {
  /** List whose packet this thread is tracking. */
  static list: usize = 0;
}

/** Empties the fragment context; the settings stay. No thread may be executing. */
export function fragmentsInit(): void {
  storeInit();
  memory.fill(CONTROL + FS_COUNTERS, 0, 2 * N_FRAGMENT_COUNTERS * 8);
  outputsReset();
  Executing.list = 0;
}

/** Takes a fragment in zone `zone` into the context. Returns PASS, HELD, INVALID or COMPLETE. */
export function fragmentsPreprocess(p: Packet, zone: u32, now: i64): u32 {
  // Without a store there are no buffers for the threads either.
  if (fragmentSlots == 0) return PASS;
  const enabled4 = setting(FS_ENABLED4) != 0;
  const enabled6 = setting(FS_ENABLED6) != 0;
  if (!enabled4 && !enabled6) return PASS;
  const kind = recognise(p, zone);
  if (kind == NOT_FRAGMENT) return PASS;
  countWork(W_FRAGMENTS, 1);
  if (kind == BAD_FRAGMENT) return reject(p);
  if (!(Fragment.ipv6 ? enabled6 : enabled4)) return PASS;
  lock(CONTROL + C_FRAGMENT_LOCK, LC_FRAGMENT);
  const outcome = holdLocked(p, now);
  unlock(CONTROL + C_FRAGMENT_LOCK, LC_FRAGMENT);
  return outcome == INVALID ? reject(p) : outcome;
}

function reject(p: Packet): u32 {
  p.ctState = ST_INV;
  p.reason = <u8>R_FRAGMENT_BAD;
  return INVALID;
}

function holdLocked(p: Packet, now: i64): u32 {
  if (atomic.load<u32>(CONTROL, FS_HELD) >= setting(FS_MAX)) return PASS;
  if (p.length > FRAGMENT_FRAME_SIZE) {
    countFragment(FC_TOO_LONG, Fragment.ipv6);
    return PASS;
  }
  let list = findListLocked(fragmentKey());
  if (list != 0) {
    if (load<u32>(list, L_STATE) >= LIST_COMPLETED) return PASS;
    if (load<u32>(list, L_COUNT) >= longestList()) return PASS;
    if (overlaps(list, Fragment.start, Fragment.end)) {
      countFragment(FC_OVERLAP, Fragment.ipv6);
      return INVALID;
    }
  }
  const slot = storeFragmentLocked(p, Fragment.start, Fragment.end);
  if (slot == 0) return PASS;
  if (list == 0) {
    list = slot;
    startListLocked(slot, fragmentKey(), Fragment.ipv6, now + LIST_TIMEOUT_MS);
  }
  countFragment(FC_ACCEPTED, Fragment.ipv6);
  countWork(W_BYTES_COPIED, p.length);
  if (!appendFragment(list, slot, Fragment.first, Fragment.last)) return HELD;
  if (!reassemble(list)) {
    store<u32>(list, LIST_FAILED, L_STATE);
    return HELD;
  }
  removeLocked(FS_WAITING, list);
  store<u32>(list, LIST_COMPLETED, L_STATE);
  Executing.list = list;
  return COMPLETE;
}

/** Fragments that one packet can have, from the least size of those that are not the last. */
function longestList(): u32 {
  if (Fragment.ipv6) return IPV6_LONGEST_LIST;
  const min = setting(FS_MIN4);
  const payload = min > IPV4_LONGEST_HEADER ? min - IPV4_LONGEST_HEADER : 1;
  return (IPV4_LONGEST_PAYLOAD + payload - 1) / payload;
}

/** The reassembled packet has been tracked: its fragments get its ct_state and are put out. */
export function fragmentsPostprocess(now: i64): void {
  const list = Executing.list;
  if (list != 0) shareState(list);
  Executing.list = 0;
  lock(CONTROL + C_FRAGMENT_LOCK, LC_FRAGMENT);
  if (list != 0) pushLocked(FS_COMPLETED, list);
  putOutCompletedLocked(now);
  unlock(CONTROL + C_FRAGMENT_LOCK, LC_FRAGMENT);
}

/** End of a batch: puts out what is left of completed lists, and one list whose time is over, marked invalid. */
export function fragmentsExpire(now: i64): void {
  if (atomic.load<u32>(CONTROL, FS_HELD) == 0 || !mayPutOut(now)) return;
  lock(CONTROL + C_FRAGMENT_LOCK, LC_FRAGMENT);
  putOutCompletedLocked(now);
  putOutExpiredLocked(now);
  unlock(CONTROL + C_FRAGMENT_LOCK, LC_FRAGMENT);
}

/** Fragments held now. */
export function fragmentsHeld(): u32 {
  return atomic.load<u32>(CONTROL, FS_HELD);
}

/** Position of this thread's walk over what is held. */
class HeldWalk {
  static completed: bool = false;
  static list: usize = 0;
  static part: usize = 0;
}

/**
 * Descriptor of the next fragment that is held, 0 = end; `first` other than 0 starts a walk. The order is arbitrary. For listing while
 * nothing else runs.
 */
export function heldFragmentNext(first: u32): usize {
  if (first != 0) {
    HeldWalk.completed = false;
    startHeldList(queueHead(FS_WAITING));
  }
  while (HeldWalk.part == 0) {
    if (HeldWalk.list != 0) {
      startHeldList(queueNext(HeldWalk.list));
    } else if (!HeldWalk.completed) {
      HeldWalk.completed = true;
      startHeldList(queueHead(FS_COMPLETED));
    } else {
      return 0;
    }
  }
  const part = HeldWalk.part;
  HeldWalk.part = <usize>load<u32>(part, F_NEXT);
  return changetype<usize>(fragmentPacket(part));
}

function startHeldList(list: usize): void {
  HeldWalk.list = list;
  HeldWalk.part = list == 0 ? 0 : <usize>load<u32>(list, L_NEXT_OUT);
}
