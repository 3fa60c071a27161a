/**
 * Figures from trials in sessions. A session is a fresh process: its own memory, its own code placement, its own seeds.
 * These stay the same for all its trials, so trials of one session tell how it varies within itself and nothing about
 * the next one. What is to hold for the next one as well has to come from the spread between sessions.
 *
 * One session: the median of its trials and the median's interval; it covers that session only.
 * Two and more: every session gives one number, the median of its trials; the estimate is their mean, and the interval
 * Student's t interval of these numbers. Trials make each number more exact; only sessions make the interval narrower
 * where sessions differ. Resampling sessions and then trials (a hierarchical bootstrap) was tried and does not hold: at a
 * nominal 95 % it covers 77 % with three sessions that differ and 99 % with sessions that do not.
 *
 * Source: T. Kalibera and R. Jones, "Rigorous Benchmarking in Reasonable Time", ISMM 2013.
 */
import type { Estimate, Interval } from './interval.js';
import { medianInterval } from './median-interval.js';
import { mean, median, standardDeviation } from './sample.js';
import { signedRank, smallestSignedRankP } from './signed-rank.js';
import { studentBeyond, studentQuantile } from './student-t.js';

/** Values of the trials by session. */
export type Sessions = readonly (readonly number[])[];

/** An estimate, and what its interval covers. */
export interface SessionEstimate extends Estimate {
  /** Trials in all. */
  readonly trials: number;
  readonly sessions: number;
  /** One number per session: the median of its trials. */
  readonly medians: readonly number[];
}

/**
 * The typical value over all sessions, with its interval; see the header.
 * @returns `interval` null for a single trial
 * @throws RangeError when there is no session, one is empty, or a value is not finite
 */
export function sessionEstimate(sessions: Sessions, confidence = 0.95): SessionEstimate {
  if (sessions.length === 0) throw new RangeError('there is no session, so there is no estimate');
  const medians = sessions.map((trials) => median(trials));
  const counts = {
    trials: sessions.reduce((sum, session) => sum + session.length, 0),
    sessions: sessions.length,
  };
  const [only] = sessions;
  if (sessions.length === 1) {
    const interval = medianInterval(only as readonly number[], confidence);
    return { value: medians[0] as number, interval, ...counts, medians };
  }
  return { value: mean(medians), interval: meanInterval(medians, confidence), ...counts, medians };
}

/**
 * As {@link sessionEstimate}, of values above 0, the medians of sessions taken as logarithms: for ratios, and for rates and times, which vary by
 * factors. The estimate of several sessions is their geometric mean.
 * @throws RangeError also when a value is not above 0
 */
export function positiveEstimate(sessions: Sessions, confidence = 0.95): SessionEstimate {
  for (const value of sessions.flat()) {
    if (!(value > 0))
      throw new RangeError(`${value} is not above 0; an estimate by factors needs values above 0`);
  }
  const plain = sessionEstimate(sessions, confidence);
  if (sessions.length === 1) return plain;
  const logs = plain.medians.map(Math.log);
  return {
    ...plain,
    value: Math.exp(mean(logs)),
    interval: mapInterval(meanInterval(logs, confidence), Math.exp),
  };
}

/** An interval with a rising function applied to its ends. */
export function mapInterval(interval: Interval | null, map: (end: number) => number): Interval | null {
  return interval === null ? null : { ...interval, low: map(interval.low), high: map(interval.high) };
}

/** Student's t interval of a mean; null for fewer than two values. */
export function meanInterval(values: readonly number[], confidence = 0.95): Interval | null {
  const deviation = values.length < 2 ? null : standardDeviation(values);
  if (deviation === null) return null;
  const half = (studentQuantile(confidence, values.length - 1) * deviation) / Math.sqrt(values.length);
  const centre = mean(values);
  return { low: centre - half, high: centre + half, confidence };
}

/** Result of {@link sessionTest}. */
export interface SessionTest {
  readonly test: 'wilcoxon-signed-rank' | 'session-t';
  /** Two-sided. */
  readonly pValue: number;
  /** The smallest p-value that so many trials or sessions can give. */
  readonly smallestP: number;
}

/**
 * Whether differences (logarithms of ratios) lie around 0: within one session by the signed-rank test over its trials,
 * over several by the t test over the medians of sessions.
 * @throws RangeError as {@link sessionEstimate}
 */
export function sessionTest(sessions: Sessions): SessionTest {
  const [only] = sessions;
  if (sessions.length < 2) {
    const trials = only ?? [];
    const smallestP = smallestSignedRankP(trials.length);
    return { test: 'wilcoxon-signed-rank', pValue: signedRank(trials).pValue, smallestP };
  }
  const medians = sessions.map((trials) => median(trials));
  return { test: 'session-t', pValue: meanPValue(medians), smallestP: 0 };
}

/** P-value of the t test of a mean against 0. */
function meanPValue(values: readonly number[]): number {
  const centre = mean(values);
  if (centre === 0) return 1;
  const deviation = standardDeviation(values) as number;
  // Equal to the last digit: a clock's steps or a count. They show no spread to judge by, so only their signs count.
  if (deviation <= Math.abs(centre) * 1e-12) return smallestSignedRankP(values.length);
  const t = (centre / deviation) * Math.sqrt(values.length);
  return studentBeyond(t, values.length - 1);
}

/** How two independent sets of session medians differ. */
export interface SessionDifference {
  /** Mean of head less mean of base, with its interval. */
  readonly difference: Estimate;
  readonly pValue: number;
}

/**
 * Compares sessions of two results that have nothing in common (Welch's t): for values that were not measured side by side.
 * @returns null when a side has fewer than two sessions, which says nothing about the next one
 */
export function compareSessions(
  base: readonly number[],
  head: readonly number[],
  confidence = 0.95,
): SessionDifference | null {
  if (base.length < 2 || head.length < 2) return null;
  const errors = [base, head].map((side) => ({
    squared: (standardDeviation(side) as number) ** 2 / side.length,
    degrees: side.length - 1,
  }));
  const value = mean(head) - mean(base);
  const squared = errors.reduce((sum, error) => sum + error.squared, 0);
  if (Math.sqrt(squared) <= Math.max(Math.abs(mean(head)), Math.abs(mean(base)), Math.abs(value)) * 1e-12) {
    const fewest = Math.min(base.length, head.length);
    return {
      difference: { value, interval: { low: value, high: value, confidence } },
      pValue: value === 0 ? 1 : smallestSignedRankP(fewest),
    };
  }
  // Welch and Satterthwaite.
  const degrees = squared ** 2 / errors.reduce((sum, error) => sum + error.squared ** 2 / error.degrees, 0);
  const half = studentQuantile(confidence, degrees) * Math.sqrt(squared);
  return {
    difference: { value, interval: { low: value - half, high: value + half, confidence } },
    pValue: studentBeyond(value / Math.sqrt(squared), degrees),
  };
}
