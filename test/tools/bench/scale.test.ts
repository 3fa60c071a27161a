import { describe, expect, it } from 'vitest';
import { fitCases } from '../../../tools/bench/scale.js';
import { workerCounts } from '../../../tools/commands/scale.js';
import type { ResultCase } from '../../../tools/result/schema.js';
import { uslThroughput } from '../../../tools/stats/scalability.js';
import { normal, Random } from '../stats/samples.js';

function caseOf(workers: number, pps: number, trial: number, cpuWaitShare = 0): ResultCase {
  const packets = 1_000_000;
  const elapsedNs = (packets / pps / (1 - cpuWaitShare)) * 1e9;
  const probedNs = elapsedNs / 0.6;
  return {
    id: `established/d/w${workers}/topspeed`,
    trial,
    kind: 'bench',
    design: 'd',
    build: 'probed',
    input: { type: 'scenario', name: 'established' },
    workers,
    pacing: { mode: 'topspeed', achievedPps: pps * (1 - cpuWaitShare) * 0.6 },
    batch: 32,
    steer: 'rss',
    clock: 'wall',
    elapsedNs: probedNs,
    packets: { injected: packets, verdicts: { est: packets } },
    perWorker: Array.from({ length: workers }, (_, worker) => ({
      worker,
      packets: packets / workers,
      elapsedNs: probedNs,
      waitNs: probedNs * cpuWaitShare,
    })),
    // The probed run beside it is 40 % slower, which is not to be seen in the fit.
    throughput: {
      build: 'bare',
      timed: false,
      pps: pps * (1 - cpuWaitShare),
      packets,
      elapsedNs,
      workerNsPerPacket: (workers * 1e9) / pps,
      cpuWaitShare,
    },
    lockWaitShare: 0.1,
    cpuWaitShare,
    audit: [{ name: 'verdict-sum', ok: true }],
  };
}

const LAW = { lambda: 1e6, sigma: 0.1, kappa: 0.01 };

function series(workers: readonly number[], cpuWaitShare = 0): ResultCase[] {
  const random = new Random(4);
  return workers.flatMap((n) =>
    Array.from({ length: 5 }, (_, trial) =>
      caseOf(n, uslThroughput(LAW, n) * (1 + 0.01 * normal(random)), trial, cpuWaitShare),
    ),
  );
}

describe('fitCases', () => {
  it('says so of results whose throughput is that of the probed build', () => {
    const old = series([1, 2, 4]).map(({ throughput: _none, ...entry }): ResultCase => entry);
    const [result] = fitCases(old, 4);
    expect(result?.notes.join(' ')).toContain(
      'not to be compared between designs: it is that of the probed build',
    );
    expect(result?.scaling.build).toBe('probed');
    expect(result?.scaling.points[0]?.pps).toBeCloseTo(0.6 * LAW.lambda, -5);
  });

  it('finds the law that made the throughputs, with intervals around it', () => {
    const [result] = fitCases(series([1, 2, 3, 4, 6, 8]), 8);
    const fit = result?.scaling.fit;
    expect(fit?.sigma?.value).toBeCloseTo(0.1, 1);
    expect(fit?.kappa?.value).toBeCloseTo(0.01, 2);
    expect(fit?.peakWorkers?.value).toBeCloseTo(Math.sqrt(0.9 / 0.01), -0.5);
    expect(fit?.sigma?.low ?? 1).toBeLessThan(fit?.sigma?.value ?? 0);
    expect(fit?.sigma?.high ?? 0).toBeGreaterThan(fit?.sigma?.value ?? 1);
    expect(result?.notes).toEqual([]);
    expect(result?.scaling.points.filter((point) => point.measured)).toHaveLength(6);
    expect(result?.scaling.points.filter((point) => !point.measured).map((point) => point.workers)).toEqual([
      16, 32, 64, 128,
    ]);
  });

  it('does not call more workers than cores a measurement, and does not fit them', () => {
    const honest = fitCases(series([1, 2, 3, 4]), 4)[0];
    // On four cores, eight workers cannot be faster; a fit over them would invent contention.
    const crowded = fitCases([...series([1, 2, 3, 4]), caseOf(8, 1000, 0)], 4)[0];
    expect(crowded?.scaling.fit).toEqual(honest?.scaling.fit);
    const eight = crowded?.scaling.points.find((point) => point.workers === 8);
    expect(eight).toMatchObject({ measured: false, oversubscribed: true });
    expect(crowded?.notes.join()).toContain('8 workers on 4 cores are no measurement of scaling');
  });

  it('leaves out the time without a CPU, and says when it was long', () => {
    const calm = fitCases(series([1, 2, 3, 4]), 4)[0];
    const starved = fitCases(series([1, 2, 3, 4], 0.5), 4)[0];
    expect(starved?.scaling.fit?.sigma?.value).toBeCloseTo(calm?.scaling.fit?.sigma?.value ?? 0, 6);
    expect(starved?.notes.join()).toContain('no CPU for 50 %');
  });

  it('fits Amdahl’s law to two numbers of workers and predicts nothing from it', () => {
    const [result] = fitCases(series([1, 2]), 2);
    expect(result?.fit?.model).toBe('amdahl');
    expect(result?.scaling.fit?.peakWorkers ?? null).toBeNull();
    expect(result?.scaling.points.every((point) => point.measured)).toBe(true);
    expect(result?.notes.join()).toContain('Amdahl');
  });

  it('says why there is no fit of one number of workers', () => {
    const [result] = fitCases(series([1]), 1);
    expect(result?.fit).toBeNull();
    expect(result?.notes.join()).toContain('a fit needs at least two');
  });
});

describe('workerCounts', () => {
  it('is every number up to 8, then wider, and always the last', () => {
    expect(workerCounts(1)).toEqual([1]);
    expect(workerCounts(2)).toEqual([1, 2]);
    expect(workerCounts(8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(workerCounts(16)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 10, 13, 16]);
  });
});
