import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adjustComparisons, compareSamples, formatDelta, geomeanRow } from '../../../tools/stats/compare.js';
import { mannWhitney, smallestPValue } from '../../../tools/stats/mann-whitney.js';
import { holm } from '../../../tools/stats/multiple-tests.js';
import { distinct, Random, reals, trials } from './samples.js';

/** U by its definition: pairs in which the first sample's value is larger, equal ones counting half. */
function uByPairs(first: readonly number[], second: readonly number[]): number {
  let u = 0;
  for (const a of first) for (const b of second) u += a > b ? 1 : a === b ? 0.5 : 0;
  return u;
}

/** The two-sided p-value by going through every way to split the pooled values. */
function pByEnumeration(first: readonly number[], second: readonly number[]): number {
  const pooled = [...first, ...second];
  const observed = uByPairs(first, second);
  let atMost = 0;
  let atLeast = 0;
  let all = 0;
  for (let mask = 0; mask < 2 ** pooled.length; mask++) {
    const chosen = pooled.filter((_, i) => (mask >> i) & 1);
    if (chosen.length !== first.length) continue;
    const u = uByPairs(
      chosen,
      pooled.filter((_, i) => !((mask >> i) & 1)),
    );
    all++;
    if (u <= observed) atMost++;
    if (u >= observed) atLeast++;
  }
  return Math.min(1, (2 * Math.min(atMost, atLeast)) / all);
}

const repeat = (values: number[], times: number): number[] =>
  values.flatMap((x) => Array.from({ length: times }, () => x));

const monotone = (x: number): number => Math.cbrt(x) * 3 + 1;

describe('Mann-Whitney test', () => {
  it('has the published values', () => {
    // SciPy manual: diabetes diagnosis ages.
    expect(mannWhitney([19, 22, 16, 29, 24], [20, 11, 17, 12])).toEqual({
      u: 17,
      pValue: expect.closeTo(0.1111111111111111, 12),
      method: 'exact',
      ties: false,
    });
    // Hollander and Wolfe (1973), p. 69: permeability constants; one-sided p is 0.1272, as R's wilcox.test prints.
    const term = [0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
    const early = [1.15, 0.88, 0.9, 0.74, 1.21];
    expect(mannWhitney(term, early)).toMatchObject({ u: 35, pValue: expect.closeTo(2 * 0.1272061272, 9) });
    // SciPy 1.17, exact, 30 values on each side.
    const thirty = Array.from({ length: 30 }, (_, i) => i);
    const shifted = thirty.map((x) => x + 3.25);
    expect(mannWhitney(thirty, shifted).pValue).toBeCloseTo(0.14623105238959136, 12);
  });

  it('uses the normal approximation with both corrections for large samples', () => {
    // SciPy 1.17, method="asymptotic", of the same samples, each value repeated: ties throughout.
    const result = mannWhitney(repeat([1, 2, 2, 3, 4, 4, 5, 7], 5), repeat([2, 3, 5, 5, 6, 8, 9], 5));
    expect(result).toMatchObject({ method: 'normal', ties: true, u: 362.5 });
    expect(result.pValue).toBeCloseTo(0.00029572042379393833, 12);
  });

  it('equals enumeration, with and without ties', () => {
    const small = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(small, small, (first, second) => {
        const result = mannWhitney(first, second);
        expect(result.u).toBe(uByPairs(first, second));
        expect(result.pValue).toBeCloseTo(pByEnumeration(first, second), 10);
      }),
      { numRuns: 60 },
    );
    fc.assert(
      fc.property(distinct(4, 11), fc.integer({ min: 1, max: 3 }), (pooled, split) => {
        const [first, second] = [pooled.slice(0, split), pooled.slice(split)];
        expect(mannWhitney(first, second).pValue).toBeCloseTo(pByEnumeration(first, second), 10);
      }),
      { numRuns: 30 },
    );
  });

  it('is symmetric, sees ranks only, and U of both sides add to the number of pairs', () => {
    fc.assert(
      fc.property(reals(1, 15), reals(1, 15), (first, second) => {
        const there = mannWhitney(first, second);
        const back = mannWhitney(second, first);
        expect(back.pValue).toBeCloseTo(there.pValue, 10);
        expect(there.u + back.u).toBe(first.length * second.length);
        const pooled = [...first, ...second];
        fc.pre(new Set(pooled.map(monotone)).size === new Set(pooled).size);
        expect(mannWhitney(first.map(monotone), second.map(monotone)).pValue).toBeCloseTo(there.pValue, 10);
        expect(there.pValue).toBeGreaterThan(0);
        expect(there.pValue).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('exact and approximate p-values meet at the limit', () => {
    const random = new Random(5);
    const a = trials(random, 50, 100, 0.1);
    const b = trials(random, 51, 103, 0.1);
    const exact = mannWhitney(a, b.slice(0, 50));
    const normal = mannWhitney(a, b);
    expect([exact.method, normal.method]).toEqual(['exact', 'normal']);
    expect(Math.abs(exact.pValue - normal.pValue)).toBeLessThan(0.05);
  });

  it('rejects a true hypothesis no more often than alpha', () => {
    const random = new Random(21);
    let rejected = 0;
    for (let run = 0; run < 1000; run++) {
      if (mannWhitney(trials(random, 10, 100, 0.2), trials(random, 10, 100, 0.2)).pValue < 0.05) rejected++;
    }
    expect(rejected / 1000).toBeGreaterThan(0.025);
    expect(rejected / 1000).toBeLessThan(0.065);
  });

  it('all equal values show nothing', () => {
    expect(mannWhitney([1, 1, 1, 1], [1, 1, 1, 1, 1]).pValue).toBe(1);
    const many = Array.from({ length: 80 }, () => 3);
    expect(mannWhitney(many, many)).toMatchObject({ pValue: 1, method: 'normal' });
  });

  it('knows what sizes can show anything', () => {
    expect(smallestPValue(3, 3)).toBeCloseTo(0.1, 12);
    expect(smallestPValue(4, 4)).toBeCloseTo(2 / 70, 12);
    expect(mannWhitney([1, 2, 3, 4], [5, 6, 7, 8]).pValue).toBeCloseTo(2 / 70, 12);
    expect(() => mannWhitney([], [1])).toThrow(/first sample is empty/);
  });
});

describe('comparison as benchstat prints it', () => {
  const base = [100, 101, 99, 100.5, 98.5].map((value) => [value, value * 1.001, value * 0.999]);
  const times = (factor: number) => base.map((session) => session.map((value) => value * factor));

  it('gives the change when it is more than sessions differ by, and ~ when not', () => {
    const faster = compareSamples(base, times(0.828));
    expect(faster).toMatchObject({ text: '-17.20%', detail: 'p=0.000 n=5x3', significant: true, note: null });
    expect(faster.deltaPercent).toBeCloseTo(-17.2, 9);
    const same = compareSamples(base, base.toReversed());
    expect(same).toMatchObject({ text: '~', detail: 'p=1.000 n=5x3', significant: false });
    const slower = compareSamples(base.slice(1), times(1.5));
    expect(slower.detail).toBe('p=0.000 n=4x3+5x3');
    expect(slower.text.startsWith('+')).toBe(true);
  });

  it('claims nothing of times with one session on a side, however many trials', () => {
    const single = compareSamples([base.flat()], [times(2).flat()]);
    expect(single).toMatchObject({ text: '~', pValue: null, significant: false, detail: 'n=15' });
    expect(single.note).toMatch(/one session on a side/);
  });

  it('compares counts by trials, and says when there are too few or all are equal', () => {
    const counts = { kind: 'counted' } as const;
    expect(compareSamples([[1, 2, 3]], [[7, 8, 9]], counts)).toMatchObject({
      text: '~',
      note: 'need >= 4 trials on each side to detect a difference at alpha level 0.05',
    });
    expect(compareSamples([[5, 5, 5, 5]], [[5, 5, 5, 5]], counts).note).toBe('all values are equal');
    const fromZero = compareSamples([[0, 0, 0, 0, 0]], [[1, 1, 1, 1, 1]], counts);
    expect(fromZero).toMatchObject({ text: '?', deltaPercent: null });
    expect(() => compareSamples(base, base, { alpha: 5 })).toThrow(/alpha 5/);
  });

  it('loses what Holm’s correction over all comparisons does not leave', () => {
    const slight = compareSamples(base, times(1.02));
    expect(slight.significant).toBe(true);
    expect(slight.pValue).toBeGreaterThan(0.001);
    const many = adjustComparisons([slight, ...Array.from({ length: 60 }, () => compareSamples(base, base))]);
    expect(many[0]).toMatchObject({ significant: false, text: '~' });
    expect(many[0]!.adjustedP).toBeCloseTo(Math.min(1, 61 * slight.pValue!), 9);
  });

  it('writes signs, and a geometric mean only with its interval', () => {
    expect([-17.2, 3.046, 0, -0.001, null].map(formatDelta)).toEqual([
      '-17.20%',
      '+3.05%',
      '+0.00%',
      '-0.00%',
      '?',
    ]);
    const rows = [compareSamples(base, times(0.5)), compareSamples(base, times(2))];
    const row = geomeanRow(rows)!;
    expect(row.ratio).toBeCloseTo(1, 9);
    expect(row.interval.low).toBeLessThan(1);
    expect(row.interval.high).toBeGreaterThan(1);
    expect(row.text).toMatch(/^[+-]0\.00% \([+-][\d.]+% \.\. [+-][\d.]+%\)$/);
    expect(row.count).toBe(2);
    expect(geomeanRow([compareSamples([base.flat()], [base.flat()])])).toBeNull();
    expect(geomeanRow([])).toBeNull();
  });
});

describe('corrections for many tests', () => {
  it('have the known values', () => {
    // R's p.adjust(c(0.01, 0.04, 0.03, 0.005, 0.5), "holm").
    expect(holm([0.01, 0.04, 0.03, 0.005, 0.5])).toEqual(
      [0.04, 0.09, 0.09, 0.025, 0.5].map((p) => expect.closeTo(p, 12)),
    );
    expect(holm([])).toEqual([]);
    expect(() => holm([0.5, 1.2])).toThrow(/p-value 2 of 2 is 1.2/);
  });

  it('never lower a p-value, and keep the order', () => {
    const ps = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(ps, (pValues) => {
        const strict = holm(pValues);
        pValues.forEach((p, i) => {
          expect(strict[i]).toBeGreaterThanOrEqual(p - 1e-15);
          expect(strict[i]).toBeLessThanOrEqual(1);
          pValues.forEach((q, j) => {
            if (p < q) expect(strict[i]).toBeLessThanOrEqual(strict[j]!);
          });
        });
      }),
    );
  });
});
