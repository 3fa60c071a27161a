/**
 * How often the machine interrupted the workers, and how many packets that touched.
 *
 * Two counts make one rate. Switches to another thread are counted by the scheduler during the run. What it does not count (timer
 * interrupts, the hypervisor) is taken from the gaps in a bare clock loop on the same thread before and after the run, less the
 * switches that happened in the loop.
 */
import type { Recording } from './recording.js';
import { CLOCK_LOOP_PAUSE_NS, stretchQuantiles, joinClockLoops } from '../measure/clock-loop.js';
import { quantileSorted } from '../stats/sample.js';
import type { ClockLoopFigures, ClockLoopPercentiles } from '../result/schema.js';
import type { WorkerReport } from './worker-input.js';

/** One worker's interruptions. */
export interface WorkerInterruptions {
  /** Per nanosecond that the worker ran or wanted to. */
  readonly perNs: number;
  /** Share of its time that they took while it worked. */
  readonly lostShare: number;
  /** Share of its packets that left late because it came back late from a wait; 0 where there was no schedule. */
  readonly delayedShare: number;
  /** Share of its time in which it did not wait. */
  readonly busyShare: number;
  /** Time per packet, all included: an interruption cannot touch more packets than there are. */
  readonly packetNs: number;
}

/** Interruptions of one worker; null when its packets were not timed. */
export function interruptionsOf(report: WorkerReport): WorkerInterruptions | null {
  const { disturbance, scheduler, packets } = report;
  if (disturbance === null || disturbance.probeNs <= 0 || packets === 0) return null;
  const elapsedNs = Math.max(report.endNs - report.startNs, 1);
  const { runNs = null, waitNs = null, involuntarySwitches: switches = null } = scheduler ?? {};
  const runnableNs = runNs === null || waitNs === null ? elapsedNs : Math.max(runNs + waitNs, 1);
  const gaps = disturbance.gapsNs.length;
  const known = switches !== null && disturbance.involuntarySwitches !== null;
  const otherGaps = known ? Math.max(gaps - (disturbance.involuntarySwitches ?? 0), 0) : gaps;
  const gapsNs = disturbance.gapsNs.reduce((sum, gap) => sum + gap, 0);
  return {
    perNs: otherGaps / disturbance.probeNs + (known ? (switches ?? 0) / runnableNs : 0),
    lostShare: Math.min(1, gapsNs / disturbance.probeNs),
    delayedShare: (report.departure?.delayedCount ?? 0) / packets,
    busyShare: Math.max(0, 1 - (report.account?.idleNs ?? 0) / elapsedNs),
    packetNs: elapsedNs / packets,
  };
}

/** Times that one worker recorded. */
export interface RecordedBy {
  readonly worker: number;
  readonly recording: Recording;
}

/**
 * Interruptions per recorded value. Inside a service time there is one for each that fell into it: rate x length. A response time
 * begins when the packet is due. Where the worker was waiting for it then, it is counted whether it came back in time
 * (`departure.ts`). Where the worker was busy with packets before, an interruption also touches those that are due while
 * it lasts, and as long again as it takes to catch up: load / (1 - load) of the share that is lost, counted up to 1.
 * @returns null when the interruptions of a worker are not known, or nothing was recorded
 */
export function interruptedShare(
  parts: readonly RecordedBy[],
  workers: readonly (WorkerInterruptions | null)[],
  kind: 'service' | 'response',
): number | null {
  let hits = 0;
  let values = 0;
  for (const { worker, recording } of parts) {
    const count = Number(recording.exact.count);
    const report = workers[worker] ?? null;
    if (report === null) return null;
    const inside = report.perNs * Number(recording.exact.sumNs);
    const most = count * report.perNs * report.packetNs * report.busyShare;
    hits += Math.min(inside, most);
    if (kind === 'response') hits += count * (report.delayedShare + queuedBehind(report));
    values += count;
  }
  return values === 0 ? null : Math.min(1, hits / values);
}

/** Share of packets that are due while an interruption of the busy worker lasts, or while it catches up after it. */
function queuedBehind({ busyShare, lostShare }: WorkerInterruptions): number {
  return lostShare * (busyShare < 0.5 ? busyShare / (1 - busyShare) : 1);
}

/** Interruptions of a worker per second; null when not known. */
export function interruptionsPerSecond(report: WorkerReport): number | null {
  const found = interruptionsOf(report);
  return found === null ? null : found.perNs * 1e9;
}

/** The bare clock loop of a worker as figures. */
export function clockLoopFigures({ disturbance }: WorkerReport): ClockLoopFigures | null {
  if (disturbance === null || disturbance.probeNs <= 0) return null;
  const ascending = disturbance.gapsNs.toSorted();
  const at = (share: number): number | null =>
    ascending.length === 0 ? null : quantileSorted(ascending, share);
  return {
    probeMs: disturbance.probeNs / 1e6,
    gaps: ascending.length,
    p50Ns: at(0.5),
    p99Ns: at(0.99),
    maxNs: at(1),
    lostShare: Math.min(1, ascending.reduce((sum, gap) => sum + gap, 0) / disturbance.probeNs),
    pauseNs: CLOCK_LOOP_PAUSE_NS,
  };
}

/**
 * What the clock loops of all workers show over stretches as long as a typical packet: the tail that the machine makes alone.
 * @param stretchNs the median of the times that it stands beside
 */
export function clockLoopPercentiles(
  reports: readonly WorkerReport[],
  stretchNs: number | null | undefined,
): ClockLoopPercentiles | null {
  const loops = reports.flatMap((report) => report.disturbance ?? []);
  if (loops.length === 0 || stretchNs == null || stretchNs <= 0) return null;
  const [p90Ns, p99Ns, p999Ns, p9999Ns] = stretchQuantiles(
    joinClockLoops(loops),
    stretchNs,
    [0.9, 0.99, 0.999, 0.9999],
  );
  return {
    stretchNs,
    p90Ns: p90Ns ?? null,
    p99Ns: p99Ns ?? null,
    p999Ns: p999Ns ?? null,
    p9999Ns: p9999Ns ?? null,
  };
}
