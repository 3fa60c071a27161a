import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { segment, type Segment } from '../../../tools/stats/change-points.js';
import { detectWarmUp } from '../../../tools/stats/warm-up.js';
import { normal, Random, reals, trials } from './samples.js';

/** The least cost of any segmentation, by trying all of them. */
function bruteForceCost(series: readonly number[], minLength: number, penalty: number): number {
  const cost = (from: number, to: number): number => {
    const part = series.slice(from, to);
    const centre = part.reduce((a, b) => a + b, 0) / part.length;
    return part.reduce((sum, x) => sum + (x - centre) ** 2, 0);
  };
  const best = [0];
  for (let end = 1; end <= series.length; end++) {
    best[end] = Infinity;
    for (let start = 0; start + minLength <= end; start++) {
      best[end] = Math.min(best[end]!, best[start]! + cost(start, end) + penalty);
    }
  }
  return best[series.length]!;
}

function noiseOf(values: readonly number[]): number {
  const steps = values.slice(1).map((x, i) => Math.abs(x - values[i]!));
  if (steps.length === 0) return 0;
  const ordered = steps.toSorted((a, b) => a - b);
  const middle = ordered.length >> 1;
  const median = ordered.length % 2 === 1 ? ordered[middle]! : (ordered[middle - 1]! + ordered[middle]!) / 2;
  return (median * 1.482602218505602) / Math.SQRT2;
}

function costOf(values: readonly number[], { start, end, mean }: Segment): number {
  return values.slice(start, end).reduce((sum, x) => sum + (x - mean) ** 2, 0);
}

describe('change points', () => {
  it('are found where the level changes', () => {
    const random = new Random(3);
    const series = [...Array(40)].map((_, i) => (i < 15 ? 130 : 100) + normal(random));
    const segments = segment(series);
    expect(segments.map(({ start, end }) => [start, end])).toEqual([
      [0, 15],
      [15, 40],
    ]);
    expect(segments[1]!.mean).toBeCloseTo(100, 0);
  });

  it('cover the series, and no segmentation costs less', () => {
    const series = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(series, fc.integer({ min: 1, max: 4 }), (values, minLength) => {
        const noise = noiseOf(values);
        fc.pre(noise > 0 && values.length >= minLength);
        const segments = segment(values, { minLength, penalty: 2 });
        expect(segments[0]!.start).toBe(0);
        expect(segments.at(-1)!.end).toBe(values.length);
        segments.slice(1).forEach(({ start }, i) => expect(start).toBe(segments[i]!.end));
        const penalty = 2 * noise ** 2 * Math.log(Math.max(2, values.length));
        const total = segments.reduce((sum, part) => sum + costOf(values, part) + penalty, 0);
        expect(total).toBeCloseTo(bruteForceCost(values, minLength, penalty), 6);
      }),
      { numRuns: 200 },
    );
  });
});

const steady = (seed: number, n: number): number[] => trials(new Random(seed), n, 100, 0.01);

describe('warm-up', () => {
  it('sees a decaying start and where it ends', () => {
    const series = steady(4, 100).map((x, i) => x + 60 * Math.exp(-i / 6));
    const found = detectWarmUp(series);
    expect(found.state).toBe('warm-up');
    expect(found.steadyFrom).toBeGreaterThanOrEqual(10);
    expect(found.steadyFrom).toBeLessThanOrEqual(40);
  });

  it('sees a slow-down and a series that never settles', () => {
    expect(detectWarmUp(steady(5, 60).map((x, i) => (i < 20 ? x * 0.8 : x)))).toMatchObject({
      state: 'slow-down',
      steadyFrom: 20,
    });
    expect(detectWarmUp(steady(6, 60).map((x, i) => (i < 50 ? x : x * 1.3)))).toMatchObject({
      state: 'no-steady-state',
      steadyFrom: null,
    });
  });

  it('calls noise flat, nearly always, and single spikes too', () => {
    let flat = 0;
    for (let seed = 0; seed < 100; seed++) if (detectWarmUp(steady(seed, 50)).state === 'flat') flat++;
    expect(flat).toBeGreaterThanOrEqual(97);
    const spiked = steady(7, 60).map((x, i) => (i === 0 || i === 30 ? x * 5 : x));
    expect(detectWarmUp(spiked)).toMatchObject({ state: 'flat', steadyFrom: 0 });
  });

  it('takes any series', () => {
    fc.assert(
      fc.property(reals(1, 60), (series) => {
        const { steadyFrom, segments } = detectWarmUp(series);
        expect(segments.at(-1)!.end).toBe(series.length);
        if (steadyFrom !== null) expect(steadyFrom).toBeLessThan(series.length);
      }),
    );
    expect(detectWarmUp([5])).toMatchObject({ state: 'flat', steadyFrom: 0 });
    expect(detectWarmUp(Array.from({ length: 30 }, () => 7))).toMatchObject({ state: 'flat' });
    expect(() => detectWarmUp([])).toThrow(/series is empty/);
  });
});
