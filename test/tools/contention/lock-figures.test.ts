import { describe, expect, it } from 'vitest';
import {
  lockRound,
  longestHoldPerCleanedNs,
  meanHoldPerCleanedNs,
} from '../../../tools/contention/lock-figures.js';
import { summarize, toHistogram } from '../../../tools/measure/latency-summary.js';
import { countsIndex, countsLength, LOCK_CONFIG } from '../../../tools/measure/log-linear.js';
import type { Contention, Sweep } from '../../../tools/result/schema.js';

function ctLock(thread: string, changes: Partial<Contention>): Contention {
  return { class: 'ct_lock', thread, acquisitions: 0, contended: 0, spins: 0, futexWaits: 0, ...changes };
}

function sweep(cleaned: number, longestHoldNs: number | null): Sweep {
  return { startMs: 0, durationNs: 1e6, checked: cleaned, cleaned, longestHoldNs };
}

describe('contention of ct_lock', () => {
  it('is told per packet and per contended acquisition, from all threads together', () => {
    const counts = new Float64Array(countsLength(LOCK_CONFIG));
    const values = [...Array.from({ length: 98 }, () => 100), 5000, 5000];
    for (const value of values) counts[countsIndex(LOCK_CONFIG, value)]! += 1;
    const exact = {
      count: 100n,
      sumNs: BigInt(values.reduce((sum, value) => sum + value, 0)),
      minNs: 100,
      maxNs: 5000,
      overflows: 0n,
    };
    const { encoded } = summarize(toHistogram(counts, LOCK_CONFIG, exact), exact);
    const wait = { count: 100, avgNs: 198, encoded };
    const all = ctLock('all', { acquisitions: 400, contended: 100, futexWaits: 5, wait });
    const other = ctLock('worker-0', { acquisitions: 7 });
    const round = lockRound([other, { ...all, class: 'conn_lock', acquisitions: 9 }, all], 200);
    expect(round.ctLockPerPacket).toBe(2);
    expect(round.contendedShare).toBe(0.25);
    expect(round.waitMeanNs).toBe(198);
    expect(round.waitP50Ns).toBeCloseTo(100, -1);
    expect(round.waitP99Ns! / 5000).toBeCloseTo(1, 1);
    expect(round.sleepsPerContended).toBe(0.05);
  });

  it('is nothing rather than 0 where no lock was taken or none was contended', () => {
    const never = lockRound([], 100);
    expect(never).toMatchObject({ ctLockPerPacket: 0, contendedShare: null, waitP99Ns: null });
    const free = lockRound([ctLock('all', { acquisitions: 100 })], 100);
    expect(free).toMatchObject({ ctLockPerPacket: 1, contendedShare: 0, waitMeanNs: null });
    expect(free.sleepsPerContended).toBeNull();
  });
});

describe("the sweeper's mean hold", () => {
  it('is its whole hold time over all that it cleaned', () => {
    const locks = [
      ctLock('all', { hold: { totalNs: 9e9 } }),
      ctLock('sweeper', { acquisitions: 4, hold: { totalNs: 50_500 } }),
    ];
    expect(meanHoldPerCleanedNs([sweep(10, 5000), sweep(1000, null), sweep(0, 1)], locks)).toBe(50);
  });

  it('is null where nothing was cleaned or no hold was timed', () => {
    expect(meanHoldPerCleanedNs([sweep(0, 5000)], [ctLock('sweeper', { hold: { totalNs: 5 } })])).toBeNull();
    expect(meanHoldPerCleanedNs([sweep(5, null)], [ctLock('sweeper', { acquisitions: 5 })])).toBeNull();
  });
});

describe("the sweeper's longest hold", () => {
  it('counts for all that was cleaned in it where a pass is one hold', () => {
    const locks = [ctLock('sweeper', { acquisitions: 4 })];
    const sweeps = [sweep(10, 5000), sweep(1000, 200_000), sweep(0, 900_000), sweep(3, null)];
    expect(longestHoldPerCleanedNs(sweeps, locks)).toBe(200);
  });

  it('counts for one connection where the lock is taken for each', () => {
    const locks = [ctLock('sweeper', { acquisitions: 1010 })];
    expect(longestHoldPerCleanedNs([sweep(10, 5000), sweep(1000, 700)], locks)).toBe(5000);
  });

  it('is null where nothing was cleaned', () => {
    const locks = [ctLock('sweeper', { acquisitions: 2 })];
    expect(longestHoldPerCleanedNs([sweep(0, 5000)], locks)).toBeNull();
    expect(longestHoldPerCleanedNs([], [])).toBeNull();
  });
});
