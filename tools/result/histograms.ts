/** What reports need of the stored histograms: percentile curves, merging, and counts for heat maps. */
import type { Histogram, JsHistogram } from 'hdr-histogram-js';
import { histogramLibrary } from '../measure/histogram-library.js';
import { decodeHistogram, interpolatedPercentiles } from '../measure/latency-summary.js';
import type { LatencyDistribution } from './schema.js';

/** A point of a percentile curve: `share` of the values (0 to 1) are at most `value`. */
export interface CurvePoint {
  share: number;
  value: number;
}

/**
 * The curve of a stored histogram at the steps of the .hgrm format: `ticksPerHalf` points for each halving of the
 * distance to 100 %. The last point is the maximum, at share 1. Empty for an empty histogram.
 */
export function percentileCurve(encoded: string, ticksPerHalf = 5): CurvePoint[] {
  const rows = decodeHistogram(encoded)
    .outputPercentileDistribution(ticksPerHalf, 1, true as never)
    .split('\n');
  const points: CurvePoint[] = [];
  for (const row of rows.slice(1)) {
    const [value, share] = row.split(',');
    if (value === undefined || share === undefined) continue;
    points.push({ share: Number(share), value: Number(value) });
  }
  return points;
}

/** Counts per recorded value, ascending. The value is the upper end of its bin. */
export function recordedCounts(encoded: string): { value: number; count: number }[] {
  const histogram = decodeHistogram(encoded) as JsHistogram;
  const iterator = histogram.recordedValuesIterator;
  iterator.reset();
  const counts: { value: number; count: number }[] = [];
  while (iterator.hasNext()) {
    const at = iterator.next();
    counts.push({ value: at.valueIteratedTo, count: at.countAtValueIteratedTo });
  }
  return counts;
}

const PERCENTILES = [50, 75, 90, 99, 99.9, 99.99];

/**
 * The figures of a distribution, from its histogram. `minNs` is the lower end of the lowest bin.
 * @param stepNs step of the clock that gave the values, for percentiles inside it; null or absent where no clock did
 */
function distributionOf(histogram: Histogram, stepNs?: number | null): LatencyDistribution {
  if (histogram.totalCount === 0) return { count: 0 };
  const minNs = histogram.getValueAtPercentile(0);
  const percentiles =
    stepNs == null
      ? PERCENTILES.map((percentile) => histogram.getValueAtPercentile(percentile))
      : interpolatedPercentiles(histogram, stepNs);
  const at = (index: number): number => Math.max(percentiles[index] as number, minNs);
  return {
    count: histogram.totalCount,
    minNs,
    meanNs: histogram.mean,
    stddevNs: histogram.stdDeviation,
    p50Ns: at(0),
    p75Ns: at(1),
    p90Ns: at(2),
    p99Ns: at(3),
    p999Ns: at(4),
    p9999Ns: at(5),
    maxNs: histogram.maxValue,
    ...(stepNs == null ? {} : { stepNs }),
    encoded: histogramLibrary().encodeIntoCompressedBase64(histogram),
  };
}

/**
 * Several distributions as one, through their histograms. Exact minima and maxima are kept.
 * Null when there is none, or when one with values has no histogram: percentiles cannot be averaged.
 */
export function mergeDistributions(parts: readonly LatencyDistribution[]): LatencyDistribution | null {
  const filled = parts.filter((part) => part.count > 0);
  const [first] = filled;
  if (first === undefined) return parts.length === 0 ? null : { count: 0 };
  if (filled.length === 1) return first;
  const merged = histogramLibrary().build({
    bitBucketSize: 64,
    autoResize: true,
    highestTrackableValue: 2,
    numberOfSignificantValueDigits: 3,
  });
  for (const part of filled) {
    if (part.encoded === null || part.encoded === undefined) return null;
    merged.add(decodeHistogram(part.encoded));
  }
  const steps = filled.map((part) => part.stepNs).filter((step) => typeof step === 'number');
  const figures = distributionOf(merged, steps.length === filled.length ? Math.max(...steps) : null);
  const shares = filled.filter((part) => typeof part.interruptedShare === 'number');
  const total = filled.reduce((sum, part) => sum + part.count, 0);
  const known = <K extends 'minNs' | 'maxNs' | 'meanNs'>(key: K): number[] =>
    filled.map((part) => part[key]).filter((value): value is number => value !== null && value !== undefined);
  const minima = known('minNs');
  const maxima = known('maxNs');
  const means = known('meanNs');
  if (minima.length === filled.length) figures.minNs = Math.min(...minima);
  if (maxima.length === filled.length) {
    // A percentile is the upper end of a bin and may lie above the exact maximum, which is in that bin.
    const maxNs = Math.max(...maxima);
    figures.maxNs = maxNs;
    for (const key of ['p50Ns', 'p75Ns', 'p90Ns', 'p99Ns', 'p999Ns', 'p9999Ns'] as const) {
      figures[key] = Math.min(figures[key] ?? maxNs, maxNs);
    }
  }
  if (shares.length === filled.length) {
    figures.interruptedShare =
      shares.reduce((sum, part) => sum + (part.interruptedShare ?? 0) * part.count, 0) / total;
  }
  if (means.length === filled.length) {
    figures.meanNs = filled.reduce((sum, part) => sum + (part.meanNs ?? 0) * part.count, 0) / total;
  }
  return figures;
}
