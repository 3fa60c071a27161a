/**
 * The bucket rule of the histograms that the engine counts into: HdrHistogram's log-linear rule with a unit of
 * 1 ns, written with exact integer arithmetic so that the engine (WebAssembly) and this file compute the same
 * index for the same value, and so that hdr-histogram-js can read the counts.
 *
 * Purpose. A worker adds 1 to one bin of a counts array in shared memory per recorded value; nothing else.
 * Writers and readers. Each array has one writer (the thread that owns it). It may be read at any time; a read
 * while the writer runs may miss the newest values, and is exact once the writer has passed a barrier.
 *
 * The rule, for the engine's author (AssemblyScript; `H` is `config.halfMagnitude`: 10 for three significant
 * digits, 7 for two; `LENGTH` is `countsLength(config)`):
 *
 *     // value: u64, nanoseconds
 *     const shift: u64 = (63 - H) - clz<u64>(value | ((1 << (H + 1)) - 1));
 *     let index: u32 = (<u32>shift << H) + <u32>(value >> shift);
 *     if (index >= LENGTH) index = LENGTH - 1;      // and count it as an overflow
 *
 * and for a value known to be below 2^32 (4.29 s), with 32-bit instructions:
 *
 *     const shift: u32 = (31 - H) - clz<u32>(value | ((1 << (H + 1)) - 1));
 *     const index: u32 = (shift << H) + (value >> shift);
 *
 * Why that is HdrHistogram's rule: there the index is `((bucket + 1) << H) + (subBucket - (1 << H))` with
 * `bucket = max(0, floor(log2(value)) - H)` and `subBucket = value >> bucket`; the two terms `1 << H` cancel, and
 * or-ing the mask in makes the leading-zero count of a small value that of the mask, which is bucket 0.
 *
 * How it differs from hdr-histogram-js: that computes `floor(log2(value))` in floating point, which is wrong just
 * below powers of two from about 2^48 (78 hours in ns); ranges here are limited to below that, so both agree on
 * every value that can be recorded.
 *
 * Source: G. Tene, HdrHistogram, `AbstractHistogram.countsArrayIndex`.
 */

/** A histogram's range and precision, with what follows from them. Make one with {@link logLinearConfig}. */
export interface LogLinearConfig {
  /** Highest value, in ns, that has a bin of its own; larger values are clamped to the last bin. */
  readonly highestTrackableNs: number;
  /** Significant decimal digits kept: bins are at most 10^-digits of their value wide. */
  readonly significantDigits: 1 | 2 | 3 | 4 | 5;
  /** `H` of the rule: log2 of half the number of sub-buckets. */
  readonly halfMagnitude: number;
  /** Sub-buckets of the first bucket: 2^(H+1); 2048 for three digits. */
  readonly subBucketCount: number;
  /** Buckets, each covering twice the range of the one before. */
  readonly bucketCount: number;
}

/** Largest accepted `highestTrackableNs`: 2^46 ns (19.5 hours). See the header for why there is a limit. */
export const MAX_TRACKABLE_NS = 2 ** 46;

/** One hour in nanoseconds. */
export const HOUR_NS = 3_600_000_000_000;

/**
 * Derives a configuration.
 * @param highestTrackableNs integer from 2 to {@link MAX_TRACKABLE_NS}
 * @throws RangeError when the range or the precision is not one of those allowed
 */
export function logLinearConfig(
  highestTrackableNs: number,
  significantDigits: LogLinearConfig['significantDigits'],
): LogLinearConfig {
  if (
    !Number.isSafeInteger(highestTrackableNs) ||
    highestTrackableNs < 2 ||
    highestTrackableNs > MAX_TRACKABLE_NS
  ) {
    throw new RangeError(
      `histogram range: highestTrackableNs is ${highestTrackableNs}; give an integer from 2 to ${MAX_TRACKABLE_NS}`,
    );
  }
  if (!Number.isInteger(significantDigits) || significantDigits < 1 || significantDigits > 5) {
    throw new RangeError(
      `histogram precision: significantDigits is ${significantDigits}; give an integer from 1 to 5`,
    );
  }
  const largestSingleUnitValue = 2 * 10 ** significantDigits;
  const magnitude = Math.max(1, 32 - Math.clz32(largestSingleUnitValue - 1));
  const halfMagnitude = magnitude - 1;
  const subBucketCount = 2 ** magnitude;
  let bucketCount = 1;
  for (let untrackable = subBucketCount; untrackable <= highestTrackableNs; untrackable *= 2) bucketCount++;
  return { highestTrackableNs, significantDigits, halfMagnitude, subBucketCount, bucketCount };
}

/** Latencies: 1 ns to 1 hour at three digits (2048 sub-buckets, 33,792 bins). */
export const LATENCY_CONFIG: LogLinearConfig = logLinearConfig(HOUR_NS, 3);

/** Lock wait and hold times: 1 ns to 1 hour at two digits (256 sub-buckets, 4,608 bins). */
export const LOCK_CONFIG: LogLinearConfig = logLinearConfig(HOUR_NS, 2);

/** Number of bins of a counts array: (buckets + 1) x half the sub-buckets. */
export function countsLength(config: LogLinearConfig): number {
  return (config.bucketCount + 1) * (config.subBucketCount / 2);
}

/**
 * The bin that counts `valueNs`. Not clamped: a value above the range gives an index of at least
 * {@link countsLength}, as hdr-histogram-js does.
 * @param valueNs integer from 0 to 2^53 - 1
 * @throws RangeError when it is not
 */
export function countsIndex(config: LogLinearConfig, valueNs: number): number {
  if (!Number.isSafeInteger(valueNs) || valueNs < 0) {
    throw new RangeError(`histogram value is ${valueNs}; give a whole number of nanoseconds, 0 or more`);
  }
  const high = Math.floor(valueNs / 2 ** 32);
  const bits = high > 0 ? 64 - Math.clz32(high) : 32 - Math.clz32(valueNs);
  const shift = Math.max(0, bits - config.halfMagnitude - 1);
  return shift * 2 ** config.halfMagnitude + Math.floor(valueNs / 2 ** shift);
}

/**
 * The bin that the engine increments for `valueNs`: {@link countsIndex}, with values above the range in the last
 * bin.
 */
export function clampedCountsIndex(config: LogLinearConfig, valueNs: number): number {
  return Math.min(countsIndex(config, valueNs), countsLength(config) - 1);
}

function shiftOfIndex(config: LogLinearConfig, index: number): number {
  if (!Number.isInteger(index) || index < 0) {
    throw new RangeError(`histogram bin index is ${index}; give an integer of 0 or more`);
  }
  return Math.max(0, Math.floor(index / 2 ** config.halfMagnitude) - 1);
}

/** The lowest value, in ns, that bin `index` counts. Inverse of {@link countsIndex} on bin boundaries. */
export function valueFromIndex(config: LogLinearConfig, index: number): number {
  const shift = shiftOfIndex(config, index);
  return (index - shift * 2 ** config.halfMagnitude) * 2 ** shift;
}

/** The highest value, in ns, that bin `index` counts. */
export function highestValueFromIndex(config: LogLinearConfig, index: number): number {
  return valueFromIndex(config, index) + 2 ** shiftOfIndex(config, index) - 1;
}

/** The middle of bin `index` in ns, rounded up, as HdrHistogram's `medianEquivalentValue`. */
export function middleValueFromIndex(config: LogLinearConfig, index: number): number {
  return valueFromIndex(config, index) + Math.floor(2 ** shiftOfIndex(config, index) / 2);
}
