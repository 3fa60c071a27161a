import { describe, expect, it } from 'vitest';
import {
  compareSessions,
  meanInterval,
  positiveEstimate,
  sessionEstimate,
  sessionTest,
} from '../../../tools/stats/session-estimate.js';
import { serialMean } from '../../../tools/stats/serial-mean.js';
import { normal, Random } from './samples.js';

describe('figures over sessions', () => {
  it('of one session are its median and that of its interval', () => {
    const single = sessionEstimate([[3, 1, 2]]);
    expect(single).toMatchObject({ value: 2, trials: 3, sessions: 1, medians: [2] });
    expect(single.interval).toEqual({ low: 1, high: 3, confidence: 0.75 });
  });

  it('of several are the mean of their medians and Student’s interval of these', () => {
    const sessions = [
      [9, 10, 11],
      [12, 12, 12],
      [8, 8, 100],
    ];
    const { value, interval, trials, medians } = sessionEstimate(sessions);
    expect([value, trials, medians]).toEqual([10, 9, [10, 12, 8]]);
    // Standard deviation 2, t(2) = 4.3027.
    expect(interval!.high - 10).toBeCloseTo((4.302652729749462 * 2) / Math.sqrt(3), 9);
    expect(meanInterval([1])).toBeNull();
    expect(() => sessionEstimate([])).toThrow(/no session/);
    expect(() => sessionEstimate([[1], []])).toThrow(/empty/);
  });

  it('by factors turn over with their values', () => {
    const sessions = [[1.1], [1.3], [1.2]];
    const there = positiveEstimate(sessions);
    const back = positiveEstimate(sessions.map((trials) => trials.map((x) => 1 / x)));
    expect(there.value * back.value).toBeCloseTo(1, 12);
    expect(there.interval!.low * back.interval!.high).toBeCloseTo(1, 12);
    expect(() => positiveEstimate([[0]])).toThrow(/0 is not above 0/);
  });

  it('are tested by trials within one session, by sessions over several', () => {
    const trials = [0.1, 0.2, 0.15, 0.12, 0.11, 0.14];
    expect(sessionTest([trials])).toMatchObject({ test: 'wilcoxon-signed-rank', pValue: 2 / 64 });
    // Two sessions say little, however many trials they had.
    const two = sessionTest([trials, trials.map((x) => x + 0.2)]);
    expect(two.test).toBe('session-t');
    expect(two.pValue).toBeGreaterThan(0.1);
  });

  it('that are all equal are no proof of a difference: a clock’s step, a count', () => {
    const same = Array.from({ length: 5 }, () => [0.05, 0.05]);
    expect(sessionTest(same).pValue).toBe(2 / 32);
    expect(sessionTest(same.map(() => [0, 0])).pValue).toBe(1);
    expect(compareSessions([1, 1, 1], [2, 2, 2])?.pValue).toBe(0.25);
    expect(compareSessions([1, 1], [1, 1])?.pValue).toBe(1);
  });

  it('of two results are compared with the spread of both', () => {
    // Welch: t = 4.9135 with 3.2347 degrees of freedom, p = 0.013501 by numerical integration of the density.
    const { difference, pValue } = compareSessions([1, 1.2, 1.1, 0.9], [1.5, 1.9, 1.7])!;
    expect(difference.value).toBeCloseTo(0.65, 12);
    expect(Math.abs(pValue / 0.013501 - 1)).toBeLessThan(0.03);
    expect(difference.interval!.low).toBeGreaterThan(0);
    expect(compareSessions([1], [2, 3])).toBeNull();
  });
});

describe('the mean of a series that hangs together', () => {
  const series = (n: number, memory: number, seed: number): number[] => {
    const random = new Random(seed);
    let state = normal(random);
    return Array.from({ length: n }, () => {
      state = memory * state + Math.sqrt(1 - memory ** 2) * normal(random);
      return state;
    });
  };

  it('is worth its length where it does not, and a fraction of it where it does', () => {
    expect(serialMean(series(200, 0, 1)).effective).toBeGreaterThan(60);
    expect(serialMean(series(200, 0.9, 1)).effective).toBeLessThan(30);
    expect(serialMean(series(40, 0.99, 2)).interval).toBeNull();
  });

  it('has an interval around its mean that single interruptions hardly move', () => {
    const calm = series(100, 0, 3);
    const disturbed = calm.map((value, i) => (i === 50 ? 1000 : value));
    const [before, after] = [serialMean(calm), serialMean(disturbed)];
    expect(after.value - before.value).toBeLessThan(0.1);
    expect(after.interval!.high - after.interval!.low).toBeLessThan(
      1.5 * (before.interval!.high - before.interval!.low),
    );
    expect(serialMean([5, 5, 5, 5, 5, 5, 5, 5]).interval).toMatchObject({ low: 5, high: 5 });
    expect(serialMean([1, 2, 3]).interval).toBeNull();
  });
});
