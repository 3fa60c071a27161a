/** What the workers of a finished run report: each as one view that result, audit and warnings share, and all together. */
import type { AuditedWorker } from '../measure/audit.js';
import { summarize, toHistogram } from '../measure/latency-summary.js';
import { LATENCY_CONFIG } from '../measure/log-linear.js';
import type { Contention, LatencyDistribution, ResultCase, WorkerFigures } from '../result/schema.js';
import { clockLoopFigures, interruptionsPerSecond } from './collect-interruptions.js';
import type { CollectedLatency } from './collect-latency.js';
import { mergeRecordings } from './recording.js';
import { timeBalance, workerTimes } from './collect-timing.js';
import type { DepartureFigures } from './departure.js';
import type { PacketSource } from './packet-source.js';
import type { LatencyMode } from './replay-plan.js';
import type { WorkerReport } from './worker-input.js';

/** One worker: its figures as they stand in the result, and beside them what only audit and warnings look at. */
export type CollectedWorker = WorkerFigures & AuditedWorker & { readonly schedulerSpanNs: number };

/** Figures of the whole run that a worker has its part in. */
interface Whole {
  readonly service: CollectedLatency;
  readonly response: CollectedLatency;
  readonly locks: readonly Contention[] | null;
  readonly latency: LatencyMode;
}

/** One worker's part of the figures. */
export function collectWorker(report: WorkerReport, whole: Whole): CollectedWorker {
  const { worker, packets, scheduler, pin } = report;
  const service = whole.service.perWorker[worker] ?? null;
  return {
    worker,
    packets,
    elapsedNs: Math.max(report.endNs - report.startNs, 0),
    runNs: scheduler?.runNs ?? null,
    waitNs: scheduler?.waitNs ?? null,
    ...workerTimes(report),
    interruptionsPerSecond: interruptionsPerSecond(report),
    clockLoop: clockLoopFigures(report),
    lockWaitNs: lockWaitOf(whole.locks, `worker-${worker}`),
    voluntarySwitches: scheduler?.voluntarySwitches ?? null,
    involuntarySwitches: scheduler?.involuntarySwitches ?? null,
    cpu: pin?.pinned === true ? pin.cpu : null,
    service,
    response: whole.response.perWorker[worker] ?? null,
    schedulerSpanNs: report.schedulerSpanNs,
    serviceTotalNs:
      whole.latency.mode === 'all' && service?.meanNs != null ? service.count * service.meanNs : null,
    balance: timeBalance(report, service),
  };
}

/** The worker as it stands in the result. */
export function workerFiguresOf(worker: CollectedWorker): WorkerFigures {
  const { schedulerSpanNs: _span, serviceTotalNs: _total, balance: _balance, ...figures } = worker;
  return figures;
}

function lockWaitOf(locks: readonly Contention[] | null, thread: string): number | null {
  if (locks === null) return null;
  return locks
    .filter((lock) => lock.thread === thread)
    .reduce((sum, lock) => sum + (lock.wait?.totalNs ?? 0), 0);
}

/** Packets of the busiest worker over the mean of all; null where one worker has them all by definition. */
export function imbalanceOf(reports: readonly WorkerReport[]): number | null {
  const total = reports.reduce((sum, { packets }) => sum + packets, 0);
  if (reports.length < 2 || total === 0) return null;
  return (Math.max(...reports.map(({ packets }) => packets)) * reports.length) / total;
}

/** How a streamed run was fed, over all workers; null when everything was in the store. */
export function streamedFigures(
  { frames, storeBytes }: PacketSource,
  reports: readonly WorkerReport[],
): NonNullable<ResultCase['input']['streamed']> | null {
  if (frames !== null) return null;
  const lags = reports.map((report) => report.sourceLag);
  return {
    storeBytes,
    waits: lags.reduce((sum, lag) => sum + (lag?.waits ?? 0), 0),
    waitNs: Math.round(lags.reduce((sum, lag) => sum + (lag?.waitNs ?? 0), 0)),
  };
}

/** How late packets left, over all workers. */
export function departureDistribution(
  reports: readonly WorkerReport[],
  which: 'all' | 'settled',
): LatencyDistribution | null {
  const parts = reports
    .map((report) => report.departure?.[which])
    .filter((part): part is DepartureFigures => part !== undefined && part.count > 0);
  if (parts.length === 0) return null;
  const recording = mergeRecordings(
    parts.map((part) => ({
      counts: part.counts,
      exact: {
        count: BigInt(part.count),
        sumNs: BigInt(Math.round(part.sumNs)),
        minNs: Math.floor(part.minNs),
        maxNs: Math.floor(part.maxNs),
        overflows: 0n,
      },
      config: LATENCY_CONFIG,
    })),
  );
  return summarize(toHistogram(recording.counts, LATENCY_CONFIG, recording.exact), recording.exact);
}
