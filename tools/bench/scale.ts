/** From throughputs at several numbers of workers to the Universal Scalability Law, as result.json keeps it. */
import type { Estimate, ResultCase, Scaling, ScalingPoint } from '../result/schema.js';
import { fitScaling, splitByCores, type ScalingFit } from '../stats/scalability.js';
import type { Estimate as StatsEstimate } from '../stats/interval.js';
import { throughputOnCpu } from '../model/on-cpu.js';
import { throughputBuild, throughputOf, whyNotCompared } from '../result/throughput.js';
import { positiveEstimate, type Sessions } from '../stats/session-estimate.js';
import { median } from '../stats/sample.js';

/** The fit of one design on one input, and what to know about it. */
export interface ScalingResult {
  readonly scaling: Scaling;
  /** Null when fewer than two numbers of workers had a core each. */
  readonly fit: ScalingFit | null;
  readonly notes: readonly string[];
}

/** Numbers of workers that the fitted curve is predicted for, beyond those measured. */
const PREDICTED_WORKERS = [1, 2, 4, 8, 16, 32, 64, 128];

/** Share of time without a CPU above which other load disturbs more than noise does. */
const STARVED_SHARE = 0.05;

/**
 * Fits every design and input of the cases. Only numbers of workers with a core each are fitted; the others are kept, marked
 * as oversubscribed: they tell about the scheduler. Throughput is that of the bare run, over the time that workers had a CPU.
 * @param cores usable cores of the machine that measured
 */
export function fitCases(cases: readonly ResultCase[], cores: number): ScalingResult[] {
  const series = new Map<string, ResultCase[]>();
  for (const entry of cases) {
    if (entry.control === true || entry.pacing.mode !== 'topspeed' || entry.partial === true) continue;
    const key = JSON.stringify([
      entry.input.name,
      entry.design,
      throughputBuild(entry),
      entry.latency?.mode ?? null,
    ]);
    series.set(key, [...(series.get(key) ?? []), entry]);
  }
  return [...series.values()].map((own) => fitSeries(own, cores));
}

/** Throughputs at one number of workers. */
interface MeasuredPoint {
  readonly workers: number;
  readonly sessions: Sessions;
  readonly lockWaitShare: number | null;
}

function fitSeries(cases: readonly ResultCase[], cores: number): ScalingResult {
  const [first] = cases as [ResultCase, ...ResultCase[]];
  const workers = [...new Set(cases.map((entry) => entry.workers))].toSorted((a, b) => a - b);
  const points = workers.map((n) =>
    measuredPoint(
      n,
      cases.filter((entry) => entry.workers === n),
    ),
  );
  const { measured, oversubscribed } = splitByCores(
    points.filter((point) => point.sessions.length > 0),
    cores,
  );
  const notes: string[] = [];
  const why = whyNotCompared(first);
  if (why !== null) notes.push(`throughput is not to be compared between designs: ${why}`);
  if (oversubscribed.length > 0) {
    notes.push(
      `${oversubscribed.map((point) => point.workers).join(', ')} workers on ${cores} cores are no measurement of scaling and are not fitted`,
    );
  }
  notes.push(...cpuWaitNotes(cases));
  let fit: ScalingFit | null = null;
  if (measured.length >= 2) fit = fitScaling(measured);
  else notes.push(`${measured.length} number(s) of workers had a core each; a fit needs at least two`);
  notes.push(...(fit?.notes ?? []));
  return {
    scaling: {
      design: first.design,
      input: first.input.name,
      build: throughputOf(first).build,
      timed: throughputOf(first).timed,
      points: [
        ...[...measured, ...oversubscribed].map((point) => scalingPoint(point, cores)),
        ...(fit === null ? [] : predictedPoints(fit, workers)),
      ].toSorted((a, b) => a.workers - b.workers),
      fit: fit === null ? null : reportedFit(fit),
    },
    fit,
    notes,
  };
}

function measuredPoint(workers: number, cases: readonly ResultCase[]): MeasuredPoint {
  const waits = cases
    .map((entry) => entry.lockWaitShare)
    .filter((share): share is number => typeof share === 'number');
  return {
    workers,
    sessions: throughputsBySession(cases.filter((entry) => entry.packets.injected > 0)),
    lockWaitShare: waits.length === 0 ? null : median(waits),
  };
}

/** What the machine did to the workers, where that has to be known beside a fit. */
function cpuWaitNotes(cases: readonly ResultCase[]): string[] {
  const cpuWaits = cases
    .map((entry) => throughputOf(entry).cpuWaitShare ?? entry.cpuWaitShare)
    .filter((share) => typeof share === 'number');
  const cpuWait = cpuWaits.length === 0 ? null : median(cpuWaits);
  if (cpuWait === null) {
    return [
      'the system does not report how long workers waited for a CPU; other load counts as contention here',
    ];
  }
  if (cpuWait <= STARVED_SHARE) return [];
  return [
    `workers had no CPU for ${(cpuWait * 100).toFixed(0)} % of their time. That time is left out, but a quiet machine measures better`,
  ];
}

function scalingPoint(point: MeasuredPoint, cores: number): ScalingPoint {
  const { value, interval, trials, sessions } = positiveEstimate(point.sessions);
  return {
    workers: point.workers,
    pps: value,
    low: interval?.low ?? null,
    high: interval?.high ?? null,
    confidence: interval?.confidence ?? null,
    n: trials,
    sessions,
    lockWaitShare: point.lockWaitShare,
    measured: point.workers <= cores,
    oversubscribed: point.workers > cores,
  };
}

/** Throughputs over the time that workers had a CPU, by session. */
function throughputsBySession(cases: readonly ResultCase[]): Sessions {
  const numbers = [...new Set(cases.map((entry) => entry.session ?? 0))].toSorted((a, b) => a - b);
  return numbers.map((session) =>
    cases.filter((entry) => (entry.session ?? 0) === session).map(throughputOnCpu),
  );
}

/** Points of the fitted curve beyond what was measured, each with its band; where the fits do not bound it there is none. */
function predictedPoints(fit: ScalingFit, measured: readonly number[]): ScalingPoint[] {
  // Amdahl's law knows no coherency; a curve from it beyond the measurement would be a promise.
  if (fit.model !== 'usl') return [];
  return PREDICTED_WORKERS.filter((n) => !measured.includes(n)).flatMap((n) => {
    const { value, interval } = fit.at(n);
    if (interval === null) return [];
    const { low, high, confidence } = interval;
    return [{ workers: n, pps: value, low, high, confidence, measured: false, oversubscribed: null }];
  });
}

function reportedFit(fit: ScalingFit): NonNullable<Scaling['fit']> {
  return {
    lambdaPps: reported(fit.lambda),
    sigma: reported(fit.sigma),
    kappa: fit.kappa === null ? null : reported(fit.kappa),
    peakWorkers: fit.peakWorkers === null ? null : reported(fit.peakWorkers),
    peakPps: fit.peakThroughput === null ? null : reported(fit.peakThroughput),
    r2: fit.r2,
    confidence: fit.lambda.interval?.confidence ?? null,
    sessions: fit.sessions,
  };
}

function reported({ value, interval }: StatsEstimate): Estimate {
  return { value, low: interval?.low ?? null, high: interval?.high ?? null };
}
