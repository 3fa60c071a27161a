/**
 * Percentiles straight from counted bins, in one pass and without building a library histogram: for timelines, where
 * there is a small array of counts per interval and class.
 */
import type { Counts } from './histogram-region.js';
import {
  highestValueFromIndex,
  middleValueFromIndex,
  valueFromIndex,
  type LogLinearConfig,
} from './log-linear.js';

/** Figures of one interval; all but `count` null when nothing was recorded in it. */
export interface IntervalFigures {
  readonly count: number;
  /** One value per requested percentile, in the order given: the upper end of its bin. */
  readonly valuesNs: readonly (number | null)[];
  /** Upper end of the highest bin in use. */
  readonly maxNs: number | null;
  /** Mean of the middles of bins. */
  readonly meanNs: number | null;
}

/**
 * @param percentiles from 0 to 100, ascending; 0 gives the lower end of the lowest bin in use
 * @throws RangeError when they are not ascending or not within 0 to 100
 */
export function percentilesOfCounts(
  counts: Counts,
  config: LogLinearConfig,
  percentiles: readonly number[],
): IntervalFigures {
  let previous = 0;
  for (const percentile of percentiles) {
    if (!(percentile >= previous && percentile <= 100)) {
      throw new RangeError(`percentiles [${percentiles.join(', ')}] must ascend within 0 to 100`);
    }
    previous = percentile;
  }
  let count = 0;
  for (let index = 0; index < counts.length; index++) count += Number(counts[index]);
  if (count === 0) return { count, valuesNs: percentiles.map(() => null), maxNs: null, meanNs: null };

  const ranks = percentiles.map((percentile) => rankOf(percentile, count));
  const valuesNs: number[] = [];
  let cumulative = 0;
  let sum = 0;
  let maxNs = 0;
  for (let index = 0; index < counts.length; index++) {
    const here = Number(counts[index]);
    if (here === 0) continue;
    cumulative += here;
    sum += here * middleValueFromIndex(config, index);
    maxNs = highestValueFromIndex(config, index);
    while (valuesNs.length < ranks.length && cumulative >= (ranks[valuesNs.length] ?? Infinity)) {
      valuesNs.push(percentiles[valuesNs.length] === 0 ? valueFromIndex(config, index) : maxNs);
    }
  }
  return { count, valuesNs, maxNs, meanNs: sum / count };
}

/**
 * The 1-based rank of a percentile: percentile x count rounded up, with the allowance of one unit in the last place
 * that HdrHistogram makes so that 99.9 % of 1000 is the 999th value and not, by rounding error, the 1000th.
 */
function rankOf(percentile: number, count: number): number {
  const exact = (percentile / 100) * count;
  const ulp = exact > 0 ? 2 ** (Math.floor(Math.log2(exact)) - 52) : 0;
  return Math.max(1, Math.ceil(exact - ulp));
}
