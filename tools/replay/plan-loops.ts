/**
 * The loops of a plan, and how long they go on. A file of its own, because the threads of a run load it: the checks of a plan (replay-plan.ts) take a tenth of a
 * second to load, in each of them.
 */
import type { ReplayPlan } from './replay-plan.js';

/** Times that the traffic is replayed; Infinity = until the run is stopped. */
export function loopCount({ loops }: Pick<ReplayPlan, 'loops'>): number {
  return loops ?? Number.POSITIVE_INFINITY;
}

/**
 * Loops that share their addresses; null where addresses never change. A loop under the addresses of the one before is another
 * question: it meets that one's connections, dead or alive, and packets look duplicates over.
 */
export function loopsPerChange({
  loops,
  uniqueIpLoops,
}: Pick<ReplayPlan, 'loops' | 'uniqueIpLoops'>): number | null {
  return loops === 1 ? null : uniqueIpLoops;
}

/** Whether the run ends by itself, having replayed every packet of every loop. */
export function endsByItself({ loops, durationMs }: Pick<ReplayPlan, 'loops' | 'durationMs'>): boolean {
  return loops !== null && durationMs === null;
}

/** How long a paced run with a length goes on for packets that were due within it: longer than a machine takes to come back, shorter than an overloaded tracker needs. */
const OVERTIME_NS = 250e6;

/** Packets that are due from here on are not sent, nanoseconds after t0; Infinity without a length. */
export function scheduleEndNs({ durationMs }: Pick<ReplayPlan, 'durationMs'>): number {
  return durationMs === null ? Number.POSITIVE_INFINITY : durationMs * 1e6;
}

/**
 * When workers are stopped, nanoseconds after t0; Infinity where the run ends by itself. A worker that follows a schedule ends when all
 * that was due within its length has left: what a stall at the end held up would be in no figure otherwise.
 */
export function runEndNs(plan: Pick<ReplayPlan, 'durationMs' | 'pacing'>): number {
  return scheduleEndNs(plan) + (plan.pacing.mode === 'topspeed' ? 0 : OVERTIME_NS);
}
