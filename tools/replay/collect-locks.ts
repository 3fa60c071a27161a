/** Lock figures of a finished run, per class: all threads together, then each thread. */
import { LOCK_CLASSES, readCounters, sumCounters, type LockFigures } from '../../engine/host/counters.js';
import type { EngineRun } from '../../engine/host/run-memory.js';
import { summarize, toHistogram } from '../measure/latency-summary.js';
import type { Contention, LockTimes } from '../result/schema.js';
import {
  estimateHolds,
  FEWEST_SAMPLES,
  holdIntervalOf,
  weightedCounts,
  type HoldEstimate,
} from './collect-holds.js';
import { distributionOf } from './collect-latency.js';
import { mergeRecordings, readCoarse, type Recording } from './recording.js';

/** One thread's figures of one class. */
interface ThreadLock {
  readonly name: string;
  readonly figures: LockFigures;
  readonly wait: Recording;
  readonly hold: Recording;
  /** One hold in so many was timed; 0 = none. */
  readonly interval: number;
  readonly estimate: HoldEstimate | null;
}

/**
 * Contention of every class that was taken at all; null in the bare build, which does not count.
 * @param clockCostNs one read of the clock by the engine, which each timed hold contains
 */
export function collectLocks(run: EngineRun, workers: number, clockCostNs: number): Contention[] | null {
  if (run.engine.flavour === 'bare') return null;
  const counters = Array.from({ length: workers + 1 }, (_, thread) => readCounters(run, thread));
  const all = sumCounters(counters);
  return LOCK_CLASSES.flatMap((lockClass, index): Contention[] => {
    if (all.locks[lockClass].acquisitions === 0) return [];
    const threads = counters.map((counter, thread): ThreadLock => {
      const figures = counter.locks[lockClass];
      const { wait, hold } = readLockHistograms(run, thread, index);
      const interval = holdIntervalOf(run, thread, figures);
      return {
        name: thread === workers ? 'sweeper' : `worker-${thread}`,
        figures,
        wait,
        hold,
        interval,
        estimate: estimateHolds(figures, hold, interval, clockCostNs),
      };
    });
    const wait = mergeRecordings(threads.map((thread) => thread.wait));
    return [
      row(lockClass, 'all', all.locks[lockClass], wait, holdOfAll(threads, clockCostNs)),
      ...threads
        .filter((thread) => thread.figures.acquisitions > 0)
        .map((thread) =>
          row(lockClass, thread.name, thread.figures, thread.wait, holdOfThread(thread, clockCostNs)),
        ),
    ];
  });
}

/** The shortest hold that any thread timed, the clock's cost in it; null where none was timed. */
export function shortestHoldNs(run: EngineRun, workers: number): number | null {
  if (run.engine.flavour === 'bare') return null;
  const shortest = Array.from({ length: workers + 1 }, (_, thread) => readCounters(run, thread)).flatMap(
    ({ locks }) => LOCK_CLASSES.flatMap((name) => locks[name].holdMinNs ?? []),
  );
  return shortest.length === 0 ? null : Math.min(...shortest);
}

function readLockHistograms(
  run: EngineRun,
  thread: number,
  lockClass: number,
): Pick<ThreadLock, 'wait' | 'hold'> {
  const c = run.engine.constants;
  return {
    wait: readCoarse(run, thread, c.H_LOCK_WAIT + lockClass * c.COARSE_BYTES),
    hold: readCoarse(run, thread, c.H_LOCK_HOLD + lockClass * c.COARSE_BYTES),
  };
}

function holdOfThread(
  { figures, hold, interval, estimate }: ThreadLock,
  clockCostNs: number,
): LockTimes | null {
  if (estimate === null) return null;
  const { minNs, maxNs } = extremes(figures, clockCostNs);
  return {
    minNs,
    maxNs,
    count: figures.holdSamples,
    // Of equal holds the mean may be the last digit less.
    avgNs: Math.max(estimate.meanNs, minNs ?? 0),
    totalNs: estimate.samples < FEWEST_SAMPLES ? null : estimate.totalNs,
    totalErrorNs: estimate.totalErrorNs,
    encoded: distributionOf(hold)?.encoded ?? null,
    sampled: interval !== 1,
    sampleInterval: interval,
    clockCostNs,
    winsorisedAt: estimate.winsorisedAt,
  };
}

/** All threads together: each timed hold stands for as many as its thread left out between two. */
function holdOfAll(threads: readonly ThreadLock[], clockCostNs: number): LockTimes | null {
  const timed = threads.filter((thread) => thread.estimate !== null);
  if (timed.length === 0) return null;
  const totalNs = timed.reduce((sum, thread) => sum + (thread.estimate?.totalNs ?? 0), 0);
  const held = timed.reduce((sum, thread) => sum + thread.figures.acquisitions, 0);
  const samples = timed.reduce((sum, thread) => sum + (thread.estimate?.samples ?? 0), 0);
  const known = (pick: (figures: LockFigures) => number | null): number[] =>
    timed.map((thread) => pick(thread.figures)).filter((value) => value !== null);
  const figures = {
    holdMinNs: Math.min(...known(({ holdMinNs }) => holdMinNs)),
    holdMaxNs: Math.max(...known(({ holdMaxNs }) => holdMaxNs)),
  };
  const interval = Math.max(...timed.map((thread) => thread.interval));
  return {
    ...extremes(figures, clockCostNs),
    count: timed.reduce((sum, thread) => sum + thread.figures.holdSamples, 0),
    avgNs: held === 0 ? 0 : totalNs / held,
    totalNs: samples < FEWEST_SAMPLES ? null : totalNs,
    encoded: weightedEncoding(timed),
    sampled: interval !== 1,
    sampleInterval: interval,
    clockCostNs,
    winsorisedAt:
      timed.find((thread) => thread.estimate?.winsorisedAt != null)?.estimate?.winsorisedAt ?? null,
  };
}

function extremes(
  { holdMinNs, holdMaxNs }: Pick<LockFigures, 'holdMinNs' | 'holdMaxNs'>,
  clockCostNs: number,
): Pick<LockTimes, 'minNs' | 'maxNs'> {
  const net = (value: number | null): number | null =>
    value === null ? null : Math.max(value - clockCostNs, 0);
  return { minNs: net(holdMinNs), maxNs: net(holdMaxNs) };
}

/** The threads' histograms as one, each value as often as its thread's interval. */
function weightedEncoding(threads: readonly ThreadLock[]): string | null {
  const [first] = threads;
  if (first === undefined) return null;
  const counts = new Float64Array(first.hold.counts.length);
  for (const { figures, hold, interval } of threads) {
    weightedCounts(figures, hold, interval).forEach((count, index) => {
      counts[index] = (counts[index] as number) + count;
    });
  }
  return summarize(toHistogram(counts, first.hold.config)).encoded;
}

function row(
  lockClass: string,
  thread: string,
  figures: LockFigures,
  wait: Recording,
  hold: LockTimes | null,
): Contention {
  return {
    class: lockClass,
    thread,
    acquisitions: figures.acquisitions,
    contended: figures.contended,
    spins: figures.spins,
    futexWaits: figures.futexWaits,
    wait: {
      count: figures.contended,
      minNs: figures.waitMinNs,
      avgNs: figures.contended === 0 ? null : figures.waitTotalNs / figures.contended,
      maxNs: figures.waitMaxNs,
      totalNs: figures.waitTotalNs,
      encoded: distributionOf(wait)?.encoded ?? null,
    },
    hold,
  };
}
