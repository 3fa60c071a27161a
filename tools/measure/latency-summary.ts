/**
 * From counted bins to the figures of a report, through hdr-histogram-js: percentiles, mean, spread, and the
 * compressed form that travels in results and can be merged without loss.
 */
import type { Histogram, JsHistogram } from 'hdr-histogram-js';
import { groupedQuantiles, type CountedBin } from './grouped-quantiles.js';
import { histogramLibrary } from './histogram-library.js';
import type { Counts, ExactFigures } from './histogram-region.js';
import {
  countsLength,
  highestValueFromIndex,
  valueFromIndex,
  LATENCY_CONFIG,
  type LogLinearConfig,
} from './log-linear.js';

/**
 * One latency distribution in nanoseconds. Every figure but `count` is null when nothing was recorded.
 * With the step of the clock that gave the values, percentiles are interpolated inside that step or the histogram's bin,
 * whichever is wider; without, they are the upper end of their bin. They lie within `minNs` and `maxNs`.
 */
export interface LatencySummary {
  readonly count: number;
  readonly minNs: number | null;
  readonly p50Ns: number | null;
  readonly p75Ns: number | null;
  readonly p90Ns: number | null;
  readonly p99Ns: number | null;
  readonly p999Ns: number | null;
  readonly p9999Ns: number | null;
  readonly maxNs: number | null;
  readonly meanNs: number | null;
  readonly stddevNs: number | null;
  /** The clock's step that percentiles were interpolated with; null when they were not. */
  readonly stepNs: number | null;
  /** HdrHistogram V2 compressed encoding, base64 (`HISTFAAA…`), as in .hlog files. */
  readonly encoded: string | null;
}

/** An empty histogram of the given range and precision that can hold counts up to 2^53. */
export function emptyHistogram(config: LogLinearConfig = LATENCY_CONFIG): Histogram {
  return histogramLibrary().build({
    bitBucketSize: 64,
    autoResize: false,
    lowestDiscernibleValue: 1,
    highestTrackableValue: config.highestTrackableNs,
    numberOfSignificantValueDigits: config.significantDigits,
    useWebAssembly: false,
  });
}

/**
 * Makes an hdr-histogram-js histogram from counted bins.
 *
 * With `exact`, its `maxValue` and `minNonZeroValue` are the exact ones, so the result equals a histogram that had
 * recorded the values itself; without, they are the bounds of the outermost bins in use.
 * @throws RangeError when the array does not have the configuration's length
 */
export function toHistogram(
  counts: Counts,
  config: LogLinearConfig = LATENCY_CONFIG,
  exact?: Pick<ExactFigures, 'minNs' | 'maxNs'>,
): Histogram {
  if (counts.length !== countsLength(config)) {
    throw new RangeError(
      `histogram has ${counts.length} bins, its configuration says ${countsLength(config)}; use the configuration it was recorded with`,
    );
  }
  const histogram = emptyHistogram(config);
  const first = counts.findIndex((count: number | bigint) => Number(count) !== 0);
  const last = lastUsedIndex(counts);
  for (let index = Math.max(first, 0); index <= last; index++) {
    const count = Number(counts[index]);
    if (count === 0) continue;
    // The library takes its extremes from the values it is given: give it the true ones where they are known.
    const low = valueFromIndex(config, index);
    const bottom = index === first ? Math.max(low, exact?.minNs ?? low) : low;
    if (index < last) {
      histogram.recordValueWithCount(bottom, count);
      continue;
    }
    const high = highestValueFromIndex(config, index);
    histogram.recordValueWithCount(Math.min(high, exact?.maxNs ?? high), 1);
    if (count > 1) histogram.recordValueWithCount(bottom, count - 1);
  }
  return histogram;
}

function lastUsedIndex(counts: Counts): number {
  for (let index = counts.length - 1; index >= 0; index--) if (counts[index]) return index;
  return -1;
}

/**
 * Reads a histogram back from its compressed base64 form.
 * @throws Error when the text is not an HdrHistogram V2 compressed histogram
 */
export function decodeHistogram(encoded: string): Histogram {
  try {
    return histogramLibrary().decodeFromCompressedBase64(encoded, 64, false);
  } catch (cause) {
    throw new Error(
      `not an HdrHistogram V2 compressed histogram (${encoded.length} characters, starts "${encoded.slice(0, 8)}"); expected base64 beginning HISTF`,
      { cause },
    );
  }
}

/** The bins of a histogram that hold anything, in ascending order. */
export function countedBins(histogram: Histogram): CountedBin[] {
  const bins = histogram as JsHistogram;
  const iterator = bins.recordedValuesIterator;
  iterator.reset();
  const found: CountedBin[] = [];
  while (iterator.hasNext()) {
    const { valueIteratedTo, countAtValueIteratedTo: count } = iterator.next();
    found.push({
      lowNs: bins.lowestEquivalentValue(valueIteratedTo),
      highNs: bins.highestEquivalentValue(valueIteratedTo),
      count,
    });
  }
  return found;
}

/** Shares of the percentiles of a report, in the order of {@link LatencySummary}. */
const SHARES = [0.5, 0.75, 0.9, 0.99, 0.999, 0.9999];

/**
 * Percentiles 50, 75, 90, 99, 99.9 and 99.99 of a histogram of times that a clock with step `stepNs` gave, interpolated (see
 * grouped-quantiles.ts), to a tenth of a nanosecond.
 */
export function interpolatedPercentiles(histogram: Histogram, stepNs: number): number[] {
  return groupedQuantiles(countedBins(histogram), SHARES, stepNs).map(
    (value) => Math.round((value ?? 0) * 10) / 10,
  );
}

/**
 * Summarises a histogram.
 *
 * @param exact the recorder's exact figures, where known: minimum, maximum and mean then are exact; otherwise they
 *   are those of the bins (minimum: lower end of the lowest bin; mean: from the middles of bins).
 * @param stepNs step of the clock that gave the values, for percentiles between its steps; leave out for values that no clock
 *   gave (counts, whole milliseconds)
 * @throws RangeError when `exact.count` is not the histogram's total: the recorder and its bins disagree
 */
export function summarize(
  histogram: Histogram,
  exact?: ExactFigures,
  stepNs?: number | null,
): LatencySummary {
  const count = histogram.totalCount;
  if (exact !== undefined && Number(exact.count) !== count) {
    throw new RangeError(
      `histogram bins hold ${count} values but the recorder counted ${exact.count}; the recording was read while it ran, or is broken`,
    );
  }
  if (count === 0) return EMPTY_SUMMARY;
  const maxNs = exact?.maxNs ?? histogram.maxValue;
  const minNs = exact?.minNs ?? histogram.getValueAtPercentile(0);
  const percentiles =
    stepNs == null
      ? SHARES.map((share) => histogram.getValueAtPercentile(Number((share * 100).toFixed(2))))
      : interpolatedPercentiles(histogram, stepNs);
  const at = (index: number): number => Math.min(Math.max(percentiles[index] as number, minNs), maxNs);
  return {
    count,
    minNs,
    p50Ns: at(0),
    p75Ns: at(1),
    p90Ns: at(2),
    p99Ns: at(3),
    p999Ns: at(4),
    p9999Ns: at(5),
    maxNs,
    meanNs: exact === undefined ? histogram.mean : Number(exact.sumNs) / count,
    stddevNs: histogram.stdDeviation,
    stepNs: stepNs ?? null,
    encoded: histogramLibrary().encodeIntoCompressedBase64(histogram),
  };
}

const EMPTY_SUMMARY: LatencySummary = Object.freeze({
  count: 0,
  minNs: null,
  p50Ns: null,
  p75Ns: null,
  p90Ns: null,
  p99Ns: null,
  p999Ns: null,
  p9999Ns: null,
  maxNs: null,
  meanNs: null,
  stddevNs: null,
  stepNs: null,
  encoded: null,
});
