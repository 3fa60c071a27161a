/**
 * From where on a series of times (or rates) is steady: caches filled, code compiled, memory mapped.
 * Source: E. Barrett et al., "Virtual Machine Warmup Blows Hot and Cold", OOPSLA 2017: change points, and a last
 * segment that must be long enough.
 */
import { differenceNoise, segment, type ChangePointOptions, type Segment } from './change-points.js';
import { assertSample, median } from './sample.js';

/** What the series does. The names are those for times; for rates, read warm-up and slow-down the other way round. */
export type SteadyState =
  /** One level throughout. */
  | 'flat'
  /** Steady after an initial part of larger values. */
  | 'warm-up'
  /** Steady after an initial part of smaller values. */
  | 'slow-down'
  /** The level still changed near the end. */
  | 'no-steady-state';

/** Result of {@link detectWarmUp}. */
export interface WarmUp {
  readonly state: SteadyState;
  /** Index of the first steady value; null when there is no steady state. */
  readonly steadyFrom: number | null;
  readonly segments: readonly Segment[];
}

/** Options of {@link detectWarmUp}. */
export interface WarmUpOptions extends ChangePointOptions {
  /** Levels that differ by no more than this share are the same; default 0.01. */
  readonly tolerance?: number;
  /** Share of the series that the last level must cover to count as steady; default 0.25. */
  readonly minSteadyShare?: number;
}

/**
 * Finds the steady part of a series. Single spikes are limited to the neighbourhood's level before levels are sought,
 * so that one interruption is not a level of its own; the series itself is not changed and nothing is dropped.
 * @throws RangeError when the series is empty or not finite
 */
export function detectWarmUp(series: ArrayLike<number>, options: WarmUpOptions = {}): WarmUp {
  assertSample(series, 'series');
  const segments = segment(limitSpikes(series), options);
  const last = segments.at(-1) as Segment;
  const tolerance = (options.tolerance ?? 0.01) * Math.abs(last.mean);
  let from = segments.length - 1;
  while (from > 0 && Math.abs((segments[from - 1] as Segment).mean - last.mean) <= tolerance) from--;
  const steadyFrom = (segments[from] as Segment).start;
  if (series.length - steadyFrom < (options.minSteadyShare ?? 0.25) * series.length) {
    return { state: 'no-steady-state', steadyFrom: null, segments };
  }
  if (from === 0) return { state: 'flat', steadyFrom: 0, segments };
  const before = segments.slice(0, from);
  const initial = before.reduce((sum, level) => sum + level.mean * (level.end - level.start), 0) / steadyFrom;
  return { state: initial > last.mean ? 'warm-up' : 'slow-down', steadyFrom, segments };
}

/** Values further than four noise deviations from the median of their seven-value neighbourhood, brought back to it. */
function limitSpikes(series: ArrayLike<number>): Float64Array {
  const all = Float64Array.from(series);
  const reach = 4 * differenceNoise(series);
  return all.map((value, index) => {
    const start = Math.max(0, Math.min(index - 3, all.length - 7));
    const neighbours = all.subarray(start, start + 7);
    const level = median(neighbours);
    return Math.abs(value - level) > reach ? level : value;
  });
}
