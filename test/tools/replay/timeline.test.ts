/** The timeline of a run of any length, from interval histograms as a worker leaves them. */
import { describe, expect, it } from 'vitest';
import { createRun, type EngineRun } from '../../../engine/host/run-memory.js';
import { loadEngine } from '../../../engine/host/module.js';
import { planMemory } from '../../../engine/host/memory-plan.js';
import { viewRegion } from '../../../tools/measure/histogram-region.js';
import { clampedCountsIndex, LOCK_CONFIG } from '../../../tools/measure/log-linear.js';
import { TimelineWatcher, type RunTimeline } from '../../../tools/replay/timeline.js';
import { recordedCounts } from '../../../tools/result/histograms.js';

const INTERVAL_MS = 10;
const SIZES = { firstPoints: 32, histograms: 16 };

function makeRun(): EngineRun {
  const engine = loadEngine('rculist-sweep', 'probed');
  const plan = planMemory(engine.constants, {
    threads: 2,
    maxConns: 16,
    nat: false,
    packetStoreBytes: 4096,
    histogramBytes: engine.constants.HISTOGRAMS_SIZE,
  });
  return createRun(engine, plan, { seed: 1, hashBasis: 1 });
}

/** A packet of so many nanoseconds in an interval, as the engine records it. */
function record(run: EngineRun, interval: number, ns: number): void {
  const { H_INTERVAL, COARSE_BYTES } = run.engine.constants;
  const at = run.plan.regions.histograms + H_INTERVAL + (interval % 4) * COARSE_BYTES;
  const { header, counts } = viewRegion(run.memory.buffer, at, LOCK_CONFIG, 8);
  const bins = counts as BigUint64Array;
  const bin = clampedCountsIndex(LOCK_CONFIG, ns);
  header[0] = (header[0] as bigint) + 1n;
  header[3] = BigInt(Math.max(ns, Number(header[3])));
  bins[bin] = (bins[bin] as bigint) + 1n;
}

interface Watched extends RunTimeline {
  readonly seen: number;
}

/** A run of so many intervals with a packet in each but the `skipped`; the main thread looks at every interval. */
function watched(intervals: number, skipped: (interval: number) => boolean = () => false): Watched {
  const run = makeRun();
  const watcher = new TimelineWatcher(run, 1, INTERVAL_MS, () => 0, SIZES);
  let seen = 0;
  watcher.onPoint = () => seen++;
  for (let interval = 0; interval < intervals; interval++) {
    if (!skipped(interval)) record(run, interval, 100 + interval);
    watcher.poll((interval + 1.3) * INTERVAL_MS * 1e6);
  }
  watcher.finish(intervals * INTERVAL_MS * 1e6);
  return { ...watcher.timeline(), seen };
}

describe('the timeline of a run', () => {
  it('has a point and a histogram for every interval of a short one', () => {
    const { points } = watched(10);
    expect(points).toHaveLength(10);
    expect(points.every(({ encoded, encodedMs }) => encoded !== null && encodedMs === undefined)).toBe(true);
    expect(points.map(({ packets }) => packets)).toEqual(Array.from({ length: 10 }, () => 1));
  });

  it('covers all of a long one, with points that get longer, and tells every interval to whoever watches', () => {
    const intervals = 3000;
    const { points, table, seen, missedIntervals } = watched(intervals);
    expect([seen, missedIntervals]).toEqual([intervals, 0]);
    // Thirty-two, and sixteen for every time that the run has doubled.
    expect(points.length).toBeLessThan(32 + 16 * 7);
    expect(table.length).toBeLessThan(32 + 16 * 7);
    points.forEach((point, i) => {
      const before = points[i - 1];
      expect(point.tMs).toBe(before === undefined ? 0 : before.tMs + before.intervalMs);
    });
    const last = points.at(-1)!;
    expect(last.tMs + last.intervalMs).toBe(intervals * INTERVAL_MS);
    expect(points.reduce((sum, { packets }) => sum + packets, 0)).toBe(intervals);
    expect(table.at(-1)!.tMs).toBeGreaterThan(0.8 * intervals * INTERVAL_MS);
    // The percentiles of a longer point are those of all its packets: service times grow by 1 ns an interval.
    const middle = points[60]!;
    const from = middle.tMs / INTERVAL_MS + 100;
    expect(middle.p50Ns).toBeGreaterThan(from);
    expect(middle.p50Ns).toBeLessThan(from + 1.1 * middle.packets);
  });

  it('has histograms that cover all of it, none twice', () => {
    const intervals = 3000;
    const { points } = watched(intervals);
    let end = 0;
    let packets = 0;
    for (const { tMs, intervalMs, encoded, encodedMs } of points) {
      if (encoded === null) continue;
      expect(tMs + intervalMs - (encodedMs ?? intervalMs)).toBe(end);
      end = tMs + intervalMs;
      packets += recordedCounts(encoded).reduce((sum, { count }) => sum + count, 0);
    }
    expect(end).toBe(intervals * INTERVAL_MS);
    expect(packets).toBe(intervals);
  });

  it('keeps pauses: no histogram where nothing came', () => {
    const { points } = watched(200, (interval) => interval >= 50 && interval < 150);
    const inPause = points.filter(({ tMs, intervalMs }) => tMs >= 600 && tMs + intervalMs <= 1400);
    expect(inPause.length).toBeGreaterThan(0);
    expect(inPause.every(({ packets, encoded }) => packets === 0 && encoded === null)).toBe(true);
  });
});
