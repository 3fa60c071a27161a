/** Student's t, against the closed forms that it has for few degrees, and far into its tail. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareSessions, sessionTest } from '../../../tools/stats/session-estimate.js';
import { studentBeyond, studentQuantile, studentTwoSided } from '../../../tools/stats/student-t.js';

const degrees = fc.double({ min: 1, max: 300, noNaN: true });
const sizes = fc.double({ min: 1e-6, max: 1e12, noNaN: true });

describe('the tail of t', () => {
  it.each([1e-3, 0.5, 1, 6, 40, 1e3, 1e6, 1e9])('is what the closed forms give at %d', (t) => {
    const near = (found: number, right: number): void => {
      expect(Math.abs(found / right - 1)).toBeLessThan(1e-11);
    };
    near(studentBeyond(t, 1), (2 / Math.PI) * Math.atan(1 / t));
    const root = Math.sqrt(t * t + 2);
    near(studentBeyond(t, 2), 2 / (root * (root + t)));
  });

  it('has values of tables', () => {
    // Two-sided points of the usual table.
    expect(studentBeyond(2.447, 6)).toBeCloseTo(0.05, 4);
    expect(studentBeyond(5.959, 6)).toBeCloseTo(0.001, 5);
    expect(studentBeyond(1.96, 1e6)).toBeCloseTo(0.05, 4);
  });

  it('has, between whole degrees, the area that the density has', () => {
    // With t = exp(u) the tail is a smooth integral, summed to five digits; its constant is that for which the area of |T| > 0 is 1.
    const area = (from: number, each: number): number => {
      const step = 1e-3;
      let sum = 0;
      for (let u = Math.log(from); u < Math.log(from) + 60; u += step) {
        const t = Math.exp(u + step / 2);
        sum += step * t * (1 + (t * t) / each) ** (-(each + 1) / 2);
      }
      return sum;
    };
    for (const each of [1.1, 1.5, 2.5, 3.7, 17.3]) {
      const all = area(1e-9, each);
      for (const t of [0.1, 1, 4, 30]) {
        expect(Math.abs(studentBeyond(t, each) / (area(t, each) / all) - 1)).toBeLessThan(1e-4);
      }
    }
  });

  it('never leaves 0 to 1, where 1 less what is almost 1 did', () => {
    for (let each = 1; each <= 20; each++) {
      for (let t = 10; t < 1e6; t *= 1.1) {
        expect(studentBeyond(t, each)).toBeGreaterThan(0);
        expect(studentTwoSided(t, each)).toBeLessThanOrEqual(1);
      }
    }
  });

  it('property: is a probability, and falls with t and with the degrees', () => {
    fc.assert(
      fc.property(sizes, degrees, fc.double({ min: 1.01, max: 10, noNaN: true }), (t, each, factor) => {
        const beyond = studentBeyond(t, each);
        expect(beyond).toBeGreaterThanOrEqual(0);
        expect(beyond).toBeLessThanOrEqual(1);
        expect(studentBeyond(-t, each)).toBe(beyond);
        expect(studentBeyond(t * factor, each)).toBeLessThanOrEqual(beyond * (1 + 1e-12));
        expect(studentTwoSided(t, each)).toBeGreaterThanOrEqual(0);
        expect(studentTwoSided(t, each)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('property: the quantile is where it says', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 0.9999, noNaN: true }), degrees, (confidence, each) => {
        expect(studentTwoSided(studentQuantile(confidence, each), each)).toBeCloseTo(confidence, 9);
      }),
    );
  });
});

describe('p-values of sessions', () => {
  it('are above 0, however far apart the sessions are', () => {
    const scatter = [0.001, -0.002, 0.003, -0.001, 0.002, -0.003, 0.0015];
    for (let distance = 0.01; distance < 1e3; distance *= 1.1) {
      const head = scatter.map((value) => value + distance);
      for (const pValue of [
        sessionTest(head.map((value) => [value])).pValue,
        compareSessions(scatter, head)?.pValue,
      ]) {
        expect(pValue).toBeGreaterThan(0);
        expect(pValue).toBeLessThanOrEqual(1);
      }
    }
  });
});
