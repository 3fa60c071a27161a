import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { studentQuantile, studentTwoSided } from '../../../tools/stats/student-t.js';
import { confidencePerLook, decide, wantsMoreTrials, type Verdict } from '../../../tools/stats/verdict.js';

describe("Student's t", () => {
  it('has the tabulated quantiles', () => {
    // SciPy 1.17.
    const table: [number, number, number, number][] = [
      [1, 1, 12.706204736174694, 63.656741162871526],
      [2, 0.8164965809277261, 4.302652729749462, 9.924843200918287],
      [3, 0.7648923284043444, 3.1824463052837078, 5.840909309733355],
      [4, 0.7406970841126829, 2.7764451051977934, 4.604094871349992],
      [9, 0.7027221467513264, 2.262157162798205, 3.249835541592126],
      [30, 0.6827556933212927, 2.0422724563012378, 2.7499956535672254],
      [101, 0.6769265959592855, 1.983731002955606, 2.6253859646684408],
    ];
    for (const [degrees, half, usual, strict] of table) {
      expect(studentQuantile(0.5, degrees)).toBeCloseTo(half, 9);
      expect(studentQuantile(0.95, degrees)).toBeCloseTo(usual, 9);
      expect(studentQuantile(0.99, degrees)).toBeCloseTo(strict, 8);
      expect(studentTwoSided(usual, degrees)).toBeCloseTo(0.95, 12);
    }
    expect(() => studentQuantile(1, 3)).toThrow(/confidence 1/);
    expect(() => studentTwoSided(1, 0)).toThrow(/degrees of freedom are 0/);
  });

  it('is interpolated between whole degrees', () => {
    // By numerical integration of the density.
    for (const [degrees, usual] of [
      [2.5, 3.5747],
      [3.7, 2.8675],
      [7.2, 2.3514],
    ] as const) {
      expect(Math.abs(studentQuantile(0.95, degrees) / usual - 1)).toBeLessThan(0.01);
    }
  });
});

const at = (value: number, low: number, high: number) => ({
  value,
  interval: { low, high, confidence: 0.95 },
});
const time = { direction: 'lower-is-better', threshold: 0.05 } as const;

describe('verdict', () => {
  it('follows the interval, not the value', () => {
    expect(decide(at(1.1, 1.06, 1.14), time)).toMatchObject({ verdict: 'regression', improved: false });
    expect(decide(at(1.1, 1.04, 1.16), time).verdict).toBe('inconclusive');
    expect(decide(at(1.01, 0.99, 1.03), time)).toMatchObject({ verdict: 'pass', improved: false });
    expect(decide(at(0.8, 0.78, 0.82), time)).toMatchObject({ verdict: 'pass', improved: true });
    expect(decide({ value: 2, interval: null }, time).verdict).toBe('inconclusive');
    expect(decide(at(1.1, 1.06, 1.14), time).text).toBe(
      '6.0% to 14.0% worse (95% interval), more than the 5.0% allowed',
    );
  });

  it('turns rates over', () => {
    const rate = { direction: 'higher-is-better', threshold: 0.05 } as const;
    expect(decide(at(0.8, 0.78, 0.82), rate)).toMatchObject({ verdict: 'regression' });
    expect(decide(at(1.2, 1.15, 1.25), rate)).toMatchObject({ verdict: 'pass', improved: true });
    expect(decide(at(0.8, 0.78, 0.82), rate).worseBy.value).toBeCloseTo(1.25, 12);
  });

  it('is exactly one of three, and a slower head never turns a regression into a pass', () => {
    const rank: Record<Verdict, number> = { pass: 0, inconclusive: 1, regression: 2 };
    fc.assert(
      fc.property(
        fc.double({ min: 0.5, max: 2, noNaN: true }),
        fc.double({ min: 0, max: 0.3, noNaN: true }),
        fc.double({ min: 1, max: 2, noNaN: true }),
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        (value, width, factor, threshold) => {
          const options = { direction: 'lower-is-better', threshold } as const;
          const first = decide(at(value, value * (1 - width), value * (1 + width)), options);
          const slower = decide(
            at(value * factor, value * factor * (1 - width), value * factor * (1 + width)),
            options,
          );
          expect(rank[slower.verdict]).toBeGreaterThanOrEqual(rank[first.verdict]);
        },
      ),
    );
  });

  it('refuses nonsense', () => {
    expect(() => decide(at(1, -1, 2), time)).toThrow(/ratio -1/);
    expect(() => decide(at(1, 1, 1), { ...time, threshold: -1 })).toThrow(/threshold -1/);
  });

  it('shares the permitted error between looks', () => {
    expect(confidencePerLook(0.95, 1)).toBe(0.95);
    expect(confidencePerLook(0.95, 5)).toBeCloseTo(0.99, 12);
    expect(() => confidencePerLook(0.95, 0)).toThrow(/0 looks/);
    const result = decide(at(1.1, 1.04, 1.16), time);
    expect(wantsMoreTrials({ looks: 1, maxLooks: 3, last: result })).toBe(true);
    expect(wantsMoreTrials({ looks: 3, maxLooks: 3, last: result })).toBe(false);
    expect(wantsMoreTrials({ looks: 1, maxLooks: 3, last: decide(at(1, 1, 1), time) })).toBe(false);
    expect(wantsMoreTrials({ looks: 0, maxLooks: 3, last: null })).toBe(true);
  });
});
