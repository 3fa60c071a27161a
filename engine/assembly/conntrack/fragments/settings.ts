/**
 * Fragment settings, state words and counters, in the control block at C_FRAGMENT_SETTINGS.
 *
 * The host writes the settings before the run, or at any time as single words; the engine reads them plainly. The held count is
 * atomic, so that batches without fragments pay one load. State words and counters are guarded by the fragment lock.
 */
import { C_FRAGMENT_SETTINGS, CONTROL } from '../../records/memory-map';

/** Not 0: reassembly of IPv4, of IPv6. */
export const FS_ENABLED4: usize = C_FRAGMENT_SETTINGS;
export const FS_ENABLED6: usize = C_FRAGMENT_SETTINGS + 4;
/** Least size, network header included, of a fragment that is not the last. */
export const FS_MIN4: usize = C_FRAGMENT_SETTINGS + 8;
export const FS_MIN6: usize = C_FRAGMENT_SETTINGS + 12;
/** Fragments held at most. */
export const FS_MAX: usize = C_FRAGMENT_SETTINGS + 16;

/** Fragments held, atomic u32. */
export const FS_HELD: usize = C_FRAGMENT_SETTINGS + 20;
/** Returned slots, and the slot that the next bump allocation takes. */
export const FS_FREE: usize = C_FRAGMENT_SETTINGS + 24;
export const FS_NEXT_UNUSED: usize = C_FRAGMENT_SETTINGS + 28;
/** Queues of lists: head, then tail. Waiting for fragments, oldest first; completed and to be put out. */
export const FS_WAITING: usize = C_FRAGMENT_SETTINGS + 32;
export const FS_COMPLETED: usize = C_FRAGMENT_SETTINGS + 40;
/** Bumped when the context is emptied: threads then forget the outputs they still hold. */
export const FS_GENERATION: usize = C_FRAGMENT_SETTINGS + 48;

/** Counters, u64 each: N_FRAGMENT_COUNTERS for IPv4, then as many for IPv6. */
export const FS_COUNTERS: usize = C_FRAGMENT_SETTINGS + 64;
export const FC_ACCEPTED: u32 = 0;
/** Put out after their packet was reassembled. */
export const FC_COMPLETED: u32 = 1;
/** Put out after their list's timeout. */
export const FC_EXPIRED: u32 = 2;
export const FC_TOO_SMALL: u32 = 3;
export const FC_OVERLAP: u32 = 4;
/** Dropped long after their list's timeout. */
export const FC_PURGED: u32 = 5;
/** Not held because the frame is longer than a slot. */
export const FC_TOO_LONG: u32 = 6;
export const N_FRAGMENT_COUNTERS: u32 = 7;

// @ts-ignore: decorator
@inline
export function setting(offset: usize): u32 {
  return load<u32>(CONTROL + offset);
}

/** Counts atomically: one of the counters is bumped before the lock is taken. */
export function countFragment(counter: u32, ipv6: bool): void {
  const index = ipv6 ? N_FRAGMENT_COUNTERS + counter : counter;
  atomic.add<u64>(CONTROL + FS_COUNTERS + (<usize>index << 3), 1);
}
