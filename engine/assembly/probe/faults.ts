/**
 * Faults that can be planted in the `torture` flavour, and in no other: each is one that a protocol once had or could have had.
 * They show that torture finds what it is there to find. A module instance belongs to one thread, so each thread plants its own.
 */

export const FAULT_NONE: u32 = 0;
/** A thread that was woken takes the lock without looking whether another has taken it meanwhile. */
export const FAULT_MUTEX_UNCHECKED: u32 = 1;
/** The orphan list as it was: who finds it taken goes away without a word. */
export const FAULT_ORPHANS_UNCALLED: u32 = 2;
/** A slot counts as free without a grace period. */
export const FAULT_SLOT_EARLY: u32 = 3;
/** Making room takes an entry out of its old bucket before it is in the new one. */
export const FAULT_MOVE_LATE: u32 = 4;

let planted: u32 = FAULT_NONE;

export function plantFault(fault: u32): void {
  planted = fault;
}

// ---- Asked behind `if (TORTURE)` only --------------------------------------------------------------------------------
// @ts-ignore: decorator
@inline
export function isPlanted(fault: u32): bool {
  return planted == fault;
}
