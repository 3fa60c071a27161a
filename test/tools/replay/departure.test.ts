import { describe, expect, it } from 'vitest';
import { replayCase, scenario } from '../../support/replay.js';
import { DepartureRecorder, SETTLED_AFTER_NS } from '../../../tools/replay/departure.js';

describe('departure errors', () => {
  it('are how late packets left, never negative, and exact in count, sum, least and most', () => {
    const recorder = new DepartureRecorder();
    recorder.note(Float64Array.of(1000, 2000, 9000), 3, 2500, 0);
    recorder.settle();
    recorder.settle(); // nothing is pending any more
    expect(recorder.figures().all).toMatchObject({ count: 3, sumNs: 1500 + 500, minNs: 0, maxNs: 1500 });
  });

  it('are kept apart for packets that were due when the run had settled', () => {
    const t0Ns = 5e9;
    const settledNs = t0Ns + SETTLED_AFTER_NS;
    const recorder = new DepartureRecorder();
    recorder.note(Float64Array.of(t0Ns, settledNs - 1, settledNs), 3, settledNs + 7, settledNs);
    recorder.settle();
    const { all, settled } = recorder.figures();
    expect(all).toMatchObject({ count: 3, maxNs: SETTLED_AFTER_NS + 7 });
    expect(settled).toMatchObject({ count: 1, sumNs: 7, minNs: 7, maxNs: 7 });
  });

  it('take only as many of the due times as packets left', () => {
    const recorder = new DepartureRecorder();
    recorder.note(Float64Array.of(10, 20), 1, 15, 0);
    recorder.settle();
    expect(recorder.figures().all).toMatchObject({ count: 1, sumNs: 5 });
    expect(recorder.figures().settled.count).toBe(1);
  });

  describe("count as the machine's", () => {
    /** Batches of one packet, [due, begins, done]: the worker waits whenever the next is not due. */
    function delayed(...batches: [dueNs: number, beginsNs: number, doneNs: number][]): number {
      const recorder = new DepartureRecorder();
      let doneNs = 0;
      for (const [dueNs, beginsNs, ends] of batches) {
        recorder.begin(doneNs, beginsNs, dueNs);
        recorder.note(Float64Array.of(dueNs), 1, beginsNs, 0);
        recorder.settle();
        doneNs = ends;
      }
      return recorder.figures().delayedCount;
    }

    it('when the worker came back late from a wait, until it has caught up', () => {
      expect(delayed([10_000, 10_100, 11_000], [20_000, 20_100, 21_000])).toBe(0);
      // Back 15 µs late: so is the packet that became due meanwhile; the third waits for the first two only for 100 ns.
      expect(delayed([10_000, 25_000, 27_000], [20_000, 27_000, 29_900], [29_800, 29_900, 31_000])).toBe(2);
    });

    it('not when packets before took so long, however late they leave', () => {
      expect(delayed([10_000, 10_050, 90_000], [20_000, 90_000, 95_000], [30_000, 95_000, 96_000])).toBe(0);
    });

    it('not where it is the smaller part of the lateness', () => {
      // Back 2 µs late, and then work for 40 µs that came every 20 µs.
      const batches: [number, number, number][] = [];
      for (let i = 0, doneNs = 12_000; i < 8; i++, doneNs += 40_000) {
        batches.push([10_000 + 20_000 * i, doneNs, doneNs + 40_000]);
      }
      expect(delayed(...batches)).toBe(1);
    });
  });
});

describe('departure errors of a run', () => {
  const STALL_MS = 40;
  const COUNT = 40;

  it.each(['all', 'off'] as const)(
    'contain what lies between a batch being due and its going to the engine, --latency %s',
    async (mode) => {
      const traffic = await scenario('established', { packets: COUNT });
      const happenedAt = new Float64Array(new SharedArrayBuffer(8));
      // Before its last packet the worker stops where it sweeps by itself: behind the filling of a batch. No other is late by that.
      const fault = {
        kind: 'stall',
        place: 'pass',
        afterPackets: COUNT - 1,
        stallMs: STALL_MS,
        happenedAt,
      } as const;
      let maxNs = 0;
      // A worker that is back late from its wait takes the last two packets in one batch: then nothing was stopped.
      for (let tried = 0; tried < 10 && happenedAt[0] === 0; tried++) {
        const { pacing } = await replayCase(traffic, 'rculist-sweep', {
          pacing: { mode: 'pps', pps: 200 },
          clock: 'capture',
          latency: { mode },
          fault,
        });
        maxNs = pacing.departureError?.maxNs ?? 0;
      }
      expect(happenedAt[0]).toBeGreaterThan(0);
      expect(maxNs).toBeGreaterThanOrEqual(STALL_MS * 1e6);
    },
  );
});
