/** What clean-up took of a CPU in a finished run. */
import type { SweeperFigures } from '../result/schema.js';
import type { FinishedRun } from './run-control.js';
import type { SweeperReport } from './worker-input.js';

/** What a worker tells of its own passes as well. */
type Swept = Pick<SweeperReport, 'sweepCount' | 'sweepNs'>;

/**
 * Figures of the sweeper's thread, or of the worker that sweeps by itself. Null when nobody swept.
 * @param elapsedNs length of the run
 */
export function sweeperOf(
  { sweeper, workers }: Pick<FinishedRun, 'sweeper' | 'workers'>,
  elapsedNs: number,
): SweeperFigures | null {
  const threads: readonly Swept[] = [...workers, ...(sweeper === null ? [] : [sweeper])];
  const sum = (of: (thread: Swept) => number): number =>
    threads.reduce((total, thread) => total + of(thread), 0);
  const passes = sum(({ sweepCount }) => sweepCount);
  if (passes === 0) return null;
  const passNs = sum(({ sweepNs }) => sweepNs);
  const runNs = sweeper?.scheduler?.runNs ?? null;
  return {
    passes,
    passNs,
    runNs,
    cpuShare: elapsedNs > 0 ? Math.min(passNs, runNs ?? passNs) / elapsedNs : null,
  };
}
