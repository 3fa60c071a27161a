import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bootstrapInterval, type BootstrapMethod } from '../../../tools/stats/bootstrap.js';
import { orderStatisticInterval } from '../../../tools/stats/median-interval.js';
import { below, shuffled } from '../../../tools/stats/random-source.js';
import { mean, median } from '../../../tools/stats/sample.js';
import { normal, Random, reals, trials } from './samples.js';

const TWELVE = [74, 82, 97, 128, 176, 205, 243, 260, 319, 402, 511, 640];

const coverage = (n: number, method: BootstrapMethod): number => {
  const random = new Random(n);
  let covered = 0;
  for (let run = 0; run < 250; run++) {
    const options = { random, resamples: 300, method };
    const interval = bootstrapInterval(trials(random, n, 100, 0.3), median, options)!;
    if (interval.low <= 100 && interval.high >= 100) covered++;
  }
  return covered / 250;
};

describe('bootstrap interval', () => {
  it('agrees with SciPy 1.17 on a skewed sample', () => {
    // scipy.stats.bootstrap, 200,000 resamples: percentile [171.75, 364.00], BCa [180.33, 379.42].
    const options = { random: new Random(1), resamples: 40_000 };
    const percentile = bootstrapInterval(TWELVE, mean, { ...options, method: 'percentile' })!;
    expect(Math.abs(percentile.low - 171.75)).toBeLessThan(2.5);
    expect(Math.abs(percentile.high - 364)).toBeLessThan(3.5);
    const bca = bootstrapInterval(TWELVE, mean, { ...options, method: 'bca' })!;
    expect(Math.abs(bca.low - 180.33)).toBeLessThan(2.5);
    expect(Math.abs(bca.high - 379.42)).toBeLessThan(4.5);
    expect(bca.confidence).toBe(0.95);
  });

  it('covers the true median about as often as it says, and the plain percentile interval less often', () => {
    // 95 % nominal. Five values cannot cover a median more often than 1 - 2 / 32 = 93.75 %.
    expect(coverage(5, 'expanded')).toBeGreaterThan(0.9);
    expect(coverage(15, 'expanded')).toBeGreaterThan(0.92);
    expect(coverage(15, 'expanded')).toBeLessThan(0.99);
    expect(coverage(5, 'percentile')).toBeLessThanOrEqual(coverage(5, 'expanded'));
  });

  it('lies within the data, is ordered, and is the same for the same seed', () => {
    fc.assert(
      fc.property(
        reals(2, 20),
        fc.nat(1000),
        fc.constantFrom('expanded' as const, 'bca' as const, 'percentile' as const),
        (values, seed, method) => {
          const take = () =>
            bootstrapInterval(values, median, { random: new Random(seed), resamples: 100, method })!;
          const interval = take();
          expect(interval).toEqual(take());
          expect(interval.low).toBeLessThanOrEqual(interval.high);
          expect(interval.low).toBeGreaterThanOrEqual(Math.min(...values));
          expect(interval.high).toBeLessThanOrEqual(Math.max(...values));
        },
      ),
    );
  });

  it('narrows with confidence', () => {
    const widths = [0.5, 0.8, 0.95, 0.99].map((confidence) => {
      const interval = bootstrapInterval(TWELVE, mean, {
        random: new Random(3),
        confidence,
        method: 'percentile',
      })!;
      return interval.high - interval.low;
    });
    expect(widths).toEqual(widths.toSorted((a, b) => a - b));
    expect(widths[0]).toBeLessThan(widths[3]!);
  });

  it('has none for one value and refuses nonsense', () => {
    const random = new Random(1);
    expect(bootstrapInterval([5], median, { random })).toBeNull();
    expect(() => bootstrapInterval([], median, { random })).toThrow(/empty/);
    expect(() => bootstrapInterval([1, 2], median, { random, resamples: 3 })).toThrow(/at least 100/);
    expect(() => bootstrapInterval([1, 2], median, { random, confidence: 1 })).toThrow(/confidence 1/);
    expect(() => bootstrapInterval([1, 2], () => Number.NaN, { random })).toThrow(
      /no resample gave a finite/,
    );
  });
});

describe('order-statistic interval of a median', () => {
  it('has the textbook ranks', () => {
    // n = 10: ranks 2 and 9 cover 97.85 %; n = 6: the whole range covers 96.875 %; n = 5 cannot reach 95 %.
    const ten = Array.from({ length: 10 }, (_, i) => i + 1);
    expect(orderStatisticInterval(ten)).toEqual({
      low: 2,
      high: 9,
      confidence: expect.closeTo(0.978515625, 12),
    });
    expect(orderStatisticInterval(ten.slice(0, 6))).toEqual({
      low: 1,
      high: 6,
      confidence: expect.closeTo(0.96875, 12),
    });
    expect(orderStatisticInterval(ten.slice(0, 5))).toBeNull();
  });

  it('covers at least as often as it says', () => {
    const random = new Random(11);
    let covered = 0;
    for (let run = 0; run < 1000; run++) {
      const interval = orderStatisticInterval(Array.from({ length: 12 }, () => normal(random)))!;
      if (interval.low <= 0 && interval.high >= 0) covered++;
    }
    expect(covered / 1000).toBeGreaterThan(0.94);
  });
});

describe('drawing', () => {
  it('shuffles without loss and draws within bounds', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.nat(), fc.integer({ min: 1, max: 50 }), (items, seed, bound) => {
        const random = new Random(seed);
        expect(shuffled(items, random).toSorted()).toEqual(items.toSorted());
        const drawn = below(random, bound);
        expect(drawn).toBeGreaterThanOrEqual(0);
        expect(drawn).toBeLessThan(bound);
      }),
    );
    expect(below({ real: () => 1 - 2 ** -53 }, 3)).toBe(2);
  });
});
