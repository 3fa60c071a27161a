/**
 * The Universal Scalability Law: X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1)), throughput of N workers with
 * contention sigma (a serial share, Amdahl's) and coherency kappa (the cost of keeping pairs of workers consistent).
 * Source: N. J. Gunther, Guerrilla Capacity Planning (2007), chapters 4 to 6.
 *
 * How it is fitted. N / X is linear in 1 / lambda, sigma / lambda and kappa / lambda, so the best fit with sigma and
 * kappa not below 0 is found exactly, by solving with each of them free or 0. Residuals are relative to the
 * measurement, so that a fast point does not count more than a slow one.
 */
import { percentileInterval, resampledStatistics } from './bootstrap.js';
import type { Estimate, Interval } from './interval.js';
import { below, type RandomSource } from './random-source.js';
import { assertSample, median } from './sample.js';

/** Throughputs measured with one number of workers. */
export interface ScalingPoint {
  readonly workers: number;
  /** One per trial, in packets per second (any unit of throughput will do). */
  readonly throughputs: readonly number[];
}

/** The law's parameters. */
export interface UslParameters {
  readonly lambda: number;
  readonly sigma: number;
  readonly kappa: number;
}

/** A fit with intervals. */
export interface ScalingFit {
  /** `usl`: all three parameters; `amdahl`: two numbers of workers cannot tell contention from coherency, kappa is 0. */
  readonly model: 'usl' | 'amdahl';
  readonly lambda: Estimate;
  readonly sigma: Estimate;
  /** Null for `amdahl`: not known, which is not 0. */
  readonly kappa: Estimate | null;
  /** Number of workers with the highest throughput; null when none is predicted (kappa 0 or not known). */
  readonly peakWorkers: Estimate | null;
  /** Throughput there. */
  readonly peakThroughput: Estimate | null;
  /** Share of the variance of the medians explained, in the throughput domain; null for fewer than three points. */
  readonly r2: number | null;
  /** Largest relative error of the fit at a measured point. */
  readonly maxRelativeError: number;
  /** What the reader must know about this fit. */
  readonly notes: readonly string[];
}

/** Options of {@link fitScaling}. */
export interface ScalingOptions {
  readonly random: RandomSource;
  readonly confidence?: number;
  readonly resamples?: number;
}

/** Throughput that the law predicts for `workers`. */
export function uslThroughput({ lambda, sigma, kappa }: UslParameters, workers: number): number {
  return (lambda * workers) / (1 + sigma * (workers - 1) + kappa * workers * (workers - 1));
}

/** Number of workers (not rounded) at which throughput peaks: sqrt((1 - sigma) / kappa); null when it never does. */
export function uslPeakWorkers({ sigma, kappa }: UslParameters): number | null {
  if (kappa === 0) return null;
  return sigma >= 1 ? 1 : Math.max(1, Math.sqrt((1 - sigma) / kappa));
}

/**
 * Separates measurements from what must not be called one: with more workers than cores, the throughput tells about
 * the scheduler. Fit only `measured`.
 */
export function splitByCores<T extends { readonly workers: number }>(
  points: readonly T[],
  cores: number,
): { measured: T[]; oversubscribed: T[] } {
  return {
    measured: points.filter((point) => point.workers <= cores),
    oversubscribed: points.filter((point) => point.workers > cores),
  };
}

/**
 * Fits the law to the medians of the points, with bootstrap intervals from resampling the trials of each point.
 *
 * Intervals are null where a point has a single trial. With two distinct numbers of workers, Amdahl's law is fitted.
 * @throws RangeError for fewer than two distinct numbers of workers, a repeated or non-positive one, or a throughput
 *   that is not above 0
 */
export function fitScaling(points: readonly ScalingPoint[], options: ScalingOptions): ScalingFit {
  assertPoints(points);
  const ordered = points.toSorted((a, b) => a.workers - b.workers);
  const workers = ordered.map((point) => point.workers);
  const model = ordered.length >= 3 ? 'usl' : 'amdahl';
  const medians = ordered.map((point) => median(point.throughputs));
  const fit = fitParameters(workers, medians, model);
  const fits = ordered.every((point) => point.throughputs.length >= 2)
    ? resampledFits(ordered, model, options)
    : null;
  const estimate = (pick: (one: UslParameters) => number): Estimate => ({
    value: pick(fit),
    interval: fits === null ? null : intervalOf(fits, pick, options),
  });
  const hasPeak = model === 'usl' && fit.kappa > 0;
  const predicted = workers.map((n) => uslThroughput(fit, n));
  return {
    model,
    lambda: estimate((one) => one.lambda),
    sigma: estimate((one) => one.sigma),
    kappa: model === 'usl' ? estimate((one) => one.kappa) : null,
    peakWorkers: hasPeak ? estimate((one) => uslPeakWorkers(one) ?? Infinity) : null,
    peakThroughput: hasPeak ? estimate((one) => uslThroughput(one, uslPeakWorkers(one) ?? Infinity)) : null,
    r2: rSquared(medians, predicted),
    maxRelativeError: Math.max(...medians.map((x, i) => Math.abs((predicted[i] as number) / x - 1))),
    notes: notesOf(workers, medians, model, fits === null),
  };
}

function assertPoints(points: readonly ScalingPoint[]): void {
  const seen = new Set<number>();
  for (const { workers, throughputs } of points) {
    if (!Number.isInteger(workers) || workers < 1) {
      throw new RangeError(`scaling: ${workers} workers; give a whole number of at least 1`);
    }
    if (seen.has(workers)) {
      throw new RangeError(`scaling: ${workers} workers appear twice; give one point with all its trials`);
    }
    seen.add(workers);
    assertSample(throughputs, `throughput at ${workers} workers`);
    for (const throughput of throughputs) {
      if (throughput <= 0)
        throw new RangeError(`scaling: throughput ${throughput} at ${workers} workers is not above 0`);
    }
  }
  if (points.length < 2) {
    throw new RangeError(
      `scaling: ${points.length} number(s) of workers measured; a fit needs at least 2, and 3 to tell contention from coherency`,
    );
  }
}

function notesOf(
  workers: readonly number[],
  medians: readonly number[],
  model: string,
  single: boolean,
): string[] {
  const notes: string[] = [];
  if (model === 'amdahl') {
    notes.push(
      'two numbers of workers give one equation for contention and coherency together: the fit is Amdahl’s law, and no peak can be predicted; measure a third',
    );
  }
  if (single)
    notes.push('a point has a single trial, so there is no interval; take at least two trials of each');
  const perWorker = medians.map((x, i) => x / (workers[i] as number));
  if (perWorker.slice(1).some((x) => x > (perWorker[0] as number) * 1.02)) {
    notes.push(
      'throughput per worker grows with workers (superlinear), which the law cannot describe; check that the smallest point was steady and had its own core',
    );
  }
  return notes;
}

/** The best fit with sigma and kappa at or above 0; see the header. */
export function fitParameters(
  workers: readonly number[],
  throughputs: readonly number[],
  model: 'usl' | 'amdahl',
): UslParameters {
  // Columns: 1, N - 1, N (N - 1), each row divided by the measured N / X, so that the target is 1 everywhere.
  const rows = workers.map((n, i) => {
    const scale = (throughputs[i] as number) / n;
    return [scale, scale * (n - 1), scale * n * (n - 1)];
  });
  const choices = model === 'usl' ? [[0, 1, 2], [0, 1], [0, 2], [0]] : [[0, 1], [0]];
  let best: { coefficients: number[]; error: number } | null = null;
  for (const columns of choices) {
    const solution = leastSquares(rows, columns);
    if (solution === null || solution.some((x) => x < 0) || !((solution[0] as number) > 0)) continue;
    const coefficients = [0, 0, 0];
    columns.forEach((column, i) => (coefficients[column] = solution[i] as number));
    const error = rows.reduce((sum, row) => {
      const residual = row.reduce((dot, x, i) => dot + x * (coefficients[i] as number), 0) - 1;
      return sum + residual * residual;
    }, 0);
    if (best === null || error < best.error) best = { coefficients, error };
  }
  if (best === null) throw new RangeError('scaling: no fit; the throughputs are not finite numbers above 0');
  const [a, b, c] = best.coefficients as [number, number, number];
  return { lambda: 1 / a, sigma: b / a, kappa: c / a };
}

/** Least squares of the chosen columns against 1, by modified Gram-Schmidt; null when the columns are dependent. */
function leastSquares(rows: readonly number[][], columns: readonly number[]): number[] | null {
  if (rows.length < columns.length) return null;
  const basis: number[][] = [];
  const triangle: number[][] = [];
  const projections: number[] = [];
  let residual = rows.map(() => 1);
  for (const column of columns) {
    let vector = rows.map((row) => row[column] as number);
    const size = Math.hypot(...vector);
    const row: number[] = [];
    for (const unit of basis) {
      const dot = unit.reduce((sum, x, i) => sum + x * (vector[i] as number), 0);
      vector = vector.map((x, i) => x - dot * (unit[i] as number));
      row.push(dot);
    }
    const norm = Math.hypot(...vector);
    if (!(norm > size * 1e-12)) return null;
    const unit = vector.map((x) => x / norm);
    row.push(norm);
    const projection = unit.reduce((sum, x, i) => sum + x * (residual[i] as number), 0);
    residual = residual.map((x, i) => x - projection * (unit[i] as number));
    basis.push(unit);
    triangle.push(row);
    projections.push(projection);
  }
  const solution = Array.from(columns, () => 0);
  for (let i = columns.length - 1; i >= 0; i--) {
    let value = projections[i] as number;
    for (let j = i + 1; j < columns.length; j++) {
      value -= ((triangle[j] as number[])[i] as number) * (solution[j] as number);
    }
    solution[i] = value / ((triangle[i] as number[])[i] as number);
  }
  return solution;
}

function resampledFits(
  points: readonly ScalingPoint[],
  model: 'usl' | 'amdahl',
  { random, resamples = 1000 }: ScalingOptions,
): UslParameters[] {
  const workers = points.map((point) => point.workers);
  return Array.from({ length: resamples }, () => {
    const medians = points.map(({ throughputs }) =>
      median(throughputs.map(() => throughputs[below(random, throughputs.length)] as number)),
    );
    return fitParameters(workers, medians, model);
  });
}

function intervalOf(
  fits: readonly UslParameters[],
  pick: (one: UslParameters) => number,
  { confidence }: ScalingOptions,
): Interval | null {
  const values = fits.map(pick);
  // A resample without a peak has it at infinity: then the upper end is not known, and an interval would lie.
  if (values.some((value) => !Number.isFinite(value))) return null;
  let next = 0;
  const ascending = resampledStatistics({ resamples: values.length }, () => values[next++] as number);
  return percentileInterval(ascending, confidence);
}

function rSquared(measured: readonly number[], predicted: readonly number[]): number | null {
  if (measured.length < 3) return null;
  const centre = measured.reduce((sum, x) => sum + x, 0) / measured.length;
  const total = measured.reduce((sum, x) => sum + (x - centre) ** 2, 0);
  if (total === 0) return null;
  const rest = measured.reduce((sum, x, i) => sum + (x - (predicted[i] as number)) ** 2, 0);
  return 1 - rest / total;
}
