import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  figureOf,
  holds,
  parseObjective,
  rateToBeginWith,
  searchRate,
} from '../../../tools/replay/rate-search.js';
import type { ResultCase } from '../../../tools/result/schema.js';

/** A machine that keeps up to `capacity` packets per second: beyond, latency grows and packets are late. */
function runAt(pps: number, capacity: number): ResultCase {
  const load = pps / capacity;
  const p99Ns = load < 1 ? 1000 / (1 - load) : 1e9;
  return {
    pacing: { mode: 'pps', targetPps: pps, achievedPps: Math.min(pps, capacity) },
    packets: { injected: 100_000, verdicts: {} },
    latency: { mode: 'all', response: { overall: { count: 100_000, p99Ns } } },
  } as unknown as ResultCase;
}

describe('objectives', () => {
  it('are parsed with their units', () => {
    expect(parseObjective('p99<50us,loss=0')).toEqual([
      { figure: 'p99', comparison: '<', bound: 50_000 },
      { figure: 'loss', comparison: '=', bound: 0 },
    ]);
    expect(parseObjective('service.p99.9<=1.5ms')[0]).toEqual({
      figure: 'service.p99.9',
      comparison: '<=',
      bound: 1.5e6,
    });
    expect(parseObjective('loss<0.1%')[0]?.bound).toBeCloseTo(0.001, 12);
  });

  it.each(['', 'p99', 'p99<50', 'p98<5us', 'loss<5us', 'p99=5us', 'p99<5us;loss=0'])('refuse %j', (text) => {
    expect(() => parseObjective(text)).toThrow(RangeError);
  });

  it('allow the same noise in every comparison of loss: what holds the stricter holds the laxer', () => {
    const ladder = ['loss=0', 'loss<=0', 'loss<0.1%', 'loss<=0.3%', 'loss<1%', 'loss=2%'];
    for (const loss of [0, 0.002, 0.0049, 0.0052, 0.007, 0.012, 0.03]) {
      const held = ladder.map((text) => holds(parseObjective(text), runAt(1e6, 1e6 * (1 - loss))));
      expect(held, `${loss}`).toEqual(held.toSorted((a, b) => Number(a) - Number(b)));
    }
    expect(holds(parseObjective('loss<0.3%'), runAt(1e6, 0.996e6))).toBe(true);
    expect(holds(parseObjective('loss<0.3%'), runAt(1e6, 0.99e6))).toBe(false);
  });

  it('a figure that was not measured does not hold', () => {
    const run = { pacing: {}, packets: { injected: 1 } } as unknown as ResultCase;
    expect(figureOf('p99', run)).toBeNull();
    expect(holds(parseObjective('p99<1s'), run)).toBe(false);
  });
});

describe('the search', () => {
  it('ends within the precision of the highest rate that holds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0.05, max: 1, noNaN: true }), async (share) => {
        const capacity = 1e6 * share;
        // p99 below 10 us: load below 0.9.
        const outcome = await searchRate(
          parseObjective('p99<10us,loss=0'),
          { highest: 1e6, precision: 0.02, maxSteps: 40 },
          async (pps) => runAt(pps, capacity),
        );
        const limit = 0.9 * capacity;
        expect(outcome.best).not.toBeNull();
        expect(outcome.best as number).toBeLessThan(limit);
        expect(outcome.best as number).toBeGreaterThan(limit / 1.021);
        expect(outcome.steps.some((step) => !step.held)).toBe(true);
      }),
    );
  });

  it('says so when no rate holds, and when the highest does', async () => {
    const bounds = { highest: 1e6, precision: 0.05, maxSteps: 30 };
    const never = await searchRate(parseObjective('p99<10ns'), bounds, async (pps) => runAt(pps, 1e9));
    expect(never.best).toBeNull();
    const always = await searchRate(parseObjective('p99<1s'), bounds, async (pps) => runAt(pps, 1e9));
    expect(always.best).toBe(1e6);
    expect(always.steps).toHaveLength(1);
  });
});

describe('the rate that a search begins with', () => {
  it('is what top speed reached, and is refused where no packet was replayed', () => {
    expect(rateToBeginWith('new', runAt(5000, 1000), 50)).toBe(1000);
    for (const achievedPps of [0, null]) {
      const run = { pacing: { mode: 'topspeed', achievedPps } } as unknown as ResultCase;
      expect(() => rateToBeginWith('new', run, 50)).toThrow(
        'new: 50 ms at top speed ended before a packet was replayed, so there is no rate to begin the search with',
      );
    }
  });
});
