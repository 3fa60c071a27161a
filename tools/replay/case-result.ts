/** A finished run as one case of result.json: its figures are collected once, then checked, warned about and written down. */
import { auditRun, type AuditCheck } from '../measure/audit.js';
import { collectWarnings, type Warning } from '../measure/warnings.js';
import { keptShare } from '../result/kept-share.js';
import type { ResultCase } from '../result/schema.js';
import { collect, type CaseContext, type CollectedRun } from './collect-run.js';
import { workerFiguresOf } from './collect-workers.js';
import { loopsPerChange } from './plan-loops.js';
import { connLimitOf } from './replay-plan.js';
import { threadCount, type FinishedRun } from './run-control.js';
import { boundOf } from './source-bound.js';
import { throughputOfRun } from './throughput.js';

/** Turns a finished run into a case, audited and with its warnings. */
export function makeCase(finished: FinishedRun, context: CaseContext): ResultCase {
  const record = collect(finished, context);
  return toCase(record, audit(record), warn(record));
}

/** The checks of a run on itself. */
export function audit(record: CollectedRun): AuditCheck[] {
  const { interrupted, probed, connections } = record;
  return auditRun({
    ...record,
    // Counted elsewhere than by the workers, where that can be: their own sum would agree with itself.
    injected: record.planned ?? record.injected,
    verdicts: record.packets.verdicts,
    locks: (record.locks ?? [])
      .filter((lock) => lock.thread === 'all')
      .map((lock) => ({
        class: lock.class,
        acquisitions: lock.acquisitions ?? 0,
        contended: lock.contended ?? 0,
      })),
    targetPps: interrupted ? null : record.targetPps,
    lastPlace: record.lastPlace,
    plannedNs: interrupted ? null : record.plannedNs,
    burst: record.plan.burst,
    connections: probed ? { initial: 0, ...connections } : null,
  });
}

/** What makes a run's figures say less than they seem to. */
function warn(record: CollectedRun): Warning[] {
  const { context, timer, targetPps, service, response, packets } = record;
  const rejected = packets.rejectedByReason ?? {};
  return collectWarnings({
    ...context.facts,
    // Whether the clock went backwards only the main thread looked at for long.
    ...(timer === null
      ? {}
      : {
          clock: {
            costNs: timer.costNs ?? 0,
            stepNs: timer.stepNs ?? 0,
            backwardSteps: context.facts.clock?.backwardSteps ?? 0,
          },
        }),
    workers: record.workers,
    threadCount: threadCount(record.plan, record.streamed !== null),
    serviceP50Ns: service.view?.overall.p50Ns ?? null,
    targetPps,
    achievedPps: record.achievedPps,
    plannedNs: record.plannedNs,
    sourceLag: record.streamed,
    tableFull: {
      packets: (rejected['conn-limit'] ?? 0) + (rejected['slab-full'] ?? 0),
      limit: connLimitOf(record.plan),
    },
    fixedAddresses: record.fixedAddresses,
    departureErrorP99Ns: record.departure.all?.p99Ns ?? null,
    packetIntervalNs: record.packetIntervalNs,
    elapsedNs: record.elapsedNs,
    sharedCores: record.sharedCores,
    histogramOverflows: service.overflows + response.overflows,
    latencyCount: service.view?.overall.count ?? null,
    pinFailures: record.pinFailures,
  });
}

/** The case as result.json has it. */
function toCase(
  record: CollectedRun,
  checks: readonly AuditCheck[],
  warnings: readonly Warning[],
): ResultCase {
  const { context, plan, streamed, timeline, connections, probed } = record;
  const made: ResultCase = {
    id: context.id,
    trial: context.trial,
    kind: 'replay',
    design: context.designLabel,
    designOptions: {
      preset: record.choice.preset,
      sweepIntervalMs: plan.config.entries.sweep?.intervalMs ?? null,
      maxConns: connLimitOf(plan),
    },
    build: probed ? 'probed' : 'bare',
    startedAt: record.startedAt.toISOString(),
    partial: record.interrupted,
    input: streamed === null ? context.input : { ...context.input, streamed },
    workers: plan.workers,
    pacing: pacingOf(record),
    batch: plan.batch,
    steer: plan.steer,
    clock: plan.clock,
    timeScale: plan.clock === 'wall' ? plan.timeScale : null,
    mutex: plan.mutex,
    touchAhead: plan.touchAhead,
    touchedBatchShare: record.touchedBatchShare,
    loops: plan.loops,
    uniqueIpLoops: loopsPerChange(plan),
    repeatedTuples: record.repeatedTuples,
    elapsedNs: record.elapsedNs,
    packets: record.packets,
    perWorker: record.workers.map(workerFiguresOf),
    latency: latencyOf(record),
    locks: record.locks === null ? null : [...record.locks],
    connections: {
      created: connections.created,
      remaining: connections.remaining,
      peak: Math.max(timeline.peakConns, connections.remaining),
      limit: connLimitOf(record.plan),
      expired: probed ? connections.expired : null,
      forced: probed ? connections.removed - connections.expired : null,
    },
    sweeps: record.sweeps.length === 0 ? null : record.sweeps,
    sweeper: record.sweeper,
    expiry: record.expiry,
    memory: record.memory,
    nat: record.nat,
    workCounts: record.workCounts,
    timeline: timeline.points.map((point) => ({ ...point })),
    timer: record.timer,
    harnessShare: record.harness.share,
    ...waitShares(record),
    audit: [...checks],
    warnings: [...warnings],
  };
  return {
    ...made,
    bound: boundOf(
      streamed ?? undefined,
      keptShare({ ...made, profile: plan.pacing.mode === 'profile' ? plan.pacing.mode : null }),
    ),
    throughput: throughputOfRun(made),
  };
}

function pacingOf(record: CollectedRun): ResultCase['pacing'] {
  const { pacing } = record.plan;
  return {
    // A profile is a rate in packets per second that changes; the target is its mean over the run.
    mode: pacing.mode === 'profile' ? 'pps' : pacing.mode,
    targetPps: record.targetPps,
    plannedNs: record.plannedNs,
    targetMbps: pacing.mode === 'mbps' ? pacing.mbps : null,
    multiplier: pacing.mode === 'multiplier' ? pacing.multiplier : null,
    achievedPps: record.achievedPps,
    onEnginePps: record.harness.onEnginePps,
    achievedMbps: record.achievedMbps,
    departureError: record.departure.all,
    departureErrorSettled: record.departure.settled,
  };
}

function latencyOf({ plan: { latency }, service, response }: CollectedRun): ResultCase['latency'] {
  if (service.view === null) return { mode: latency.mode };
  return {
    mode: latency.mode,
    sampleInterval: latency.mode === 'sample' ? latency.interval : null,
    service: service.view,
    response: response.view,
  };
}

/** Shares of the workers' time that they waited for locks and for a CPU. */
function waitShares({
  workers,
  locks,
}: CollectedRun): Required<Pick<ResultCase, 'lockWaitShare' | 'cpuWaitShare'>> {
  const sum = (of: (worker: CollectedRun['workers'][number]) => number): number =>
    workers.reduce((total, worker) => total + of(worker), 0);
  const workerTime = sum(({ elapsedNs }) => elapsedNs);
  // The scheduler's figures are of the time between their reads, which lie around the run.
  const scheduledTime = sum(({ schedulerSpanNs, elapsedNs }) => Math.max(schedulerSpanNs, elapsedNs));
  return {
    lockWaitShare:
      locks === null || workerTime === 0
        ? null
        : Math.min(1, sum(({ lockWaitNs }) => lockWaitNs ?? 0) / workerTime),
    cpuWaitShare:
      scheduledTime === 0 || workers.some(({ waitNs }) => waitNs === null)
        ? null
        : Math.min(1, sum(({ waitNs }) => waitNs ?? 0) / scheduledTime),
  };
}
