/** Everything that a finished run's case, audit and warnings are made from, read once from memory, threads and system. */
import { readCounters, sumCounters, type ThreadCounters } from '../../engine/host/counters.js';
import type { DesignChoice } from '../../engine/host/designs.js';
import type { AuditedHold, AuditedHistogram } from '../measure/audit.js';
import { coreSiblings, shareCores } from '../measure/pinning.js';
import { systemFiles } from '../measure/system-files.js';
import type { WarningFacts } from '../measure/warnings.js';
import type {
  ClockFigures,
  Contention,
  LatencyDistribution,
  LatencyView,
  ResultCase,
} from '../result/schema.js';
import {
  classCounts,
  natFigures,
  reasonCounts,
  touchedShare,
  verdictCounts,
  workFigures,
} from './collect-counts.js';
import { clockLoopPercentiles, interruptionsOf } from './collect-interruptions.js';
import { collectLatency, type CollectedLatency } from './collect-latency.js';
import { lagByGroup, lagDistribution } from './collect-lag.js';
import { collectLocks, shortestHoldNs } from './collect-locks.js';
import { sweeperOf } from './collect-sweeper.js';
import { clockUncertaintyNs, harnessOf, timerOf } from './collect-timing.js';
import {
  collectWorker,
  departureDistribution,
  imbalanceOf,
  streamedFigures,
  type CollectedWorker,
} from './collect-workers.js';
import { lastDueNs, plannedNs } from './departure.js';
import { lastPlace, placeDueAt, requestedPps, type RequestedRun } from './due-packets.js';
import { targetPps } from './pace.js';
import { fixedAddresses, repeatsTuples } from './repeated-tuples.js';
import { endsByItself, loopCount } from './plan-loops.js';
import type { ReplayPlan } from './replay-plan.js';
import type { FinishedRun } from './run-control.js';
import type { WorkerReport } from './worker-input.js';

/** What a case needs to know beside the run itself. */
export interface CaseContext {
  readonly id: string;
  readonly trial: number;
  readonly designLabel: string;
  readonly input: ResultCase['input'];
  /** Facts about machine and clock for the warnings. */
  readonly facts: WarningFacts;
}

/** A finished run in figures. What was not measured is null. */
export interface CollectedRun {
  /** When the barrier opened. */
  readonly startedAt: Date;
  readonly context: CaseContext;
  readonly choice: DesignChoice;
  readonly plan: ReplayPlan;
  readonly probed: boolean;
  readonly interrupted: boolean;
  readonly elapsedNs: number;
  readonly workers: readonly CollectedWorker[];
  /** The clock as the workers found it. */
  readonly timer: ClockFigures | null;
  readonly service: CollectedLatency;
  readonly response: CollectedLatency;
  readonly histograms: readonly AuditedHistogram[];
  readonly locks: readonly Contention[] | null;
  readonly holds: readonly AuditedHold[];
  /** Packets given out, by the workers' count. */
  readonly injected: number;
  /** Packets that were to be given out: of a run that ends by itself. */
  readonly planned: number | null;
  readonly packets: ResultCase['packets'];
  readonly targetPps: number | null;
  /** Mean time between packets that the traffic is asked for with. */
  readonly packetIntervalNs: number | null;
  /** Of packets that were done, by the engine's count; the audit sets it beside those that were given out. */
  readonly achievedPps: number | null;
  readonly achievedMbps: number | null;
  /** Time that the schedule gave the run. */
  readonly plannedNs: number | null;
  /** Place on the schedule of the last packet, as asked for and as followed; null where that is not known. */
  readonly lastPlace: { readonly requested: number; readonly followed: number } | null;
  readonly departure: {
    readonly all: LatencyDistribution | null;
    readonly settled: LatencyDistribution | null;
  };
  readonly harness: ReturnType<typeof harnessOf>;
  readonly streamed: NonNullable<ResultCase['input']['streamed']> | null;
  readonly repeatedTuples: boolean;
  readonly fixedAddresses: ReturnType<typeof fixedAddresses>;
  readonly connections: {
    readonly created: number;
    readonly removed: number;
    readonly expired: number;
    readonly remaining: number;
  };
  readonly sweeps: NonNullable<ResultCase['sweeps']>;
  readonly sweeper: ResultCase['sweeper'];
  readonly expiry: ResultCase['expiry'];
  readonly memory: ResultCase['memory'];
  readonly timeline: FinishedRun['timeline'];
  readonly touchedBatchShare: number | null;
  readonly nat: ResultCase['nat'];
  readonly workCounts: ResultCase['workCounts'];
  /** Two workers on hyper-threads of one core. */
  readonly sharedCores: boolean;
  /** Why workers could not be pinned. */
  readonly pinFailures: readonly string[];
}

/** Reads the figures of a finished run, while its memory is still there. */
export function collect(finished: FinishedRun, context: CaseContext): CollectedRun {
  const { choice, plan, run, workers: reports, traffic, timeline } = finished;
  const count = plan.workers;
  const counters = countersOf(finished, count);
  const everyThread = countersOf(finished, count + 1);
  const c = run.engine.constants;
  const probed = run.engine.flavour !== 'bare';
  const timed = collectTimes(finished);
  const { workers, locks } = timed;
  const elapsedNs = Math.max(finished.elapsedNs, 0);
  const verdicts = verdictCounts(c.R_FRAGMENT_HELD, counters);
  const rejectedByReason = reasonCounts(finished, counters.reasons);
  const done = Object.values(verdicts).reduce((sum, packets) => sum + packets, 0);
  const achievedPps = elapsedNs === 0 ? null : (done / elapsedNs) * 1e9;
  const injected = reports.reduce((sum, report) => sum + report.packets, 0);
  return {
    context,
    choice,
    plan,
    probed,
    startedAt: finished.startedAt,
    interrupted: finished.interrupted,
    elapsedNs,
    ...timed,
    histograms: histogramsOf(finished, timed, injected),
    holds: holdsOf(
      locks,
      workers,
      // It may be in a pass when the workers are done.
      Math.max(elapsedNs, finished.sweeper?.sweepNs ?? 0),
      clockUncertaintyNs(reports, timed.timer?.costNs ?? 0),
    ),
    injected,
    planned: plannedPackets(finished),
    packets: {
      injected,
      verdicts,
      byClass: classCounts(counters.classes),
      imbalance: imbalanceOf(reports),
      rejectedByReason,
    },
    ...scheduleOf(finished),
    achievedPps,
    achievedMbps:
      elapsedNs === 0 || finished.sentBits === null ? null : (finished.sentBits / elapsedNs) * 1e3,
    departure: {
      all: departureDistribution(reports, 'all'),
      settled: departureDistribution(reports, 'settled'),
    },
    harness: harnessOf(reports),
    streamed: streamedFigures(traffic, reports),
    repeatedTuples: repeatsTuples(finished, context.input),
    fixedAddresses: fixedAddresses(finished, rejectedByReason),
    connections: {
      created: counters.reasons.get(c.R_CREATED) ?? 0,
      removed: everyThread.work['removed'] ?? 0,
      expired: everyThread.work['sweepCleaned'] ?? 0,
      remaining: finished.connCount,
    },
    sweeps: [...reports.flatMap((report) => report.sweeps), ...(finished.sweeper?.sweeps ?? [])],
    sweeper: sweeperOf(finished, elapsedNs),
    expiry: probed ? expiryOf(finished, count) : null,
    memory: memoryOf(finished),
    timeline,
    touchedBatchShare: touchedShare(counters),
    nat: natFigures(finished, count, everyThread.work),
    workCounts: probed ? workFigures(everyThread) : null,
    sharedCores: shareCores(pinnedCpus(workers), (cpu) => coreSiblings(systemFiles, cpu)),
    pinFailures: reports.flatMap(({ pin }) => (pin !== null && !pin.pinned ? [pin.reason] : [])),
  };
}

/** What was asked for, and when it was due. */
function scheduleOf({
  plan,
  traffic,
  units,
  interrupted,
  workers,
  elapsedNs,
}: FinishedRun): Pick<CollectedRun, 'targetPps' | 'packetIntervalNs' | 'plannedNs' | 'lastPlace'> {
  const asked: RequestedRun = { plan, traffic, units, interruptedNs: interrupted ? elapsedNs : null };
  const target = requestedPps(asked);
  const pps = target ?? targetPps(plan.pacing, traffic);
  const last = { requested: lastPlace(asked), dueNs: lastDueNs(elapsedNs, workers) };
  const followed = last.dueNs === null ? null : placeDueAt(plan, last.dueNs);
  return {
    targetPps: target,
    packetIntervalNs: pps === null ? null : 1e9 / pps,
    plannedNs: plannedNs(Math.max(elapsedNs, 0), workers),
    lastPlace: last.requested === null || followed === null ? null : { requested: last.requested, followed },
  };
}

/** Counters of the first so many threads, added up: the workers, and behind them the sweeper. */
function countersOf({ run }: FinishedRun, threads: number): ThreadCounters {
  return sumCounters(Array.from({ length: threads }, (_, thread) => readCounters(run, thread)));
}

type TimedFigures = Pick<CollectedRun, 'timer' | 'service' | 'response' | 'locks' | 'workers'>;

/** What a clock was read for. */
function collectTimes({ run, workers: reports, plan }: FinishedRun): TimedFigures {
  const { workers, latency } = plan;
  const timer = timerOf(reports, shortestHoldNs(run, workers));
  const judged = {
    stepNs: timer?.stepNs ?? null,
    interruptions: Array.from({ length: workers }, (_, worker) => {
      const report = reports.find((each) => each.worker === worker);
      return report === undefined ? null : interruptionsOf(report);
    }),
  };
  const service = withClockLoop(collectLatency(run, workers, 'service', judged), reports);
  const response = withClockLoop(collectLatency(run, workers, 'response', judged), reports);
  const locks = collectLocks(run, workers, timer?.costNs ?? 0);
  return {
    timer,
    service,
    response,
    locks,
    workers: reports.map((report) => collectWorker(report, { service, response, locks, latency })),
  };
}

function withClockLoop(collected: CollectedLatency, reports: readonly WorkerReport[]): CollectedLatency {
  if (collected.view === null) return collected;
  const view: LatencyView = {
    ...collected.view,
    clockLoop: clockLoopPercentiles(reports, collected.view.overall.p50Ns),
  };
  return { ...collected, view };
}

/** The distributions over all workers as they are checked; each should hold every packet where all were timed. */
function histogramsOf(
  { schedule, plan }: FinishedRun,
  { service, response }: TimedFigures,
  injected: number,
): AuditedHistogram[] {
  const all = plan.latency.mode === 'all';
  return [
    ...audited('service', service.view, all ? injected : null),
    ...audited('response', response.view, all && schedule.paced ? injected : null),
  ];
}

function audited(name: string, view: LatencyView | null, expectedCount: number | null): AuditedHistogram[] {
  if (view === null) return [];
  const { count, minNs, meanNs, maxNs, p50Ns, p90Ns, p99Ns, p999Ns } = view.overall;
  return [
    {
      name,
      count,
      expectedCount,
      minNs: minNs ?? null,
      meanNs: meanNs ?? null,
      maxNs: maxNs ?? null,
      percentilesNs: [p50Ns, p90Ns, p99Ns, p999Ns].map((value) => value ?? null),
    },
  ];
}

function holdsOf(
  locks: readonly Contention[] | null,
  workers: readonly CollectedWorker[],
  sweeperNs: number,
  uncertainNs: number,
): AuditedHold[] {
  return (locks ?? []).flatMap((lock) => {
    const totalNs = lock.hold?.totalNs;
    if (typeof totalNs !== 'number' || lock.thread === 'all') return [];
    const worker = workers.find((each) => lock.thread === `worker-${each.worker}`);
    return [
      {
        name: `${lock.class} ${lock.thread}`,
        totalNs,
        uncertaintyNs: (lock.acquisitions ?? 0) * uncertainNs + (lock.hold?.totalErrorNs ?? 0),
        elapsedNs: worker?.elapsedNs ?? sweeperNs,
      },
    ];
  });
}

/** Packets of a run that ends by itself; null where time or a user ends it. */
function plannedPackets({ interrupted, traffic, plan }: FinishedRun): number | null {
  if (interrupted || !endsByItself(plan)) return null;
  return traffic.packets * loopCount(plan);
}

function expiryOf({ run, timeline }: FinishedRun, workers: number): NonNullable<ResultCase['expiry']> {
  return {
    lag: lagDistribution(run, workers),
    staleTimeline: timeline.table.map(({ tMs, nConn, expiredPresent }) => ({ tMs, nConn, expiredPresent })),
    ...lagByGroup(run, workers),
  };
}

function memoryOf({ run, timeline }: FinishedRun): ResultCase['memory'] {
  return {
    bytesPerConnection: run.engine.constants.CONN_SIZE + run.engine.constants.SIDE_SIZE,
    totalBytes: run.plan.totalBytes,
    slabCapacity: run.plan.slabSlots,
    timeline: timeline.table.map(({ tMs, slabInUse, gracePending }) => ({ tMs, slabInUse, gracePending })),
  };
}

function pinnedCpus(workers: readonly CollectedWorker[]): number[] {
  return workers.flatMap(({ cpu }) => (cpu == null ? [] : [cpu]));
}
