/**
 * Slots that a thread holds ready, so that creations with shards (shm/shards.ts), which do not hold ct_lock, do not each take it for a slot:
 * it is taken for several at once, between creations, and alone.
 *
 * Who writes and who reads: the thread that they belong to. The slots are handed out (their generations are odd, they count as in use), and
 * linked through NEXT_SLOT in the order in which the slab gave them. `releaseSpares` gives them back before a thread sleeps.
 *
 * How many: what all threads hold together is at most a 64th of the slab, as a slot that is held ready by one is none for another.
 */
import { LC_CT } from '../probe/counters';
import {
  C_CT_LOCK,
  CONN_SIZE,
  CONTROL,
  maxThreads,
  slabBase,
  slabEnd,
  T_RESERVED_SLOTS,
  threadBlock,
} from '../records/memory-map';
import { lock, unlock } from '../shm/mutex';
import { NEXT_SLOT, putSlotLocked, takeSlotLocked } from '../shm/slab';

/** Slots taken at once, where the slab is large enough. Hosts count with them (tools/replay/touched-slots.ts). */
const MOST_TAKEN: u32 = 16;
/** Share of the slab that all threads together may hold. */
const SHARE_HELD: u32 = 64;

/** A slot, or 0 when the slab is full. Precondition: no lock is held. */
export function takeReserved(): usize {
  if (load<u32>(threadBlock, T_RESERVED_SLOTS) == 0) refill();
  const slot = <usize>load<u32>(threadBlock, T_RESERVED_SLOTS);
  if (slot != 0) store<u32>(threadBlock, load<u32>(slot, NEXT_SLOT), T_RESERVED_SLOTS);
  return slot;
}

function refill(): void {
  const slots = <u32>((slabEnd - slabBase) / CONN_SIZE);
  const wanted = min<u32>(max<u32>(slots / (SHARE_HELD * maxThreads), 1), MOST_TAKEN);
  let last = threadBlock + T_RESERVED_SLOTS - NEXT_SLOT;
  lock(CONTROL + C_CT_LOCK, LC_CT);
  for (let i: u32 = 0; i < wanted; i++) {
    const slot = takeSlotLocked();
    if (slot == 0) break;
    store<u32>(last, <u32>slot, NEXT_SLOT);
    last = slot;
  }
  store<u32>(last, 0, NEXT_SLOT);
  unlock(CONTROL + C_CT_LOCK, LC_CT);
}

/** Gives them all back. Precondition: ct_lock is held. */
export function putReservedLocked(): void {
  let slot = <usize>load<u32>(threadBlock, T_RESERVED_SLOTS);
  while (slot != 0) {
    const next = load<u32>(slot, NEXT_SLOT);
    putSlotLocked(slot);
    slot = <usize>next;
  }
  store<u32>(threadBlock, 0, T_RESERVED_SLOTS);
}
