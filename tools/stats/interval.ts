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

/** Half the width of an interval as a share of the estimate's size; null for an estimate of 0. */
export function relativeHalfWidth(value: number, interval: Interval): number | null {
  return value === 0 ? null : (interval.high - interval.low) / 2 / Math.abs(value);
}
