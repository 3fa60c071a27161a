/** How long a paced run will take, known before it starts. */
import { makeDue, makeSchedule } from './pace.js';
import type { Gap, PacketCounts } from './packet-source.js';
import { loopCount } from './plan-loops.js';
import type { ReplayPlan } from './replay-plan.js';

/** What is known of a paced run of one design. */
export interface PlannedRun {
  /** From the first packet to the last. */
  readonly durationNs: number;
  /** Longest pause in it that comes from the capture's own times; null where they do not count. */
  readonly longestPause: Gap | null;
}

/** What is known of a run; null for one without schedule. */
export function plannedRun(
  traffic: PacketCounts,
  plan: Pick<ReplayPlan, 'pacing' | 'burst' | 'loops' | 'durationMs'>,
): PlannedRun | null {
  const { pacing, burst, durationMs } = plan;
  const loops = loopCount(plan);
  const { packets, bits, lastNs } = traffic;
  const schedule = makeSchedule(pacing, traffic, burst);
  if (!schedule.paced) return null;
  const lastUnits = {
    pps: packets - 1,
    profile: packets - 1,
    // Of the last frame only the mean is known here.
    mbps: bits - bits / packets,
    multiplier: lastNs,
    topspeed: 0,
  }[pacing.mode];
  const endNs = Number.isFinite(loops) ? makeDue(schedule)(loops - 1, lastUnits) : Number.POSITIVE_INFINITY;
  const durationNs = Math.min(endNs, durationMs === null ? Number.POSITIVE_INFINITY : durationMs * 1e6);
  if (pacing.mode !== 'multiplier') return { durationNs, longestPause: null };
  const { ns, beforeIndex } = traffic.longestGap;
  return { durationNs, longestPause: { ns: ns / pacing.multiplier, beforeIndex } };
}

/** A pause is worth a word when it is at least this long, and a good part of the run. */
const LONG_PAUSE_NS = 1e9;
const LONG_PAUSE_SHARE = 0.05;

/** The same for people, or null when there is nothing to say. */
export function plannedText(planned: PlannedRun | null, designs: number): string | null {
  if (planned === null) return null;
  const { durationNs, longestPause } = planned;
  const each = designs === 1 ? '' : `, for each of ${designs} designs`;
  const text = `Planned: ${durationText(durationNs)}${each}`;
  if (
    longestPause === null ||
    longestPause.ns < LONG_PAUSE_NS ||
    longestPause.ns < durationNs * LONG_PAUSE_SHARE
  ) {
    return text;
  }
  return (
    `${text}; the longest pause is ${durationText(longestPause.ns)}, before packet ${longestPause.beforeIndex + 1} ` +
    '(--max-gap shortens pauses)'
  );
}

const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
] as const;

/** A length of time in its two largest units: `18 h 12 min`, `1.5 s`. */
export function durationText(ns: number): string {
  const seconds = ns / 1e9;
  if (!Number.isFinite(seconds)) return 'until it is stopped';
  if (seconds < 1) return `${Number((seconds * 1000).toPrecision(3))} ms`;
  if (seconds < 60) return `${Number(seconds.toPrecision(3))} s`;
  const at = UNITS.findIndex(([, size]) => seconds >= size);
  const [unit, size] = UNITS[at] as (typeof UNITS)[number];
  const [nextUnit, nextSize] = UNITS[at + 1] ?? (['s', 1] as const);
  const whole = Math.floor(seconds / size);
  const rest = Math.floor((seconds - whole * size) / nextSize);
  return rest === 0 ? `${whole} ${unit}` : `${whole} ${unit} ${rest} ${nextUnit}`;
}
