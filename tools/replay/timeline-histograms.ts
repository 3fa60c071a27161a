/**
 * Histograms of a run over its whole length, however long that is: as many as a plot can show. When there are too many, each two
 * neighbours are joined, and from then on a histogram covers twice as many intervals.
 */

/** Bins in use: index and count, by turns. */
export type SparseCounts = readonly number[];

/** A histogram and the intervals that it covers. */
export interface SpanCounts {
  /** Numbers of the first interval and of the one behind the last. */
  readonly from: number;
  readonly to: number;
  readonly counts: SparseCounts;
}

interface OpenSpan {
  readonly from: number;
  readonly bins: Map<number, number>;
}

export class TimelineHistograms {
  readonly #most: number;
  #spans: OpenSpan[] = [];
  /** Intervals that a histogram covers: a power of two. */
  #intervals = 1;

  /** @param most histograms kept, at least 2 */
  constructor(most: number) {
    this.#most = most;
  }

  /** Adds an interval's counts by bin; intervals come in their order, and some may be missing. */
  add(interval: number, counts: ArrayLike<number>): void {
    const bins = this.#spanOf(interval);
    for (let bin = 0; bin < counts.length; bin++) {
      const count = counts[bin] as number;
      if (count > 0) bins.set(bin, (bins.get(bin) ?? 0) + count);
    }
    while (this.#spans.length > this.#most) this.#join();
  }

  /** All histograms, in order; only the last one may cover intervals that have not come. */
  spans(): SpanCounts[] {
    return this.#spans.map(({ from, bins }) => ({
      from,
      to: from + this.#intervals,
      counts: [...bins].toSorted(([a], [b]) => a - b).flat(),
    }));
  }

  #spanOf(interval: number): Map<number, number> {
    const from = interval - (interval % this.#intervals);
    const last = this.#spans.at(-1);
    if (last?.from === from) return last.bins;
    const bins = new Map<number, number>();
    this.#spans.push({ from, bins });
    return bins;
  }

  #join(): void {
    this.#intervals *= 2;
    const before = this.#spans;
    this.#spans = [];
    for (const { from, bins } of before) {
      const into = this.#spanOf(from);
      for (const [bin, count] of bins) into.set(bin, (into.get(bin) ?? 0) + count);
    }
  }
}
