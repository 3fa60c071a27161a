/** Lock figures of a finished run, per class: all threads together, then each thread. */
import {
  estimatedHoldNs,
  readCounters,
  type LockClass,
  type LockFigures,
} from '../../engine/host/counters.js';
import { LOCK_CLASSES, sumCounters, type ThreadCounters } from '../../engine/host/counters.js';
import type { EngineRun } from '../../engine/host/run-memory.js';
import type { Contention, LockTimes } from '../report/schema.js';
import { distributionOf, mergeRecordings, readCoarse, type Recording } from './collect-latency.js';

/** Contention of every class that was taken at all; null in the bare build, which does not count. */
export function collectLocks(run: EngineRun, workers: number, holdInterval: number): Contention[] | null {
  if (run.engine.flavour === 'bare') return null;
  const threads = workers + 1;
  const counters = Array.from({ length: threads }, (_, thread) => readCounters(run, thread));
  const all = sumCounters(counters);
  const rows: Contention[] = [];
  LOCK_CLASSES.forEach((name, index) => {
    if (all.locks[name].acquisitions === 0) return;
    const recordings = Array.from({ length: threads }, (_, thread) => readLockHistograms(run, thread, index));
    rows.push(
      row(
        name,
        'all',
        totalFigures(counters, name),
        {
          wait: mergeRecordings(recordings.map((one) => one.wait)),
          hold: mergeRecordings(recordings.map((one) => one.hold)),
        },
        holdInterval,
      ),
    );
    counters.forEach((counter, thread) => {
      const figures = counter.locks[name];
      if (figures.acquisitions === 0) return;
      const isSweeper = thread === workers;
      // Where every hold was singled out, as ct_lock's of the old design's sweeper, none was left to chance.
      const interval = figures.singledSamples >= figures.acquisitions ? 1 : holdInterval;
      rows.push(
        row(
          name,
          isSweeper ? 'sweeper' : `worker-${thread}`,
          { ...figures, holdTotalNs: estimatedHoldNs(figures) },
          recordings[thread] as LockHistograms,
          interval,
        ),
      );
    });
  });
  return rows;
}

interface LockHistograms {
  readonly wait: Recording;
  readonly hold: Recording;
}

function readLockHistograms(run: EngineRun, thread: number, lockClass: number): LockHistograms {
  const c = run.engine.constants;
  return {
    wait: readCoarse(run, thread, c.H_LOCK_WAIT + lockClass * c.COARSE_BYTES),
    hold: readCoarse(run, thread, c.H_LOCK_HOLD + lockClass * c.COARSE_BYTES),
  };
}

/** Threads sample by themselves, so each is scaled by its own samples before they are added. */
function totalFigures(counters: readonly ThreadCounters[], name: LockClass): LockFigures {
  const sum = sumCounters([...counters]).locks[name];
  const holdTotalNs = counters.reduce((total, counter) => total + estimatedHoldNs(counter.locks[name]), 0);
  return { ...sum, holdTotalNs };
}

function row(
  name: LockClass,
  thread: string,
  figures: LockFigures,
  histograms: LockHistograms,
  interval: number,
): Contention {
  const measured = figures.holdSamples > 0;
  const hold: LockTimes | null = measured
    ? {
        count: figures.holdSamples,
        minNs: figures.holdMinNs,
        avgNs: Number(histograms.hold.exact.sumNs) / Math.max(1, Number(histograms.hold.exact.count)),
        maxNs: figures.holdMaxNs,
        totalNs: figures.holdTotalNs,
        encoded: distributionOf(histograms.hold)?.encoded ?? null,
        sampled: interval !== 1,
        sampleInterval: interval,
      }
    : null;
  return {
    class: name,
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
      encoded: distributionOf(histograms.wait)?.encoded ?? null,
    },
    hold,
  };
}
