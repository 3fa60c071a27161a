/** Points of a run of any length: the longer it has gone on, the further they lie apart, so that the whole run is kept and none is without end. */
export class Coarsening {
  readonly #step: number;
  #next: number;
  #every = 1;

  /** @param first points at full resolution; half as many more for each time that the run doubles its length */
  constructor(first: number) {
    this.#next = first;
    this.#step = first / 2;
  }

  /** Intervals that the next point stands for, a power of two. @param points how many there are */
  every(points: number): number {
    if (points >= this.#next) {
      this.#every *= 2;
      this.#next += this.#step;
    }
    return this.#every;
  }
}

/** Points at full resolution: twenty minutes at ten a second. */
export const FIRST_POINTS = 12_000;
