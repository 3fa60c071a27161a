/**
 * The Universal Scalability Law: X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1)), throughput of N workers with
 * contention sigma (a serial share, Amdahl's) and coherency kappa (the cost of keeping pairs of workers consistent).
 * Source: N. J. Gunther, Guerrilla Capacity Planning (2007), chapters 4 to 6.
 *
 * How it is fitted. N / X is linear in 1 / lambda, sigma / lambda and kappa / lambda, so the best fit with sigma and
 * kappa not below 0 is found exactly, by solving with each of them free or 0. Residuals are relative to the
 * measurement, so that a fast point does not count more than a slow one.
 *
 * Where its intervals come from. Every session is fitted by itself (within one session, every repetition), sigma and kappa
 * free to fall below 0; the intervals are those of these fits, as for any figure (session-estimate.ts). Bounding each
 * fit at 0 before would hide on which side of 0 they lie.
 */
import type { Estimate, Interval } from './interval.js';
import { medianInterval } from './median-interval.js';
import { assertSample, median } from './sample.js';
import { mapInterval, meanInterval, positiveEstimate, type Sessions } from './session-estimate.js';

/** Throughputs measured with one number of workers. */
export interface ScalingPoint {
  readonly workers: number;
  /** One per trial, by session, in packets per second (any unit of throughput will do). */
  readonly sessions: Sessions;
}

/** The law's parameters. */
export interface UslParameters {
  readonly lambda: number;
  readonly sigma: number;
  readonly kappa: number;
}

/** A fit with intervals. */
export interface ScalingFit {
  /** `usl`: all three parameters; `amdahl`: two numbers of workers cannot separate contention from coherency, kappa is 0. */
  readonly model: 'usl' | 'amdahl';
  readonly lambda: Estimate;
  readonly sigma: Estimate;
  /** Null for `amdahl`: not known, which is not 0. */
  readonly kappa: Estimate | null;
  /** Number of workers with the highest throughput; null where its interval has no end: where kappa may be 0. */
  readonly peakWorkers: Estimate | null;
  /** Throughput there. */
  readonly peakThroughput: Estimate | null;
  /** Share of the variance explained, in the throughput domain; null where there are no more points than parameters. */
  readonly r2: number | null;
  /** Largest relative error of the fit at a measured point; null as r2. */
  readonly maxRelativeError: number | null;
  /** Sessions that the intervals are over; 1 where they hold within one session only. */
  readonly sessions: number;
  /** What the reader must know about this fit. */
  readonly notes: readonly string[];
  /** Throughput at a number of workers; `interval` null where the fits are too far apart to bound it. */
  at(workers: number): Estimate;
}

/** Options of {@link fitScaling}. */
export interface ScalingOptions {
  readonly confidence?: number;
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
 * Fits the law to the typical throughput of the points. With two distinct numbers of workers, Amdahl's law is fitted.
 *
 * Intervals are null where a point has a single trial.
 * @throws RangeError for fewer than two distinct numbers of workers, a repeated or non-positive one, or a throughput
 *   that is not above 0
 */
export function fitScaling(points: readonly ScalingPoint[], options: ScalingOptions = {}): ScalingFit {
  assertPoints(points);
  const ordered = points.toSorted((a, b) => a.workers - b.workers);
  const workers = ordered.map((point) => point.workers);
  const model = ordered.length >= 3 ? 'usl' : 'amdahl';
  const medians = ordered.map((point) => positiveEstimate(point.sessions).value);
  const fit = fitParameters(workers, medians, model);
  const spread = new FitSpread(ordered, model, options.confidence);
  const predicted = workers.map((n) => uslThroughput(fit, n));
  const freedom = ordered.length - (model === 'usl' ? 3 : 2);
  const peak = model === 'usl' ? peakOf(fit, spread) : null;
  return {
    model,
    lambda: spread.estimate(fit.lambda, (parameters) => parameters.lambda),
    sigma: spread.estimate(fit.sigma, (parameters) => parameters.sigma),
    kappa: model === 'usl' ? spread.estimate(fit.kappa, (parameters) => parameters.kappa) : null,
    peakWorkers: peak?.workers ?? null,
    peakThroughput: peak?.throughput ?? null,
    r2: freedom > 0 ? rSquared(medians, predicted) : null,
    maxRelativeError:
      freedom > 0 ? Math.max(...medians.map((x, i) => Math.abs((predicted[i] as number) / x - 1))) : null,
    sessions: spread.sessions,
    notes: [
      ...notesOf(workers, medians, model, spread.isEmpty),
      ...(model === 'usl' && peak === null
        ? ['coherency may be 0, so no peak is told: none was measured with an interval that has an end']
        : []),
      ...(model === 'usl' && freedom === 0
        ? [
            'three numbers of workers and three parameters: the fit meets every point, which is no proof of it',
          ]
        : []),
    ],
    at: (n) => throughputAt(fit, spread, n),
  };
}

/** Peak and throughput there; null unless both have an interval. */
function peakOf(
  fit: UslParameters,
  spread: FitSpread,
): { readonly workers: Estimate; readonly throughput: Estimate } | null {
  // kappa / (1 - sigma) is 1 / peak squared, and stays finite where there is no peak.
  const inverse = spread.interval(({ sigma, kappa }) => kappa / (1 - sigma));
  const workers = uslPeakWorkers(fit);
  if (workers === null || inverse === null || !(inverse.low > 0)) return null;
  const throughput = spread.interval((parameters) =>
    parameters.kappa > 0 && parameters.sigma < 1
      ? uslThroughput(parameters, uslPeakWorkers(parameters) as number)
      : Number.NaN,
  );
  if (throughput === null) return null;
  const place = (square: number): number => Math.max(1, 1 / Math.sqrt(square));
  const { low, high, confidence } = inverse;
  return {
    workers: holding(workers, { low: place(high), high: place(low), confidence }),
    throughput: holding(uslThroughput(fit, workers), throughput),
  };
}

/** The interval is of the fits of sessions, the value that of their medians: where that lies outside, the interval reaches to it. */
function holding(value: number, { low, high, confidence }: Interval): Estimate {
  return { value, interval: { low: Math.min(value, low), high: Math.max(value, high), confidence } };
}

function throughputAt(fit: UslParameters, spread: FitSpread, workers: number): Estimate {
  const value = uslThroughput(fit, workers);
  // Its inverse is linear in what is fitted, so it is the inverse that varies evenly.
  const inverse = spread.interval((parameters) => 1 / uslThroughput(parameters, workers));
  if (inverse === null || !(inverse.low > 0)) return { value, interval: null };
  const { low, high, confidence } = inverse;
  return holding(value, { low: 1 / high, high: 1 / low, confidence });
}

/** One fit per session, or within one session per repetition: how far apart they lie is how far off one may be. */
class FitSpread {
  readonly sessions: number;
  readonly #fits: readonly UslParameters[];
  readonly #confidence: number | undefined;

  constructor(points: readonly ScalingPoint[], model: 'usl' | 'amdahl', confidence: number | undefined) {
    this.#confidence = confidence;
    this.sessions = Math.min(...points.map((point) => point.sessions.length));
    const workers = points.map((point) => point.workers);
    const rows =
      this.sessions > 1
        ? Array.from({ length: this.sessions }, (_, session) =>
            points.map((point) => median(point.sessions[session] as readonly number[])),
          )
        : repetitions(points);
    const fits = rows.map((throughputs) => freeFit(workers, throughputs, model));
    this.#fits = fits.filter((fit) => fit !== null);
  }

  get isEmpty(): boolean {
    return this.#fits.length < 2;
  }

  /** Null for fewer than two fits, and where one of them has no such figure. */
  interval(pick: (parameters: UslParameters) => number): Interval | null {
    const values = this.#fits.map(pick);
    if (values.length < 2 || values.some((value) => !Number.isFinite(value))) return null;
    return this.sessions > 1
      ? meanInterval(values, this.#confidence)
      : medianInterval(values, this.#confidence);
  }

  /** A parameter that cannot be below 0, with its interval, which holds the fitted value. */
  estimate(value: number, pick: (parameters: UslParameters) => number): Estimate {
    const interval = mapInterval(this.interval(pick), (end) => Math.max(0, end));
    return interval === null ? { value, interval } : holding(value, interval);
  }
}

/** The throughputs of the first trial at each point, of the second, and so on. */
function repetitions(points: readonly ScalingPoint[]): number[][] {
  const trials = points.map((point) => point.sessions[0] as readonly number[]);
  const count = Math.min(...trials.map((point) => point.length));
  return Array.from({ length: count }, (_, trial) => trials.map((point) => point[trial] as number));
}

function assertPoints(points: readonly ScalingPoint[]): void {
  const seen = new Set<number>();
  for (const { workers, sessions } of points) {
    if (!Number.isInteger(workers) || workers < 1) {
      throw new RangeError(`scaling: ${workers} workers; give a whole number of at least 1`);
    }
    if (seen.has(workers)) {
      throw new RangeError(`scaling: ${workers} workers appear twice; give one point with all its trials`);
    }
    seen.add(workers);
    const throughputs = sessions.flat();
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
  const rows = designRows(workers, throughputs);
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

/** Columns: 1, N - 1, N (N - 1), each row divided by the measured N / X, so that the target is 1 everywhere. */
function designRows(workers: readonly number[], throughputs: readonly number[]): number[][] {
  return workers.map((n, i) => {
    const scale = (throughputs[i] as number) / n;
    return [scale, scale * (n - 1), scale * n * (n - 1)];
  });
}

/** The best fit wherever it lies; null where the columns do not determine one. */
function freeFit(
  workers: readonly number[],
  throughputs: readonly number[],
  model: 'usl' | 'amdahl',
): UslParameters | null {
  const solution = leastSquares(designRows(workers, throughputs), model === 'usl' ? [0, 1, 2] : [0, 1]);
  if (solution === null || !((solution[0] as number) > 0)) return null;
  const [a, b, c = 0] = solution as [number, number, number?];
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

function rSquared(measured: readonly number[], predicted: readonly number[]): number | null {
  const centre = measured.reduce((sum, x) => sum + x, 0) / measured.length;
  const total = measured.reduce((sum, x) => sum + (x - centre) ** 2, 0);
  if (total === 0) return null;
  const rest = measured.reduce((sum, x, i) => sum + (x - (predicted[i] as number)) ** 2, 0);
  return 1 - rest / total;
}
