/**
 * Pacing: when each packet is due. Open loop: due times are computed from the start t0 and the packet's place in the
 * whole schedule, never by adding sleeps up, so an error does not accumulate and a stall is charged to every packet
 * it delayed.
 */

import { makeDueOfProfile, type RateProfile } from './rate-profile.js';
import type { PacketCounts } from './packet-source.js';
import type { PacingRequest } from './replay-plan.js';
import type { Pause } from '../measure/spin-pause.js';

/**
 * A schedule: packet with place `units` in loop `loop` is due `(loop * loopUnits + units) * nsPerUnit` after t0.
 * What a unit is depends on the mode: a packet, a bit, or a nanosecond of capture time.
 */
export interface Schedule {
  /** False: no schedule, every packet is due at once. */
  readonly paced: boolean;
  readonly nsPerUnit: number;
  readonly loopUnits: number;
  /** Packets that leave together, at the time of the first; 1 = each on its own. */
  readonly burst: number;
  /** Places are packets on this profile; null = a constant rate. */
  readonly profile: RateProfile | null;
}

/** What a schedule needs to know of the traffic of one loop. */
export type LoopCounts = Pick<PacketCounts, 'packets' | 'bits' | 'loopNs'>;

/** Turns the request into a schedule over this traffic. */
export function makeSchedule(request: PacingRequest, traffic: LoopCounts, burst = 1): Schedule {
  const common = { burst, profile: null };
  switch (request.mode) {
    case 'topspeed':
      return { ...common, paced: false, nsPerUnit: 0, loopUnits: 0 };
    case 'pps':
      return { ...common, paced: true, nsPerUnit: 1e9 / request.pps, loopUnits: traffic.packets };
    case 'mbps':
      return { ...common, paced: true, nsPerUnit: 1e9 / (request.mbps * 1e6), loopUnits: traffic.bits };
    case 'multiplier':
      return { ...common, paced: true, nsPerUnit: 1 / request.multiplier, loopUnits: traffic.loopNs };
    case 'profile':
      return { paced: true, nsPerUnit: 0, loopUnits: traffic.packets, burst, profile: request.profile };
  }
}

/**
 * When a packet is due, nanoseconds after t0.
 * @returns a function of the loop and of the packet's place in it, in units of the schedule
 */
export function makeDue(schedule: Schedule): (loop: number, units: number) => number {
  const { nsPerUnit, loopUnits, burst, profile } = schedule;
  const inBursts = (place: number): number => (burst === 1 ? place : Math.floor(place / burst) * burst);
  if (profile !== null) {
    const dueOf = makeDueOfProfile(profile);
    return (loop, units) => dueOf(inBursts(loop * loopUnits + units));
  }
  return (loop, units) => inBursts(loop * loopUnits + units) * nsPerUnit;
}

/** Packets per second that the request comes to over one loop, or null at top speed and where the traffic has no rate of its own. */
export function targetPps(request: PacingRequest, traffic: LoopCounts): number | null {
  if (request.mode === 'profile') {
    // The mean over one loop: the rate itself changes.
    const lastNs = makeDueOfProfile(request.profile)(traffic.packets);
    return lastNs === 0 ? null : (traffic.packets / lastNs) * 1e9;
  }
  const schedule = makeSchedule(request, traffic);
  if (!schedule.paced || schedule.loopUnits === 0) return null;
  // One packet has no gap to take a rate from.
  if (request.mode === 'multiplier' && traffic.packets < 2) return null;
  return (traffic.packets / (schedule.loopUnits * schedule.nsPerUnit)) * 1e9;
}

/** How a worker waits for a due time. */
export interface WaitPolicy {
  /** Whether the last stretch may be spun: only when every thread can have a core of its own. */
  readonly spin: boolean;
  /** With what to pass time between reads of the clock while it spins; absent = the clock is read all the time. */
  readonly pause?: Pause;
}

/** Sleeping is imprecise by about this much; the rest of a gap is spun where that is allowed. */
const SLEEP_SLACK_NS = 200_000;
/** Nearer than this the clock is read until it is time. */
const LEAST_PAUSED_NS = 500;
/** Of what is left a pause takes this share, so that it ends in time even where turns come to take twice as long. */
const PAUSED_SHARE = 0.5;
/** Shortest sleep asked of the system. */
const MIN_SLEEP_MS = 0.05;

/**
 * Waits until `dueNs` on the clock, or until the run is stopped. Sleeps as long as the gap allows, then spins, by halves of what
 * is left as far as there is a pause, or sleeps in short steps. Returns the time when it came back.
 */
export function waitUntil(
  dueNs: number,
  now: () => number,
  sleep: (ms: number) => void,
  isStopped: () => boolean,
  policy: WaitPolicy,
): number {
  let time = now();
  while (time < dueNs) {
    const gapNs = dueNs - time;
    if (gapNs > SLEEP_SLACK_NS) {
      // In slices, so that a stop is noticed even in an hour-long gap.
      sleep(Math.min((gapNs - SLEEP_SLACK_NS) / 1e6, 200));
      if (isStopped()) return now();
    } else if (!policy.spin) {
      sleep(Math.max(gapNs / 1e6, MIN_SLEEP_MS));
    } else if (policy.pause !== undefined && gapNs > LEAST_PAUSED_NS) {
      const turns = policy.pause.pass(gapNs * PAUSED_SHARE);
      const after = now();
      policy.pause.learn(turns, after - time);
      time = after;
      continue;
    }
    time = now();
  }
  return time;
}
