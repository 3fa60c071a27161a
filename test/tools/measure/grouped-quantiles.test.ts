import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupedQuantiles, type CountedBin } from '../../../tools/measure/grouped-quantiles.js';
import {
  clampedCountsIndex,
  countsLength,
  LATENCY_CONFIG,
  highestValueFromIndex,
  valueFromIndex,
} from '../../../tools/measure/log-linear.js';
import { summarize, toHistogram } from '../../../tools/measure/latency-summary.js';
import { Random } from '../../../tools/random/random.js';

const SHARES = [0.5, 0.9, 0.99, 0.999];

/** What a clock with this step shows of times that begin anywhere between its steps. */
function readings(timesNs: readonly number[], stepNs: number, random: Random): number[] {
  return timesNs.map((time) => {
    const from = random.real() * 1e6;
    return Math.floor(Math.floor((from + time) / stepNs) * stepNs - Math.floor(from / stepNs) * stepNs);
  });
}

function countsOf(values: readonly number[]): Float64Array {
  const counts = new Float64Array(countsLength(LATENCY_CONFIG));
  for (const value of values) {
    const index = clampedCountsIndex(LATENCY_CONFIG, value);
    counts[index] = (counts[index] as number) + 1;
  }
  return counts;
}

function cellsOf(counts: Float64Array): CountedBin[] {
  return [...counts].flatMap((count, index) =>
    count === 0
      ? []
      : [
          {
            lowNs: valueFromIndex(LATENCY_CONFIG, index),
            highNs: highestValueFromIndex(LATENCY_CONFIG, index),
            count,
          },
        ],
  );
}

/** Times around `medianNs`, log-normal. */
function times(medianNs: number, count: number, random: Random, spread = 0.3): number[] {
  return Array.from({ length: count }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random.real())) * Math.cos(2 * Math.PI * random.real());
    return medianNs * Math.exp(spread * normal);
  });
}

const exactQuantile = (ascending: readonly number[], share: number): number =>
  ascending[Math.ceil(share * ascending.length) - 1] as number;

describe('quantiles of what a clock rounded', () => {
  it('are within a step and a half, or a thousandth, of the true ones', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 30, max: 50_000 }),
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 1000 }),
        (medianNs, stepNs, seed) => {
          const random = new Random(seed);
          const truth = times(medianNs, 4000, random);
          const ascending = truth.toSorted((a, b) => a - b);
          const found = groupedQuantiles(cellsOf(countsOf(readings(truth, stepNs, random))), SHARES, stepNs);
          SHARES.forEach((share, i) => {
            const exact = exactQuantile(ascending, share);
            expect(Math.abs((found[i] as number) - exact)).toBeLessThanOrEqual(
              1.5 * stepNs + exact * 1e-3 + 1,
            );
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('show a difference of one percent that the readings do not', () => {
    const random = new Random(7);
    const stepNs = 10;
    const medians = [0, 1].map((faster) => {
      const truth = times(560 * (1 - 0.01 * faster), 100_000, random, 0.05);
      const counts = countsOf(readings(truth, stepNs, random));
      const [grouped] = groupedQuantiles(cellsOf(counts), [0.5], stepNs);
      return { grouped: grouped as number, read: toHistogram(counts).getValueAtPercentile(50) };
    });
    // 560 and 554.4 are the same reading, or 10 ns apart.
    const [slow, fast] = medians as [(typeof medians)[0], (typeof medians)[0]];
    expect([0, 10]).toContain(slow.read - fast.read);
    expect(fast.grouped / slow.grouped).toBeGreaterThan(0.988);
    expect(fast.grouped / slow.grouped).toBeLessThan(0.992);
    expect(Math.abs(slow.grouped - 560)).toBeLessThan(1);
  });

  it('ascend, and stay inside minimum and maximum', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 200_000 }), { minLength: 1, maxLength: 200 }),
        fc.integer({ min: 1, max: 500 }),
        (values, stepNs) => {
          const counts = countsOf(values);
          const minNs = Math.min(...values);
          const maxNs = Math.max(...values);
          const sumNs = BigInt(values.reduce((sum, value) => sum + value, 0));
          const exact = { count: BigInt(values.length), sumNs, minNs, maxNs, overflows: 0n };
          const figures = summarize(toHistogram(counts, LATENCY_CONFIG, exact), exact, stepNs);
          const ladder = [
            figures.minNs,
            figures.p50Ns,
            figures.p75Ns,
            figures.p90Ns,
            figures.p99Ns,
            figures.p999Ns,
            figures.p9999Ns,
            figures.maxNs,
          ] as number[];
          ladder.forEach((value, i) => expect(value).toBeGreaterThanOrEqual(ladder[i - 1] ?? 0));
          expect(figures.stepNs).toBe(stepNs);
        },
      ),
    );
  });

  it('of nothing are nothing', () => {
    expect(groupedQuantiles([], SHARES, 10)).toEqual([null, null, null, null]);
  });
});
