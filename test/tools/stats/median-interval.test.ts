import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { medianInterval } from '../../../tools/stats/median-interval.js';
import { below, shuffled } from '../../../tools/random/draws.js';
import { median } from '../../../tools/stats/sample.js';
import { Random, reals } from './samples.js';

describe('interval of a median', () => {
  it('lies between the two order-statistic intervals on either side of its confidence', () => {
    // n = 10: ranks 2 and 9 cover 97.85 %, 3 and 8 cover 89.06 %.
    const ten = Array.from({ length: 10 }, (_, i) => i + 1);
    const { low, high, confidence } = medianInterval(ten)!;
    expect(low).toBeGreaterThan(2);
    expect(low).toBeLessThan(3);
    expect(low + high).toBeCloseTo(11, 12);
    expect(confidence).toBe(0.95);
    expect(medianInterval(ten, 0.978515625)).toMatchObject({ low: 2, high: 9 });
  });

  it('of too few values is their range, with the confidence that the range has', () => {
    expect(medianInterval([5, 3, 4])).toEqual({ low: 3, high: 5, confidence: 0.75 });
    expect(
      [2, 3, 4, 5].map((n) => medianInterval(Array.from({ length: n }, (_, i) => i))?.confidence),
    ).toEqual([0.5, 0.75, 0.875, 0.9375]);
    // And whatever the confidence: 99.75 % takes ten values.
    expect(medianInterval([1, 2, 3, 4, 5, 6], 0.9975)).toEqual({ low: 1, high: 6, confidence: 0.96875 });
    expect(medianInterval([5])).toBeNull();
    expect(() => medianInterval([])).toThrow(/empty/);
    expect(() => medianInterval([1, 2], 1)).toThrow(/confidence 1/);
  });

  it('lies within the data, holds the median, and widens with confidence', () => {
    fc.assert(
      fc.property(reals(2, 20), (values) => {
        const intervals = [0.5, 0.8, 0.95, 0.99].map((confidence) => medianInterval(values, confidence)!);
        intervals.forEach(({ low, high }, i) => {
          expect(low).toBeGreaterThanOrEqual(Math.min(...values));
          expect(high).toBeLessThanOrEqual(Math.max(...values));
          expect(low).toBeLessThanOrEqual(median(values) + 1e-9);
          expect(high).toBeGreaterThanOrEqual(median(values) - 1e-9);
          if (i > 0) expect(low).toBeLessThanOrEqual(intervals[i - 1]!.low + 1e-9);
        });
      }),
    );
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
