import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EngineRun } from '../../../engine/host/run-memory.js';
import { HOUR_NS } from '../../../tools/measure/log-linear.js';
import { touchHistograms } from '../../../tools/replay/touched-histograms.js';
import { BatchBed } from '../../support/batch-bed.js';
import { lockBed } from '../../support/lock-bed.js';
import { udpFrame } from '../../support/packets.js';

/** All histograms of the first thread. What sweeps leave behind them for the next one are no histograms. */
function histogramsOf({ memory, engine, plan }: EngineRun): Buffer {
  const { H_LAG_POLICIES, N_LAG_GROUPS, COARSE_BYTES } = engine.constants;
  const from = plan.regions.histograms;
  const to = from + H_LAG_POLICIES + N_LAG_GROUPS * COARSE_BYTES;
  return Buffer.from(new Uint8Array(memory.buffer).slice(from, to));
}

/** As they are where nothing was ever recorded. */
function empty(): Buffer {
  const { run, thread } = lockBed('rculist-sweep', 1);
  thread.exports.resetHistograms();
  return histogramsOf(run);
}

describe('histograms that are emptied', () => {
  it('property: are as new, whatever was recorded', () => {
    const asNew = empty();
    const { run, thread, holdFor } = lockBed('rculist-sweep', 1);
    // Up to times that are counted with the longest.
    const times = fc.oneof(fc.nat(), fc.integer({ min: 0, max: 3 * HOUR_NS }), fc.constantFrom(0, HOUR_NS));
    fc.assert(
      fc.property(fc.array(times, { maxLength: 20 }), (held) => {
        for (const ns of held) holdFor(ns);
        thread.exports.resetHistograms();
        expect(histogramsOf(run).equals(asNew)).toBe(true);
      }),
    );
  });

  it('are as new after packets and sweeps', () => {
    const asNew = empty();
    const bed = busyBed();
    expect(histogramsOf(bed.thread.run).equals(asNew)).toBe(false);
    bed.thread.exports.resetHistograms();
    expect(histogramsOf(bed.thread.run).equals(asNew)).toBe(true);
  });
});

describe('histograms that are touched before a run', () => {
  it('keep what they hold', () => {
    const { run } = busyBed().thread;
    const before = histogramsOf(run);
    touchHistograms(run, { workers: 1, service: true, response: true });
    expect(histogramsOf(run).equals(before)).toBe(true);
  });
});

/** Some packets that took from no time to hours, and sweeps. The second thread would be the sweeper. */
function busyBed(): BatchBed {
  let nowNs = 0;
  let reads = 0;
  const clock = (): number => (nowNs += 2 ** (reads++ % 43));
  const bed = new BatchBed('rculist-sweep', {}, 'probed', { clock, threads: 2 });
  for (let round = 0; round < 50; round++) {
    const packets = [1, 2, 3].map((srcPort) => ({ frame: udpFrame({ srcPort }), request: { commit: true } }));
    bed.run(packets, true);
    bed.nowMs += 20_000;
    bed.sweep();
  }
  return bed;
}
