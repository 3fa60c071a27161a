/**
 * Clean-up passes of a tracker on a clock that jumps: each runs when the one before asked for it, and those that cannot change
 * anything are counted without being run, so that a gap of decades costs no more than one of minutes.
 *
 * Why passes can be left out: no packet runs while time moves on, so expirations stand still. A visit of the table that removed
 * nothing and came to its natural end is repeated in the same rhythm until a connection expires that had not when the visit
 * began: what a design may have hidden from it (lists by timeout stop at the first that lives) stays hidden until then. A visit
 * may take several passes (one that saw many connections ends early and is resumed), so what is repeated is the whole visit.
 */
import type { Tracker } from '../../engine/host/tracker.js';

/** Visits that must be due before it pays to look for those that can be left out: looking reads the whole table once. */
const WORTH_LOOKING_VISITS = 100;

/** One visit of the whole table. */
interface Visit {
  readonly startMs: number;
  passes: number;
  cleaned: number;
}

/** When the passes of one tracker are due. */
export class SweepSchedule {
  readonly #tracker: Tracker;
  #nextMs: number;
  /** Passes so far, with those that were left out because they would have changed nothing. */
  count = 0;

  /** @param firstMs tracker time of the first pass, milliseconds */
  constructor(tracker: Tracker, firstMs: number) {
    this.#tracker = tracker;
    this.#nextMs = firstMs;
  }

  /** Runs the passes that are due by then; the table is afterwards what all of them would have left. */
  advanceTo(nowMs: number): void {
    // Packets may have come since the last pass, and it may have ended halfway: the first visit begins after a natural end.
    let visit: Visit | null = null;
    let expirationsMs: Float64Array | null = null;
    while (this.#nextMs <= nowMs) {
      const { delayMs, immediate, cleaned } = this.#tracker.sweep(this.#nextMs);
      this.count += 1;
      // A pass may ask for another one at once; time moves on all the same.
      this.#nextMs += Math.max(1, delayMs);
      if (visit !== null) {
        visit.passes += 1;
        visit.cleaned += cleaned;
      }
      if (immediate) continue;
      if (
        visit?.cleaned === 0 &&
        nowMs - this.#nextMs > WORTH_LOOKING_VISITS * (this.#nextMs - visit.startMs)
      ) {
        expirationsMs ??= sortedExpirations(this.#tracker, visit.startMs);
        this.#leaveOut(visit, Math.min(nowMs + 1, firstAfter(expirationsMs, visit.startMs)));
      }
      visit = { startMs: this.#nextMs, passes: 0, cleaned: 0 };
    }
  }

  /** Leaves out as many repetitions of the visit as end before `untilMs`. */
  #leaveOut(visit: Visit, untilMs: number): void {
    const lengthMs = this.#nextMs - visit.startMs;
    const times = Math.max(0, Math.floor((untilMs - this.#nextMs) / lengthMs));
    this.#nextMs += times * lengthMs;
    this.count += times * visit.passes;
  }
}

function sortedExpirations(tracker: Tracker, nowMs: number): Float64Array {
  return Float64Array.from(tracker.dump(nowMs), ({ expirationMs }) => expirationMs).toSorted();
}

/** The first of the ascending values that is greater; infinity when there is none. */
function firstAfter(ascending: Float64Array, value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) > value) high = middle;
    else low = middle + 1;
  }
  return ascending[low] ?? Number.POSITIVE_INFINITY;
}
