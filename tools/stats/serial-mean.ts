/**
 * The mean of a series whose values hang together: a machine that is fast now is fast in the next second too. Taken as
 * independent, such values give an interval that is far too narrow.
 *
 * The series is worth fewer independent values than it has: n / tau, where tau, the integrated autocorrelation time, is
 * 1 plus twice the sum of the autocorrelations. The largest of three estimates of it is taken, each with the correction for
 * the bias that a short series has downwards:
 * - the sum itself, as far as pairs of neighbouring lags are positive (C. Geyer, Statistical Science 7 (1992));
 * - (1 + r) / (1 - r) of the first lag: right for a first-order autoregression;
 * - 1 + 2 r1 / (1 - f), f the rate at which the correlations fall off after the first lag: right where such a series
 *   is hidden under independent noise.
 * The interval is Student's with n / tau - 1 degrees of freedom. test/tools/stats/coverage.test.ts shows that it holds.
 */
import type { Estimate } from './interval.js';
import { mean, medianAbsoluteDeviation, MAD_TO_SIGMA, median } from './sample.js';
import { studentQuantile } from './student-t.js';

/** A mean with its interval, and what the series is worth. */
export interface SerialEstimate extends Estimate {
  /** Independent values that the series is worth; at most its length. */
  readonly effective: number;
}

/** Below this many independent values no interval is given: its width would be a guess. */
const FEWEST_EFFECTIVE = 4;
/** Values further out than this many robust deviations are brought in to there: single interruptions. */
const WINSOR_SIGMAS = 5;

/**
 * Mean of a series in the order it was measured.
 * @returns `interval` null where the series is worth fewer than four independent values, or has fewer than eight
 * @throws RangeError when it is empty or not finite
 */
export function serialMean(series: readonly number[], confidence = 0.95): SerialEstimate {
  const values = winsorised(series);
  const n = values.length;
  const value = mean(values);
  if (n < 8) return { value, interval: null, effective: Math.min(n, 1) };
  const deviations = values.map((each) => each - value);
  const spread = covariance(deviations, 0) / n;
  if (spread <= value * value * 1e-24) {
    return { value, interval: { low: value, high: value, confidence }, effective: n };
  }
  const effective = Math.min(n, n / autocorrelationTime(deviations));
  if (effective < FEWEST_EFFECTIVE) return { value, interval: null, effective };
  // The mean of so few took its share of the spread.
  const squaredError = spread / (1 - 1 / effective) / effective;
  const half = studentQuantile(confidence, effective - 1) * Math.sqrt(squaredError);
  return { value, interval: { low: value - half, high: value + half, confidence }, effective };
}

function winsorised(series: readonly number[]): number[] {
  const centre = median(series);
  const reach = WINSOR_SIGMAS * MAD_TO_SIGMA * medianAbsoluteDeviation(series);
  if (reach === 0) return [...series];
  return series.map((value) => Math.min(centre + reach, Math.max(centre - reach, value)));
}

function covariance(deviations: readonly number[], lag: number): number {
  let sum = 0;
  for (let i = lag; i < deviations.length; i++) {
    sum += (deviations[i] as number) * (deviations[i - lag] as number);
  }
  return sum;
}

/** See the header. Never below 1. */
function autocorrelationTime(deviations: readonly number[]): number {
  const n = deviations.length;
  const all = covariance(deviations, 0);
  const lags: number[] = [];
  for (let lag = 1; lag < n / 2; lag++) {
    lags.push(Math.min(1, ((covariance(deviations, lag) / all) * n + 1) / (n - lag - 2)));
  }
  let summed = 1;
  for (let i = 0; i + 1 < lags.length; i += 2) {
    const pair = (lags[i] as number) + (lags[i + 1] as number);
    if (pair <= 0) break;
    summed += 2 * pair;
  }
  const [r1 = 0, r2 = 0, r3 = 0, r4 = 0] = lags;
  const first = Math.min(0.99, Math.max(0, r1));
  let hidden = 1;
  if (r1 > 0 && r2 > 0) {
    const fall = Math.max(r2 / r1, r3 + r4 > 0 ? Math.sqrt((r3 + r4) / (r1 + r2)) : 0);
    hidden = 1 + (2 * r1) / (1 - Math.min(0.98, fall));
  }
  return Math.max(1, summed, (1 + first) / (1 - first), hidden);
}
