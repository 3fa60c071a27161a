import { describe, expect, it } from 'vitest';
import { estimatedHoldNs, readCounters, type LockFigures } from '../../../engine/host/counters.js';
import { planMemory } from '../../../engine/host/memory-plan.js';
import { loadEngine } from '../../../engine/host/module.js';
import { createRun, type EngineRun } from '../../../engine/host/run-memory.js';
import { EngineThread } from '../../../engine/host/thread.js';
import { Tracker } from '../../../engine/host/tracker.js';
import { udpFrame } from '../../support/packets.js';
import { A, B, DESIGNS } from '../../support/tracker-bed.js';

/** One thread on a clock that moves only when it is told to; `lock` and `unlock` are the engine's. */
function counted(design: string, holdInterval: number) {
  const engine = loadEngine(design, 'probed');
  const plan = planMemory(engine.constants, {
    threads: 1,
    maxConns: 64,
    nat: false,
    packetStoreBytes: 1 << 20,
    expectationSlots: 4,
    fragmentSlots: 4,
    histogramBytes: engine.constants.HISTOGRAMS_SIZE,
  });
  const run: EngineRun = createRun(engine, plan, { seed: 1, hashBasis: 1, holdInterval });
  const time = { nowNs: 1000 };
  const thread = new EngineThread(run, 0, () => time.nowNs);
  thread.exports.initTracker();
  const before = readCounters(run, 0).locks.ct_lock.acquisitions;
  const holdFor = (ns: number): void => {
    thread.exports.testLock(plan.regions.packets, engine.constants.LC_CT);
    time.nowNs += ns;
    thread.exports.testUnlock(plan.regions.packets, engine.constants.LC_CT);
  };
  const figures = (): LockFigures => readCounters(run, 0).locks.ct_lock;
  return { run, thread, time, holdFor, figures, before };
}

describe('lock figures', () => {
  it.each([0, 1, 2, 61])('count every acquisition when every %d-th hold is timed', (interval) => {
    const { holdFor, figures, before } = counted('rculist-sweep', interval);
    for (let n = 1; n <= 200; n++) {
      holdFor(10);
      const total = before + n;
      expect(figures().acquisitions).toBe(total);
      expect(figures().holdSamples).toBe(interval === 0 ? 0 : Math.ceil(total / interval));
    }
    // Holds during the set-up took no time on this clock.
    if (interval === 1) expect(figures().holdTotalNs).toBe(2000);
  });

  it('estimate the time held from a sample, each hold for its interval', () => {
    const { holdFor, figures, before } = counted('rculist-sweep', 5);
    for (let n = before; n < 100; n++) holdFor(40);
    const real = (100 - before) * 40;
    expect(Math.abs(estimatedHoldNs(figures()) - real)).toBeLessThanOrEqual(5 * 40);
  });

  it("time every pass of a design that holds ct_lock once a pass, and don't let it stand for others", () => {
    const { thread, figures, holdFor, before } = counted('timeout-lists', 61);
    for (let pass = 0; pass < 10; pass++) thread.exports.sweep(1_000_000 + pass * 10_000);
    expect(figures().acquisitions - before).toBe(10);
    // The first acquisition of all is a sampled one.
    const sampled = figures().holdSamples - figures().singledSamples;
    expect(figures().holdSamples).toBeGreaterThanOrEqual(10);
    expect(sampled).toBeLessThanOrEqual(1);
    for (let n = 0; n < 122; n++) holdFor(100);
    expect(figures().singledSamples).toBeLessThanOrEqual(10);
    // The passes took no time; the estimate is that of the sampled holds alone.
    const real = 122 * 100;
    expect(Math.abs(estimatedHoldNs(figures()) - real)).toBeLessThanOrEqual(61 * 100);
  });

  it('sample what a sweep of rculist-sweep locks like everything else', () => {
    const { thread, figures } = counted('rculist-sweep', 61);
    for (let pass = 0; pass < 10; pass++) thread.exports.sweep(1_000_000 + pass * 30_000);
    expect(figures().singledSamples).toBe(0);
  });
});

describe('a probed sweep', () => {
  it.each(DESIGNS)('of %s reads the clock for a sample of its locks, not for each', (design) => {
    const connCount = 4000;
    const interval = 100;
    const clock = { reads: 0 };
    const tracker = Tracker.create({
      design,
      flavour: 'probed',
      holdInterval: interval,
      clock: () => ++clock.reads,
    });
    for (let n = 0; n < connCount; n++) {
      const handle = tracker.packet(udpFrame({ src: A, dst: B, srcPort: 1000 + n, dstPort: 53 }));
      tracker.execute(handle, { commit: true }, 0);
      tracker.release(handle);
    }
    const acquisitions = (): number =>
      Object.values(tracker.counters().locks).reduce((sum, each) => sum + each.acquisitions, 0);
    for (const [nowMs, removes] of [
      [1, false],
      [10_000_000, true],
    ] as const) {
      const before = { reads: clock.reads, acquisitions: acquisitions() };
      let cleaned = 0;
      for (let pass = 0; pass < 4; pass++) cleaned += tracker.sweep(nowMs).cleaned;
      expect(cleaned).toBe(removes ? connCount : 0);
      const locks = acquisitions() - before.acquisitions;
      // Two reads a timed hold: one in so many of each of four classes, and at most one on request a pass.
      expect(clock.reads - before.reads).toBeLessThanOrEqual(2 * (locks / interval + 4 + 4));
    }
  });
});
