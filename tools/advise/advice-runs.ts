/**
 * The two runs of a design that advice rests on, as plans made from the one that was asked for: at top speed, of the bare build and without
 * clocks, for throughput; and at a rate, probed and timed, for tail, lag and the sweeper's CPU.
 */
import type { PacingRequest, ReplayPlan } from '../replay/replay-plan.js';

/** Packets of a run at top speed where nothing is said: a third of a second and more. */
const TOP_SPEED_PACKETS = 1_000_000;
/** Traffic that is longer is not run to its end at top speed. */
const LONG_TRAFFIC_PACKETS = 8_000_000;
const LONG_TRAFFIC_MS = 2000;
/** Length of a run at a rate where nothing is said. */
const PACED_MS = 3000;
/**
 * How much faster connections age where nothing is said: two minutes go by in a run at a rate, so that most timeouts come round in it, and
 * the longest pause between passes several times. What passes cost of a CPU stays as it is at this rate: there are as many times fewer
 * connections as they are looked at more often.
 */
export const ADVICE_TIME_SCALE = 40;

/** What the caller says of the length of the runs. */
export interface RunLengths {
  /** Packets of the traffic, once. */
  readonly packets: number;
  /** Whether loops or duration of the plan were asked for, and so hold for both runs. */
  readonly isGiven: boolean;
}

/** The run at top speed: the same packets for each design. */
export function topSpeedPlan(plan: ReplayPlan, { packets, isGiven }: RunLengths): ReplayPlan {
  const length = isGiven
    ? {}
    : {
        loops: Math.max(1, Math.ceil(TOP_SPEED_PACKETS / packets)),
        durationMs: packets > LONG_TRAFFIC_PACKETS ? LONG_TRAFFIC_MS : null,
      };
  return {
    ...plan,
    ...length,
    pacing: { mode: 'topspeed' },
    burst: 1,
    build: 'bare',
    latency: { mode: 'off' },
  };
}

/** The run at a rate: as long for each design. */
export function pacedPlan(
  plan: ReplayPlan,
  pacing: PacingRequest,
  { isGiven }: Pick<RunLengths, 'isGiven'>,
): ReplayPlan {
  const length = isGiven ? {} : { loops: null, durationMs: PACED_MS };
  return { ...plan, ...length, pacing, build: 'probed' };
}
