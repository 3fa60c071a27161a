/**
 * One clock for all threads of a run: nanoseconds since the run's origin.
 *
 * `performance.now()` is the cheapest precise clock of Node, but each thread has its own origin. The origins are tied
 * together through `process.hrtime`, which all threads share: each thread reads the pair a few times and keeps the offset of
 * the tightest reading, whose width bounds the error.
 */

/** Tracker time at t0, in milliseconds: not 0, so that an expiration of 0 keeps its meaning. */
export const TRACKER_EPOCH_MS = 1_000_000;

/** A thread's view of the run's clock. */
export interface RunClock {
  /** Nanoseconds since the origin; one `performance.now()`. */
  readonly now: () => number;
  /** Half the width of the tightest reading: the offset's error is at most this. */
  readonly offsetErrorNs: number;
}

/** A new origin: pass it to every thread of the run. Nanoseconds of `process.hrtime.bigint()`. */
export function runOrigin(): bigint {
  return process.hrtime.bigint();
}

/**
 * Binds this thread to the run's clock.
 * @param origin from `runOrigin`, the same on every thread
 */
export function bindRunClock(origin: bigint): RunClock {
  let offsetNs = 0;
  let widthNs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 64; i++) {
    const before = process.hrtime.bigint();
    const mine = performance.now() * 1e6;
    const after = process.hrtime.bigint();
    const width = Number(after - before);
    if (width < widthNs) {
      widthNs = width;
      offsetNs = Number(before - origin) + width / 2 - mine;
    }
  }
  const offset = offsetNs;
  return { now: () => performance.now() * 1e6 + offset, offsetErrorNs: widthNs / 2 };
}
