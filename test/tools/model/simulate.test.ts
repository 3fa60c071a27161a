import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LockDiscipline, ModelParameters } from '../../../tools/model/parameters.js';
import { simulate } from '../../../tools/model/simulate.js';
import { fifoThroughput } from './closed-form.js';

const FIFO: LockDiscipline = { kind: 'fifo' };
const MUTEX: LockDiscipline = {
  kind: 'spin-then-sleep',
  firstPauseNs: 500,
  longestPauseNs: 4000,
  maxSpins: 100,
  wakeNs: 50_000,
  notifyNs: 2000,
};

/** Waits as glibc's mutex makes them: short pauses with a jitter, and soon to sleep. */
const GLIBC: LockDiscipline = { ...MUTEX, firstPauseNs: 25, longestPauseNs: 400, pauseNs: 25 };

/** A design that takes ct_lock once per packet. */
function design(overrides: Partial<ModelParameters> = {}): ModelParameters {
  return {
    work: { meanNs: 900, spread: 'fixed' },
    ctPerPacket: 1,
    ctHold: { meanNs: 100, spread: 'fixed' },
    connections: null,
    sweeper: null,
    discipline: FIFO,
    ...overrides,
  };
}

describe('without locks', () => {
  it('throughput is workers / work', () => {
    for (const workers of [1, 2, 7, 128]) {
      const point = simulate(design({ ctPerPacket: 0 }), workers, { seed: 1, packets: 20_000 });
      expect(point.pps / (workers * (1e9 / 900))).toBeCloseTo(1, 2);
      expect(point.waitShare).toBe(0);
      expect(point.ctUtilisation).toBe(0);
    }
  });
});

describe('one worker', () => {
  it('never waits, and a packet takes its work and its holds', () => {
    for (const discipline of [FIFO, MUTEX, GLIBC]) {
      const point = simulate(design({ discipline, ctPerPacket: 2 }), 1, { seed: 1 });
      expect(point.pps / (1e9 / 1100)).toBeCloseTo(1, 3);
      expect(point.waitPerPacketNs).toBe(0);
      expect(point.contendedShare).toBe(0);
    }
  });

  it('takes a lock as often as the mean says when that is no whole number', () => {
    const point = simulate(design({ ctPerPacket: 0.25 }), 1, { seed: 1 });
    expect(point.pps / (1e9 / 925)).toBeCloseTo(1, 2);
  });
});

describe('several locks that take turns', () => {
  const half = { work: { meanNs: 100, spread: 'fixed' } } as const;

  it('let through as much more as there are, until the work bounds it', () => {
    const pps = (ctLocks: number | undefined): number =>
      simulate(design({ ...half, ...(ctLocks === undefined ? {} : { ctLocks }) }), 16, { seed: 1 }).pps;
    // One lock is a queue of holds: 1 / hold. With one, the draws are those of none given.
    expect(pps(1)).toBe(pps(undefined));
    expect(pps(1) / 1e7).toBeCloseTo(1, 2);
    expect(pps(4) / pps(1)).toBeGreaterThan(2.8);
    expect(pps(4) / pps(1)).toBeLessThanOrEqual(4.01);
    // Sixteen workers of which each takes 200 ns a packet.
    expect(pps(1024) / 8e7).toBeGreaterThan(0.97);
    expect(pps(1024) / 8e7).toBeLessThanOrEqual(1.001);
  });

  it('are held for as long as one would be, between them', () => {
    const { ctUtilisation } = simulate(design({ ...half, ctLocks: 8 }), 1, { seed: 1 });
    expect(ctUtilisation).toBeCloseTo(0.5 / 8, 3);
  });

  it('are a whole number of at least 1', () => {
    expect(() => simulate(design({ ctLocks: 0 }), 1, { seed: 1 })).toThrow(/0 locks instead of ct_lock/);
    expect(() => simulate(design({ ctLocks: 1.5 }), 1, { seed: 1 })).toThrow(/1.5 locks/);
  });
});

describe('one lock, handed over in order', () => {
  it('with fixed times: linear up to the bound, then 1 / hold', () => {
    // Fixed times settle into a pattern without waiting while the lock is not full.
    for (const workers of [1, 2, 5, 10]) {
      const point = simulate(design(), workers, { seed: 3 });
      expect(point.pps / (workers * 1e6)).toBeCloseTo(1, 2);
    }
    for (const workers of [11, 20, 64]) {
      const point = simulate(design(), workers, { seed: 3 });
      expect(point.pps / 1e7).toBeCloseTo(1, 2);
      expect(point.ctUtilisation).toBeCloseTo(1, 2);
    }
  });

  it('with exponential times: the closed queueing network solved by mean value analysis', () => {
    const exponential = design({
      work: { meanNs: 900, spread: 'exponential' },
      ctHold: { meanNs: 100, spread: 'exponential' },
    });
    // Work is cut in two exponential pieces on both sides of the hold; only its mean matters at a delay station.
    for (const workers of [1, 2, 4, 8, 12, 16, 32]) {
      const point = simulate(exponential, workers, { seed: 5, packets: 120_000 });
      const expected = fifoThroughput(workers, 900, 100);
      expect(Math.abs(point.pps / expected.pps - 1)).toBeLessThan(0.02);
      expect(Math.abs(point.waitPerPacketNs - expected.waitNs)).toBeLessThan(0.03 * (1000 + expected.waitNs));
    }
  });

  it('two passes per packet halve the bound', () => {
    const point = simulate(design({ ctPerPacket: 2, work: { meanNs: 800, spread: 'fixed' } }), 64, {
      seed: 1,
    });
    expect(point.pps / 5e6).toBeCloseTo(1, 2);
  });
});

describe('the mutexes', () => {
  it('differ in what a wait costs: short pauses find a short hold’s end sooner', () => {
    const short = {
      ctHold: { meanNs: 100, spread: 'fixed' as const },
      work: { meanNs: 900, spread: { cv: 0.3 } },
    };
    const wait = (discipline: LockDiscipline): number => {
      const { waitPerPacketNs, contendedShare } = simulate(design({ ...short, discipline }), 2, { seed: 3 });
      return waitPerPacketNs / contendedShare;
    };
    expect(wait(GLIBC)).toBeLessThan(wait(MUTEX) / 2);
    // A hold that outlasts the pauses is slept through: a wake-up long.
    const long = simulate(design({ ctHold: { meanNs: 20_000, spread: 'fixed' }, discipline: GLIBC }), 2, {
      seed: 3,
    });
    expect(long.waitPerPacketNs).toBeGreaterThan(20_000);
  });
});

describe('bounds that hold for every discipline', () => {
  const parameters = fc.record({
    workNs: fc.integer({ min: 100, max: 5000 }),
    holdNs: fc.integer({ min: 10, max: 2000 }),
    ctPerPacket: fc.double({ min: 0.1, max: 3, noNaN: true }),
    workers: fc.integer({ min: 1, max: 32 }),
    discipline: fc.constantFrom(FIFO, { ...MUTEX, notifyNs: 0 }, { ...GLIBC, notifyNs: 0 }),
    cv: fc.double({ min: 0, max: 1, noNaN: true }),
    seed: fc.integer({ min: 0, max: 1000 }),
  });

  it('throughput is below 1 / hold and below the workers’ own speed; shares are shares', () => {
    fc.assert(
      fc.property(parameters, ({ workNs, holdNs, ctPerPacket, workers, discipline, cv, seed }) => {
        const point = simulate(
          design({
            work: { meanNs: workNs, spread: { cv } },
            ctHold: { meanNs: holdNs, spread: { cv } },
            ctPerPacket,
            // The cost of waking sleepers is neither work, hold nor wait.
            discipline,
          }),
          workers,
          { seed, packets: 3000 },
        );
        const packetNs = workNs + ctPerPacket * holdNs;
        // Random times need room: 3000 packets know their mean to a few per cent.
        expect(point.pps).toBeLessThanOrEqual((1e9 / (ctPerPacket * holdNs)) * 1.12);
        expect(point.pps).toBeLessThanOrEqual(((workers * 1e9) / packetNs) * 1.12);
        for (const share of [point.waitShare, point.ctUtilisation, point.contendedShare]) {
          expect(share).toBeGreaterThanOrEqual(0);
          expect(share).toBeLessThanOrEqual(1);
        }
        // Little's law: a worker's time is its packets' work, holds and waits.
        const perPacket = (workers * 1e9) / point.pps;
        expect(Math.abs(perPacket - (packetNs + point.waitPerPacketNs)) / perPacket).toBeLessThan(0.15);
      }),
      { numRuns: 40, seed: 11 },
    );
  });

  it('equal parameters and seed give the same point; another seed does not', () => {
    const random = design({ work: { meanNs: 700, spread: { cv: 0.5 } }, discipline: MUTEX });
    expect(simulate(random, 4, { seed: 9 })).toEqual(simulate(random, 4, { seed: 9 }));
    expect(simulate(random, 4, { seed: 10 }).pps).not.toBe(simulate(random, 4, { seed: 9 }).pps);
  });
});

describe('monotonicity', () => {
  const throughput = (overrides: Partial<ModelParameters>, workers = 8): number =>
    simulate(design({ work: { meanNs: 900, spread: { cv: 0.3 } }, ...overrides }), workers, { seed: 2 }).pps;

  it('more workers never lower the throughput of a queue', () => {
    const series = [1, 2, 4, 8, 16, 32, 64].map((workers) => throughput({}, workers));
    for (let i = 1; i < series.length; i++) {
      expect(series[i] as number).toBeGreaterThan((series[i - 1] as number) * 0.99);
    }
  });

  it('longer holds and more of them lower it', () => {
    for (const discipline of [FIFO, MUTEX, GLIBC]) {
      const byHold = [50, 100, 200, 400, 800].map((meanNs) =>
        throughput({ discipline, ctHold: { meanNs, spread: { cv: 0.3 } } }),
      );
      const byCount = [0.5, 1, 2, 3].map((ctPerPacket) => throughput({ discipline, ctPerPacket }));
      for (const series of [byHold, byCount]) {
        for (let i = 1; i < series.length; i++)
          expect(series[i] as number).toBeLessThan(series[i - 1] as number);
      }
    }
  });

  it('a sweeper that holds the lock longer costs more', () => {
    const bySweep = [1_000, 20_000, 80_000].map((meanNs) =>
      throughput({
        sweeper: { pauseNs: 100_000, holdsPerPass: 1, hold: { meanNs, spread: 'fixed' }, gapNs: 0 },
      }),
    );
    expect(bySweep[0] as number).toBeGreaterThan(bySweep[1] as number);
    expect(bySweep[1] as number).toBeGreaterThan(bySweep[2] as number);
  });

  it('a sweeper that holds the lock a share of the time leaves the workers the rest', () => {
    const hold = { meanNs: 50_000, spread: 'fixed' } as const;
    const sweeper = { pauseNs: 50_000, holdsPerPass: 1, hold, gapNs: 0 };
    const point = simulate(design({ sweeper, work: { meanNs: 0, spread: 'fixed' } }), 4, { seed: 1 });
    // The lock is full; the sweeper has it half of the time, and queues behind at most four workers.
    expect(point.pps / 5e6).toBeGreaterThan(0.97);
    expect(point.pps / 5e6).toBeLessThan(1.03);
  });
});

describe('locks of connections', () => {
  const connections = (popularity: readonly number[]): ModelParameters['connections'] => ({
    perPacket: 1,
    hold: { meanNs: 200, spread: 'fixed' },
    popularity,
  });

  it('one connection with all packets is a global lock', () => {
    const point = simulate(design({ ctPerPacket: 0, connections: connections([1]) }), 32, { seed: 1 });
    expect(point.pps / 5e6).toBeCloseTo(1, 1);
  });

  it('the more evenly packets are spread, the less they wait', () => {
    const waits = [[1], [0.5, 0.5], Array.from({ length: 8 }, () => 1 / 8), [1e-6]].map(
      (popularity) =>
        simulate(design({ ctPerPacket: 0, connections: connections(popularity) }), 8, { seed: 1 })
          .waitPerPacketNs,
    );
    for (let i = 1; i < waits.length; i++) expect(waits[i] as number).toBeLessThan(waits[i - 1] as number);
  });
});

describe('the mutex', () => {
  it('costs at least what handing over at once would', () => {
    for (const workers of [2, 4, 16]) {
      const times = { work: { meanNs: 500, spread: { cv: 0.3 } } } as const;
      const queue = simulate(design(times), workers, { seed: 4 });
      const mutex = simulate(design({ ...times, discipline: MUTEX }), workers, { seed: 4 });
      expect(mutex.pps).toBeLessThan(queue.pps);
      expect(mutex.waitPerPacketNs).toBeGreaterThan(queue.waitPerPacketNs);
    }
  });

  it('sleepers wake up: a lock that is held for long does not stop the run', () => {
    const point = simulate(design({ ctHold: { meanNs: 2_000_000, spread: 'fixed' }, discipline: MUTEX }), 4, {
      seed: 1,
      packets: 200,
    });
    expect(point.pps).toBeGreaterThan(0.8 * 500);
    expect(point.pps).toBeLessThanOrEqual(500 * 1.01);
  });
});

describe('what cannot be simulated', () => {
  it('is named', () => {
    expect(() => simulate(design(), 0, { seed: 1 })).toThrow('0 workers');
    expect(() => simulate(design({ ctPerPacket: Number.NaN }), 1, { seed: 1 })).toThrow(
      'acquisitions per packet is NaN',
    );
    expect(() =>
      simulate(design({ work: { meanNs: 0, spread: 'fixed' }, ctPerPacket: 0 }), 1, { seed: 1 }),
    ).toThrow('no time at all');
    expect(() =>
      simulate(
        design({
          connections: { perPacket: 1, hold: { meanNs: 1, spread: 'fixed' }, popularity: [0.9, 0.9] },
        }),
        1,
        { seed: 1 },
      ),
    ).toThrow('more than 1 in sum');
  });
});
