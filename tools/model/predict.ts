/** Predictions for numbers of workers, beside what was measured. */
import type { MeasuredPoint, MeasuredSeries } from './feed.js';
import type { ModelPoint } from './parameters.js';
import { restsOn, traitsOfLabel } from './rests-on.js';
import { simulate } from './simulate.js';

/** A measurement that was predicted without its own times: how far off the model is where it can be checked. */
export interface HeldOut {
  readonly workers: number;
  /** Workers of the measurement that the times came from: fewer. */
  readonly fedFrom: number;
  /** predicted / measured throughput without CPU waits, less 1. */
  readonly error: number;
}

/** One line: a number of workers, predicted and, where there is one, measured. */
export interface PredictedPoint {
  readonly workers: number;
  /** Null where it is refused, unless that was asked for all the same. */
  readonly predicted: ModelPoint | null;
  /** Throughputs between which it lies if it is no further off per doubling of workers than the worst that was held out. */
  readonly band: { readonly lowPps: number; readonly highPps: number } | null;
  /** Why there is no prediction that anything here bears out; null where there is one. */
  readonly refused: string | null;
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
  /** Every measurement with a core each but the smallest, predicted from the next smaller and from the smallest. */
  readonly heldOut: readonly HeldOut[];
  readonly points: readonly PredictedPoint[];
  /** What predictions for more workers than were measured rest on, as sentences; empty where there are none. */
  readonly restsOn: readonly string[];
}

/** A band wider than a factor of two either way says so little that it is not printed as a prediction. */
const WIDEST_FACTOR = 2;

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
  /** Predicts also what is refused, without a band: what the model would say if nothing but locks changed. */
  readonly extrapolate?: boolean | undefined;
}

/**
 * Predicts each number of workers with the times measured at the nearest number of workers that is not larger and had a core
 * each: waiting is the model's own, how work slows down with company is not. So a prediction for more workers than its times
 * come from carries a band, made from how far off the model was on measurements that were held out, and is refused where there
 * is none, the band is wider than a factor of two, or the step is a larger one than any that was held out.
 */
export function predictSeries(series: MeasuredSeries, options: PredictionOptions): PredictedSeries {
  const bound = Math.min(options.feedUpTo ?? Infinity, options.cores);
  const feeds = series.points.filter((point) => point.workers <= bound);
  const usable = feeds.length > 0 ? feeds : series.points.slice(0, 1);
  const heldOut = heldOutErrors(series, usable, options);
  const perDoubling = heldOut.reduce(
    (worst, { workers, fedFrom, error }) =>
      Math.max(worst, Math.abs(Math.log1p(error)) / Math.log2(workers / fedFrom)),
    0,
  );
  const last = usable.at(-1) as MeasuredPoint;
  return {
    design: series.design,
    input: series.input,
    heldOut,
    restsOn: options.workers.some((workers) => workers > last.workers)
      ? restsOn(last, traitsOfLabel(series.design))
      : [],
    points: options.workers.map((workers) => {
      const feed = usable.findLast((point) => point.workers <= workers) ?? (usable[0] as MeasuredPoint);
      const measured = series.points.find((point) => point.workers === workers) ?? null;
      const doublings = Math.abs(Math.log2(workers / feed.workers));
      const factor = Math.exp(perDoubling * doublings);
      const refused = doublings === 0 ? null : refusal(heldOut, doublings, factor);
      const isPredicted = refused === null || options.extrapolate === true;
      const predicted = isPredicted ? simulated(feed, workers, options) : null;
      return {
        workers,
        predicted,
        band:
          predicted === null || refused !== null || doublings === 0
            ? null
            : { lowPps: predicted.pps / factor, highPps: predicted.pps * factor },
        refused,
        fedFrom: feed.workers,
        measured: measured === null ? null : withoutParameters(measured),
        error: measured === null || predicted === null ? null : predicted.pps / measured.ppsOnCpu - 1,
        oversubscribed: workers > options.cores,
      };
    }),
  };
}

function simulated(feed: MeasuredPoint, workers: number, options: PredictionOptions): ModelPoint {
  return simulate(feed.parameters, workers, {
    seed: options.seed,
    ...(options.packets === undefined ? {} : { packets: options.packets }),
  });
}

function heldOutErrors(
  series: MeasuredSeries,
  usable: readonly MeasuredPoint[],
  options: PredictionOptions,
): HeldOut[] {
  return series.points.flatMap((point) => {
    const fewer = usable.filter((candidate) => candidate.workers < point.workers);
    if (point.workers > options.cores) return [];
    // The next smaller one shows the usual step, the smallest how errors add up over several.
    const feeds = new Set([fewer.at(-1), fewer[0]].filter((feed) => feed !== undefined));
    return [...feeds].map((feed) => {
      const { pps } = simulated(feed, point.workers, options);
      return { workers: point.workers, fedFrom: feed.workers, error: pps / point.ppsOnCpu - 1 };
    });
  });
}

function refusal(heldOut: readonly HeldOut[], doublings: number, factor: number): string | null {
  const reach = heldOut.reduce(
    (most, { workers, fedFrom }) => Math.max(most, Math.log2(workers / fedFrom)),
    0,
  );
  if (heldOut.length === 0) {
    return 'one number of workers was measured, so nothing tells how far off a prediction would be';
  }
  if (doublings > reach + 1e-9) {
    return 'it lies further beyond the measurement than anything that was held out';
  }
  return factor > WIDEST_FACTOR
    ? `going by the held-out error it may be off by a factor of ${factor.toFixed(1)}`
    : null;
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
