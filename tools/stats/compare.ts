/**
 * Two results side by side, as benchstat prints them: `-17.20%` with `p=0.002 n=5x10`, or `~` when no difference is shown.
 *
 * Two results are never of one session, so figures that a machine makes are compared over sessions (Welch's t of their
 * medians). With one session on a side there is nothing to tell a difference of what is compared from one between sessions,
 * and nothing is claimed. Counts of work do not vary from process to process: their trials are compared by the Mann-Whitney
 * test.
 */
import { adjustWithin, isDifference } from './finding.js';
import { confidenceAt, type Interval } from './interval.js';
import { mannWhitney, smallestPValue } from './mann-whitney.js';
import { mean } from './sample.js';
import {
  compareSessions,
  mapInterval,
  positiveEstimate,
  sessionEstimate,
  type SessionEstimate,
  type Sessions,
} from './session-estimate.js';

/** `measured`: a time or a rate; `counted`: the same on every machine. */
export type ValueKind = 'measured' | 'counted';

/** A comparison of head with base. */
export interface BenchComparison {
  readonly kind: ValueKind;
  readonly base: SessionEstimate;
  readonly head: SessionEstimate;
  /** (head / base - 1) x 100; null when base is 0. */
  readonly deltaPercent: number | null;
  /** Interval of head / base; null where there is none: where nothing can be tested, of counts, and where some values are 0. */
  readonly ratioInterval: Interval | null;
  /** Null where nothing can be tested: one session on a side. */
  readonly pValue: number | null;
  /** After Holm's correction over all that is compared; until {@link adjustComparisons} it is pValue. */
  readonly adjustedP: number | null;
  readonly alpha: number;
  readonly significant: boolean;
  /** `-17.20%`, `+3.05%`, `~`, or `?` where a significant difference has no percentage (base 0). */
  readonly text: string;
  /** `p=0.002 n=5x10` (sessions x trials), or `p=0.841 n=9+10` for unequal sides. */
  readonly detail: string;
  /** Why the comparison cannot say more, with what to do; null when there is nothing to add. */
  readonly note: string | null;
}

/** How two samples are compared. */
export interface CompareSamplesOptions {
  /** Significance level, default 0.05; intervals are of the confidence that goes with it. */
  readonly alpha?: number;
  readonly kind?: ValueKind;
}

/**
 * Compares two samples of one metric, trials by session.
 * @throws RangeError when a sample is empty or not finite, or alpha is not between 0 and 1
 */
export function compareSamples(
  base: Sessions,
  head: Sessions,
  { alpha = 0.05, kind = 'measured' }: CompareSamplesOptions = {},
): BenchComparison {
  if (!(alpha > 0 && alpha < 1)) throw new RangeError(`alpha ${alpha} is not between 0 and 1; 0.05 is usual`);
  const isPositive = [...base, ...head].flat().every((value) => value > 0);
  const estimate = isPositive ? positiveEstimate : sessionEstimate;
  const confidence = confidenceAt(alpha);
  const sides = { base: estimate(base, confidence), head: estimate(head, confidence) };
  const { pValue, ratioInterval } =
    kind === 'counted' ? countedTest(base, head) : measuredTest(sides, isPositive, confidence);
  const deltaPercent = sides.base.value === 0 ? null : (sides.head.value / sides.base.value - 1) * 100;
  const note = noteFor(base, head, kind, alpha) ?? (kind === 'measured' && !isPositive ? NO_RATIO : null);
  return judged({ kind, ...sides, deltaPercent, ratioInterval, pValue, adjustedP: pValue, alpha, note });
}

function countedTest(base: Sessions, head: Sessions) {
  return { pValue: mannWhitney(base.flat(), head.flat()).pValue, ratioInterval: null };
}

function measuredTest(
  { base, head }: { readonly base: SessionEstimate; readonly head: SessionEstimate },
  isPositive: boolean,
  confidence: number,
): { readonly pValue: number | null; readonly ratioInterval: Interval | null } {
  const scale = isPositive ? Math.log : (value: number): number => value;
  const found = compareSessions(base.medians.map(scale), head.medians.map(scale), confidence);
  if (found === null) return { pValue: null, ratioInterval: null };
  return {
    pValue: found.pValue,
    ratioInterval: isPositive ? mapInterval(found.difference.interval, Math.exp) : null,
  };
}

/**
 * Adds the verdict, by the one rule of finding.ts. What was tested and has no ratio, counts and values of which some are 0, is judged by
 * its test alone.
 */
function judged(comparison: Omit<BenchComparison, 'significant' | 'text' | 'detail'>): BenchComparison {
  const { adjustedP, alpha, ratioInterval } = comparison;
  const significant =
    adjustedP !== null &&
    isDifference({
      adjustedP,
      alpha,
      ...(ratioInterval === null ? {} : { low: ratioInterval.low, high: ratioInterval.high }),
    });
  return {
    ...comparison,
    significant,
    text: significant ? formatDelta(comparison.deltaPercent) : '~',
    detail: formatDetail(comparison.pValue, comparison.base, comparison.head),
  };
}

/** The same comparisons with Holm's correction over all of them, and what is then left of the verdicts. */
export function adjustComparisons(comparisons: readonly BenchComparison[]): BenchComparison[] {
  const tested = comparisons.flatMap((comparison) =>
    comparison.pValue === null ? [] : [{ comparison, pValue: comparison.pValue }],
  );
  const adjusted = adjustWithin(tested, () => 'all');
  const found = new Map(tested.map(({ comparison }, index) => [comparison, adjusted[index] as number]));
  return comparisons.map((comparison) => judged({ ...comparison, adjustedP: found.get(comparison) ?? null }));
}

/** A percentage as benchstat writes it: sign, two decimals. `?` for null. */
export function formatDelta(deltaPercent: number | null): string {
  if (deltaPercent === null) return '?';
  const text = deltaPercent.toFixed(2);
  return `${text.startsWith('-') ? '' : '+'}${text}%`;
}

/** Why a comparison has no interval of the ratio although it was tested. */
const NO_RATIO = 'some values are 0, so there is no ratio, and the difference itself was tested';

type Counts = Pick<SessionEstimate, 'trials' | 'sessions'>;

/** `10` trials of one session, `5x10` for as many trials in each of five. */
export function formatCounts({ trials, sessions }: Counts): string {
  if (sessions < 2) return String(trials);
  const each = trials / sessions;
  return `${sessions}x${Number.isInteger(each) ? each : each.toFixed(1)}`;
}

/** `p=0.002 n=5x10`; without a p-value `n=10`. */
function formatDetail(pValue: number | null, base: Counts, head: Counts): string {
  const [before, after] = [formatCounts(base), formatCounts(head)];
  const n = `n=${before === after ? before : `${before}+${after}`}`;
  return pValue === null ? n : `p=${pValue.toFixed(3)} ${n}`;
}

function noteFor(base: Sessions, head: Sessions, kind: ValueKind, alpha: number): string | null {
  if (kind === 'measured') {
    if (base.length >= 2 && head.length >= 2) return null;
    return 'one session on a side, and sessions of the same build differ: run bench with several --sessions, or give a folder with several results';
  }
  const [before, after] = [base.flat(), head.flat()];
  if (new Set([...before, ...after]).size === 1) return 'all values are equal';
  if (smallestPValue(before.length, after.length) < alpha) return null;
  let needed = 1;
  while (smallestPValue(needed, needed) >= alpha) needed++;
  return `need >= ${needed} trials on each side to detect a difference at alpha level ${alpha}`;
}

/** The `geomean` row over several comparisons: the geometric mean of the ratios, with its interval. */
export interface GeomeanRow {
  /** Geometric mean of head / base. */
  readonly ratio: number;
  readonly interval: Interval;
  readonly deltaPercent: number;
  /** `+3.05% (+1.20% .. +4.93%)`. */
  readonly text: string;
  /** Rows that took part: those with values above 0. */
  readonly count: number;
}

/**
 * The geometric mean over rows, session by session, so that what a session has in common counts once.
 * @returns null where it would have no interval: no row with values above 0, or one session on a side
 */
export function geomeanRow(rows: readonly BenchComparison[]): GeomeanRow | null {
  const positive = rows.filter((row) =>
    [...row.base.medians, ...row.head.medians].every((median) => median > 0),
  );
  if (positive.length === 0) return null;
  const found = compareSessions(
    meansBySession(positive.map((row) => row.base.medians)),
    meansBySession(positive.map((row) => row.head.medians)),
    confidenceAt(Math.max(...positive.map((row) => row.alpha))),
  );
  const interval = mapInterval(found?.difference.interval ?? null, Math.exp);
  if (found === null || interval === null) return null;
  const ratio = Math.exp(found.difference.value);
  return { ratio, interval, ...geomeanText(ratio, interval), count: positive.length };
}

/** How a geometric mean and its interval are written. */
export function geomeanText(ratio: number, interval: Interval): { deltaPercent: number; text: string } {
  const percent = (value: number): number => (value - 1) * 100;
  const range = `${formatDelta(percent(interval.low))} .. ${formatDelta(percent(interval.high))}`;
  return { deltaPercent: percent(ratio), text: `${formatDelta(percent(ratio))} (${range})` };
}

/** Of each session the mean over rows of logarithms. */
function meansBySession(rows: readonly (readonly number[])[]): number[] {
  const sessions = Math.min(...rows.map((medians) => medians.length));
  return Array.from({ length: sessions }, (_, session) =>
    mean(rows.map((medians) => Math.log(medians[session] as number))),
  );
}
