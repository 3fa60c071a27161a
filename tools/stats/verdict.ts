/**
 * The verdict of a regression gate: by effect size and interval, taking more trials while it is open, never by one time
 * against one threshold.
 */
import { assertConfidence, type Estimate } from './interval.js';

/** What the gate says. */
export type Verdict = 'pass' | 'regression' | 'inconclusive';

/** What a metric's larger value means. */
export type Direction = 'higher-is-better' | 'lower-is-better';

/** A verdict with its reason. */
export interface VerdictResult {
  readonly verdict: Verdict;
  /** True when the interval shows an improvement by more than the threshold. */
  readonly improved: boolean;
  /** How much worse head is, as a ratio above 1 (or better, below 1), whatever the metric's direction; with its interval. */
  readonly worseBy: Estimate;
  /** One sentence for people. */
  readonly text: string;
}

/** Options of {@link decide}. */
export interface VerdictOptions {
  readonly direction: Direction;
  /** Largest relative worsening that is acceptable, e.g. 0.05 for 5 %. */
  readonly threshold: number;
}

/**
 * Decides on a ratio head / base:
 * `regression` when the whole interval is worse than the threshold;
 * `pass` when the whole interval is at or better than the threshold;
 * `inconclusive` when the threshold lies inside, or there is no interval.
 * @throws RangeError when the ratio or an end of its interval is not above 0, or the threshold is negative
 */
export function decide(ratio: Estimate, { direction, threshold }: VerdictOptions): VerdictResult {
  if (!(threshold >= 0)) throw new RangeError(`threshold ${threshold} is negative; 0.05 allows 5 %`);
  const worseBy = direction === 'lower-is-better' ? ratio : inverse(ratio);
  for (const part of [worseBy.value, worseBy.interval?.low ?? 1, worseBy.interval?.high ?? 1]) {
    if (!(part > 0 && Number.isFinite(part))) throw new RangeError(`ratio ${part} is not a number above 0`);
  }
  const limit = 1 + threshold;
  const interval = worseBy.interval;
  const allowed = percent(threshold);
  if (interval === null) {
    const text = `too few trials for an interval; ${allowed} worse is allowed`;
    return { verdict: 'inconclusive', improved: false, worseBy, text };
  }
  const range = `${percent(interval.low - 1)} to ${percent(interval.high - 1)} worse (${confidenceText(interval.confidence)})`;
  if (interval.low > limit) {
    return {
      verdict: 'regression',
      improved: false,
      worseBy,
      text: `${range}, more than the ${allowed} allowed`,
    };
  }
  if (interval.high <= limit) {
    const improved = interval.high < 1 / limit;
    return { verdict: 'pass', improved, worseBy, text: `${range}, within the ${allowed} allowed` };
  }
  const text = `${range}: the ${allowed} allowed lies inside; more trials would narrow it`;
  return { verdict: 'inconclusive', improved: false, worseBy, text };
}

function inverse({ value, interval }: Estimate): Estimate {
  return {
    value: 1 / value,
    interval:
      interval === null
        ? null
        : { low: 1 / interval.high, high: 1 / interval.low, confidence: interval.confidence },
  };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}

function confidenceText(confidence: number): string {
  return `${Number((confidence * 100).toFixed(2))}% interval`;
}

/**
 * The confidence to use at each look, when a verdict is sought up to `looks` times with more trials each time: looking
 * often at the usual confidence would find a regression by chance sooner or later. The permitted error is shared
 * equally between the looks, which bounds the chance of any wrong verdict by 1 - confidence however the looks depend on
 * each other (Bonferroni).
 */
export function confidencePerLook(confidence: number, looks: number): number {
  assertConfidence(confidence);
  if (!Number.isInteger(looks) || looks < 1) {
    throw new RangeError(`${looks} looks; give a whole number of at least 1`);
  }
  return 1 - (1 - confidence) / looks;
}

/** State of a sequential gate; plain data, so that it can be stored and resumed. */
export interface SequentialState {
  /** Looks taken. */
  readonly looks: number;
  readonly maxLooks: number;
  readonly last: VerdictResult | null;
}

/** Whether to take more trials: while inconclusive, up to the bound. */
export function wantsMoreTrials(state: SequentialState): boolean {
  return state.looks < state.maxLooks && (state.last === null || state.last.verdict === 'inconclusive');
}
