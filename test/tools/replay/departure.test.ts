import { describe, expect, it } from 'vitest';
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
});
