import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signedRank, smallestSignedRankP } from '../../../tools/stats/signed-rank.js';
import { normal, Random } from './samples.js';

/** Two-sided p-value by trying all signs. */
function byEnumeration(differences: readonly number[]): number {
  const sizes = differences.filter((d) => d !== 0).map(Math.abs);
  const rank = sizes.map(
    (size) =>
      sizes.filter((other) => other < size).length + (sizes.filter((other) => other === size).length + 1) / 2,
  );
  const total = rank.reduce((sum, r) => sum + r, 0);
  const signs = differences.filter((d) => d !== 0).map((d) => d > 0);
  const observed = rank.reduce((sum, r, i) => sum + (signs[i] === true ? r : 0), 0);
  const lower = Math.min(observed, total - observed);
  let extreme = 0;
  for (let mask = 0; mask < 2 ** rank.length; mask++) {
    const sum = rank.reduce((so, r, i) => so + ((mask >> i) & 1 ? r : 0), 0);
    if (sum <= lower + 1e-9) extreme++;
  }
  return Math.min(1, (2 * extreme) / 2 ** rank.length);
}

describe('signedRank', () => {
  it('agrees with the published table', () => {
    // One negative difference of the smallest size among ten: T = 1, P(T <= 1) = 2/1024 one-sided.
    expect(signedRank([-1, 2, 3, 4, 5, 6, 7, 8, 9, 10]).pValue).toBeCloseTo(4 / 1024, 12);
    // n = 10, T = 8 is the largest rank sum with a two-sided p below 0.05 (p = 0.0488).
    expect(signedRank([-1, 2, 3, 4, 5, 6, -7, 8, 9, 10]).pValue).toBeCloseTo(0.048828125, 9);
  });

  it('agrees with trying all signs, ties and zeros included', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -6, max: 6 }), { minLength: 1, maxLength: 10 }),
        (differences) => {
          const expected = differences.every((d) => d === 0) ? 1 : byEnumeration(differences);
          expect(signedRank(differences).pValue).toBeCloseTo(expected, 9);
        },
      ),
      { numRuns: 100, seed: 3 },
    );
  });

  it('does not depend on sign or scale', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -999, max: 999 }), { minLength: 1, maxLength: 40 }),
        (differences) => {
          const { pValue } = signedRank(differences);
          expect(signedRank(differences.map((d) => -d)).pValue).toBeCloseTo(pValue, 9);
          expect(signedRank(differences.map((d) => d * 0.001)).pValue).toBeCloseTo(pValue, 9);
        },
      ),
    );
  });

  it('the normal form takes over without a step', () => {
    const random = new Random(5);
    const long = Array.from({ length: 201 }, () => normal(random) + 0.15);
    const exact = signedRank(long.slice(0, 200)).pValue;
    const approximate = signedRank(long).pValue;
    expect(Math.abs(Math.log(approximate / exact))).toBeLessThan(0.7);
  });

  it('needs six pairs to reach 0.05', () => {
    expect(smallestSignedRankP(5)).toBeGreaterThan(0.05);
    expect(smallestSignedRankP(6)).toBeLessThan(0.05);
    expect(signedRank([1, 2, 3, 4, 5, 6]).pValue).toBe(smallestSignedRankP(6));
    expect(signedRank([0, 0])).toEqual({ positiveRankSum: 0, n: 0, pValue: 1 });
    expect(() => signedRank([])).toThrow(RangeError);
  });
});
