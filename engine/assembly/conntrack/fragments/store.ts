/**
 * The fragment store: slots with a copy of a held fragment each, and the lists that collect the fragments of a packet.
 *
 * Region layout: one slot's space for the heads of the hash chains, then the slots. A slot holds a fragment (descriptor and
 * frame) and, in the slot of the fragment that started it, also the record of a list; USES counts the two roles, and a slot is
 * free when both are over. Slots never used are taken from a bump pointer, so an idle store costs no memory.
 *
 * Who writes and who reads: everybody, under the fragment lock (taken alone). Exceptions: a list that is being executed
 * (LIST_COMPLETED and in no queue) belongs to its thread; fragments put out belong to the thread that put them out until
 * its next batch.
 *
 * Differs from the original: frames are copied to slots of fixed size, longer frames are not held.
 */
import { copyKey, keyEquals } from '../../records/key';
import { CONTROL, fragmentsBase, fragmentSlots } from '../../records/memory-map';
import { Packet, PACKET_SIZE } from '../../records/packet';
import { FRAGMENT_KEY_SIZE } from './recognise';
import { FS_COMPLETED, FS_FREE, FS_GENERATION, FS_HELD, FS_NEXT_UNUSED, FS_WAITING } from './settings';

/** Bytes of the region per slot: list record and links, descriptor, frame. */
export const FRAGMENT_SLOT_SIZE: usize = 9536;
/** Longest frame that is held. */
export const FRAGMENT_FRAME_SIZE: u32 = 9216;
const HASH_HEADS: u32 = 2048;

/** List record. The key comes first. */
const L_CHAIN: usize = FRAGMENT_KEY_SIZE;
const L_PREV: usize = 52;
const L_NEXT: usize = 56;
export const L_STATE: usize = 60;
export const L_EXPIRATION: usize = 64; // i64 ms
export const L_FIRST: usize = 72;
export const L_LAST: usize = 76;
export const L_COUNT: usize = 80;
/** First fragment not put out yet, 0 when all are. */
export const L_NEXT_OUT: usize = 84;
export const L_IPV6: usize = 88;
/** Fragment. */
export const F_NEXT: usize = 92;
export const F_START: usize = 96;
export const F_END: usize = 100;
const USES: usize = 104;
const FREE_NEXT: usize = 108;
const PACKET_AT: usize = 128;
/** The IP header behind a plain Ethernet header is then 4-byte aligned. */
const FRAME_AT: usize = PACKET_AT + PACKET_SIZE + 2;

export const LIST_OTHER: u32 = 0;
export const LIST_FIRST: u32 = 1;
export const LIST_LAST: u32 = 2;
export const LIST_FIRST_LAST: u32 = 3;
export const LIST_COMPLETED: u32 = 4;
/** All there, but too long to be a packet. */
export const LIST_FAILED: u32 = 5;

// @ts-ignore: decorator
@inline
export function fragmentPacket(slot: usize): Packet {
  return changetype<Packet>(slot + PACKET_AT);
}
// @ts-ignore: decorator
@inline
export function slotOfPacket(packet: usize): usize {
  return packet - PACKET_AT;
}

/** Empties the store. No thread may be executing. */
export function storeInit(): void {
  if (fragmentSlots != 0) memory.fill(fragmentsBase, 0, HASH_HEADS * 4);
  store<u32>(CONTROL, 0, FS_FREE);
  store<u32>(CONTROL, <u32>(fragmentsBase + FRAGMENT_SLOT_SIZE), FS_NEXT_UNUSED);
  store<u64>(CONTROL, 0, FS_WAITING);
  store<u64>(CONTROL, 0, FS_COMPLETED);
  atomic.store<u32>(CONTROL, 0, FS_HELD);
  atomic.add<u32>(CONTROL + FS_GENERATION, 1);
}

/** A slot with one use, or 0 when there is none. */
function takeSlotLocked(): usize {
  let slot = <usize>load<u32>(CONTROL, FS_FREE);
  if (slot != 0) {
    store<u32>(CONTROL, load<u32>(slot, FREE_NEXT), FS_FREE);
  } else {
    slot = <usize>load<u32>(CONTROL, FS_NEXT_UNUSED);
    // One slot's space more: the first is the hash heads'.
    if (slot + FRAGMENT_SLOT_SIZE > fragmentsBase + <usize>(fragmentSlots + 1) * FRAGMENT_SLOT_SIZE) return 0;
    store<u32>(CONTROL, <u32>(slot + FRAGMENT_SLOT_SIZE), FS_NEXT_UNUSED);
  }
  store<u32>(slot, 1, USES);
  return slot;
}

/** One role of the slot is over. */
export function releaseSlotLocked(slot: usize): void {
  const uses = load<u32>(slot, USES) - 1;
  store<u32>(slot, uses, USES);
  if (uses != 0) return;
  store<u32>(slot, load<u32>(CONTROL, FS_FREE), FREE_NEXT);
  store<u32>(CONTROL, <u32>slot, FS_FREE);
}

/** Copies a packet and its frame into a slot; 0 when no slot is left. Precondition: the frame is at most FRAGMENT_FRAME_SIZE. */
export function storeFragmentLocked(p: Packet, start: u32, end: u32): usize {
  const slot = takeSlotLocked();
  if (slot == 0) return 0;
  const copy = fragmentPacket(slot);
  memory.copy(changetype<usize>(copy), changetype<usize>(p), PACKET_SIZE);
  memory.copy(slot + FRAME_AT, p.frame, p.length);
  copy.frame = <u32>(slot + FRAME_AT);
  copy.capacity = FRAGMENT_FRAME_SIZE;
  copy.params = 0;
  copy.consumed = 0;
  store<u32>(slot, start, F_START);
  store<u32>(slot, end, F_END);
  store<u32>(slot, 0, F_NEXT);
  atomic.add<u32>(CONTROL + FS_HELD, 1);
  return slot;
}

// ---- Lists ---------------------------------------------------------------------------------------------------------

// @ts-ignore: decorator
@inline
function headOf(key: usize): usize {
  let h: u64 = 0;
  for (let at: usize = 0; at < FRAGMENT_KEY_SIZE; at += 8) {
    h = (h ^ load<u64>(key + at)) * 0x9e3779b97f4a7c15;
    h ^= h >> 32;
  }
  return fragmentsBase + ((<usize>h & (HASH_HEADS - 1)) << 2);
}

export function findListLocked(key: usize): usize {
  let list = <usize>load<u32>(headOf(key));
  while (list != 0 && !keyEquals(list, key)) list = <usize>load<u32>(list, L_CHAIN);
  return list;
}

/** Makes the slot of a first fragment the record of a new list, findable and waiting until `expiration`. */
export function startListLocked(slot: usize, key: usize, ipv6: bool, expiration: i64): void {
  store<u32>(slot, load<u32>(slot, USES) + 1, USES);
  copyKey(slot, key);
  const head = headOf(key);
  store<u32>(slot, load<u32>(head), L_CHAIN);
  store<u32>(head, <u32>slot);
  store<u32>(slot, LIST_OTHER, L_STATE);
  store<i64>(slot, expiration, L_EXPIRATION);
  store<u32>(slot, 0, L_FIRST);
  store<u32>(slot, 0, L_LAST);
  store<u32>(slot, 0, L_COUNT);
  store<u32>(slot, 0, L_NEXT_OUT);
  store<u32>(slot, u32(ipv6), L_IPV6);
  pushLocked(FS_WAITING, slot);
}

/** Takes a list out of a queue and forgets it. Its fragments have been put out or released. */
export function endListLocked(queue: usize, list: usize): void {
  removeLocked(queue, list);
  let link = headOf(list);
  while (<usize>load<u32>(link) != list) link = <usize>load<u32>(link) + L_CHAIN;
  store<u32>(link, load<u32>(list, L_CHAIN));
  releaseSlotLocked(list);
}

/** First list of a queue, or 0. */
// @ts-ignore: decorator
@inline
export function queueHead(queue: usize): usize {
  return <usize>load<u32>(CONTROL + queue);
}
// @ts-ignore: decorator
@inline
export function queueNext(list: usize): usize {
  return <usize>load<u32>(list, L_NEXT);
}

export function pushLocked(queue: usize, list: usize): void {
  const tail = <usize>load<u32>(CONTROL + queue, 4);
  store<u32>(list, <u32>tail, L_PREV);
  store<u32>(list, 0, L_NEXT);
  if (tail == 0) store<u32>(CONTROL + queue, <u32>list);
  else store<u32>(tail, <u32>list, L_NEXT);
  store<u32>(CONTROL + queue, <u32>list, 4);
}

export function removeLocked(queue: usize, list: usize): void {
  const prev = <usize>load<u32>(list, L_PREV);
  const next = <usize>load<u32>(list, L_NEXT);
  if (prev == 0) store<u32>(CONTROL + queue, <u32>next);
  else store<u32>(prev, <u32>next, L_NEXT);
  if (next == 0) store<u32>(CONTROL + queue, <u32>prev, 4);
  else store<u32>(next, <u32>prev, L_PREV);
}
