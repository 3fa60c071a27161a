/**
 * Where a worker's time goes, from a clock read before and one after each batch: inside calls of the engine, waiting (for due
 * times or for the source), sweeping, and the rest, which is the harness: filling the batch, making descriptors, copying
 * packets, the quiescent point. Independent of the times that the engine records per packet, so that each can check the other.
 */

/** Time between the readings around a call and the first and last one inside it: no packet has it. */
export interface BetweenReadings {
  /** Where nothing came between: entering and leaving the engine, and the reads themselves. */
  readonly steadyNs: number;
  /** In batches where something else had the core meanwhile. */
  readonly interruptedNs: number;
  /** Of that, in the batch with the most. */
  readonly longestNs: number;
}

/** Sums over a run, nanoseconds. */
export interface TimeAccountFigures {
  /** Inside calls of the engine, from just before to just after, over all batches and over those whose packets were timed. */
  readonly executeNs: number;
  readonly timedExecuteNs: number;
  readonly batches: number;
  readonly timedBatches: number;
  /** Of `timedExecuteNs`. */
  readonly between: BetweenReadings;
  /** Waiting for packets to be due, or for their source, offline. */
  readonly idleNs: number;
  /** Sweeping in the worker itself (one worker on a capture clock). */
  readonly sweepNs: number;
}

/** A call without its packets takes a tenth of a microsecond; one that takes this much was interrupted. */
const INTERRUPTED_NS = 20_000;

/** Adds up; nothing is allocated. */
export class TimeAccount {
  #executeNs = 0;
  #timedExecuteNs = 0;
  #batches = 0;
  #timedBatches = 0;
  #steadyNs = 0;
  #interruptedNs = 0;
  #longestNs = 0;
  #idleNs = 0;
  #sweepNs = 0;

  /**
   * A call of the engine took `ns`.
   * @param recordedNs what the engine recorded for its packets, where they were timed
   */
  executed(ns: number, timed: boolean, recordedNs: number): void {
    this.#executeNs += ns;
    this.#batches++;
    if (!timed) return;
    this.#timedExecuteNs += ns;
    this.#timedBatches++;
    const betweenNs = ns - recordedNs;
    if (betweenNs <= INTERRUPTED_NS) {
      this.#steadyNs += betweenNs;
      return;
    }
    this.#interruptedNs += betweenNs;
    if (betweenNs > this.#longestNs) this.#longestNs = betweenNs;
  }

  waited(ns: number): void {
    this.#idleNs += ns;
  }

  swept(ns: number): void {
    this.#sweepNs += ns;
  }

  figures(): TimeAccountFigures {
    return {
      executeNs: this.#executeNs,
      timedExecuteNs: this.#timedExecuteNs,
      batches: this.#batches,
      timedBatches: this.#timedBatches,
      between: {
        steadyNs: this.#steadyNs,
        interruptedNs: this.#interruptedNs,
        longestNs: this.#longestNs,
      },
      idleNs: this.#idleNs,
      sweepNs: this.#sweepNs,
    };
  }
}
