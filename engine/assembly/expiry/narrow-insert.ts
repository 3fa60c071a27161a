/**
 * narrow-insert: rculist-sweep with the reviewer's proposal made safe (spec §6.3). The original holds ct_lock over the
 * whole of "look up, then create". Here a creating thread tests whether it may create and prepares the record without
 * the lock; then, under ct_lock, it looks up again, re-checks the limits, chooses the NAT tuple (which must be atomic with
 * the insertion) and inserts. That is the tracker's way of creating for a design with TRAIT_CREATES_NARROWLY; everything about
 * expiring is rculist-sweep's.
 *
 * Lock order: as rculist-sweep.
 */
import { RculistSweep } from './rculist-sweep';

export * from './rculist-sweep';
export const TRAIT_ORDER: u32 = 3;
export const TRAIT_CREATES_NARROWLY: bool = true;

@unmanaged
export class NarrowInsert extends RculistSweep {}
