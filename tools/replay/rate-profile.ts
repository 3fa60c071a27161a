/** A rate that changes over the run: packets per second at points in time, in steps or along straight lines between them. */
import { shortened } from '../text/escape.js';

/** Rate at a time since t0. */
export interface RatePoint {
  readonly atMs: number;
  readonly pps: number;
}

export type ProfileShape = 'linear' | 'step';

/** A profile. Behind the last point the rate stays. It can be posted to worker threads. */
export interface RateProfile {
  readonly points: readonly RatePoint[];
  readonly shape: ProfileShape;
}

/** A stretch of the profile, in the terms of the inverse. */
interface Stretch {
  readonly startNs: number;
  /** Packets due before it. */
  readonly before: number;
  /** Packets per nanosecond at its start, and half of their change per nanosecond. */
  readonly rate: number;
  readonly halfSlope: number;
}

const TIME_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const SUFFIXES: Readonly<Record<string, number>> = { '': 1, k: 1e3, M: 1e6, G: 1e9 };

/** As for a constant rate; beyond it due times are no numbers. */
const MAX_PPS = 1e9;
const MAX_MS = 100_000 * 3_600_000;

/**
 * Parses `0s:10k,30s:100k,60s:1M`.
 * @throws RangeError naming the point that is wrong
 */
export function parseProfile(text: string): readonly RatePoint[] {
  const points = text.split(',').map((part, index): RatePoint => {
    const match = /^\s*(\d+(?:\.\d+)?)(ms|s|m|h):(\d+(?:\.\d+)?)([kMG]?)\s*$/.exec(part);
    if (match === null) {
      throw new RangeError(
        `point ${index + 1}, '${shortened(part)}', is not TIME:RATE, for example 0s:10k,30s:100k`,
      );
    }
    const atMs = Number(match[1]) * (TIME_UNITS[match[2] ?? 's'] as number);
    const pps = Number(match[3]) * (SUFFIXES[match[4] ?? ''] as number);
    if (!(pps <= MAX_PPS && atMs <= MAX_MS)) {
      throw new RangeError(`point ${index + 1} is above the largest rate, 1G, or time, 100000h`);
    }
    return { atMs, pps };
  });
  if (points[0]?.atMs !== 0) throw new RangeError('the first point has to be at 0s');
  points.forEach((point, index) => {
    if (index > 0 && point.atMs <= (points[index - 1] as RatePoint).atMs) {
      throw new RangeError(`point ${index + 1} is not later than the one before it`);
    }
  });
  if ((points.at(-1)?.pps ?? 0) <= 0)
    throw new RangeError('the last rate has to be above 0, or the run would never end');
  return points;
}

/**
 * When packet `n` (counting from 0, over all loops) is due, nanoseconds after t0: the time by which the profile has let n packets
 * go. Exact at every point, so nothing adds up.
 */
export function makeDueOfProfile(profile: RateProfile): (n: number) => number {
  const stretches = stretchesOf(profile);
  return (n) => {
    let stretch = stretches[0] as Stretch;
    for (const each of stretches)
      if (each.before <= n && (each.rate > 0 || each.halfSlope > 0)) stretch = each;
    const { startNs, rate, halfSlope } = stretch;
    const packets = Math.max(0, n - stretch.before);
    if (packets === 0) return startNs;
    // Solves rate x + halfSlope x^2 = packets for x, in the form that does not cancel.
    const root = Math.sqrt(Math.max(0, rate * rate + 4 * halfSlope * packets));
    return startNs + (2 * packets) / (rate + root);
  };
}

/** Packets, in fractions, that a profile has let go in the first `ns` nanoseconds: the area under it. */
export function packetsOfProfile(profile: RateProfile, ns: number): number {
  const stretch = stretchesOf(profile).findLast(({ startNs }) => startNs <= ns);
  if (stretch === undefined) return 0;
  const lengthNs = ns - stretch.startNs;
  return stretch.before + stretch.rate * lengthNs + stretch.halfSlope * lengthNs * lengthNs;
}

function stretchesOf({ points, shape }: RateProfile): Stretch[] {
  const stretches: Stretch[] = [];
  let before = 0;
  points.forEach((point, index) => {
    const next = points[index + 1];
    const rate = point.pps / 1e9;
    const startNs = point.atMs * 1e6;
    const lengthNs = next === undefined ? Number.POSITIVE_INFINITY : next.atMs * 1e6 - startNs;
    const slope = next === undefined || shape === 'step' ? 0 : (next.pps / 1e9 - rate) / lengthNs;
    stretches.push({ startNs, before, rate, halfSlope: slope / 2 });
    if (next !== undefined) before += rate * lengthNs + (slope / 2) * lengthNs * lengthNs;
  });
  return stretches;
}
