import { CONSTANT_NAMES, type ConstantName, type EngineConstants } from './constants.js';
import type { EngineRun } from './run-memory.js';

/** Lock classes by name: what the class guards. */
export const LOCK_CLASSES = ['ct_lock', 'conn_lock', 'resources_lock', 'fragment_lock'] as const;
export type LockClass = (typeof LOCK_CLASSES)[number];

/** Figures of one lock class on one thread. Times are in nanoseconds; min and max are null where nothing was measured. */
export interface LockFigures {
  readonly acquisitions: number;
  readonly contended: number;
  readonly spins: number;
  readonly futexWaits: number;
  readonly waitTotalNs: number;
  readonly waitMinNs: number | null;
  readonly waitMaxNs: number | null;
  /** Holds that were timed, and their sum: of every interval-th acquisition, and those singled out. */
  readonly holdSamples: number;
  readonly holdTotalNs: number;
  /** Of these, holds timed on request (the old design's pass), which stand for themselves alone. */
  readonly singledSamples: number;
  readonly singledTotalNs: number;
  readonly holdMinNs: number | null;
  readonly holdMaxNs: number | null;
}

/** Everything a thread counted. Maps hold only what is not zero. */
export interface ThreadCounters {
  /** Packets by final ct_state. */
  readonly verdicts: ReadonlyMap<number, number>;
  /** Packets by reason code. */
  readonly reasons: ReadonlyMap<number, number>;
  /** Packets by class number (`CLASS_*`). */
  readonly classes: ReadonlyMap<number, number>;
  /** Calls for a batch of packets, and those of them that touched ahead; both 0 in engines from before that was possible. */
  readonly batches: { readonly run: number; readonly touched: number };
  /** Exact counts of work by name (`bucketProbes`); zero in the bare flavour. */
  readonly work: Readonly<Record<string, number>>;
  readonly locks: Readonly<Record<LockClass, LockFigures>>;
}

/**
 * Reads the counters of one thread. Exact when the thread rests; while it runs, each number on its own is one that the
 * thread has had (acquisitions but for the sampling period in progress).
 */
export function readCounters(run: EngineRun, threadIndex: number): ThreadCounters {
  const c = run.engine.constants;
  const view = new DataView(run.memory.buffer);
  const block = run.plan.regions.threads + threadIndex * c.THREAD_SIZE;
  const locks = Object.fromEntries(
    LOCK_CLASSES.map((name, index) => [
      name,
      readLock(view, c, block + c.T_LOCK_STATS + index * c.LOCK_STATS_SIZE),
    ]),
  ) as Record<LockClass, LockFigures>;
  return {
    verdicts: readSparse(view, block + c.T_VERDICTS, 256),
    reasons: readSparse(view, block + c.T_REASONS, c.N_REASONS),
    classes: readSparse(view, block + c.T_CLASSES, c.N_CLASSES),
    batches: {
      run: c.T_BATCHES === 0 ? 0 : u64(view, block + c.T_BATCHES),
      touched: c.T_BATCHES_TOUCHED === 0 ? 0 : u64(view, block + c.T_BATCHES_TOUCHED),
    },
    work: readWork(view, c, block + c.T_WORK),
    locks,
  };
}

/** Adds counters up, as of several threads. */
export function sumCounters(all: readonly ThreadCounters[]): ThreadCounters {
  const locks = Object.fromEntries(
    LOCK_CLASSES.map((name) => [name, sumLocks(all.map((each) => each.locks[name]))]),
  ) as Record<LockClass, LockFigures>;
  const work: Record<string, number> = {};
  for (const each of all) {
    for (const [name, count] of Object.entries(each.work)) work[name] = (work[name] ?? 0) + count;
  }
  return {
    verdicts: sumMaps(all.map((each) => each.verdicts)),
    reasons: sumMaps(all.map((each) => each.reasons)),
    classes: sumMaps(all.map((each) => each.classes)),
    batches: {
      run: all.reduce((sum, { batches }) => sum + batches.run, 0),
      touched: all.reduce((sum, { batches }) => sum + batches.touched, 0),
    },
    work,
    locks,
  };
}

function u64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
}

function readSparse(view: DataView, at: number, count: number): Map<number, number> {
  const found = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    const value = u64(view, at + i * 8);
    if (value !== 0) found.set(i, value);
  }
  return found;
}

const WORK_NAMES: readonly ConstantName[] = CONSTANT_NAMES.filter((name) => name.startsWith('W_'));

/** `W_BUCKET_PROBES` is `bucketProbes`. */
function workName(constant: ConstantName): string {
  return constant
    .slice(2)
    .toLowerCase()
    .replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function readWork(view: DataView, c: EngineConstants, at: number): Record<string, number> {
  return Object.fromEntries(WORK_NAMES.map((name) => [workName(name), u64(view, at + c[name] * 8)]));
}

function readLock(view: DataView, c: EngineConstants, at: number): LockFigures {
  const contended = u64(view, at + c.LS_CONTENDED);
  const holdSamples = u64(view, at + c.LS_HOLD_SAMPLES);
  return {
    acquisitions: u64(view, at + c.LS_ACQUISITIONS) + presentPeriod(view, c, at),
    contended,
    spins: u64(view, at + c.LS_SPINS),
    futexWaits: u64(view, at + c.LS_FUTEX_WAITS),
    waitTotalNs: u64(view, at + c.LS_WAIT_TOTAL),
    waitMinNs: contended === 0 ? null : u64(view, at + c.LS_WAIT_MIN),
    waitMaxNs: contended === 0 ? null : u64(view, at + c.LS_WAIT_MAX),
    holdSamples,
    holdTotalNs: u64(view, at + c.LS_HOLD_TOTAL),
    singledSamples: c.LS_SINGLE_SAMPLES === 0 ? 0 : u64(view, at + c.LS_SINGLE_SAMPLES),
    singledTotalNs: c.LS_SINGLE_TOTAL === 0 ? 0 : u64(view, at + c.LS_SINGLE_TOTAL),
    holdMinNs: holdSamples === 0 ? null : u64(view, at + c.LS_HOLD_MIN),
    holdMaxNs: holdSamples === 0 ? null : u64(view, at + c.LS_HOLD_MAX),
  };
}

/** Acquisitions of the sampling period that is not over; engines of earlier revisions count all of them in one place. */
function presentPeriod(view: DataView, c: EngineConstants, at: number): number {
  if (c.LS_PERIOD === 0) return 0;
  return view.getUint32(at + c.LS_PERIOD, true) - view.getUint32(at + c.LS_LEFT, true);
}

function sumLocks(all: readonly LockFigures[]): LockFigures {
  const sum = (pick: (each: LockFigures) => number): number =>
    all.reduce((total, each) => total + pick(each), 0);
  const extreme = (
    of: (...values: number[]) => number,
    values: readonly (number | null)[],
  ): number | null => {
    const known = values.filter((value) => value !== null);
    return known.length === 0 ? null : of(...known);
  };
  return {
    acquisitions: sum((each) => each.acquisitions),
    contended: sum((each) => each.contended),
    spins: sum((each) => each.spins),
    futexWaits: sum((each) => each.futexWaits),
    waitTotalNs: sum((each) => each.waitTotalNs),
    waitMinNs: extreme(
      Math.min,
      all.map((each) => each.waitMinNs),
    ),
    waitMaxNs: extreme(
      Math.max,
      all.map((each) => each.waitMaxNs),
    ),
    holdSamples: sum((each) => each.holdSamples),
    holdTotalNs: sum((each) => each.holdTotalNs),
    singledSamples: sum((each) => each.singledSamples),
    singledTotalNs: sum((each) => each.singledTotalNs),
    holdMinNs: extreme(
      Math.min,
      all.map((each) => each.holdMinNs),
    ),
    holdMaxNs: extreme(
      Math.max,
      all.map((each) => each.holdMaxNs),
    ),
  };
}

function sumMaps(all: readonly ReadonlyMap<number, number>[]): Map<number, number> {
  const total = new Map<number, number>();
  for (const each of all) for (const [key, count] of each) total.set(key, (total.get(key) ?? 0) + count);
  return total;
}
