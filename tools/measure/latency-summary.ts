/**
 * From counted cells to the figures of a report, through hdr-histogram-js: percentiles, mean, spread, and the
 * compressed form that travels in results and can be merged without loss.
 */
import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import type { Histogram } from 'hdr-histogram-js';
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
 * Percentiles are the upper end of their cell (at most 10^-digits above the true value), and never above `maxNs`.
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
  /** HdrHistogram V2 compressed encoding, base64 (`HISTFAAA…`), as in .hlog files. */
  readonly encoded: string | null;
}

/** An empty histogram of the given range and precision that can hold counts up to 2^53. */
export function emptyHistogram(config: LogLinearConfig = LATENCY_CONFIG): Histogram {
  return build({
    bitBucketSize: 64,
    autoResize: false,
    lowestDiscernibleValue: 1,
    highestTrackableValue: config.highestTrackableNs,
    numberOfSignificantValueDigits: config.significantDigits,
    useWebAssembly: false,
  });
}

/**
 * Makes an hdr-histogram-js histogram from counted cells.
 *
 * With `exact`, its `maxValue` and `minNonZeroValue` are the exact ones, so the result equals a histogram that had
 * recorded the values itself; without, they are the bounds of the outermost cells in use.
 * @throws RangeError when the array does not have the configuration's length
 */
export function toHistogram(
  counts: Counts,
  config: LogLinearConfig = LATENCY_CONFIG,
  exact?: Pick<ExactFigures, 'minNs' | 'maxNs'>,
): Histogram {
  if (counts.length !== countsLength(config)) {
    throw new RangeError(
      `histogram has ${counts.length} cells, its configuration says ${countsLength(config)}; use the configuration it was recorded with`,
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
 * Merges histograms (one per worker, per trial, per shard) into one, without loss: cell counts add up. The range and
 * precision are those of `config`, which the parts must share.
 */
export function mergeHistograms(
  parts: Iterable<Histogram>,
  config: LogLinearConfig = LATENCY_CONFIG,
): Histogram {
  const merged = emptyHistogram(config);
  for (const part of parts) if (part.totalCount > 0) merged.add(part);
  return merged;
}

/**
 * Reads a histogram back from its compressed base64 form.
 * @throws Error when the text is not an HdrHistogram V2 compressed histogram
 */
export function decodeHistogram(encoded: string): Histogram {
  try {
    return decodeFromCompressedBase64(encoded, 64, false);
  } catch (cause) {
    throw new Error(
      `not an HdrHistogram V2 compressed histogram (${encoded.length} characters, starts "${encoded.slice(0, 8)}"); expected base64 beginning HISTF`,
      { cause },
    );
  }
}

/**
 * Summarises a histogram.
 *
 * @param exact the recorder's exact figures, where known: minimum, maximum and mean then are exact; otherwise they
 *   are those of the cells (minimum: lower end of the lowest cell; mean: from the middles of cells).
 * @throws RangeError when `exact.count` is not the histogram's total: the recorder and its cells disagree
 */
export function summarize(histogram: Histogram, exact?: ExactFigures): LatencySummary {
  const count = histogram.totalCount;
  if (exact !== undefined && Number(exact.count) !== count) {
    throw new RangeError(
      `histogram cells hold ${count} values but the recorder counted ${exact.count}; the recording was read while it ran, or is broken`,
    );
  }
  if (count === 0) return EMPTY_SUMMARY;
  const maxNs = exact?.maxNs ?? histogram.maxValue;
  const at = (percentile: number): number => Math.min(histogram.getValueAtPercentile(percentile), maxNs);
  return {
    count,
    minNs: exact?.minNs ?? histogram.getValueAtPercentile(0),
    p50Ns: at(50),
    p75Ns: at(75),
    p90Ns: at(90),
    p99Ns: at(99),
    p999Ns: at(99.9),
    p9999Ns: at(99.99),
    maxNs,
    meanNs: exact === undefined ? histogram.mean : Number(exact.sumNs) / count,
    stddevNs: histogram.stdDeviation,
    encoded: encodeIntoCompressedBase64(histogram),
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
  encoded: null,
});
