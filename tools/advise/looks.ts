/**
 * Advice that is looked at several times. Rounds are added while it hangs on what is not known well enough, and each look is another
 * chance to find a difference where there is none; so the error that is permitted is shared between the looks, as `regress` does it.
 */
import { adjustMatrix, type MatrixComparison } from '../bench/aggregate.js';
import type { MatrixResult } from '../bench/matrix-result.js';
import { mapInterval, sessionEstimate } from '../stats/session-estimate.js';
import { confidencePerLook } from '../stats/verdict.js';

/** How often advice may be looked at: after the first rounds, and after each as many more up to the bound. */
export function looksOf({ fewest, most }: { readonly fewest: number; readonly most: number }): number {
  return Math.max(1, Math.ceil(most / fewest));
}

/**
 * A result with its comparisons as one of so many looks sees them: the level of the tests and what the intervals leave out divided by the
 * number of looks (Bonferroni). With one look it is the same result.
 * @throws RangeError when looks is no whole number of at least 1
 */
export function atEachLook(result: MatrixResult, looks: number): MatrixResult {
  if (looks === 1) return result;
  const comparisons = result.comparisons.map((one) => comparisonAtLook(one, looks));
  return { ...result, comparisons: adjustMatrix(comparisons) };
}

function comparisonAtLook(comparison: MatrixComparison, looks: number): MatrixComparison {
  const { alpha, confidence, sessionRatios } = comparison;
  if (typeof alpha !== 'number') return comparison;
  const shared = { ...comparison, alpha: 1 - confidencePerLook(1 - alpha, looks) };
  if (typeof confidence !== 'number' || sessionRatios == null || sessionRatios.length < 2) return shared;
  const logs = sessionRatios.map((ratio) => [Math.log(ratio)]);
  const { interval } = sessionEstimate(logs, confidencePerLook(confidence, looks));
  const { low = null, high = null } = mapInterval(interval, Math.exp) ?? {};
  return { ...shared, low, high, confidence: interval?.confidence ?? null };
}
