/** How many trials a precision or a difference takes. */
import { relativeHalfWidth, type Interval } from './interval.js';
import { medianInterval } from './median-interval.js';
import { normalQuantile } from './normal.js';
import { median } from './sample.js';

/** Where a cell stands on its way to `--until-precision`. */
export interface PrecisionState {
  readonly median: number;
  readonly interval: Interval | null;
  /** Half the interval's width over the median; null without an interval. */
  readonly relativeHalfWidth: number | null;
  readonly reached: boolean;
  /** Trials in all that the precision is expected to take; null without an interval. Never below what was taken. */
  readonly trialsNeeded: number | null;
}

/**
 * Whether the median of the trials so far is known to within `target` (0.02 for 2 %), and how many trials it is
 * expected to take: an interval narrows with the square root of the number of trials.
 *
 * Stopping when an interval looks narrow favours samples that look narrower than they are; `minTrials` (default 6, the
 * fewest with which a 95 % interval of a median exists) bounds that, and a caller that asks for `reached` at two looks in
 * a row nearly removes it: at 30 trials, one sample in 200 has an interval of less than half its typical width.
 * @throws RangeError when the sample is empty or not finite, or the target is not above 0
 */
export function precisionState(
  values: readonly number[],
  target: number,
  options: { readonly minTrials?: number; readonly confidence?: number } = {},
): PrecisionState {
  if (!(target > 0)) throw new RangeError(`target precision ${target} is not above 0; 0.02 asks for 2 %`);
  const centre = median(values);
  const interval = medianInterval(values, options.confidence);
  const halfWidth = interval === null ? null : relativeHalfWidth(centre, interval);
  const minTrials = options.minTrials ?? 6;
  const reached = halfWidth !== null && halfWidth <= target && values.length >= minTrials;
  return {
    median: centre,
    interval,
    relativeHalfWidth: halfWidth,
    reached,
    trialsNeeded: halfWidth === null ? null : trialsForHalfWidth(values.length, halfWidth, target, minTrials),
  };
}

/** Trials in all, given that `n` trials gave a relative half-width. At least `n` and `minTrials`; more than `n` when not reached. */
export function trialsForHalfWidth(n: number, halfWidth: number, target: number, minTrials = 6): number {
  const scaled = Math.ceil(n * (halfWidth / target) ** 2);
  return Math.max(minTrials, halfWidth <= target ? n : Math.max(scaled, n + 1));
}

/** A difference to be found. */
export interface Detection {
  /** Coefficient of variation of the trials. */
  readonly cv: number;
  /** Relative difference of the medians, e.g. 0.05 for head 5 % above base; above -1. */
  readonly difference: number;
  /** Significance level, two-sided; default 0.05. */
  readonly alpha?: number;
  /** Probability of finding it; default 0.9. */
  readonly power?: number;
}

/**
 * Trials per side that the Mann-Whitney test needs to find a difference, for roughly normal trials: that of the t test
 * divided by the rank test's efficiency, 3/pi. The difference is taken as a logarithm, since trial times vary by factors.
 * Source: E. L. Lehmann, Nonparametrics (1975), 2.3 and 2.4; W. C. Guenther, The American Statistician 35 (1981), for
 * the term that allows for few trials.
 * @returns at least 4, the fewest with which a difference can be significant at 0.05
 */
export function trialsToDetect({ cv, difference, alpha = 0.05, power = 0.9 }: Detection): number {
  if (!(difference !== 0 && difference > -1 && Number.isFinite(difference))) {
    throw new RangeError(`difference ${difference} cannot be looked for; 0.05 is 5 %`);
  }
  const critical = normalQuantile(1 - alpha / 2);
  const reach = critical + normalQuantile(power);
  const perSide = ((2 * (reach * cv) ** 2) / Math.log1p(difference) ** 2 + critical ** 2 / 4) / (3 / Math.PI);
  return Math.max(4, Math.ceil(perSide));
}
