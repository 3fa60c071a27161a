import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { segment, type Segment } from '../../../tools/stats/change-points.js';
import { mannWhitney } from '../../../tools/stats/mann-whitney.js';
import { abbaOrder, randomisedOrder, type TrialSlot } from '../../../tools/stats/trial-order.js';
import { precisionState, trialsForHalfWidth, trialsToDetect } from '../../../tools/stats/trial-count.js';
import { detectWarmUp } from '../../../tools/stats/warm-up.js';
import { normal, Random, reals, trials } from './samples.js';

const pairsOf = (slots: TrialSlot[]): string[] =>
  slots.map((slot) => `${slot.block}.${slot.design}`).toSorted();

describe('order of trials', () => {
  it('is A B B A for two designs', () => {
    const slots = abbaOrder(2, 4);
    expect(slots.map((slot) => slot.design)).toEqual([0, 1, 1, 0, 0, 1, 1, 0]);
    expect(slots.map((slot) => slot.block)).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    expect(abbaOrder(3, 2).map((slot) => slot.design)).toEqual([0, 1, 2, 2, 1, 0]);
  });

  it('cancels a linear drift over an even number of blocks', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 10 }), (designs, pairs) => {
        const sums = Array.from({ length: designs }, () => 0);
        abbaOrder(designs, 2 * pairs).forEach((slot, position) => {
          sums[slot.design]! += position;
        });
        expect(new Set(sums).size).toBe(1);
      }),
    );
  });

  it('holds every design once in every block, drawn or not', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 10 }),
        fc.nat(),
        (designs, blocks, seed) => {
          const drawn = randomisedOrder(designs, blocks, new Random(seed));
          expect(drawn).toEqual(randomisedOrder(designs, blocks, new Random(seed)));
          expect(pairsOf(drawn)).toEqual(pairsOf(abbaOrder(designs, blocks)));
          for (const slot of drawn) expect(slot.trial).toBe(slot.block);
        },
      ),
    );
    expect(() => abbaOrder(0, 3)).toThrow(/0 designs/);
    expect(() => abbaOrder(2, 1.5)).toThrow(/1.5 trials of each/);
  });

  it('draws different orders', () => {
    const orders = new Set(randomisedOrder(3, 60, new Random(1)).map((s) => `${s.block}:${s.design}`));
    expect(orders.size).toBe(180);
    const firsts = randomisedOrder(3, 60, new Random(1)).filter((_, i) => i % 3 === 0);
    expect(new Set(firsts.map((slot) => slot.design)).size).toBe(3);
  });
});

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
    expect(segments.map((one) => [one.start, one.end])).toEqual([
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
        segments.slice(1).forEach((one, i) => expect(one.start).toBe(segments[i]!.end));
        const penalty = 2 * noise ** 2 * Math.log(Math.max(2, values.length));
        const total = segments.reduce((sum, one) => sum + costOf(values, one) + penalty, 0);
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

describe('number of trials', () => {
  it('follows the square root law', () => {
    expect(trialsForHalfWidth(10, 0.04, 0.02)).toBe(40);
    expect(trialsForHalfWidth(10, 0.0201, 0.02)).toBe(11);
    expect(trialsForHalfWidth(10, 0.01, 0.02)).toBe(10);
    expect(trialsForHalfWidth(3, 0.01, 0.02)).toBe(6);
  });

  it('predicts the number that theory gives', () => {
    // Half-width of a median's interval: 1.96 x sqrt(pi / 2) x cv / sqrt(n); for 2 % and cv 10 %, n is 151.
    const random = new Random(9);
    const predictions = Array.from({ length: 60 }, () => {
      const state = precisionState(trials(random, 30, 100, 0.1), 0.02);
      return state.trialsNeeded!;
    });
    const typical = predictions.toSorted((x, y) => x - y)[30]!;
    expect(typical).toBeGreaterThan(151 / 1.5);
    expect(typical).toBeLessThan(151 * 1.5);
    expect(precisionState(trials(random, 450, 100, 0.1), 0.02).reached).toBe(true);
  });

  it('does not stop on too few trials, however equal', () => {
    expect(precisionState([100, 100, 100], 0.02)).toMatchObject({
      reached: false,
      trialsNeeded: 6,
    });
    expect(precisionState([100, 100, 100, 100, 100, 100], 0.02).reached).toBe(true);
    expect(precisionState([100], 0.02)).toMatchObject({ interval: null, trialsNeeded: null });
    expect(() => precisionState([1], 0)).toThrow(/target precision 0/);
  });

  it('gives the power it promises', () => {
    const n = trialsToDetect({ cv: 0.04, difference: 0.05 });
    const random = new Random(13);
    let found = 0;
    for (let run = 0; run < 400; run++) {
      if (mannWhitney(trials(random, n, 100, 0.04), trials(random, n, 105, 0.04)).pValue < 0.05) found++;
    }
    expect(found / 400).toBeGreaterThan(0.85);
    expect(found / 400).toBeLessThan(0.97);
    expect(trialsToDetect({ cv: 0.001, difference: 0.05 })).toBe(4);
    expect(() => trialsToDetect({ cv: 0.1, difference: 0 })).toThrow(/difference 0/);
  });
});
