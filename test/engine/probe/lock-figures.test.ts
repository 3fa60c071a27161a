import { describe, expect, it } from 'vitest';
import { Tracker } from '../../../engine/host/tracker.js';
import { lockBed } from '../../support/lock-bed.js';
import { udpFrame } from '../../support/packets.js';
import { A, B, DESIGNS } from '../../support/tracker-bed.js';

describe('lock figures', () => {
  it.each([0, 1, 2, 61])('count every acquisition when every %d-th hold is timed', (interval) => {
    const { holdFor, figures, before } = lockBed('rculist-sweep', interval);
    for (let n = 1; n <= 200; n++) {
      holdFor(10);
      const total = before + n;
      expect(figures().acquisitions).toBe(total);
      expect(figures().holdSamples).toBe(interval === 0 ? 0 : Math.ceil(total / interval));
    }
    // Holds during the set-up took no time on this clock.
    if (interval === 1) expect(figures().holdTotalNs).toBe(2000);
  });

  it("time every pass of a design that holds ct_lock once a pass, and don't let it stand for others", () => {
    const { thread, figures, holdFor, before } = lockBed('timeout-lists', 61);
    for (let pass = 0; pass < 10; pass++) thread.exports.sweep(1_000_000 + pass * 10_000);
    expect(figures().acquisitions - before).toBe(10);
    // The first acquisition of all is a sampled one.
    const sampled = figures().holdSamples - figures().singledSamples;
    expect(figures().holdSamples).toBeGreaterThanOrEqual(10);
    expect(sampled).toBeLessThanOrEqual(1);
    for (let n = 0; n < 122; n++) holdFor(100);
    expect(figures().singledSamples).toBeLessThanOrEqual(10);
    expect(figures().singledTotalNs).toBe(0);
  });

  it('sample what a sweep of rculist-sweep locks like everything else', () => {
    const { thread, figures } = lockBed('rculist-sweep', 61);
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
