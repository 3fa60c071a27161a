/**
 * The loops of a plan. A file of its own, because the threads of a run load it: the checks of a plan (replay-plan.ts) take a tenth of a
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
