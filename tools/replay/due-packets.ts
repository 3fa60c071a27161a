/**
 * What a request had due by a time, worked out on the main thread: the rate that a run is held to, and when its last packet was to
 * leave. Workers follow due times (pace.ts); this is asked of what was requested.
 */
import { makeSchedule, targetPps, type LoopCounts } from './pace.js';
import { endsByItself, loopCount } from './plan-loops.js';
import { makeDueOfProfile, packetsOfProfile } from './rate-profile.js';
import type { ReplayPlan } from './replay-plan.js';

/** A run, as far as its schedule goes. */
export interface RequestedRun {
  readonly plan: Pick<ReplayPlan, 'pacing' | 'burst' | 'loops' | 'durationMs'>;
  readonly traffic: LoopCounts;
  /** Place of each packet of a loop on the schedule; null where the index is the place, or where it is not known (streamed packets). */
  readonly units: Float64Array | null;
  /** When an interrupted run ended, nanoseconds after t0; null where it ended as planned. */
  readonly interruptedNs: number | null;
}

/**
 * Packets per second that were due over the whole run: of a rate that changes, what was due by the run's end over its time. Where all
 * loops are replayed that is the mean over them.
 * @returns null at top speed, where the traffic has no rate of its own, and where the places of packets are not known but the run
 *   ended inside a loop
 */
export function requestedPps(run: RequestedRun): number | null {
  const { plan, traffic } = run;
  const mean = targetPps(plan.pacing, traffic);
  if (mean === null || plan.pacing.mode === 'pps') return mean;
  const endNs = cutNs(run);
  if (endNs !== null) {
    const due = packetsDueBy(run, endNs);
    return due === null || endNs <= 0 ? null : (due / endNs) * 1e9;
  }
  if (plan.pacing.mode !== 'profile') return mean;
  // The gap behind the last packet may be a pause of the profile: n packets span n - 1 gaps.
  const gaps = traffic.packets * loopCount(plan) - 1;
  const lastNs = makeDueOfProfile(plan.pacing.profile)(gaps);
  return gaps === 0 || lastNs === 0 ? mean : (gaps / lastNs) * 1e9;
}

/**
 * Place on the schedule, counting packets from 0 over all loops, that is due `ns` after t0: what the profile or the rate has let go by
 * then. Exact at packets for a constant rate and a profile.
 * @returns null for the other modes
 */
export function placeDueAt({ pacing }: RequestedRun['plan'], ns: number): number | null {
  if (pacing.mode === 'pps') return (ns / 1e9) * pacing.pps;
  return pacing.mode === 'profile' ? packetsOfProfile(pacing.profile, ns) : null;
}

/** Place of the last packet, or the burst that it leaves with, of a run that ends by itself and is at a rate or a profile; else null. */
export function lastPlace({ plan, traffic, interruptedNs }: RequestedRun): number | null {
  if (interruptedNs !== null || !endsByItself(plan) || placeDueAt(plan, 0) === null) return null;
  const last = traffic.packets * loopCount(plan) - 1;
  return Math.floor(last / plan.burst) * plan.burst;
}

/** When the schedule was cut short, nanoseconds after t0; null when every packet was due. */
function cutNs({ plan, traffic, interruptedNs }: RequestedRun): number | null {
  const { durationMs, pacing } = plan;
  const endNs = interruptedNs ?? (durationMs === null ? null : durationMs * 1e6);
  if (endNs === null) return null;
  const packets = traffic.packets * loopCount(plan);
  if (pacing.mode === 'profile') return packetsOfProfile(pacing.profile, endNs) < packets ? endNs : null;
  const { loopUnits, nsPerUnit } = makeSchedule(pacing, traffic);
  return endNs < loopCount(plan) * loopUnits * nsPerUnit ? endNs : null;
}

/** Packets due in the first `ns` nanoseconds; null where the places of packets within a loop are not known. */
function packetsDueBy({ plan: { pacing }, traffic, units }: RequestedRun, ns: number): number | null {
  if (pacing.mode === 'profile') return packetsOfProfile(pacing.profile, ns);
  const { loopUnits, nsPerUnit } = makeSchedule(pacing, traffic);
  const loops = Math.floor(ns / (loopUnits * nsPerUnit));
  const rest = ns / nsPerUnit - loops * loopUnits;
  if (units === null) return rest === 0 ? loops * traffic.packets : null;
  // All are looked at: the times of a capture may go back.
  return loops * traffic.packets + units.reduce((due, place) => due + (place < rest ? 1 : 0), 0);
}
