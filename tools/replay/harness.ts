/**
 * How much of a worker's time is not the tracker's: filling batches, giving packets the addresses of their loop, copying those
 * that may be rewritten, quiescent points. One batch in many is looked at from outside, so that a run without clocks stays
 * one: four reads in some two thousand packets.
 */

/** Sums over the batches that were looked at and not interrupted. */
export interface HarnessFigures {
  readonly batches: number;
  /** Inside the tracker, nanoseconds; one clock read a batch is in it. */
  readonly insideNs: number;
  /** From one batch to the next, nanoseconds; three clock reads a batch are in it. */
  readonly totalNs: number;
}

/** Not a multiple of what traffic repeats at. */
const INTERVAL_BATCHES = 61;
/** Batches kept; a longer run keeps its first ones. */
const MOST_BATCHES = 16_384;
/** The longest are left out: a thread that loses its CPU for milliseconds inside a batch would decide over all of them. */
const KEPT_SHARE = 0.95;

/** Looks at one worker's batches. */
export class HarnessSampler {
  readonly #now: () => number;
  #batch = 0;
  #looking = false;
  #startNs = 0;
  #enteredNs = 0;
  #leftNs = 0;
  #batches = 0;
  readonly #insideNs = new Float64Array(MOST_BATCHES);
  readonly #totalNs = new Float64Array(MOST_BATCHES);

  /** @param now the worker's clock, nanoseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** A batch is there and about to be filled. */
  begin(): void {
    this.#looking = this.#batch++ % INTERVAL_BATCHES === 0 && this.#batches < MOST_BATCHES;
    if (this.#looking) this.#startNs = this.#now();
  }

  /** The tracker is about to be called. */
  enter(): void {
    if (this.#looking) this.#enteredNs = this.#now();
  }

  /** The tracker has returned. */
  leave(): void {
    if (this.#looking) this.#leftNs = this.#now();
  }

  /** The batch is done with. */
  end(): void {
    if (!this.#looking) return;
    this.#totalNs[this.#batches] = this.#now() - this.#startNs;
    this.#insideNs[this.#batches] = this.#leftNs - this.#enteredNs;
    this.#batches++;
  }

  figures(): HarnessFigures {
    const longest =
      this.#totalNs.slice(0, this.#batches).toSorted()[Math.ceil(this.#batches * KEPT_SHARE) - 1] ?? 0;
    let batches = 0;
    let insideNs = 0;
    let totalNs = 0;
    for (let i = 0; i < this.#batches; i++) {
      const total = this.#totalNs[i] as number;
      if (total > longest) continue;
      batches++;
      insideNs += this.#insideNs[i] as number;
      totalNs += total;
    }
    return { batches, insideNs, totalNs };
  }
}

/**
 * Share of the workers' time outside the tracker, 0 to 1; null when no batch was looked at.
 * @param clockCostNs what one clock read costs; taken off
 */
export function harnessShareOf(workers: readonly HarnessFigures[], clockCostNs: number): number | null {
  const sum = (pick: (one: HarnessFigures) => number): number =>
    workers.reduce((total, one) => total + pick(one), 0);
  const batches = sum((one) => one.batches);
  const insideNs = sum((one) => one.insideNs) - batches * clockCostNs;
  const totalNs = sum((one) => one.totalNs) - 3 * batches * clockCostNs;
  if (batches === 0 || totalNs <= 0) return null;
  return Math.min(1, Math.max(0, 1 - insideNs / totalNs));
}
