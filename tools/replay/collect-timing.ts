/** What timing cost, and where the time of the workers went that was not the tracker's: of a finished run. */
import type { TimeBalance } from '../measure/audit.js';
import type { ClockFigures as ReportedClock, LatencyDistribution } from '../result/schema.js';
import { median } from '../stats/sample.js';
import type { WorkerReport } from './worker-input.js';

/**
 * The clock as the workers found it. A time that was recorded contains at least one read, so the cost is at most the shortest of
 * them: what an undisturbed read costs cannot be more.
 * @param shortestNs shortest time that the engine recorded around anything; null when it recorded none
 */
export function timerOf(reports: readonly WorkerReport[], shortestNs: number | null): ReportedClock | null {
  const timings = reports.flatMap((report) => report.timing ?? []);
  const [first] = timings;
  if (first === undefined) return null;
  const readNs = median(reports.flatMap((report) => readOf(report) ?? []));
  return {
    source: first.clock.source,
    costNs: Math.min(readNs, shortestNs ?? Number.POSITIVE_INFINITY),
    stepNs: median(timings.map((timing) => timing.clock.stepNs)),
  };
}

/** What a read cost one worker's engine, nanoseconds: the middle between the start of its run and its end. */
function readOf({ timing, clockDrift }: WorkerReport): number | null {
  return timing === null ? null : (timing.engineReadNs * (1 + (clockDrift ?? 1))) / 2;
}

/**
 * How far the cost of the clock that is taken off a recorded time may be from what the read in it cost, nanoseconds: the clock's step,
 * what the cost changed by from a run's start to its end, and by how much less than measured was taken, because a shorter time had
 * been recorded. 0 when nothing was calibrated.
 * @param costNs what is taken off
 */
export function clockUncertaintyNs(reports: readonly WorkerReport[], costNs: number): number {
  return Math.max(
    0,
    ...reports.map((report) => {
      const { timing, clockDrift } = report;
      if (timing === null) return 0;
      const changeNs = Math.abs((clockDrift ?? 1) - 1) * timing.engineReadNs;
      return timing.clock.stepNs + changeNs + Math.max((readOf(report) ?? 0) - costNs, 0);
    }),
  );
}

/** Parts of a worker's elapsed time that add up to it, nanoseconds. */
export interface WorkerTimes {
  /** Inside the engine, with packets. */
  readonly engineNs: number;
  /** Between packets: filling and resetting the batch, the call itself, the quiescent point. */
  readonly harnessNs: number;
  /** Waiting for due times or for the source. */
  readonly idleNs: number;
  /** Sweeping inside the worker. */
  readonly sweepNs: number;
}

/** Where one worker's time went; null when it was not measured. */
export function workerTimes({ account, timing, startNs, endNs }: WorkerReport): WorkerTimes | null {
  if (account === null || timing === null) return null;
  const elapsedNs = Math.max(endNs - startNs, 0);
  const { executeNs, batches, timedBatches, between, idleNs, sweepNs } = account;
  const engineNs = Math.max(
    executeNs - between.steadyNs - between.interruptedNs - (batches - timedBatches) * timing.callNs,
    0,
  );
  return { engineNs, harnessNs: Math.max(elapsedNs - engineNs - idleNs - sweepNs, 0), idleNs, sweepNs };
}

/**
 * Calls in the run may take this many times as long as when they were calibrated, or as much less: another thread on the same
 * core, other caches.
 */
const CALL_FACTOR = 3;
/** Interruptions between readings take no more than this share of the time beside what the scheduler knows of. */
const INTERRUPTED_SHARE = 0.05;
/** Stands for what the scheduler does not report. */
const UNKNOWN_WAIT_NS = 5_000_000;

/**
 * What a worker's elapsed time should be by the times that the engine recorded: packets x mean service time, and everything that
 * was measured around the calls of the engine. The calls themselves count as long as they were, but only as far as calls
 * can take that long: times that the recorder lost must not pass for them. It would lose them in many batches, so the longest
 * interruption counts as it was: a hypervisor takes a core away without the scheduler's knowing. Null when no packets of it
 * were timed.
 * @param service the worker's service times
 */
export function timeBalance(
  report: WorkerReport | undefined,
  service: LatencyDistribution | null,
): TimeBalance | null {
  const { account = null, timing = null } = report ?? {};
  if (report === undefined || account === null || timing === null) return null;
  if (account.timedBatches === 0 || service?.meanNs == null) return null;
  const elapsedNs = report.endNs - report.startNs;
  const { timedExecuteNs, executeNs, timedBatches, between } = account;
  const calibratedNs = timedBatches * timing.timedCallNs;
  const waitNs = report.scheduler?.waitNs ?? UNKNOWN_WAIT_NS;
  const callsNs =
    Math.min(Math.max(between.steadyNs, calibratedNs / CALL_FACTOR), calibratedNs * CALL_FACTOR) +
    between.longestNs +
    Math.min(between.interruptedNs - between.longestNs, waitNs + INTERRUPTED_SHARE * elapsedNs);
  return {
    serviceNs: service.count * service.meanNs,
    otherNs: elapsedNs - (timedExecuteNs - callsNs),
    timedShare: timedExecuteNs / executeNs,
  };
}

/** The harness over all workers. */
export interface HarnessFigures {
  /** Share of the time that the workers did not wait. */
  readonly share: number | null;
  /** Packets per second of time in the engine, workers added up: the throughput with the harness taken out. */
  readonly onEnginePps: number | null;
}

/** Sums over workers; null where it was not measured for all of them. */
export function harnessOf(reports: readonly WorkerReport[]): HarnessFigures {
  const all = reports.map((report) => ({ packets: report.packets, times: workerTimes(report) }));
  if (all.length === 0 || all.some(({ times }) => times === null)) return { share: null, onEnginePps: null };
  let harnessNs = 0;
  let busyNs = 0;
  let pps = 0;
  for (const { packets, times } of all) {
    if (times === null || packets === 0) continue;
    harnessNs += times.harnessNs;
    busyNs += times.harnessNs + times.engineNs + times.sweepNs;
    if (times.engineNs > 0) pps += (packets / times.engineNs) * 1e9;
  }
  return { share: busyNs === 0 ? null : harnessNs / busyNs, onEnginePps: pps === 0 ? null : pps };
}
