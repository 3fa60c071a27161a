/**
 * Bootstrap confidence intervals: resample the data with replacement, take the statistic of each resample, and read
 * the interval off the distribution of those. Three ways to read it:
 *
 * `percentile`: the quantiles (1 ± confidence) / 2. Too narrow for few values: of a nominal 95 %, about 88 % at n = 5.
 * `expanded` (the default): these quantiles moved outwards so that for a normal sample the interval is as wide as the
 * t interval; holds its confidence for few values, also of medians.
 * `bca`: quantiles shifted for bias and skewness. The best for smooth statistics (means) of skewed data; for medians
 * its correction, which leaves out one value at a time, is unstable.
 *
 * Sources: B. Efron and R. Tibshirani, An Introduction to the Bootstrap (1993), chapters 13 (percentile) and 14 (BCa);
 * T. Hesterberg, "What Teachers Should Know About the Bootstrap", The American Statistician 69 (2015), section 5.3
 * (expanded).
 */
import { assertConfidence, type Interval } from './interval.js';
import { normalCdf, normalQuantile } from './normal.js';
import { below, type RandomSource } from './random-source.js';
import { assertSample, mean, quantileSorted } from './sample.js';
import { studentQuantile } from './student-t.js';

/** How the interval is read off the resampled statistics; see the header. */
export type BootstrapMethod = 'expanded' | 'percentile' | 'bca';

/** What a bootstrap needs besides the data. */
export interface BootstrapOptions {
  readonly random: RandomSource;
  /** Default 0.95. */
  readonly confidence?: number;
  /** Resamples taken; default 2000. */
  readonly resamples?: number;
  /** Default `expanded`. */
  readonly method?: BootstrapMethod;
}

/** Resamples taken when the caller does not say. */
export const DEFAULT_RESAMPLES = 2000;

/**
 * Interval of a statistic of one sample.
 *
 * @param statistic of an array of the sample's length; must not keep or change it
 * @returns null for fewer than two values: one value has no spread to resample
 * @throws RangeError for an empty or not finite sample, or a bad confidence or number of resamples
 */
export function bootstrapInterval(
  values: ArrayLike<number>,
  statistic: (values: Float64Array) => number,
  options: BootstrapOptions,
): Interval | null {
  assertSample(values);
  if (values.length < 2) return null;
  const data = Float64Array.from(values);
  const resample = new Float64Array(data.length);
  const resampled = resampledStatistics(options, () => {
    for (let i = 0; i < resample.length; i++)
      resample[i] = data[below(options.random, data.length)] as number;
    return statistic(resample);
  });
  const { method, confidence } = options;
  if (method === 'percentile') return percentileInterval(resampled, confidence);
  if (method === 'bca')
    return bcaInterval(resampled, statistic(data), jackknife(data, statistic), confidence);
  return expandedInterval(resampled, data.length, confidence);
}

/**
 * Takes a statistic of many resamples and returns the results in ascending order. `draw` makes one resample and its
 * statistic; draws that give no finite number (a ratio over 0) are left out.
 * @throws RangeError when the number of resamples is below 100 or no draw gives a finite number
 */
export function resampledStatistics(
  options: Pick<BootstrapOptions, 'resamples'>,
  draw: () => number,
): Float64Array {
  const resamples = options.resamples ?? DEFAULT_RESAMPLES;
  if (!Number.isInteger(resamples) || resamples < 100) {
    throw new RangeError(`bootstrap: ${resamples} resamples; take a whole number of at least 100`);
  }
  const statistics = new Float64Array(resamples);
  let kept = 0;
  for (let i = 0; i < resamples; i++) {
    const value = draw();
    if (Number.isFinite(value)) statistics[kept++] = value;
  }
  if (kept === 0)
    throw new RangeError('bootstrap: no resample gave a finite statistic; check the data for zeros');
  return statistics.subarray(0, kept).toSorted();
}

/** The percentile interval of ascending resampled statistics. */
export function percentileInterval(resampled: Float64Array, confidence = 0.95): Interval {
  assertConfidence(confidence);
  const tail = (1 - confidence) / 2;
  return {
    low: quantileSorted(resampled, tail),
    high: quantileSorted(resampled, 1 - tail),
    confidence,
  };
}

/**
 * The percentile interval with its quantiles moved outwards for `n` values (at least 2); see the header.
 * @param resampled ascending resampled statistics
 */
export function expandedInterval(resampled: Float64Array, n: number, confidence = 0.95): Interval {
  assertConfidence(confidence);
  const tail = normalCdf(-Math.sqrt(n / (n - 1)) * studentQuantile(confidence, n - 1));
  return { low: quantileSorted(resampled, tail), high: quantileSorted(resampled, 1 - tail), confidence };
}

/**
 * The bias-corrected and accelerated interval; the percentile interval where the correction cannot be computed (all
 * resamples on one side).
 * @param resampled ascending
 * @param observed the statistic of the data itself
 * @param leaveOneOut the statistic with each value (or block) left out in turn
 */
export function bcaInterval(
  resampled: Float64Array,
  observed: number,
  leaveOneOut: ArrayLike<number>,
  confidence = 0.95,
): Interval {
  assertConfidence(confidence);
  let lower = 0;
  let equal = 0;
  for (const value of resampled) {
    if (value < observed) lower++;
    else if (value === observed) equal++;
  }
  // Statistics such as the median take few values: counting ties as half keeps z0 at 0 for symmetric data.
  const bias = normalQuantile((lower + equal / 2) / resampled.length);
  const acceleration = accelerationOf(leaveOneOut);
  if (!Number.isFinite(bias) || acceleration === null) return percentileInterval(resampled, confidence);
  const adjust = (share: number): number => {
    const z = bias + normalQuantile(share);
    return normalCdf(bias + z / (1 - acceleration * z));
  };
  const tail = (1 - confidence) / 2;
  const low = quantileSorted(resampled, adjust(tail));
  const high = quantileSorted(resampled, adjust(1 - tail));
  return { low: Math.min(low, high), high: Math.max(low, high), confidence };
}

function accelerationOf(leaveOneOut: ArrayLike<number>): number | null {
  for (let i = 0; i < leaveOneOut.length; i++) if (!Number.isFinite(leaveOneOut[i])) return null;
  if (leaveOneOut.length < 2) return null;
  const centre = mean(leaveOneOut);
  let squares = 0;
  let cubes = 0;
  for (let i = 0; i < leaveOneOut.length; i++) {
    const deviation = centre - (leaveOneOut[i] as number);
    squares += deviation ** 2;
    cubes += deviation ** 3;
  }
  const acceleration = squares === 0 ? 0 : cubes / (6 * squares ** 1.5);
  return Number.isFinite(acceleration) ? acceleration : null;
}

function jackknife(data: Float64Array, statistic: (values: Float64Array) => number): Float64Array {
  const without = new Float64Array(data.length - 1);
  return Float64Array.from(data, (_, left) => {
    without.set(data.subarray(0, left));
    without.set(data.subarray(left + 1), left);
    return statistic(without);
  });
}
