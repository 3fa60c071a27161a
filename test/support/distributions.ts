/** Seeded draws, and the figures of a set of values through the real hdr-histogram-js. */
import hdr from 'hdr-histogram-js';
import type { CountDistribution, LatencyDistribution } from '../../tools/result/schema.js';

export type Random = () => number;

/** mulberry32: a small seeded generator, uniform in [0, 1). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A whole number, log-normal around `median`, at least 1. */
export function logNormal(random: Random, median: number, sigma: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.max(1, Math.round(median * Math.exp(sigma * normal)));
}

export function histogramOf(values: readonly number[]): hdr.Histogram {
  const histogram = hdr.build({
    bitBucketSize: 64,
    numberOfSignificantValueDigits: 3,
    // Grows with the values, so that many histograms stay small and quick to walk.
    highestTrackableValue: 2,
    autoResize: true,
  });
  for (const value of values) histogram.recordValue(value);
  return histogram;
}

/** Latency figures of `values` in nanoseconds. */
export function latencyOf(values: readonly number[]): LatencyDistribution {
  if (values.length === 0) return { count: 0 };
  const h = histogramOf(values);
  return {
    count: h.totalCount,
    minNs: values.reduce((a, b) => Math.min(a, b)),
    meanNs: h.mean,
    stddevNs: h.stdDeviation,
    p50Ns: h.getValueAtPercentile(50),
    p75Ns: h.getValueAtPercentile(75),
    p90Ns: h.getValueAtPercentile(90),
    p99Ns: h.getValueAtPercentile(99),
    p999Ns: h.getValueAtPercentile(99.9),
    p9999Ns: h.getValueAtPercentile(99.99),
    maxNs: h.maxValue,
    encoded: hdr.encodeIntoCompressedBase64(h),
  };
}

/** Figures of `values` that are counts. */
export function countsOf(values: readonly number[]): CountDistribution {
  const h = histogramOf(values);
  return {
    count: h.totalCount,
    min: h.minNonZeroValue,
    mean: h.mean,
    stddev: h.stdDeviation,
    p50: h.getValueAtPercentile(50),
    p90: h.getValueAtPercentile(90),
    p99: h.getValueAtPercentile(99),
    max: h.maxValue,
    encoded: hdr.encodeIntoCompressedBase64(h),
  };
}
