/** p99 lag with those counted in that are still there. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lagP99Ns } from '../../../tools/result/lag-tail.js';

type Entry = Parameters<typeof lagP99Ns>[0];

const SAMPLE_MS = 100;

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
  const p99Ns = lags[Math.ceil(0.99 * lags.length) - 1] ?? null;
  const lag = lags.length === 0 ? null : { count: lags.length, p99Ns };
  return { expiry: { lag, staleTimeline }, clock: 'wall', timeScale } as unknown as Entry;
}

/** What the p99 is at least, were every connection followed to its end. */
function trueP99Ns(ends: readonly { expiredMs: number; lateMs: number }[], endMs: number): number {
  const lags = ends
    .filter(({ expiredMs }) => expiredMs <= endMs)
    .map(({ lateMs }) => lateMs * 1e6)
    .toSorted((a, b) => a - b);
  return lags[Math.ceil(0.99 * lags.length) - 1] ?? 0;
}

describe('p99 lag', () => {
  it('is that of the removed where the others are few', () => {
    const ends = Array.from({ length: 1000 }, (_, i) => ({ expiredMs: i, lateMs: i % 50 }));
    expect(lagP99Ns(entryOf(ends, 3000))).toBe(49e6);
  });

  it('is as long as most have been waiting where a design removes next to none, in tracker time', () => {
    // As the old lists do when a long timeout stands before a short one.
    const ends = Array.from({ length: 3000 }, (_, i) => ({ expiredMs: i, lateMs: i < 32 ? 4 : 1e9 }));
    const lagNs = lagP99Ns(entryOf(ends, 3000, 40)) as number;
    expect(lagNs).toBeGreaterThan(40 * 2700e6);
    expect(lagNs).toBeLessThanOrEqual(40 * 3000e6);
  });

  it('is not guessed by the time of a capture, nor made of nothing', () => {
    const ends = Array.from({ length: 3000 }, (_, i) => ({ expiredMs: i, lateMs: i < 32 ? 4 : 1e9 }));
    expect(lagP99Ns({ ...entryOf(ends, 3000), clock: 'capture' })).toBe(4e6);
    expect(lagP99Ns({ expiry: null, clock: 'wall', timeScale: 1 } as unknown as Entry)).toBeNull();
  });

  it('property: never above that of the removed and the true one', () => {
    const end = fc.record({
      expiredMs: fc.integer({ min: 0, max: 2500 }),
      lateMs: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 5000 })),
    });
    fc.assert(
      fc.property(fc.array(end, { minLength: 1, maxLength: 300 }), (ends) => {
        const entry = entryOf(ends, 2000);
        const ofRemovedNs = entry.expiry?.lag?.p99Ns ?? 0;
        const lagNs = lagP99Ns(entry) ?? 0;
        expect(lagNs).toBeGreaterThanOrEqual(ofRemovedNs);
        expect(lagNs).toBeLessThanOrEqual(Math.max(ofRemovedNs, trueP99Ns(ends, 2000)));
      }),
    );
  });
});
