import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalCdf, normalQuantile, normalUpperTail } from '../../../tools/stats/normal.js';
import { countOutliers, markOutliers } from '../../../tools/stats/outliers.js';
import {
  coefficientOfVariation,
  mean,
  median,
  medianAbsoluteDeviation,
  quantile,
  standardDeviation,
  variance,
} from '../../../tools/stats/sample.js';
import { reals } from './samples.js';

// Twelve values; the expected figures below were computed with SciPy 1.17 and NumPy.
const TWELVE = [74, 82, 97, 128, 176, 205, 243, 260, 319, 402, 511, 640];

describe('figures of a sample', () => {
  it('are the known ones', () => {
    expect(mean(TWELVE)).toBeCloseTo(261.4166666666667, 10);
    expect(standardDeviation(TWELVE)).toBeCloseTo(178.80027371004743, 9);
    expect([0.1, 0.25, 0.5, 0.9].map((share) => quantile(TWELVE, share))).toEqual([
      expect.closeTo(83.5, 9),
      120.25,
      224,
      expect.closeTo(500.1, 9),
    ]);
    expect(median(TWELVE)).toBe(224);
    expect(medianAbsoluteDeviation(TWELVE)).toBe(111.5);
    expect(coefficientOfVariation(TWELVE)).toBeCloseTo(178.80027371004743 / 261.4166666666667, 12);
  });

  it('move and scale with the sample', () => {
    fc.assert(
      fc.property(reals(2, 40), fc.integer({ min: -1000, max: 1000 }), (values, shift) => {
        const moved = values.map((value) => value * 2 + shift);
        expect(median(moved)).toBeCloseTo(median(values) * 2 + shift, 6);
        expect(mean(moved)).toBeCloseTo(mean(values) * 2 + shift, 6);
        expect(medianAbsoluteDeviation(moved)).toBeCloseTo(2 * medianAbsoluteDeviation(values), 6);
        expect(standardDeviation(moved)!).toBeCloseTo(2 * standardDeviation(values)!, 5);
        expect(quantile(moved, 0.3)).toBeCloseTo(2 * quantile(values, 0.3) + shift, 6);
      }),
    );
  });

  it('do not depend on the order and leave the sample alone', () => {
    fc.assert(
      fc.property(reals(1, 40), (values) => {
        const before = [...values];
        const figuresOf = (sample: readonly number[]): number[] => [
          ...[0, 0.25, 0.5, 0.75, 1].map((share) => quantile(sample, share)),
          median(sample),
          medianAbsoluteDeviation(sample),
        ];
        const figures = figuresOf(values);
        expect(values).toEqual(before);
        expect(figuresOf(values.toReversed())).toEqual(figures);
        expect(figures.slice(0, 5)).toEqual(figures.slice(0, 5).toSorted((a, b) => a - b));
      }),
    );
  });

  it('keep their digits beside a large offset', () => {
    expect(variance([1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16])).toBe(30);
    expect(mean([1e16, 1, -1e16])).toBeCloseTo(1 / 3, 12);
  });

  it('are null, not 0, where there is none', () => {
    expect(variance([5])).toBeNull();
    expect(standardDeviation([5])).toBeNull();
    expect(coefficientOfVariation([5])).toBeNull();
    expect(coefficientOfVariation([-1, 1])).toBeNull();
  });

  it('refuse what cannot be summarised, and say where it is', () => {
    expect(() => median([])).toThrow(/sample is empty/);
    expect(() => mean([1, Number.NaN])).toThrow(/value 2 of 2 is NaN/);
    expect(() => quantile([1], 1.5)).toThrow(/not within 0 to 1/);
  });
});

describe('the normal distribution', () => {
  it('has the known values', () => {
    const known: [number, number, number][] = [
      [0.3, 0.6179114221889526, 0.3820885778110474],
      [1, 0.8413447460685429, 0.15865525393145707],
      [1.96, 0.9750021048517795, 0.024997895148220435],
      [5, 0.9999997133484281, 2.866515718791933e-7],
      [10, 1, 7.61985302416047e-24],
      [-8, 6.22096057427174e-16, 0.9999999999999993],
    ];
    for (const [z, below, above] of known) {
      expect(Math.abs(normalCdf(z) / below - 1)).toBeLessThan(1e-12);
      expect(Math.abs(normalUpperTail(z) / above - 1)).toBeLessThan(1e-12);
    }
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 12);
    expect(normalQuantile(1e-10)).toBeCloseTo(-6.361340902404056, 9);
    expect(normalQuantile(0.5)).toBeCloseTo(0, 12);
    expect(normalQuantile(0)).toBe(-Infinity);
    expect(() => normalQuantile(2)).toThrow(/not within 0 to 1/);
  });

  it('has a quantile that inverts it', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-9, max: 1 - 1e-9, noNaN: true }), (probability) => {
        expect(normalCdf(normalQuantile(probability))).toBeCloseTo(probability, 11);
      }),
    );
  });
});

describe('outliers', () => {
  it('are marked by how far out they are, and none is dropped', () => {
    const values = [10, 11, 9, 10, 10.5, 9.5, 10.2, 9.8, 12.2, 40, -3];
    const marked = markOutliers(values);
    expect(marked.map((value) => value.value)).toEqual(values);
    expect(marked[9]).toMatchObject({ mark: 'severe', side: 'high' });
    expect(marked[10]).toMatchObject({ mark: 'severe', side: 'low' });
    expect(marked[0]).toMatchObject({ mark: 'none', side: null });
    expect(countOutliers(values)).toBe(marked.filter((value) => value.mark !== 'none').length);
  });

  it('a constant sample has none and no z-score', () => {
    for (const value of markOutliers([7, 7, 7]))
      expect(value).toMatchObject({ mark: 'none', modifiedZ: null });
  });

  it('never fall within the middle half', () => {
    fc.assert(
      fc.property(reals(1, 40), (values) => {
        const [q1, q3] = [quantile(values, 0.25), quantile(values, 0.75)];
        for (const mark of markOutliers(values)) {
          if (mark.value >= q1 && mark.value <= q3) expect(mark.mark).toBe('none');
        }
      }),
    );
  });
});
