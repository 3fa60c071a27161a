/**
 * Figures of one sample: centre, spread, quantiles. Values may have any unit; figures have the same one, ratios have
 * none. Every function leaves its argument as it was.
 */

/**
 * Refuses samples that no figure can be taken of.
 * @throws RangeError when the sample is empty or holds a value that is not finite
 */
export function assertSample(values: ArrayLike<number>, what = 'sample'): void {
  if (values.length === 0) throw new RangeError(`${what} is empty; no figure can be taken of no values`);
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      throw new RangeError(
        `${what}: value ${i + 1} of ${values.length} is ${values[i]}, not a finite number`,
      );
    }
  }
}

/** A sorted copy. */
export function sorted(values: ArrayLike<number>): Float64Array {
  return Float64Array.from(values).toSorted();
}

/** Arithmetic mean, by compensated summation (Neumaier 1974), so that long samples lose no digits. */
export function mean(values: ArrayLike<number>): number {
  assertSample(values);
  let sum = 0;
  let compensation = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const next = sum + value;
    compensation += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  return (sum + compensation) / values.length;
}

/** Unbiased variance (divisor n - 1); null for a single value, which has no spread. */
export function variance(values: ArrayLike<number>): number | null {
  const centre = mean(values);
  if (values.length < 2) return null;
  let squares = 0;
  let drift = 0;
  for (let i = 0; i < values.length; i++) {
    const deviation = (values[i] as number) - centre;
    squares += deviation * deviation;
    drift += deviation;
  }
  // The second term corrects the rounding error of the mean (Chan, Golub and LeVeque 1983).
  return Math.max(0, squares - (drift * drift) / values.length) / (values.length - 1);
}

/** Standard deviation; null for a single value. */
export function standardDeviation(values: ArrayLike<number>): number | null {
  const squared = variance(values);
  return squared === null ? null : Math.sqrt(squared);
}

/** Coefficient of variation: standard deviation / |mean|; null for a single value or a mean of 0. */
export function coefficientOfVariation(values: ArrayLike<number>): number | null {
  const deviation = standardDeviation(values);
  const centre = mean(values);
  return deviation === null || centre === 0 ? null : deviation / Math.abs(centre);
}

/**
 * Quantile of sorted values by linear interpolation: type 7 of Hyndman and Fan (1996), the default of R and NumPy.
 * @param share from 0 to 1
 */
export function quantileSorted(ascending: ArrayLike<number>, share: number): number {
  if (ascending.length === 0) throw new RangeError('sample is empty; it has no quantiles');
  if (!(share >= 0 && share <= 1)) throw new RangeError(`quantile ${share} is not within 0 to 1`);
  const position = share * (ascending.length - 1);
  const below = Math.floor(position);
  const low = ascending[below] as number;
  const high = ascending[Math.min(below + 1, ascending.length - 1)] as number;
  return low + (high - low) * (position - below);
}

/** Quantile of values in any order; see {@link quantileSorted}. */
export function quantile(values: ArrayLike<number>, share: number): number {
  assertSample(values);
  return quantileSorted(sorted(values), share);
}

/** Median: the middle value, or the mean of the two middle values. */
export function median(values: ArrayLike<number>): number {
  assertSample(values);
  const ascending = sorted(values);
  const middle = ascending.length >> 1;
  const high = ascending[middle] as number;
  return ascending.length % 2 === 1 ? high : ((ascending[middle - 1] as number) + high) / 2;
}

/** Factor that makes the MAD an estimate of a normal standard deviation: 1 / quantile(3/4) of the normal. */
export const MAD_TO_SIGMA = 1.482602218505602;

/** Median absolute deviation from the median, not scaled (multiply by {@link MAD_TO_SIGMA} for that). */
export function medianAbsoluteDeviation(values: ArrayLike<number>): number {
  const centre = median(values);
  return median(Float64Array.from(values, (value) => Math.abs(value - centre)));
}
