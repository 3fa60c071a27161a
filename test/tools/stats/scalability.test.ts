import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fitParameters,
  fitScaling,
  splitByCores,
  uslPeakWorkers,
  uslThroughput,
  type ScalingPoint,
  type UslParameters,
} from '../../../tools/stats/scalability.js';
import { Random, trials } from './samples.js';

/** SPEC SDM91 on a SPARCcenter 2000 (Gunther 2007, table 4.1; also the demo data of the R package usl). */
const SDM91 = [
  [1, 64.9],
  [18, 995.9],
  [36, 1652.4],
  [72, 1853.2],
  [108, 1828.9],
  [144, 1775],
  [216, 1702.2],
] as const;

function pointsOf(
  truth: UslParameters,
  workers: readonly number[],
  random: Random,
  sigma = 0.02,
): ScalingPoint[] {
  return workers.map((n) => ({ workers: n, sessions: [trials(random, 9, uslThroughput(truth, n), sigma)] }));
}

describe('Universal Scalability Law', () => {
  it('recovers the parameters of exact data', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e3, max: 1e8, noNaN: true }),
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        fc.double({ min: 0, max: 0.1, noNaN: true }),
        (lambda, sigma, kappa) => {
          const workers = [1, 2, 4, 8, 16];
          const fit = fitParameters(
            workers,
            workers.map((n) => uslThroughput({ lambda, sigma, kappa }, n)),
            'usl',
          );
          expect(fit.lambda / lambda).toBeCloseTo(1, 6);
          expect(fit.sigma).toBeCloseTo(sigma, 6);
          expect(fit.kappa).toBeCloseTo(kappa, 6);
        },
      ),
    );
  });

  it('fits published data like a general non-negative solver', () => {
    // scipy.optimize.nnls on the same residuals, relative to the measurement. (With absolute residuals, which let the
    // six fast points decide, SciPy and the R package usl give lambda 89.995, sigma 0.02773, kappa 0.0001044.)
    const points = SDM91.map(([workers, throughput]) => ({ workers, sessions: [[throughput]] }));
    const fit = fitScaling(points);
    expect(fit.lambda.value).toBeCloseTo(68.16070521545244, 6);
    expect(fit.sigma.value).toBeCloseTo(0.013361254590649784, 9);
    expect(fit.kappa!.value).toBeCloseTo(0.00011520259846976555, 11);
    // One trial of each: no interval, so no peak.
    expect(fit.peakWorkers).toBeNull();
    expect(uslPeakWorkers({ lambda: 1, sigma: fit.sigma.value, kappa: fit.kappa!.value })).toBeCloseTo(
      92.54393153130358,
      5,
    );
    expect(fit.r2).toBeGreaterThan(0.97);
    expect(fit.maxRelativeError).toBeLessThan(0.11);
    expect(fit.lambda.interval).toBeNull();
    expect(fit.notes.join()).toMatch(/single trial/);
  });

  it('never fits below zero, whatever the data', () => {
    const anything = fc.array(fc.double({ min: 0.1, max: 100, noNaN: true }), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(anything, fc.constantFrom('usl' as const, 'amdahl' as const), (throughputs, model) => {
        const fit = fitParameters(
          throughputs.map((_, i) => 2 ** i),
          throughputs,
          model,
        );
        expect(fit.sigma).toBeGreaterThanOrEqual(0);
        expect(fit.kappa).toBeGreaterThanOrEqual(0);
        expect(fit.lambda).toBeGreaterThan(0);
      }),
    );
  });

  it('is the best non-negative fit: no step away from it is better', () => {
    const noises = fc.array(fc.double({ min: 0.85, max: 1.15, noNaN: true }), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        fc.double({ min: 0, max: 0.05, noNaN: true }),
        noises,
        (sigma, kappa, noise) => {
          const workers = [1, 2, 4, 8, 16];
          const measured = workers.map((n, i) => uslThroughput({ lambda: 1, sigma, kappa }, n) * noise[i]!);
          const errorOf = (p: UslParameters): number =>
            workers.reduce((sum, n, i) => sum + (measured[i]! / uslThroughput(p, n) - 1) ** 2, 0);
          const fit = fitParameters(workers, measured, 'usl');
          for (const [s, k, l] of [
            [1, 0, 0],
            [-1, 0, 0],
            [0, 1, 0],
            [0, -1, 0],
            [0, 0, 1],
            [0, 0, -1],
            [1, -1, 0],
          ] as const) {
            const near = {
              lambda: fit.lambda * (1 + l * 1e-4),
              sigma: Math.max(0, fit.sigma + s * 1e-4),
              kappa: Math.max(0, fit.kappa + k * 1e-4),
            };
            expect(errorOf(near)).toBeGreaterThanOrEqual(errorOf(fit) - 1e-12);
          }
        },
      ),
    );
  });

  it('has intervals that hold the truth most of the time', () => {
    const truth = { lambda: 1e6, sigma: 0.05, kappa: 0.01 };
    let covered = 0;
    for (let seed = 0; seed < 40; seed++) {
      const random = new Random(seed);
      const fit = fitScaling(pointsOf(truth, [1, 2, 4, 8, 16], random));
      const { low, high } = fit.kappa!.interval!;
      if (low <= truth.kappa && high >= truth.kappa) covered++;
      expect(fit.sigma.interval!.low).toBeGreaterThanOrEqual(0);
    }
    expect(covered).toBeGreaterThanOrEqual(33);
  });

  it('has intervals that hold the value they are of, the peak and the throughput there too', () => {
    // So few trials that kappa is hardly told from 0: the medians may be fitted further out than any trial by itself.
    for (let seed = 0; seed < 400; seed++) {
      const random = new Random(seed);
      const truth = { lambda: 1e6, sigma: 0.1, kappa: 0.01 };
      const points = [1, 2, 3, 4, 6, 8].map((n) => ({
        workers: n,
        sessions: [trials(random, 3, uslThroughput(truth, n), 0.02)],
      }));
      const fit = fitScaling(points);
      for (const figure of [
        fit.lambda,
        fit.sigma,
        fit.kappa,
        fit.peakWorkers,
        fit.peakThroughput,
        fit.at(16),
      ]) {
        if (figure?.interval == null) continue;
        expect(figure.interval.low).toBeLessThanOrEqual(figure.value);
        expect(figure.interval.high).toBeGreaterThanOrEqual(figure.value);
      }
    }
  });

  it('predicts the peak', () => {
    const truth = { lambda: 1e6, sigma: 0.1, kappa: 0.01 };
    const fit = fitScaling(pointsOf(truth, [1, 2, 4, 8, 16], new Random(2), 0.001));
    expect(fit.peakWorkers!.value).toBeCloseTo(Math.sqrt(0.9 / 0.01), 0);
    expect(fit.peakThroughput!.value / uslThroughput(truth, Math.sqrt(90))).toBeCloseTo(1, 2);
    expect(fit.peakWorkers!.interval!.low).toBeLessThanOrEqual(fit.peakWorkers!.value);
    expect(uslPeakWorkers({ lambda: 1, sigma: 0.2, kappa: 0 })).toBeNull();
    expect(uslPeakWorkers({ lambda: 1, sigma: 1.5, kappa: 0.1 })).toBe(1);
  });

  it('does not tell contention from coherency with two numbers of workers, and says so', () => {
    const fit = fitScaling([
      { workers: 1, sessions: [[100, 101]] },
      { workers: 2, sessions: [[160, 161]] },
    ]);
    expect(fit).toMatchObject({
      model: 'amdahl',
      kappa: null,
      peakWorkers: null,
      peakThroughput: null,
      r2: null,
    });
    expect(fit.sigma.value).toBeCloseTo((2 * 100.5) / 160.5 - 1, 9);
    expect(fit.notes.join()).toMatch(/measure a third/);
  });

  it('claims nothing with as many parameters as points, and no peak where coherency may be 0', () => {
    const flat = { lambda: 1e6, sigma: 0.05, kappa: 0 };
    for (let seed = 1; seed <= 20; seed++) {
      const fit = fitScaling(pointsOf(flat, [1, 2, 4], new Random(seed)));
      expect(fit).toMatchObject({ r2: null, maxRelativeError: null });
      expect(fit.notes.join()).toMatch(/no proof of it/);
      if (fit.kappa!.interval!.low === 0)
        expect(fit).toMatchObject({ peakWorkers: null, peakThroughput: null });
    }
    const more = fitScaling(pointsOf(flat, [1, 2, 4, 8], new Random(1)));
    expect(more.r2).toBeGreaterThan(0.9);
    expect(more.at(8).interval).not.toBeNull();
  });

  it('takes its intervals from sessions where there are several', () => {
    const truth = { lambda: 1e6, sigma: 0.05, kappa: 0.01 };
    const random = new Random(5);
    const points = [1, 2, 4, 8].map((workers) => ({
      workers,
      sessions: [0.9, 1.1, 1].map((luck) => trials(random, 6, luck * uslThroughput(truth, workers), 0.001)),
    }));
    const over = fitScaling(points);
    const within = fitScaling(points.map(({ workers, sessions }) => ({ workers, sessions: [sessions[0]!] })));
    expect([over.sessions, within.sessions]).toEqual([3, 1]);
    // Trials of one session lie within 0.1 %; sessions differ by 10 %.
    const width = ({ interval }: typeof over.lambda) => interval!.high / interval!.low;
    expect(width(over.lambda)).toBeGreaterThan(1.3);
    expect(width(within.lambda)).toBeLessThan(1.02);
  });

  it('says when throughput is superlinear', () => {
    const fit = fitScaling([1, 2, 4].map((n) => ({ workers: n, sessions: [[n ** 1.2, n ** 1.2]] })));
    expect(fit.notes.join()).toMatch(/superlinear/);
    expect(fit.sigma.value).toBe(0);
  });

  it('keeps points above the cores out of the measurement', () => {
    const points = [1, 2, 4, 8].map((workers) => ({ workers, sessions: [[1]] }));
    const { measured, oversubscribed } = splitByCores(points, 2);
    expect(measured.map((p) => p.workers)).toEqual([1, 2]);
    expect(oversubscribed.map((p) => p.workers)).toEqual([4, 8]);
  });

  it('refuses what it cannot fit', () => {
    const fit = (...points: [number, number[]][]) =>
      fitScaling(points.map(([workers, throughputs]) => ({ workers, sessions: [throughputs] })));
    expect(() => fit([1, [5]])).toThrow(/needs at least 2/);
    expect(() => fit([1, [5]], [1, [6]])).toThrow(/1 workers appear twice/);
    expect(() => fit([1, [5]], [2, [0]])).toThrow(/throughput 0 at 2 workers/);
    expect(() => fit([1, [5]], [0, [6]])).toThrow(/0 workers/);
    expect(() => fit([1, [5]], [2, []])).toThrow(/throughput at 2 workers is empty/);
  });
});
