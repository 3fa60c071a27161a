/**
 * Where the level of a series changes: the segmentation with the least sum of squared deviations from segment means
 * plus a penalty per segment, found exactly.
 * Source: R. Killick, P. Fearnhead and I. Eckley, "Optimal Detection of Changepoints With a Linear Computational Cost",
 * JASA 107 (2012): optimal partitioning, with PELT's pruning.
 */
import { assertSample, MAD_TO_SIGMA, median } from './sample.js';

/** A run of values at one level: `start` included, `end` not. */
export interface Segment {
  readonly start: number;
  readonly end: number;
  readonly mean: number;
}

/** How readily a change is seen. */
export interface ChangePointOptions {
  /** Shortest segment, in values; default 5. */
  readonly minLength?: number;
  /**
   * Penalty per segment in units of noise variance x ln(n); default 6. 2 would be the Schwarz criterion (BIC); trials
   * of one process are correlated, which makes BIC see changes that are none.
   */
  readonly penalty?: number;
}

/**
 * Noise of a series as a standard deviation, from the differences of neighbours, so that changes of level do not count
 * as noise.
 */
export function differenceNoise(series: ArrayLike<number>): number {
  if (series.length < 2) return 0;
  const differences = Array.from({ length: series.length - 1 }, (_, i) =>
    Math.abs((series[i + 1] as number) - (series[i] as number)),
  );
  return (median(differences) * MAD_TO_SIGMA) / Math.SQRT2;
}

/**
 * Splits a series into segments of one level each, in order, covering all of it.
 * @throws RangeError when the series is empty or not finite
 */
export function segment(series: ArrayLike<number>, options: ChangePointOptions = {}): Segment[] {
  assertSample(series, 'series');
  const n = series.length;
  const minLength = Math.max(1, options.minLength ?? 5);
  const { sums, squares } = prefixSums(series);
  const cost = (start: number, end: number): number => {
    const sum = (sums[end] as number) - (sums[start] as number);
    return (squares[end] as number) - (squares[start] as number) - (sum * sum) / (end - start);
  };
  const noise = differenceNoise(series);
  // A noiseless series still needs a penalty, or rounding errors would split it: a billionth of its spread.
  const variance = Math.max(noise * noise, (cost(0, n) / n) * 1e-9, Number.MIN_VALUE);
  const penalty = (options.penalty ?? 6) * variance * Math.log(Math.max(2, n));

  const best = new Float64Array(n + 1).fill(Infinity);
  best[0] = -penalty;
  const cameFrom = new Int32Array(n + 1);
  let candidates = [0];
  for (let end = minLength; end <= n; end++) {
    // PELT: a start that is beaten by a split at `split` stays beaten once a segment fits after the split.
    const split = end - minLength;
    candidates = candidates.filter(
      (start) =>
        split - start < minLength || (best[start] as number) + cost(start, split) <= (best[split] as number),
    );
    if (split >= minLength) candidates.push(split);
    for (const start of candidates) {
      const total = (best[start] as number) + cost(start, end) + penalty;
      if (total < (best[end] as number)) {
        best[end] = total;
        cameFrom[end] = start;
      }
    }
  }
  if (n < minLength) return [{ start: 0, end: n, mean: (sums[n] as number) / n + (series[0] as number) }];

  const segments: Segment[] = [];
  for (let end = n; end > 0;) {
    const start = cameFrom[end] as number;
    const mean = ((sums[end] as number) - (sums[start] as number)) / (end - start) + (series[0] as number);
    segments.unshift({ start, end, mean });
    end = start;
  }
  return segments;
}

/** Prefix sums of the values less the first one, which keeps their digits beside a large offset. */
function prefixSums(series: ArrayLike<number>) {
  const offset = series[0] as number;
  const sums = new Float64Array(series.length + 1);
  const squares = new Float64Array(series.length + 1);
  for (let i = 0; i < series.length; i++) {
    const value = (series[i] as number) - offset;
    sums[i + 1] = (sums[i] as number) + value;
    squares[i + 1] = (squares[i] as number) + value * value;
  }
  return { sums, squares };
}
