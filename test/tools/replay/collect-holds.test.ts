import { describe, expect, it } from 'vitest';
import { estimateHolds, holdIntervalOf, weightedCounts } from '../../../tools/replay/collect-holds.js';
import { readCoarse } from '../../../tools/replay/recording.js';
import { lockBed } from '../../support/lock-bed.js';

/** What the holds of ct_lock on the bed's thread stand for, with a clock that costs nothing. */
function estimateOf({ run, figures }: ReturnType<typeof lockBed>, clockCostNs = 0) {
  const holds = readCoarse(run, 0, run.engine.constants.H_LOCK_HOLD);
  const interval = holdIntervalOf(run, 0, figures());
  const estimate = estimateHolds(figures(), holds, interval, clockCostNs);
  if (estimate === null) throw new Error('no hold was timed');
  return {
    interval,
    ...estimate,
    weight: weightedCounts(figures(), holds, interval).reduce((a, b) => a + b, 0),
  };
}

describe('the time that a lock was held', () => {
  it('is that of the sampled holds, each for its interval', () => {
    const bed = lockBed('rculist-sweep', 5);
    for (let n = 0; n < 100; n++) bed.holdFor(40);
    const { totalNs, weight, interval } = estimateOf(bed);
    expect(interval).toBe(5);
    expect(Math.abs(totalNs - 4000)).toBeLessThanOrEqual(5 * 40);
    expect(Math.abs(weight - bed.figures().acquisitions)).toBeLessThan(5);
  });

  it('is as uncertain as its sampled holds are unlike each other', () => {
    const even = lockBed('rculist-sweep', 5);
    for (let n = 0; n < 1000; n++) even.holdFor(40);
    const plain = estimateOf(even);
    // Those of the set-up take no time.
    expect(plain.totalErrorNs).toBeLessThan(0.1 * plain.totalNs);
    const bed = lockBed('rculist-sweep', 5);
    // One in 23 is interrupted: more than is cut, and no multiple of the interval.
    for (let n = 0; n < 1000; n++) bed.holdFor(n % 23 === 0 ? 20_000 : 40);
    const { totalNs, totalErrorNs } = estimateOf(bed);
    expect(totalErrorNs).toBeGreaterThan(0.2 * totalNs);
    expect(totalErrorNs).toBeLessThan(2 * totalNs);
  });

  it('leaves out what reading the clock takes', () => {
    const bed = lockBed('rculist-sweep', 1);
    for (let n = 0; n < 50; n++) bed.holdFor(100);
    const before = bed.figures().holdSamples - 50;
    expect(before).toBeGreaterThanOrEqual(0);
    // Holds of the set-up took no time, so there is nothing to take off them; they are in the mean all the same.
    expect(estimateOf(bed, 40).totalNs).toBe(50 * 60 - before * 40);
  });

  it('takes a pass that was timed on request for itself alone', () => {
    const bed = lockBed('timeout-lists', 61);
    for (let n = 0; n < 610; n++) bed.holdFor(100);
    // The pass reads the clock when it has the lock and when it lets go.
    bed.time.stepNs = 50_000;
    bed.thread.exports.sweep(1_000_000);
    bed.time.stepNs = 0;
    const { totalNs, weight } = estimateOf(bed);
    expect(bed.figures().singledSamples).toBe(1);
    expect(bed.figures().singledTotalNs).toBe(50_000);
    expect(Math.abs(totalNs - (50_000 + 61_000))).toBeLessThanOrEqual(61 * 100);
    expect(Math.abs(weight - bed.figures().acquisitions)).toBeLessThanOrEqual(61);
  });

  it('is what was measured where every hold was timed', () => {
    const bed = lockBed('timeout-lists', 61);
    bed.time.stepNs = 700;
    for (let pass = 0; pass < 3; pass++) bed.thread.exports.sweep(1_000_000 + pass * 10_000);
    bed.time.stepNs = 0;
    const { interval, totalNs } = estimateOf(bed);
    expect(interval).toBe(1);
    expect(totalNs).toBe(bed.figures().holdTotalNs);
    expect(totalNs).toBeGreaterThanOrEqual(2 * 700);
  });
});
