/**
 * Interval of a median from the order statistics, without resampling: what benchstat prints as `± N%`.
 */
import { assertConfidence, type Interval } from './interval.js';
import { assertSample, sorted } from './sample.js';

/**
 * The narrowest interval between two order statistics, equally far from both ends, that covers the median with at least
 * the confidence asked for; its `confidence` is the exact coverage. It holds for any continuous distribution.
 * Source: H. A. David and H. N. Nagaraja, Order Statistics (2003), section 7.1.
 *
 * @returns null when even the whole range falls short (95 % takes six values)
 * @throws RangeError when the sample is empty or not finite, or the confidence is not between 0 and 1
 */
export function orderStatisticInterval(values: ArrayLike<number>, confidence = 0.95): Interval | null {
  assertSample(values);
  assertConfidence(confidence);
  const n = values.length;
  const ascending = sorted(values);
  let best: Interval | null = null;
  // Coverage of [x(k+1), x(n-k)] is 1 - 2 P(B <= k) for B binomial(n, 1/2).
  let term = 2 ** -n;
  let lowerTail = 0;
  for (let k = 0; k < n / 2; k++) {
    lowerTail += term;
    const coverage = 1 - 2 * lowerTail;
    if (coverage < confidence) break;
    best = { low: ascending[k] as number, high: ascending[n - 1 - k] as number, confidence: coverage };
    term = (term * (n - k)) / (k + 1);
  }
  return best;
}
