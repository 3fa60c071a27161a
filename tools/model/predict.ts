/** Predictions for numbers of workers, beside what was measured. */
import type { MeasuredPoint, MeasuredSeries } from './feed.js';
import type { ModelPoint } from './parameters.js';
import { simulate } from './simulate.js';

/** One line: a number of workers, predicted and, where there is one, measured. */
export interface PredictedPoint {
  readonly workers: number;
  readonly predicted: ModelPoint;
  /** Workers of the measurement that the times came from. */
  readonly fedFrom: number;
  readonly measured: Omit<MeasuredPoint, 'parameters'> | null;
  /** predicted / measured throughput without CPU waits, less 1; null without a measurement. */
  readonly error: number | null;
  /** More workers than cores: a measurement there is about the scheduler, and the model assumes a core each. */
  readonly oversubscribed: boolean;
}

/** A series with its predictions. */
export interface PredictedSeries {
  readonly design: string;
  readonly input: string;
  readonly points: readonly PredictedPoint[];
}

/** What to predict. */
export interface PredictionOptions {
  /** Numbers of workers. */
  readonly workers: readonly number[];
  /** Cores of the machine that measured. */
  readonly cores: number;
  /** Take times only from measurements with at most this many workers; null = all that have a core each. */
  readonly feedUpTo: number | null;
  readonly seed: number;
  readonly packets?: number | undefined;
}

/**
 * Predicts each number of workers with the times measured at the nearest number of workers that is not larger and had a core
 * each: waiting is the model's own, how work slows down with company is not.
 */
export function predictSeries(series: MeasuredSeries, options: PredictionOptions): PredictedSeries {
  const bound = Math.min(options.feedUpTo ?? Infinity, options.cores);
  const feeds = series.points.filter((point) => point.workers <= bound);
  const usable = feeds.length > 0 ? feeds : series.points.slice(0, 1);
  return {
    design: series.design,
    input: series.input,
    points: options.workers.map((workers) => {
      const feed = usable.findLast((point) => point.workers <= workers) ?? (usable[0] as MeasuredPoint);
      const simulation = {
        seed: options.seed,
        ...(options.packets === undefined ? {} : { packets: options.packets }),
      };
      const predicted = simulate(feed.parameters, workers, simulation);
      const measured = series.points.find((point) => point.workers === workers) ?? null;
      return {
        workers,
        predicted,
        fedFrom: feed.workers,
        measured: measured === null ? null : withoutParameters(measured),
        error: measured === null ? null : predicted.pps / measured.ppsOnCpu - 1,
        oversubscribed: workers > options.cores,
      };
    }),
  };
}

function withoutParameters(point: MeasuredPoint): Omit<MeasuredPoint, 'parameters'> {
  const { workers, trials, pps, ppsOnCpu, waitShare, cpuWaitShare } = point;
  return { workers, trials, pps, ppsOnCpu, waitShare, cpuWaitShare };
}

/** `1..128`: 1, the powers of two in between, the ends, and every number up to `each`. */
export function workerRange(first: number, last: number, each: number): number[] {
  const numbers = new Set<number>([first, last]);
  for (let n = first; n <= Math.min(last, each); n++) numbers.add(n);
  for (let n = 1; n <= last; n *= 2) if (n >= first) numbers.add(n);
  return [...numbers].toSorted((a, b) => a - b);
}
