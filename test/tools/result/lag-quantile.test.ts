/** Quantiles of lag with those counted in that are still there. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lagQuantileNs, type LagFigure } from '../../../tools/result/lag-quantile.js';

type Entry = Parameters<typeof lagQuantileNs>[0];

const SAMPLE_MS = 100;

const SHARES = { p50Ns: 0.5, p99Ns: 0.99, maxNs: 1 } as const;
const FIGURES = ['p50Ns', 'p99Ns', 'maxNs'] as const;

function quantile(sorted: readonly number[], figure: LagFigure): number | null {
  return sorted[Math.ceil(SHARES[figure] * sorted.length) - 1] ?? null;
}

/** Connections by when they expired and were removed, in milliseconds of a run of `endMs`; sampled as a run samples its table. */
function entryOf(
  ends: readonly { expiredMs: number; lateMs: number }[],
  endMs: number,
  timeScale = 1,
): Entry {
  const expired = ends.filter(({ expiredMs }) => expiredMs <= endMs);
  const lags = expired
    .filter(({ expiredMs, lateMs }) => expiredMs + lateMs <= endMs)
    .map(({ lateMs }) => lateMs * timeScale * 1e6)
    .toSorted((a, b) => a - b);
  const staleTimeline = [];
  for (let tMs = 0; tMs <= endMs; tMs += SAMPLE_MS) {
    const present = expired.filter(({ expiredMs, lateMs }) => expiredMs <= tMs && expiredMs + lateMs > tMs);
    staleTimeline.push({ tMs, expiredPresent: present.length });
  }
  const figures = Object.fromEntries(FIGURES.map((figure) => [figure, quantile(lags, figure)]));
  const lag = lags.length === 0 ? null : { count: lags.length, ...figures };
  return { expiry: { lag, staleTimeline }, clock: 'wall', timeScale } as unknown as Entry;
}

/** What the quantile is, were every connection followed to its end. */
function trueLagNs(
  ends: readonly { expiredMs: number; lateMs: number }[],
  endMs: number,
  figure: LagFigure,
): number {
  const lags = ends
    .filter(({ expiredMs }) => expiredMs <= endMs)
    .map(({ lateMs }) => lateMs * 1e6)
    .toSorted((a, b) => a - b);
  return quantile(lags, figure) ?? 0;
}

describe.each(FIGURES)('%s of lag', (figure) => {
  it('is that of the removed where the others are few', () => {
    const ends = Array.from({ length: 1000 }, (_, i) => ({ expiredMs: i, lateMs: i % 50 }));
    expect(lagQuantileNs(entryOf(ends, 3000), figure)).toBe(
      { p50Ns: 24e6, p99Ns: 49e6, maxNs: 49e6 }[figure],
    );
  });

  it('is as long as most have been waiting where a design removes next to none, in tracker time', () => {
    // As the old lists do when a long timeout stands before a short one.
    const ends = Array.from({ length: 3000 }, (_, i) => ({ expiredMs: i, lateMs: i < 32 ? 4 : 1e9 }));
    const lagNs = lagQuantileNs(entryOf(ends, 3000, 40), figure) as number;
    expect(lagNs).toBeGreaterThan(40 * { p50Ns: 1300e6, p99Ns: 2700e6, maxNs: 2700e6 }[figure]);
    expect(lagNs).toBeLessThanOrEqual(40 * { p50Ns: 1500e6, p99Ns: 3000e6, maxNs: 3000e6 }[figure]);
  });

  it('is not guessed by the time of a capture, nor made of nothing', () => {
    const ends = Array.from({ length: 3000 }, (_, i) => ({ expiredMs: i, lateMs: i < 32 ? 4 : 1e9 }));
    expect(lagQuantileNs({ ...entryOf(ends, 3000), clock: 'capture' }, figure)).toBe(4e6);
    expect(
      lagQuantileNs({ expiry: null, clock: 'wall', timeScale: 1 } as unknown as Entry, figure),
    ).toBeNull();
  });

  it('property: never above that of the removed and the true one', () => {
    const end = fc.record({
      expiredMs: fc.integer({ min: 0, max: 2500 }),
      lateMs: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 5000 })),
    });
    fc.assert(
      fc.property(fc.array(end, { minLength: 1, maxLength: 300 }), (ends) => {
        const entry = entryOf(ends, 2000);
        const ofRemovedNs = entry.expiry?.lag?.[figure] ?? 0;
        const lagNs = lagQuantileNs(entry, figure) ?? 0;
        expect(lagNs).toBeGreaterThanOrEqual(ofRemovedNs);
        expect(lagNs).toBeLessThanOrEqual(Math.max(ofRemovedNs, trueLagNs(ends, 2000, figure)));
      }),
    );
  });
});
