/**
 * Passing time without reading the clock. Node's clock gives a number that lies in the heap, sixteen bytes a read: a thread that reads it
 * over and over until a packet is due makes a quarter of a gigabyte of garbage a second, which goes through the caches that the tracker needs, and
 * stops it for a quarter of a millisecond some sixty times a second while it is collected.
 *
 * How long a turn takes is learnt as it goes, from the clock read before and after.
 */

/** Before anything was learnt: as long as a turn takes that is not compiled yet, so that the first passes are too short, not too long. */
const FIRST_TURN_NS = 20;
const SHORTEST_TURN_NS = 0.05;
const MOST_TURNS = 1_000_000;
/** A pass that took longer may have been interrupted, so it raises what is known by little; a shorter one was not, and counts for half. */
const MOST_RISE = 1.25;
const FALL = 0.5;

/** A way to pass time; `waitUntil` tells it what came of it. */
export interface Pause {
  /**
   * Keeps the thread busy for about so long.
   * @returns turns that it took
   */
  pass(ns: number): number;
  /** So many turns took so long. */
  learn(turns: number, tookNs: number): void;
}

export class SpinPause implements Pause {
  #turnNs = FIRST_TURN_NS;
  /** Kept, so that no compiler finds the turns useless. */
  #mixed = 1;

  pass(ns: number): number {
    const turns = Math.min(MOST_TURNS, Math.max(1, Math.floor(ns / this.#turnNs)));
    let mixed = this.#mixed;
    for (let turn = 0; turn < turns; turn++) mixed = (Math.imul(mixed, 31) + turn) | 0;
    this.#mixed = mixed;
    return turns;
  }

  learn(turns: number, tookNs: number): void {
    const turnNs = Math.max(SHORTEST_TURN_NS, tookNs / turns);
    if (turnNs > this.#turnNs) this.#turnNs = Math.min(turnNs, MOST_RISE * this.#turnNs);
    else this.#turnNs += FALL * (turnNs - this.#turnNs);
  }
}
