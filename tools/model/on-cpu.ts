/** Throughput without the machine's other load. */
import type { ResultCase } from '../result/schema.js';

/** Time and throughput of a case's workers, as if each had had a core of its own. */
export interface OnCpu {
  /** Sum over workers of the time that they ran or slept of their own accord. */
  readonly busyNs: number;
  /** Packets per second over that time. */
  readonly pps: number;
}

/**
 * Leaves out the time that workers were ready to run and had no CPU, so that a starved thread is not taken for a slow one.
 * Where the system does not report that time, it is the throughput as measured.
 */
export function onCpu(entry: ResultCase): OnCpu {
  const workers = entry.perWorker ?? [];
  const elapsedNs =
    workers.reduce((sum, worker) => sum + worker.elapsedNs, 0) || entry.elapsedNs * entry.workers;
  const waitNs = workers.reduce((sum, worker) => sum + (worker.waitNs ?? 0), 0);
  // The clocks of scheduler and run differ a little; a worker that did something was on a CPU for some of it.
  const busyNs = Math.max(elapsedNs - waitNs, elapsedNs * 0.01);
  return { busyNs, pps: (entry.packets.injected / busyNs) * entry.workers * 1e9 };
}

/** As `onCpu`, of the run that throughput comes from. */
export function throughputOnCpu(entry: ResultCase): number {
  const ns = entry.throughput?.workerNsPerPacket ?? null;
  return ns === null || ns === 0 ? onCpu(entry).pps : (entry.workers * 1e9) / ns;
}
