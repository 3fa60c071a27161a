/**
 * What got through, and what measuring cost. At top speed throughput comes from a run of its own, of the bare build and without
 * clocks; everything else comes from a second run on the same traffic, which is slower by what probes and clocks cost.
 */
import { collectWarnings } from '../measure/warnings.js';
import type { AuditCheck, ProbeCost, ResultCase, Throughput } from '../result/schema.js';
import type { LatencyMode } from './replay-plan.js';

/** The case of one run, as far as throughput is concerned. */
type RunCase = Pick<
  ResultCase,
  | 'build'
  | 'pacing'
  | 'packets'
  | 'elapsedNs'
  | 'perWorker'
  | 'latency'
  | 'cpuWaitShare'
  | 'harnessShare'
  | 'input'
  | 'touchedBatchShare'
  | 'partial'
>;

/** Throughput of the run that a case is of. */
export function throughputOfRun(entry: RunCase): Throughput {
  const { injected } = entry.packets;
  return {
    build: entry.build,
    timed: (entry.latency?.mode ?? 'off') !== 'off',
    pps: entry.pacing.achievedPps ?? null,
    mbps: entry.pacing.achievedMbps ?? null,
    onEnginePps: entry.pacing.onEnginePps ?? null,
    packets: injected,
    elapsedNs: entry.elapsedNs,
    // A paced worker sleeps; that says nothing about packets.
    workerNsPerPacket: injected === 0 || entry.pacing.mode !== 'topspeed' ? null : busyTime(entry) / injected,
    harnessShare: entry.harnessShare ?? null,
    cpuWaitShare: entry.cpuWaitShare ?? null,
    sourceWaits: entry.input.streamed?.waits ?? null,
    touchedBatchShare: entry.touchedBatchShare ?? null,
    ...(entry.partial === true ? { partial: true } : {}),
  };
}

/** Time of the workers, without that in which they were ready and had no CPU, as far as the system tells. */
function busyTime({ perWorker }: RunCase): number {
  return (perWorker ?? []).reduce(
    (sum, { elapsedNs, waitNs }) => sum + Math.max(elapsedNs - (waitNs ?? 0), 0),
    0,
  );
}

/** What two runs of one design make together. */
interface TwoRuns {
  /** Of the bare build, without clocks. */
  readonly bare: ResultCase;
  readonly figures: ResultCase;
  /** Batch size and how packets were timed in the run of the figures. */
  readonly batch: number;
  readonly latency: LatencyMode;
  readonly clockCostNs: number | null;
  /** Whether both runs had to replay the same packets: not where they end after a time. */
  readonly samePackets: boolean;
  /** Whether both had to come to the same verdicts: where nothing in them depends on the machine. */
  readonly sameVerdicts: boolean;
}

/**
 * The case of both runs: throughput of the first, everything else of the second, what the second cost more, and the checks and
 * warnings of both.
 */
export function joinRuns(runs: TwoRuns): ResultCase {
  const { bare, figures } = runs;
  const probeCost = probeCostOf(runs);
  const known = new Set((figures.warnings ?? []).map(({ text }) => text));
  return {
    ...figures,
    startedAt: bare.startedAt,
    throughput: bare.throughput ?? null,
    // Either run of the two may have been held up.
    bound: bare.bound ?? figures.bound ?? null,
    probeCost,
    audit: [...figures.audit, ...bare.audit.map(ofThroughputRun), ...crossChecks(runs)],
    warnings: [
      ...(figures.warnings ?? []),
      ...collectWarnings({ probedShare: shareWithout(probeCost) }),
      // What is so of the traffic or the machine is so of both runs.
      ...(bare.warnings ?? [])
        .filter(({ text }) => !known.has(text))
        .map((warning) => ({ ...warning, text: `in the run for throughput: ${warning.text}` })),
    ],
  };
}

function ofThroughputRun(check: AuditCheck): AuditCheck {
  return { ...check, name: `${check.name} (throughput run)` };
}

function probeCostOf({ bare, figures, batch, latency, clockCostNs }: TwoRuns): ProbeCost | null {
  const bareNsPerPacket = bare.throughput?.workerNsPerPacket ?? null;
  const probedNsPerPacket = figures.throughput?.workerNsPerPacket ?? null;
  if (bareNsPerPacket === null || probedNsPerPacket === null) return null;
  const reads = clockReadsPerPacket(latency, batch, figures.touchedBatchShare ?? 0);
  return {
    nsPerPacket: probedNsPerPacket - bareNsPerPacket,
    bareNsPerPacket,
    probedNsPerPacket,
    clockNsPerPacket: reads === 0 ? 0 : clockCostNs === null ? null : reads * clockCostNs,
  };
}

/** Time of a packet without probes and clocks over that with them; null where it was not measured. */
function shareWithout(cost: ProbeCost | null): number | null {
  const { bareNsPerPacket = 0, probedNsPerPacket = 0 } = cost ?? {};
  // A worker that hardly had a CPU has no time of its own.
  return bareNsPerPacket > 0 && probedNsPerPacket > 0 ? bareNsPerPacket / probedNsPerPacket : null;
}

/** One at each boundary between packets of a timed batch, one before the first, and one behind touching ahead where that was done. */
function clockReadsPerPacket(latency: LatencyMode, batch: number, touchedShare: number): number {
  if (latency.mode === 'off') return 0;
  return (1 + (1 + touchedShare) / batch) / (latency.mode === 'sample' ? latency.interval : 1);
}

/** Names of the checks between two runs of a design. */
export const CROSS_CHECKS = ['same-packets', 'same-verdicts'] as const;
export type CrossCheckName = (typeof CROSS_CHECKS)[number];

/** What the two runs have to agree about. */
function crossChecks({ bare, figures, samePackets, sameVerdicts }: TwoRuns): AuditCheck[] {
  if (figures.partial === true) return [];
  const checks: AuditCheck[] = [];
  const check = (
    name: CrossCheckName,
    expected: number | string,
    actual: number | string,
    advice: string,
  ): void => {
    const ok = expected === actual;
    checks.push({ name, ok, expected, actual, advice: ok ? null : advice });
  };
  if (samePackets) {
    check(
      'same-packets',
      figures.packets.injected,
      bare.packets.injected,
      'the run for throughput and the probed one replayed different packets; do not use this result, and report it',
    );
  }
  if (samePackets && sameVerdicts) {
    check(
      'same-verdicts',
      verdictText(figures),
      verdictText(bare),
      'probes changed what the tracker decided; do not use this result, and report it',
    );
  }
  return checks;
}

function verdictText({ packets }: ResultCase): string {
  const entries = Object.entries(packets.verdicts).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([state, count]) => `${state} ${count}`).join(', ');
}
