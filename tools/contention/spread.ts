/** Median and range of a figure over rounds. */
import { median } from '../stats/sample.js';
import type { Spread } from './contention-result.js';

/** Over the rounds that have the figure; null when none has. */
export function spreadOf(values: readonly (number | null)[]): Spread | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return null;
  return { median: median(known), min: Math.min(...known), max: Math.max(...known), values: known };
}

/**
 * As spreadOf, for figures that every round has.
 * @throws RangeError when there is no round
 */
export function spreadOfAll(values: readonly number[]): Spread {
  const spread = spreadOf(values);
  if (spread === null) throw new RangeError('no round was measured; give --rounds of 1 or more');
  return spread;
}

/** Ratios round by round: of figures taken close together, so that a drift of the machine meets both. */
export function ratiosOf(values: readonly number[], against: readonly number[]): Spread {
  return spreadOfAll(values.map((value, round) => value / (against[round] as number)));
}
