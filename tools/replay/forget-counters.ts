/** Forgetting what a warm-up counted. */
import type { EngineRun } from '../../engine/host/run-memory.js';
import { EngineThread } from '../../engine/host/thread.js';

/**
 * Empties counters, lock figures and histograms of every thread and sets their sampling interval anew. All threads stand at the
 * barrier, offline. The last thread, which is the main one, records nothing, and a run may be laid out without histograms.
 * @param holdInterval every how many lock holds one is timed; 0 = none
 */
export function forgetCounters(run: EngineRun, holdInterval: number, now: () => number): void {
  const c = run.engine.constants;
  const view = new DataView(run.memory.buffer);
  const bytes = new Uint8Array(run.memory.buffer);
  const hasHistograms = run.plan.histogramStride >= c.HISTOGRAMS_SIZE;
  for (let thread = 0; thread < run.plan.threads; thread++) {
    const block = run.plan.regions.threads + thread * c.THREAD_SIZE;
    bytes.fill(0, block, block + c.T_SCRATCH);
    view.setUint32(block + c.T_HOLD_INTERVAL, holdInterval, true);
    if (hasHistograms && thread < run.plan.threads - 1)
      new EngineThread(run, thread, now).exports.resetHistograms();
  }
}
