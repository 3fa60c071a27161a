/** A finished run as one case of result.json. */
import { readCounters, sumCounters, type ThreadCounters } from '../../engine/host/counters.js';
import { DEFAULT_MUTEX, DEFAULT_TOUCH_AHEAD } from '../../engine/host/run-memory.js';
import { reasonTable } from '../../engine/host/reason-text.js';
import { stateText } from '../../engine/host/state-text.js';
import { coreSiblings, shareCores } from '../measure/pinning.js';
import { systemFiles } from '../measure/system-files.js';
import { auditRun, type RunRecord } from '../measure/audit.js';
import { summarize, toHistogram } from '../measure/latency-summary.js';
import { LATENCY_CONFIG } from '../measure/log-linear.js';
import { collectWarnings, type WarningFacts } from '../measure/warnings.js';
import type {
  ClockFigures,
  Contention,
  LatencyDistribution,
  LatencyView,
  ResultCase,
  WorkerFigures,
} from '../result/schema.js';
import { CLASS_NAMES, collectLatency, distributionOf } from './collect-latency.js';
import { mergeRecordings, readCoarse } from './recording.js';
import { lagByGroup, lagDistribution } from './collect-lag.js';
import {
  clockLoopFigures,
  clockLoopPercentiles,
  interruptionsOf,
  interruptionsPerSecond,
} from './collect-interruptions.js';
import { collectLocks, shortestHoldNs } from './collect-locks.js';
import { clockUncertaintyNs, harnessOf, timeBalance, timerOf, workerTimes } from './collect-timing.js';
import { plannedNs, type DepartureFigures } from './departure.js';
import { targetPps } from './pace.js';
import { fixedAddresses, repeatsTuples } from './repeated-tuples.js';
import type { FinishedRun } from './run-control.js';
import type { RunOptions } from './run-options.js';
import { boundOf } from './source-bound.js';
import { throughputOfRun } from './throughput.js';
import type { WorkerReport } from './worker-input.js';

/** What a case needs to know beside the run itself. */
export interface CaseContext {
  readonly id: string;
  readonly trial: number;
  readonly startedAt: Date;
  readonly designLabel: string;
  readonly input: ResultCase['input'];
  /** Facts about machine and clock for the warnings. */
  readonly facts: WarningFacts;
}

/** Turns a finished run into a case, audited and with its warnings. */
export function makeCase(finished: FinishedRun, options: RunOptions, context: CaseContext): ResultCase {
  const { run, workers: reports, totals } = finished;
  const workers = options.workers;
  const counters = sumCounters(Array.from({ length: workers }, (_, thread) => readCounters(run, thread)));
  const everyThread = sumCounters(
    Array.from({ length: workers + 1 }, (_, thread) => readCounters(run, thread)),
  );
  const timer = timerOf(reports, shortestHoldNs(run, workers));
  const uncertainNs = clockUncertaintyNs(reports, timer?.costNs ?? 0);
  const judged = {
    stepNs: timer?.stepNs ?? null,
    interruptions: workerIndexes(workers).map((worker) => {
      const report = reports.find((one) => one.worker === worker);
      return report === undefined ? null : interruptionsOf(report);
    }),
  };
  const service = collectLatency(run, workers, 'service', judged);
  const response = collectLatency(run, workers, 'response', judged);
  const locks = collectLocks(run, workers, timer?.costNs ?? 0);
  const harness = harnessOf(reports);
  const injected = reports.reduce((sum, report) => sum + report.packets, 0);
  const elapsedNs = Math.max(finished.elapsedNs, 0);
  const target = targetPps(options.pacing, totals);
  const verdicts = verdictCounts(run.engine.constants.R_FRAGMENT_HELD, counters);
  // Packets that were done, by the engine's count; the audit sets it beside those that were given out.
  const done = Object.values(verdicts).reduce((sum, count) => sum + count, 0);
  const achievedPps = elapsedNs === 0 ? null : (done / elapsedNs) * 1e9;
  const perWorker = reports.map((report): WorkerFigures => {
    const lockWait = lockWaitOf(locks, `worker-${report.worker}`);
    return {
      worker: report.worker,
      packets: report.packets,
      elapsedNs: Math.max(report.endNs - report.startNs, 0),
      runNs: report.scheduler?.runNs ?? null,
      waitNs: report.scheduler?.waitNs ?? null,
      ...workerTimes(report),
      interruptionsPerSecond: interruptionsPerSecond(report),
      clockLoop: clockLoopFigures(report),
      lockWaitNs: lockWait,
      voluntarySwitches: report.scheduler?.voluntarySwitches ?? null,
      involuntarySwitches: report.scheduler?.involuntarySwitches ?? null,
      cpu: report.pin?.pinned === true ? report.pin.cpu : null,
      service: service.perWorker[report.worker] ?? null,
      response: response.perWorker[report.worker] ?? null,
    };
  });
  const departure = departureDistribution(reports, 'all');
  const planned = plannedNs(elapsedNs, reports);
  const created = counters.reasons.get(run.engine.constants.R_CREATED) ?? 0;
  const removedWork = everyThread.work['removed'] ?? 0;
  const probed = run.engine.flavour !== 'bare';
  const sweeps = [...reports.flatMap((report) => report.sweeps), ...(finished.sweeper?.sweeps ?? [])];
  const record: RunRecord = {
    // Counted elsewhere than by the workers, where that can be: their own sum would agree with itself.
    injected: plannedPackets(finished, options) ?? injected,
    verdicts,
    elapsedNs,
    workers: perWorker.map((figures, index) => ({
      worker: figures.worker,
      packets: figures.packets,
      elapsedNs: figures.elapsedNs,
      schedulerSpanNs: reports[index]?.schedulerSpanNs ?? null,
      runNs: figures.runNs ?? null,
      waitNs: figures.waitNs ?? null,
      serviceTotalNs:
        options.latency.mode === 'all' && figures.service?.meanNs != null
          ? figures.service.count * figures.service.meanNs
          : null,
      balance: timeBalance(reports[index], figures.service ?? null),
    })),
    histograms: [
      audited('service', service.view?.overall ?? null, options.latency.mode === 'all' ? injected : null),
      audited(
        'response',
        response.view?.overall ?? null,
        options.latency.mode === 'all' && finished.schedule.paced ? injected : null,
      ),
    ].filter((histogram) => histogram !== null),
    locks: (locks ?? [])
      .filter((lock) => lock.thread === 'all')
      .map((lock) => ({
        class: lock.class,
        acquisitions: lock.acquisitions ?? 0,
        contended: lock.contended ?? 0,
      })),
    holds: (locks ?? []).flatMap((lock) => {
      const totalNs = lock.hold?.totalNs;
      if (typeof totalNs !== 'number' || lock.thread === 'all') return [];
      const worker = perWorker.find((figures) => lock.thread === `worker-${figures.worker}`);
      return [
        {
          name: `${lock.class} ${lock.thread}`,
          totalNs,
          uncertaintyNs: (lock.acquisitions ?? 0) * uncertainNs,
          elapsedNs: worker?.elapsedNs ?? elapsedNs,
        },
      ];
    }),
    targetPps: finished.interrupted ? null : target,
    achievedPps,
    plannedNs: finished.interrupted ? null : planned,
    burst: options.burst,
    connections: probed ? { initial: 0, created, removed: removedWork, remaining: finished.connCount } : null,
  };
  const rejected = reasonCounts(finished, counters.reasons);
  const streamed = streamedFigures(finished) ?? null;
  const facts: WarningFacts = {
    ...context.facts,
    ...(timer === null ? {} : { clock: workerClock(timer, context.facts.clock) }),
    workers: perWorker.map((figures, index) => ({
      worker: figures.worker,
      // The scheduler's figures are of the time between their reads, which lie around the run.
      elapsedNs: spanOf(reports[index], figures),
      waitNs: figures.waitNs ?? null,
      involuntarySwitches: figures.involuntarySwitches ?? null,
      lockWaitNs: figures.lockWaitNs ?? null,
    })),
    threadCount: workers + 1,
    serviceP50Ns: service.view?.overall.p50Ns ?? null,
    targetPps: target,
    achievedPps,
    plannedNs: planned,
    sourceLag: streamed,
    tableFull: {
      packets: (rejected['conn-limit'] ?? 0) + (rejected['slab-full'] ?? 0),
      limit: options.settings.connLimit ?? options.maxConns,
    },
    fixedAddresses: fixedAddresses(finished, options, rejected),
    departureErrorP99Ns: departure?.p99Ns ?? null,
    packetIntervalNs: target === null ? null : 1e9 / target,
    elapsedNs,
    sharedCores: shareCores(pinnedCpus(perWorker), (cpu) => coreSiblings(systemFiles, cpu)),
    histogramOverflows: service.overflows + response.overflows,
    latencyCount: service.view?.overall.count ?? null,
    pinFailures: reports
      .map((report) => report.pin)
      .flatMap((pin) => (pin !== null && !pin.pinned ? [pin.reason] : [])),
  };
  const workerTime = perWorker.reduce((sum, figures) => sum + figures.elapsedNs, 0);
  const lockWaitTotal = perWorker.reduce((sum, figures) => sum + (figures.lockWaitNs ?? 0), 0);
  const cpuWait = perWorker.map((figures) => figures.waitNs);
  const scheduledTime = perWorker.reduce((sum, figures, index) => sum + spanOf(reports[index], figures), 0);
  const made: ResultCase = {
    id: context.id,
    trial: context.trial,
    kind: 'replay',
    design: context.designLabel,
    designOptions: {
      preset: options.choice.preset,
      sweepIntervalMs: options.settings.sweepIntervalMs ?? null,
      maxConns: options.settings.connLimit ?? options.maxConns,
    },
    build: probed ? 'probed' : 'bare',
    startedAt: context.startedAt.toISOString(),
    partial: finished.interrupted,
    input: streamed === null ? context.input : { ...context.input, streamed },
    workers,
    pacing: {
      // A profile is a rate in packets per second that changes; the target is its mean.
      mode: options.pacing.mode === 'profile' ? 'pps' : options.pacing.mode,
      targetPps: target,
      targetMbps: options.pacing.mode === 'mbps' ? options.pacing.mbps : null,
      multiplier: options.pacing.mode === 'multiplier' ? options.pacing.multiplier : null,
      achievedPps,
      onEnginePps: harness.onEnginePps,
      achievedMbps: achievedPps === null ? null : (achievedPps * (totals.bits / totals.packets)) / 1e6,
      departureError: departure,
      departureErrorSettled: departureDistribution(reports, 'settled'),
    },
    batch: options.batch,
    steer: options.steer,
    clock: options.clock,
    timeScale: options.clock === 'wall' ? options.timeScale : null,
    mutex: options.settings.mutex ?? DEFAULT_MUTEX,
    touchAhead: options.settings.touchAhead ?? DEFAULT_TOUCH_AHEAD,
    touchedBatchShare: touchedShare(counters),
    loops: Number.isFinite(options.loops) ? options.loops : null,
    uniqueIpLoops: options.uniqueIpLoops,
    repeatedTuples: repeatsTuples(finished, options, context.input),
    bound: boundOf(streamed ?? undefined, target, achievedPps),
    elapsedNs,
    packets: {
      injected,
      verdicts,
      byClass: classCounts(counters.classes),
      imbalance: imbalanceOf(reports),
      rejectedByReason: rejected,
    },
    perWorker,
    latency:
      service.view === null
        ? { mode: options.latency.mode }
        : {
            mode: options.latency.mode,
            sampleInterval: options.latency.mode === 'sample' ? options.latency.interval : null,
            service: withClockLoop(service.view, reports),
            response: response.view === null ? null : withClockLoop(response.view, reports),
          },
    locks,
    connections: {
      created,
      remaining: finished.connCount,
      peak: Math.max(finished.timeline.peakConns, finished.connCount),
      limit: options.settings.connLimit ?? options.maxConns,
      expired: probed ? (everyThread.work['sweepCleaned'] ?? 0) : null,
      forced: probed ? removedWork - (everyThread.work['sweepCleaned'] ?? 0) : null,
    },
    sweeps: sweeps.length === 0 ? null : sweeps,
    expiry: probed
      ? {
          lag: lagDistribution(run, workers),
          staleTimeline: finished.timeline.table.map(({ tMs, nConn, expiredPresent }) => ({
            tMs,
            nConn,
            expiredPresent,
          })),
          ...lagByGroup(run, workers),
        }
      : null,
    memory: {
      bytesPerConnection: run.engine.constants.CONN_SIZE,
      totalBytes: run.plan.totalBytes,
      slabCapacity: run.plan.slabSlots,
      timeline: finished.timeline.table.map(({ tMs, slabInUse, gracePending }) => ({
        tMs,
        slabInUse,
        gracePending,
      })),
    },
    nat: natFigures(finished, workers, everyThread.work),
    workCounts: probed ? workFigures(everyThread) : null,
    timeline: finished.timeline.points.map((point) => ({ ...point })),
    timer,
    harnessShare: harness.share,
    lockWaitShare: locks === null || workerTime === 0 ? null : Math.min(1, lockWaitTotal / workerTime),
    cpuWaitShare:
      scheduledTime === 0 || cpuWait.some((wait) => wait == null)
        ? null
        : Math.min(1, cpuWait.reduce<number>((sum, wait) => sum + (wait ?? 0), 0) / scheduledTime),
    audit: auditRun(record),
    warnings: collectWarnings(facts),
  };
  return { ...made, throughput: throughputOfRun(made) };
}

function workerIndexes(workers: number): number[] {
  return Array.from({ length: workers }, (_, worker) => worker);
}

function withClockLoop(view: LatencyView, reports: readonly WorkerReport[]): LatencyView {
  return { ...view, clockLoop: clockLoopPercentiles(reports, view.overall.p50Ns) };
}

/** The clock as the workers found it, for warnings; whether it went backwards only the main thread looked at for long. */
function workerClock(
  timer: ClockFigures,
  machine: WarningFacts['clock'],
): NonNullable<WarningFacts['clock']> {
  return {
    costNs: timer.costNs ?? 0,
    stepNs: timer.stepNs ?? 0,
    backwardSteps: machine?.backwardSteps ?? 0,
  };
}

/** Time between the reads of a worker's schedule. */
function spanOf(report: FinishedRun['workers'][number] | undefined, figures: WorkerFigures): number {
  return Math.max(report?.schedulerSpanNs ?? 0, figures.elapsedNs);
}

function pinnedCpus(perWorker: readonly WorkerFigures[]): number[] {
  return perWorker.flatMap(({ cpu }) => (cpu == null ? [] : [cpu]));
}

/** Packets of a run that ends by itself; null where time or a user ends it. */
function plannedPackets({ interrupted, totals }: FinishedRun, options: RunOptions): number | null {
  const endsByItself = options.durationMs === null && Number.isFinite(options.loops);
  if (interrupted || !endsByItself || options.pacing.mode === 'profile') return null;
  return totals.packets * options.loops;
}

/** Packets by ct_state text; fragments that were held get a name of their own. */
function verdictCounts(heldReason: number, counters: ReturnType<typeof sumCounters>): Record<string, number> {
  const verdicts: Record<string, number> = {};
  for (const [state, count] of counters.verdicts) verdicts[stateText(state)] = count;
  const held = counters.reasons.get(heldReason) ?? 0;
  if (held > 0) verdicts['held'] = held;
  return verdicts;
}

function classCounts(classes: ReadonlyMap<number, number>): ResultCase['packets']['byClass'] {
  if (classes.size === 0) return null;
  const named: NonNullable<ResultCase['packets']['byClass']> = {};
  CLASS_NAMES.forEach((name, number) => {
    const count = classes.get(number);
    if (count !== undefined) named[name] = count;
  });
  return named;
}

/** Reasons that say why a packet got less than it asked for. */
function reasonCounts(finished: FinishedRun, reasons: ReadonlyMap<number, number>): Record<string, number> {
  const c = finished.run.engine.constants;
  const notRejections = new Set([c.R_CREATED, c.R_REOPENED, c.R_FORCED, c.R_FRAGMENT_HELD]);
  const table = reasonTable(c);
  const counts: Record<string, number> = {};
  for (const [code, count] of reasons) {
    if (notRejections.has(code)) continue;
    counts[table.get(code)?.name ?? `reason-${code}`] = count;
  }
  return counts;
}

/** How a streamed run was fed, over all workers; null when everything was in the store. */
function streamedFigures(finished: FinishedRun): ResultCase['input']['streamed'] {
  if (finished.streamedStoreBytes === null) return null;
  const lags = finished.workers.map((report) => report.sourceLag);
  return {
    storeBytes: finished.streamedStoreBytes,
    waits: lags.reduce((sum, lag) => sum + (lag?.waits ?? 0), 0),
    waitNs: Math.round(lags.reduce((sum, lag) => sum + (lag?.waitNs ?? 0), 0)),
  };
}

function lockWaitOf(locks: readonly Contention[] | null, thread: string): number | null {
  if (locks === null) return null;
  return locks
    .filter((lock) => lock.thread === thread)
    .reduce((sum, lock) => sum + (lock.wait?.totalNs ?? 0), 0);
}

function audited(
  name: string,
  distribution: LatencyDistribution | null,
  expectedCount: number | null,
): RunRecord['histograms'][number] | null {
  if (distribution === null) return null;
  return {
    name,
    count: distribution.count,
    expectedCount,
    minNs: distribution.minNs ?? null,
    meanNs: distribution.meanNs ?? null,
    maxNs: distribution.maxNs ?? null,
    percentilesNs: [distribution.p50Ns, distribution.p90Ns, distribution.p99Ns, distribution.p999Ns].map(
      (value) => value ?? null,
    ),
  };
}

/** Packets of the busiest worker over the mean of all; null where one worker has them all by definition. */
function imbalanceOf(reports: readonly WorkerReport[]): number | null {
  const total = reports.reduce((sum, { packets }) => sum + packets, 0);
  if (reports.length < 2 || total === 0) return null;
  return (Math.max(...reports.map(({ packets }) => packets)) * reports.length) / total;
}

/** How late packets left, over all workers. */
function departureDistribution(
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

/** Share of the batches that touched ahead; null where there was none, or the engine does not count them. */
function touchedShare({ batches }: ThreadCounters): number | null {
  return batches.run === 0 ? null : batches.touched / batches.run;
}

/** What all threads did, counted. */
function workFigures({ work, locks }: ThreadCounters): ResultCase['workCounts'] {
  const { packets = 0, listMoves, bucketProbes, bytesCopied, ...other } = work;
  return {
    packets,
    locks: Object.fromEntries(
      Object.entries(locks)
        .map(([name, { acquisitions }]): [string, number] => [name, acquisitions])
        .filter(([, count]) => count > 0),
    ),
    listMoves: listMoves ?? null,
    hashProbes: bucketProbes ?? null,
    bytesCopied: bytesCopied ?? null,
    other: Object.fromEntries(Object.entries(other).filter(([, count]) => count > 0)),
  };
}

function natFigures(
  finished: FinishedRun,
  workers: number,
  work: Readonly<Record<string, number>>,
): ResultCase['nat'] {
  const allocations = work['natAllocations'] ?? 0;
  if (allocations === 0) return null;
  const { run } = finished;
  const recording = mergeRecordings(
    Array.from({ length: workers }, (_, thread) =>
      readCoarse(run, thread, run.engine.constants.H_NAT_CANDIDATES),
    ),
  );
  const tried = distributionOf(recording);
  return {
    allocations,
    failures: work['natFailures'] ?? 0,
    byOccupancy: finished.timeline.natByOccupancy,
    candidates:
      tried === null
        ? null
        : {
            count: tried.count,
            min: tried.minNs ?? null,
            mean: tried.meanNs ?? null,
            p50: tried.p50Ns ?? null,
            p90: tried.p90Ns ?? null,
            p99: tried.p99Ns ?? null,
            max: tried.maxNs ?? null,
          },
  };
}
