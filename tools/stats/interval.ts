/** The shape of every interval estimate here. */

/** A confidence interval around an estimate. `low` and `high` bound it; `confidence` is its nominal coverage. */
export interface Interval {
  readonly low: number;
  readonly high: number;
  /** From 0 to 1, e.g. 0.95. */
  readonly confidence: number;
}

/** An estimate with its interval; the interval is null where the data cannot give one. */
export interface Estimate {
  readonly value: number;
  readonly interval: Interval | null;
}

/** Refuses a confidence that is not strictly between 0 and 1. */
export function assertConfidence(confidence: number): void {
  if (!(confidence > 0 && confidence < 1)) {
    throw new RangeError(`confidence ${confidence} is not between 0 and 1; 0.95 is usual`);
  }
}

/** The confidence of the intervals that go with tests at a significance level: where a test finds a difference, its interval leaves 1 out. */
export function confidenceAt(alpha: number): number {
  // A level so small that nothing would be left of it still leaves something out.
  return Math.min(1 - alpha, 1 - Number.EPSILON);
}

/**
 * first - second of two independent estimates, from their intervals alone: distances to the ends add like the sides of a right
 * triangle. Source: G. Zou and A. Donner, Statistics in Medicine 27 (2008).
 * @returns `interval` null where one of them has none; its confidence is the lower of the two
 */
export function differenceOf(first: Estimate, second: Estimate): Estimate {
  const value = first.value - second.value;
  const [a, b] = [first.interval, second.interval];
  if (a === null || b === null) return { value, interval: null };
  return {
    value,
    interval: {
      low: value - Math.hypot(first.value - a.low, b.high - second.value),
      high: value + Math.hypot(a.high - first.value, second.value - b.low),
      confidence: Math.min(a.confidence, b.confidence),
    },
  };
}

/** Half the width of an interval as a share of the estimate's size; null for an estimate of 0. */
export function relativeHalfWidth(value: number, interval: Interval): number | null {
  return value === 0 ? null : (interval.high - interval.low) / 2 / Math.abs(value);
}
