import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Estimate } from '../../../tools/stats/interval.js';
import { pairedRatio, ratioOfMedians, type PairedBlock } from '../../../tools/stats/ratio.js';
import { median } from '../../../tools/stats/sample.js';
import { studentQuantile, studentTwoSided } from '../../../tools/stats/student-t.js';
import { confidencePerLook, decide, wantsMoreTrials, type Verdict } from '../../../tools/stats/verdict.js';
import { normal, Random, trials } from './samples.js';

const positive = fc.array(fc.double({ min: 0.1, max: 1e6, noNaN: true }), { minLength: 2, maxLength: 12 });

/** Blocks with a drift that both designs share, head slower by `ratio`. */
function driftingBlocks(random: Random, count: number, ratio: number, noise: number): PairedBlock[] {
  let drift = 1;
  return Array.from({ length: count }, () => {
    drift *= Math.exp(0.1 * normal(random));
    const time = (scale: number): number => 100 * drift * scale * Math.exp(noise * normal(random));
    return { base: [time(1)], head: [time(ratio)] };
  });
}

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
});

describe('ratio of medians', () => {
  it('has the value of its definition and an interval around it', () => {
    fc.assert(
      fc.property(
        positive,
        positive,
        fc.nat(),
        fc.constantFrom('expanded' as const, 'percentile' as const, 'bca' as const),
        (base, head, seed, method) => {
          const { value, interval } = ratioOfMedians(base, head, {
            random: new Random(seed),
            resamples: 200,
            method,
          });
          expect(value).toBe(median(head) / median(base));
          expect(interval!.low).toBeLessThanOrEqual(interval!.high);
          expect(interval!.low).toBeGreaterThanOrEqual(Math.min(...head) / Math.max(...base) - 1e-12);
          expect(interval!.high).toBeLessThanOrEqual((Math.max(...head) / Math.min(...base)) * (1 + 1e-12));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('covers the true ratio about as often as it says, with five trials and with ten', () => {
    for (const [n, least] of [
      [5, 0.91],
      [10, 0.91],
    ] as const) {
      const random = new Random(n);
      let covered = 0;
      for (let run = 0; run < 200; run++) {
        const { interval } = ratioOfMedians(trials(random, n, 100, 0.1), trials(random, n, 120, 0.1), {
          random,
          resamples: 250,
        });
        if (interval!.low <= 1.2 && interval!.high >= 1.2) covered++;
      }
      expect(covered / 200).toBeGreaterThan(least);
    }
  });

  it('has no interval from one trial, and refuses values it cannot divide', () => {
    const random = new Random(1);
    expect(ratioOfMedians([2], [3, 4], { random })).toEqual({ value: 1.75, interval: null });
    expect(() => ratioOfMedians([0, 1], [1], { random })).toThrow(/base: value 1 is 0/);
    expect(() => pairedRatio([], { random })).toThrow(/no block/);
    expect(() => pairedRatio([{ base: [1], head: [] }], { random })).toThrow(/block 1, head is empty/);
    expect(pairedRatio([{ base: [2], head: [3] }], { random }).interval).toBeNull();
  });
});

const widthOf = ({ interval }: Estimate): number => interval!.high - interval!.low;

describe('ratio of interleaved trials', () => {
  it('is not widened by a drift that both designs share', () => {
    const blocks = driftingBlocks(new Random(2), 20, 1.05, 0.01);
    const paired = pairedRatio(blocks, { random: new Random(3) });
    const unpaired = ratioOfMedians(
      blocks.flatMap((block) => block.base),
      blocks.flatMap((block) => block.head),
      { random: new Random(3) },
    );
    expect(widthOf(paired)).toBeLessThan(widthOf(unpaired) / 3);
    expect(paired.interval!.low).toBeLessThanOrEqual(1.05);
    expect(paired.interval!.high).toBeGreaterThanOrEqual(1.05);
  });

  it('covers the true ratio about as often as it says', () => {
    const random = new Random(17);
    let covered = 0;
    for (let run = 0; run < 200; run++) {
      const { interval } = pairedRatio(driftingBlocks(random, 10, 0.9, 0.03), { random, resamples: 250 });
      if (interval!.low <= 0.9 && interval!.high >= 0.9) covered++;
    }
    expect(covered / 200).toBeGreaterThan(0.91);
  });

  it('turns over when base and head change places', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.constantFrom('ratio-of-medians' as const, 'median-of-ratios' as const),
        (seed, estimator) => {
          const blocks = driftingBlocks(new Random(seed), 7, 1.3, 0.05);
          const swapped = blocks.map(({ base, head }) => ({ base: head, head: base }));
          const options = { estimator, resamples: 100 };
          const there = pairedRatio(blocks, { ...options, random: new Random(seed) });
          const back = pairedRatio(swapped, { ...options, random: new Random(seed) });
          expect(there.value * back.value).toBeCloseTo(1, 9);
          const bca = pairedRatio(blocks, { ...options, method: 'bca', random: new Random(seed) });
          expect(bca.interval!.low).toBeLessThanOrEqual(bca.interval!.high);
        },
      ),
      { numRuns: 30 },
    );
  });
});

const at = (value: number, low: number, high: number) => ({
  value,
  interval: { low, high, confidence: 0.95 },
});
const time = { direction: 'lower-is-better', threshold: 0.05 } as const;

const gateVerdict = (ratio: number, seed: number): Verdict => {
  const random = new Random(seed);
  const confidence = confidencePerLook(0.95, 4);
  const blocks: PairedBlock[] = [];
  let state = { looks: 0, maxLooks: 4, last: null as ReturnType<typeof decide> | null };
  while (wantsMoreTrials(state)) {
    blocks.push(...driftingBlocks(random, 10, ratio, 0.03));
    const estimate = pairedRatio(blocks, { random, confidence, resamples: 300 });
    state = { ...state, looks: state.looks + 1, last: decide(estimate, time) };
  }
  return state.last!.verdict;
};
const verdicts = (ratio: number) => Array.from({ length: 40 }, (_, seed) => gateVerdict(ratio, seed));

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

  it('a gate that looks up to four times is rarely wrong either way', () => {
    const same = verdicts(1);
    const slower = verdicts(1.1);
    expect(same).not.toContain('regression');
    expect(same.filter((verdict) => verdict === 'pass').length).toBeGreaterThanOrEqual(37);
    expect(slower).not.toContain('pass');
    expect(slower.filter((verdict) => verdict === 'regression').length).toBeGreaterThanOrEqual(37);
  });
});
