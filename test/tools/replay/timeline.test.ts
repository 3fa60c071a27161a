/** The timeline of a run of any length, from interval histograms as a worker leaves them. */
import { describe, expect, it } from 'vitest';
import { createRun, type EngineRun } from '../../../engine/host/run-memory.js';
import { loadEngine } from '../../../engine/host/module.js';
import { planMemory } from '../../../engine/host/memory-plan.js';
import { viewRegion } from '../../../tools/measure/histogram-region.js';
import { clampedCountsIndex, LOCK_CONFIG } from '../../../tools/measure/log-linear.js';
import { TimelineWatcher, type RunTimeline } from '../../../tools/replay/timeline.js';
import { replayCase, scenario } from '../../support/replay.js';
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

/** Adds packets to the engine's count of a ct_state. */
function tally(run: EngineRun, packets: bigint, state = 5): void {
  const { T_VERDICTS } = run.engine.constants;
  const view = new DataView(run.memory.buffer, run.plan.regions.threads + T_VERDICTS + 8 * state, 8);
  view.setBigUint64(0, view.getBigUint64(0, true) + packets, true);
}

/** A packet of so many nanoseconds in an interval, as the engine records it. */
function record(run: EngineRun, interval: number, ns: number): void {
  tally(run, 1n);
  const { H_INTERVAL, COARSE_BYTES } = run.engine.constants;
  const at = run.plan.regions.histograms + H_INTERVAL + (interval % 4) * COARSE_BYTES;
  const { header, counts } = viewRegion(run.memory.buffer, at, LOCK_CONFIG, 8);
  const bins = counts as BigUint64Array;
  const bin = clampedCountsIndex(LOCK_CONFIG, ns);
  header[0] = (header[0] as bigint) + 1n;
  header[3] = BigInt(Math.max(ns, Number(header[3])));
  bins[bin] = (bins[bin] as bigint) + 1n;
}

function watcherOf(run: EngineRun, timesAll = true): TimelineWatcher {
  return new TimelineWatcher(run, 1, { intervalMs: INTERVAL_MS, timesAll, sizes: SIZES }, () => 0);
}

interface Watched extends RunTimeline {
  readonly seen: number;
}

/** A run of so many intervals with a packet in each but the `skipped`; the main thread looks at every interval. */
function watched(intervals: number, skipped: (interval: number) => boolean = () => false): Watched {
  const run = makeRun();
  const watcher = watcherOf(run);
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
  it('does not hang, and loses no packet, where the clock leaps by hours', { timeout: 30_000 }, () => {
    const run = makeRun();
    const watcher = watcherOf(run);
    record(run, 0, 100);
    watcher.poll(1.3 * INTERVAL_MS * 1e6);
    record(run, 1, 100);
    const intervals = 0.3 * 86_400 * (1000 / INTERVAL_MS);
    watcher.finish(intervals * INTERVAL_MS * 1e6);
    const { points } = watcher.timeline();
    expect(points.reduce((sum, { packets }) => sum + packets, 0)).toBe(2);
    expect(points.length).toBeLessThan(1000);
  });

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

describe('packets of the timeline', () => {
  const MS = 1e6;

  it('are counted where few are timed, and where none is', () => {
    for (const isTimed of [(interval: number) => interval === 3, () => false]) {
      const run = makeRun();
      const watcher = watcherOf(run, false);
      for (let interval = 0; interval < 6; interval++) {
        if (isTimed(interval)) record(run, interval, 100);
        tally(run, isTimed(interval) ? 39n : 40n);
        watcher.poll((interval + 1) * INTERVAL_MS * MS);
      }
      watcher.finish(6 * INTERVAL_MS * MS);
      const { points } = watcher.timeline();
      expect(points.map(({ packets }) => packets)).toEqual([40, 40, 40, 40, 40, 40]);
      points.forEach(({ p50Ns, maxNs, encoded }, interval) =>
        expect([p50Ns, maxNs, encoded].every((figure) => figure === null)).toBe(!isTimed(interval)),
      );
    }
  });

  it('lie between two looks by the time, and none is lost', () => {
    const run = makeRun();
    const watcher = watcherOf(run, false);
    tally(run, 100n);
    watcher.poll(2.5 * INTERVAL_MS * MS);
    tally(run, 7n);
    watcher.finish(3 * INTERVAL_MS * MS);
    expect(watcher.timeline().points.map(({ packets }) => packets)).toEqual([40, 40, 27]);
  });

  it('of every worker are counted beyond 32 bits', () => {
    const run = makeRun();
    tally(run, 5_000_000_000n, 3);
    tally(run, 7n, 255);
    expect(watcherOf(run).packetsSoFar(1)).toBe(5_000_000_007);
  });

  it('are there where the main thread came too late for the service times, which then are nobody else’s', () => {
    for (const late of [3, 4, 5, 6, 7, 9, 13]) {
      const run = makeRun();
      const watcher = watcherOf(run);
      const own = (interval: number): number => 1000 * 2 ** (interval % 16);
      let next = 0;
      const work = (): void => record(run, next, own(next++));
      for (let i = 0; i < 5; i++) {
        work();
        watcher.poll((next + 0.3) * INTERVAL_MS * MS);
      }
      for (let i = 0; i < late; i++) work();
      watcher.poll((next + 0.3) * INTERVAL_MS * MS);
      for (let i = 0; i < 9; i++) {
        work();
        watcher.poll((next + 0.3) * INTERVAL_MS * MS);
      }
      watcher.finish(next * INTERVAL_MS * MS);
      const { points, missedIntervals } = watcher.timeline();
      expect(points).toHaveLength(next);
      expect(points.reduce((sum, { packets }) => sum + packets, 0)).toBe(next);
      const lost = points.filter(({ p50Ns }) => p50Ns === null);
      expect(lost).toHaveLength(missedIntervals);
      expect(lost.length).toBeGreaterThan(0);
      expect(lost.length).toBeLessThanOrEqual(late + 3);
      expect(lost.every(({ maxNs, encoded }) => maxNs === null && encoded === null)).toBe(true);
      points.forEach(({ maxNs }, interval) => expect([null, own(interval)]).toContain(maxNs));
    }
  });

  it.each([0.99, 1, 1.05])(
    'are all there where the latest look came after the end, at %d of an interval',
    (ended) => {
      for (const looked of [1.06, 1.2, 1.3, 2.6]) {
        const run = makeRun();
        const watcher = watcherOf(run, false);
        tally(run, 10n);
        watcher.poll(0.8 * INTERVAL_MS * MS);
        tally(run, 90n);
        watcher.poll(looked * INTERVAL_MS * MS);
        watcher.finish(ended * INTERVAL_MS * MS);
        const { points } = watcher.timeline();
        expect(points.reduce((sum, { packets }) => sum + packets, 0)).toBe(100);
      }
    },
  );

  it('of a run that was not looked at until its end keep the service times of the last intervals', () => {
    const run = makeRun();
    const watcher = watcherOf(run);
    for (let interval = 0; interval < 7; interval++) record(run, interval, 100 + interval);
    watcher.finish(6.6 * INTERVAL_MS * MS);
    const { points } = watcher.timeline();
    expect(points.reduce((sum, { packets }) => sum + packets, 0)).toBe(7);
    // Each of the four slots held an interval before these, but for that of the fourth.
    expect(points.map(({ maxNs }) => maxNs)).toEqual([null, null, null, 103, null, null, null]);
  });

  it.each(['sample=10', 'off'])(
    'of a real run add up to those that were replayed, --latency %s, however short the interval',
    async (mode) => {
      const traffic = await scenario('established', { packets: 6000 });
      const latency = mode === 'off' ? ({ mode } as const) : ({ mode: 'sample', interval: 10 } as const);
      const pacing = { mode: 'pps', pps: 20_000 } as const;
      for (const timelineMs of [1, 50]) {
        const { timeline } = await replayCase(traffic, 'rculist-sweep', { latency, pacing, timelineMs });
        const packets = (timeline ?? []).map((at) => at.packets);
        expect(packets.reduce((sum, each) => sum + each, 0)).toBe(6000);
        expect(packets.filter((each) => each > 0).length).toBeGreaterThan(packets.length / 2);
        for (const { p50Ns } of timeline ?? []) if (mode === 'off') expect(p50Ns).toBeNull();
      }
    },
  );

  it('are there at an interval of a millisecond, and what is said of service times is not zero', async () => {
    const traffic = await scenario('established', { packets: 6000 });
    const pacing = { mode: 'pps', pps: 20_000 } as const;
    const { timeline = [] } = await replayCase(traffic, 'rculist-sweep', { pacing, timelineMs: 1 });
    expect(timeline!.reduce((sum, { packets }) => sum + packets, 0)).toBe(6000);
    expect(timeline!.filter(({ packets }) => packets > 0).length).toBeGreaterThan(timeline!.length / 2);
    for (const { p50Ns, maxNs } of timeline!) {
      expect(p50Ns === null).toBe(maxNs === null);
      if (p50Ns != null) expect(p50Ns).toBeGreaterThan(0);
    }
  });
});
