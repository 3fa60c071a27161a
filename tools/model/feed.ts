/**
 * From measured cases to the parameters of the model. What is taken: acquisitions, hold times and waits of ct_lock, and the
 * CPU time of the workers. What is assumed is written at each place.
 */
import { compiledDesigns, traitsOf } from '../../engine/host/design-traits.js';
import { mutexOf, sweepsOf, touchAheadOf } from '../result/cells.js';
import { median } from '../stats/sample.js';
import type { Contention, Result, ResultCase } from '../result/schema.js';
import { typicalTime } from './measured-times.js';
import type { ConnectionLocks, LockDiscipline, ModelParameters, SweeperLoad } from './parameters.js';
import { onCpu } from './on-cpu.js';
import { connectionPopularity } from './popularity.js';

/** One number of workers of one design on one input, as measured. */
export interface MeasuredPoint {
  readonly workers: number;
  readonly trials: number;
  /** As measured, over the elapsed time. */
  readonly pps: number;
  /** Over the time that the workers had a CPU or slept of their own accord: what a machine without other load would show. */
  readonly ppsOnCpu: number;
  /** Share of that time spent waiting for locks. */
  readonly waitShare: number;
  /** Share of the workers' time that they were ready and had no CPU; null where the system does not report it. */
  readonly cpuWaitShare: number | null;
  readonly parameters: ModelParameters;
}

/** One design on one input. */
export interface MeasuredSeries {
  readonly design: string;
  readonly input: string;
  /** In ascending order of workers. */
  readonly points: readonly MeasuredPoint[];
}

/** A result that the model cannot be fed from. */
class FeedError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'FeedError';
  }
}

/** Constants of engine/assembly/shm/mutex.ts: of MUTEX_BACKOFF in reads of the thread's own cache line, of both in rounds. */
const FIRST_PAUSE_READS = 512;
const LONGEST_PAUSE_READS = 4096;
const MAX_SPINS = 100;
/** Time of one such read where no wait was measured: an atomic load and its loop, a few cycles. */
const DEFAULT_READ_NS = 1;
/** Of MUTEX_GLIBC: pauses before a look at most, without jitter, and the length of one where no wait was measured. */
const MOST_PAUSES = 16;
const DEFAULT_PAUSE_NS = 25;
/** With more sleeps among the waits than this share, their mean says nothing about a pause. */
const FEW_SLEEPS = 0.01;
/** Contended acquisitions below which their mean wait says little. */
const FEWEST_WAITS = 50;
/** From futex wake-up to the thread running, and the cost of the call: typical of Linux under a hypervisor. */
const WAKE_NS = 50_000;
const NOTIFY_NS = 2000;
/** Steering modes that give all packets of a connection to one worker. */
const CONNECTION_STEERING = new Set(['rss', 'flow', 'zone', 'single']);

/**
 * The series that can feed the model: probed cases at top speed, trials of a cell taken together by medians.
 * @throws FeedError when there are none, saying what is missing
 */
export function measuredSeries(result: Result, file: string): MeasuredSeries[] {
  const usable = result.cases.filter(
    (entry) =>
      entry.control !== true &&
      entry.build === 'probed' &&
      entry.pacing.mode === 'topspeed' &&
      entry.partial !== true &&
      (entry.locks ?? []).length > 0 &&
      entry.elapsedNs > 0,
  );
  if (usable.length === 0) {
    throw new FeedError(
      `${file}: holds no case that the model could be fed from: it takes probed cases at top speed (no --bare, no --pps). Measure some with 'ctreplay scale --out DIR'.`,
    );
  }
  const machineCostNs = result.environment.clock.costNs ?? 0;
  const nameOf = seriesNames(usable);
  const series = new Map<string, { design: string; input: string; byWorkers: Map<number, ResultCase[]> }>();
  for (const entry of usable) {
    const input = nameOf(entry);
    const key = JSON.stringify([input, entry.design]);
    const known = series.get(key) ?? { design: entry.design, input, byWorkers: new Map() };
    known.byWorkers.set(entry.workers, [...(known.byWorkers.get(entry.workers) ?? []), entry]);
    series.set(key, known);
  }
  return [...series.values()].map(({ design, input, byWorkers }) => ({
    design,
    input,
    points: [...byWorkers]
      .toSorted(([a], [b]) => a - b)
      .map(([workers, cases]) => measuredPoint(workers, cases, machineCostNs)),
  }));
}

/** Names an input, with the settings of the engine in which the cases differ: those of different settings are series of their own. */
function seriesNames(cases: readonly ResultCase[]): (entry: ResultCase) => string {
  const settings = [
    (entry: ResultCase) => `${mutexOf(entry)} mutex`,
    (entry: ResultCase) => `touch-ahead ${touchAheadOf(entry)}`,
  ].filter((setting) => new Set(cases.map(setting)).size > 1);
  return (run) => [run.input.name, ...settings.map((setting) => setting(run))].join(', ');
}

/** What the engine's clock cost in a case: as its workers found it, or in older results as the machine's main thread did. */
function clockCostOf(entry: ResultCase, machineCostNs: number): number {
  return entry.timer?.costNs ?? machineCostNs;
}

function measuredPoint(workers: number, cases: readonly ResultCase[], machineCostNs: number): MeasuredPoint {
  const figures = cases.map((entry) => figuresOf(entry, clockCostOf(entry, machineCostNs)));
  const middle = (pick: (figures: CaseFigures) => number): number => median(figures.map(pick));
  const first = cases[0] as ResultCase;
  const ctPerPacket = middle((run) => run.ctPerPacket);
  const ctHoldNs = middle((run) => run.ctHoldNs);
  const connections = connectionLocks(first, figures);
  const connectionNs = (connections?.perPacket ?? 0) * (connections?.hold.meanNs ?? 0);
  const insideNs = ctPerPacket * ctHoldNs + connectionNs;
  const packetNs = middle((run) => run.packetNs);
  const cpuWaits = cases.map((entry) => entry.cpuWaitShare).filter((share) => typeof share === 'number');
  return {
    workers,
    trials: cases.length,
    pps: middle((run) => run.pps),
    ppsOnCpu: middle((run) => run.ppsOnCpu),
    waitShare: middle((run) => run.waitShare),
    cpuWaitShare: cpuWaits.length === 0 ? null : median(cpuWaits),
    parameters: {
      work: {
        meanNs: Math.max(packetNs - insideNs, 0.05 * packetNs),
        spread: { cv: middle((run) => run.workCv) },
      },
      ctPerPacket,
      ctHold: { meanNs: ctHoldNs, spread: { cv: middle((run) => run.ctHoldCv) } },
      ctLocks: ctLocksOf(first.design),
      connections,
      sweeper: sweeperLoad(cases, machineCostNs),
      discipline:
        mutexOf(first) === 'glibc'
          ? glibcDiscipline(middle((run) => run.pauseNs ?? DEFAULT_PAUSE_NS))
          : backoffDiscipline(middle((run) => run.pauseNs ?? DEFAULT_READ_NS)),
    },
  };
}

/**
 * Shards of a design, which are taken to be met equally often, in a table that is large enough to have them all; the counts say 'ct_lock'
 * of all of their locks. 1 where it has none, or is not known here.
 */
function ctLocksOf(design: string): number {
  return compiledDesigns().includes(design) ? Math.max(traitsOf(design).shards, 1) : 1;
}

/** The engine's mutex with waits like glibc's, with this length of a pause. */
function glibcDiscipline(pauseNs: number): LockDiscipline {
  return {
    kind: 'spin-then-sleep',
    firstPauseNs: pauseNs,
    longestPauseNs: MOST_PAUSES * pauseNs,
    maxSpins: MAX_SPINS,
    pauseNs,
    wakeNs: WAKE_NS,
    notifyNs: NOTIFY_NS,
  };
}

/** The engine's mutex with long pauses, with this time per read of a pause. */
function backoffDiscipline(readNs: number): LockDiscipline {
  return {
    kind: 'spin-then-sleep',
    firstPauseNs: FIRST_PAUSE_READS * readNs,
    longestPauseNs: LONGEST_PAUSE_READS * readNs,
    maxSpins: MAX_SPINS,
    wakeNs: WAKE_NS,
    notifyNs: NOTIFY_NS,
  };
}

interface CaseFigures {
  readonly pps: number;
  readonly ppsOnCpu: number;
  readonly waitShare: number;
  /** Of one packet on its worker, waits for locks taken off. */
  readonly packetNs: number;
  readonly workCv: number;
  readonly ctPerPacket: number;
  readonly ctHoldNs: number;
  readonly ctHoldCv: number;
  readonly connPerPacket: number;
  readonly connHoldNs: number;
  /** Null when there were too few waits. */
  readonly pauseNs: number | null;
}

function figuresOf(entry: ResultCase, clockCostNs: number): CaseFigures {
  const packets = entry.packets.injected;
  const { busyNs, pps: ppsOnCpu } = onCpu(entry);
  const rows = (entry.locks ?? []).filter((row) => row.thread.startsWith('worker-'));
  const ct = rows.filter((row) => row.class === 'ct_lock');
  const conn = rows.filter((row) => row.class === 'conn_lock');
  const waits = waitOf(entry, clockCostNs);
  const hold = holdOf(entry, 'ct_lock', ct, clockCostNs);
  const connHold = holdOf(entry, 'conn_lock', conn, clockCostNs);
  const service = entry.latency?.service?.overall.encoded;
  const typical = typeof service === 'string' ? typicalTime(service, clockCostNs) : null;
  return {
    pps: (packets / entry.elapsedNs) * 1e9,
    ppsOnCpu,
    waitShare: waits.totalNs / busyNs,
    packetNs: Math.max((busyNs - waits.totalNs) / packets, 1),
    workCv: Math.min(typical?.cv ?? 0.3, 1),
    ctPerPacket: sumOf(ct, (row) => row.acquisitions) / packets,
    ctHoldNs: hold.meanNs,
    ctHoldCv: Math.min(hold.cv, 2),
    connPerPacket: sumOf(conn, (row) => row.acquisitions) / packets,
    connHoldNs: connHold.meanNs,
    pauseNs: waits.pauseNs,
  };
}

function sumOf(rows: readonly Contention[], pick: (row: Contention) => number | null | undefined): number {
  return rows.reduce((sum, row) => sum + (pick(row) ?? 0), 0);
}

/** Hold time of a class on the workers; the probe's one clock read inside each timed hold is taken off. */
function holdOf(
  entry: ResultCase,
  lockClass: string,
  rows: readonly Contention[],
  clockCostNs: number,
): { readonly meanNs: number; readonly cv: number } {
  const timed = rows
    .map((row) => ({ weight: row.hold?.count ?? 0, encoded: row.hold?.encoded }))
    .flatMap(({ weight, encoded }) => {
      const time = typeof encoded === 'string' ? typicalTime(encoded, clockCostNs) : null;
      return time === null || weight === 0 ? [] : [{ weight, ...time }];
    });
  const weights = timed.reduce((sum, row) => sum + row.weight, 0);
  if (weights > 0) {
    const mean = (pick: (row: (typeof timed)[number]) => number): number =>
      timed.reduce((sum, row) => sum + pick(row) * row.weight, 0) / weights;
    return { meanNs: mean((row) => row.meanNs), cv: mean((row) => row.cv) };
  }
  const all = (entry.locks ?? []).find((row) => row.class === lockClass && row.thread === 'all')?.hold;
  // The average has the cost taken off already where the result says so.
  const costNs = all?.clockCostNs == null ? clockCostNs : 0;
  return { meanNs: Math.max((all?.avgNs ?? 0) - costNs, 0), cv: 0.3 };
}

/** Held in all; from the mean where too few were timed for a total. */
function holdTotalNs({ hold, acquisitions }: Contention): number {
  return hold?.totalNs ?? (hold?.avgNs ?? 0) * (acquisitions ?? 0);
}

/**
 * Waits of the workers for ct_lock, interruptions taken off, and what the unit of a pause took: a pause with the glibc mutex, a
 * read with the other.
 */
function waitOf(entry: ResultCase, clockCostNs: number): { totalNs: number; pauseNs: number | null } {
  let totalNs = 0;
  let pauseNs: number | null = null;
  let most = FEWEST_WAITS;
  for (const row of entry.locks ?? []) {
    if (!row.thread.startsWith('worker-')) continue;
    const contended = row.contended ?? 0;
    if (contended === 0) continue;
    const encoded = row.wait?.encoded;
    const time = typeof encoded === 'string' ? typicalTime(encoded, clockCostNs) : null;
    totalNs += contended * (time?.meanNs ?? row.wait?.avgNs ?? 0);
    if (row.class !== 'ct_lock' || time === null || contended < most) continue;
    most = contended;
    const spins = (row.spins ?? 0) / contended;
    if (mutexOf(entry) !== 'glibc') pauseNs = time.meanNs / pauseReads(spins);
    else if ((row.futexWaits ?? 0) <= FEW_SLEEPS * contended) pauseNs = time.meanNs / Math.max(spins, 1);
  }
  return { totalNs, pauseNs };
}

/** Reads that a waiter does who looks at the lock `looks` times, whole pauses and a part of the last. */
export function pauseReads(looks: number): number {
  let reads = 0;
  let left = Math.max(looks, 1);
  for (let round = 0; left > 0; round++) {
    const pause = Math.min(FIRST_PAUSE_READS * 2 ** Math.min(round, 3), LONGEST_PAUSE_READS);
    reads += Math.min(left, 1) * pause;
    left -= 1;
  }
  return reads;
}

/** Locks of connections matter only where packets of one connection run on several workers. */
function connectionLocks(entry: ResultCase, figures: readonly CaseFigures[]): ConnectionLocks | null {
  if (CONNECTION_STEERING.has(entry.steer)) return null;
  const perPacket = median(figures.map((each) => each.connPerPacket));
  if (perPacket === 0) return null;
  return {
    perPacket,
    hold: { meanNs: median(figures.map((each) => each.connHoldNs)), spread: { cv: 0.3 } },
    popularity: connectionPopularity(entry),
  };
}

/** The sweeper's holds of ct_lock; null when it held it less than twice per case. */
function sweeperLoad(cases: readonly ResultCase[], machineCostNs: number): SweeperLoad | null {
  const passes = cases.reduce((sum, entry) => sum + (sweepsOf(entry) ?? 0), 0);
  const rows = cases.flatMap((entry) =>
    (entry.locks ?? []).filter((row) => row.class === 'ct_lock' && row.thread === 'sweeper'),
  );
  const acquisitions = sumOf(rows, (row) => row.acquisitions);
  if (passes < 2 * cases.length || acquisitions === 0) return null;
  const elapsedNs = cases.reduce((sum, entry) => sum + entry.elapsedNs, 0);
  const busyNs = cases.reduce(
    (sum, entry) =>
      sum + (entry.sweeper?.passNs ?? (entry.sweeps ?? []).reduce((all, pass) => all + pass.durationNs, 0)),
    0,
  );
  // Without the clock's cost in each hold: older results have it in the total.
  const heldNs = cases.reduce((sum, entry) => {
    const own = (entry.locks ?? []).filter((row) => row.class === 'ct_lock' && row.thread === 'sweeper');
    const costNs = own.some((row) => row.hold?.clockCostNs != null) ? 0 : clockCostOf(entry, machineCostNs);
    return sum + sumOf(own, (row) => Math.max(holdTotalNs(row) - costNs * (row.acquisitions ?? 0), 0));
  }, 0);
  const holdNs = Math.max(heldNs / acquisitions, 1);
  return {
    pauseNs: Math.max((elapsedNs - busyNs) / passes, 1000),
    holdsPerPass: acquisitions / passes,
    hold: { meanNs: holdNs, spread: { cv: 0.5 } },
    gapNs: Math.max((busyNs - heldNs) / acquisitions, 0),
  };
}
