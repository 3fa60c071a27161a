/** Searching the highest rate that holds an objective (like the NDR search of traffic generators). */
import { ReplayFailure } from './replay-failure.js';
import type { ResultCase } from '../result/schema.js';
import { withheldAt } from '../result/tail.js';

/** One condition of an objective: a figure of a run, and its bound. */
export interface Condition {
  readonly figure: string;
  readonly comparison: '<' | '<=' | '=';
  /** Nanoseconds for times, a share for `loss`. */
  readonly bound: number;
}

/** Figures of a run that an objective can name. Times are response times unless `service.` stands before them. */
const TIMES: Readonly<
  Record<string, 'p50Ns' | 'p90Ns' | 'p99Ns' | 'p999Ns' | 'p9999Ns' | 'maxNs' | 'meanNs'>
> = {
  p50: 'p50Ns',
  p90: 'p90Ns',
  p99: 'p99Ns',
  'p99.9': 'p999Ns',
  'p99.99': 'p9999Ns',
  max: 'maxNs',
  mean: 'meanNs',
};
const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9 };

/**
 * Parses `p99<50us,loss=0`. `loss` is the share of packets that were not sent in time, beyond {@link LOSS_TOLERANCE}: 0.001 or 0.1%.
 * @throws RangeError naming the condition that is wrong
 */
export function parseObjective(text: string): readonly Condition[] {
  return text.split(',').map((part): Condition => {
    const match =
      /^\s*((?:service\.|response\.)?[a-z0-9.]+)\s*(<=|<|=)\s*(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|%)?\s*$/.exec(
        part,
      );
    const [, figure = '', comparison = '<', number = '', unit] = match ?? [];
    const time = figure.replace(/^(service|response)\./, '');
    if (figure === 'loss' && (unit === undefined || unit === '%')) {
      return {
        figure,
        comparison: comparison as Condition['comparison'],
        bound: Number(number) / (unit === '%' ? 100 : 1),
      };
    }
    if (time in TIMES && unit !== undefined && unit in UNITS && comparison !== '=') {
      return {
        figure,
        comparison: comparison as Condition['comparison'],
        bound: Number(number) * (UNITS[unit] as number),
      };
    }
    throw new RangeError(
      `'${part.trim()}' is no condition: give FIGURE<TIME with a unit, FIGURE one of ${Object.keys(TIMES).join(', ')} (service.p99 for service time), or loss=0, loss<0.1%`,
    );
  });
}

/** What a run gave for a figure; null when it was not measured. */
export function figureOf(figure: string, run: ResultCase): number | null {
  if (figure === 'loss') {
    const { targetPps, achievedPps } = run.pacing;
    if (targetPps == null || achievedPps == null) return null;
    // A run ends with its last packet, up to one gap before its nominal end.
    const slack = 1 / Math.max(1, run.packets.injected);
    return Math.max(0, 1 - achievedPps / targetPps - slack);
  }
  const kind = figure.startsWith('service.') ? 'service' : 'response';
  const name = TIMES[figure.replace(/^(service|response)\./, '')];
  return name === undefined ? null : (run.latency?.[kind]?.overall[name] ?? null);
}

/** Scheduling noise below this share of the rate is not counted as loss, whatever the comparison. */
const LOSS_TOLERANCE = 0.005;

/** Whether a run holds an objective. A figure that was not measured does not. */
export function holds(objective: readonly Condition[], run: ResultCase): boolean {
  return objective.every(({ figure, comparison, bound }) => {
    const value = figureOf(figure, run);
    if (value === null) return false;
    const counted = figure === 'loss' ? Math.max(0, value - LOSS_TOLERANCE) : value;
    // A loss of nothing is below any bound but 0, for which there is `loss=0`.
    return comparison === '<' ? counted < bound : counted <= bound;
  });
}

/**
 * Conditions of an objective that a run failed by a percentile that is the machine's rather than the design's.
 * @returns per condition its figure and the reason
 */
export function failedByMachine(objective: readonly Condition[], run: ResultCase): string[] {
  return objective.flatMap((condition) => {
    const { figure } = condition;
    const kind = figure.startsWith('service.') ? 'service' : 'response';
    const key = TIMES[figure.replace(/^(service|response)\./, '')];
    if (key === undefined || key === 'maxNs' || key === 'meanNs' || holds([condition], run)) return [];
    const reason = withheldAt(run.latency?.[kind]?.overall.interruptedShare, key);
    return reason === null ? [] : [`${figure}: ${reason}`];
  });
}

/** One step of a search. */
export interface SearchStep {
  readonly pps: number;
  readonly run: ResultCase;
  readonly held: boolean;
}

/** How far a search goes. */
export interface SearchBounds {
  /** Rate known to be reachable in throughput alone, e.g. measured at top speed. */
  readonly highest: number;
  /** The search ends when the highest rate that held and the lowest that did not lie within this share. */
  readonly precision: number;
  readonly maxSteps: number;
  /** Asked before each step; true ends the search with what it has. */
  readonly isEnded?: () => boolean;
}

/** Outcome of a search: every step in order, and the highest rate that held; null when none did. */
export interface SearchOutcome {
  readonly steps: readonly SearchStep[];
  readonly best: number | null;
}

/**
 * The highest rate to try: what a run at top speed reached.
 * @throws ReplayFailure when it ended before its first packet, as a short one may on a busy machine
 */
export function rateToBeginWith(design: string, { pacing }: ResultCase, stepMs: number): number {
  const pps = pacing.achievedPps ?? 0;
  if (pps > 0) return pps;
  throw new ReplayFailure(
    `${design}: ${stepMs} ms at top speed ended before a packet was replayed, so there is no rate to begin the search with; ` +
      'give a longer --duration, or stop other programs',
  );
}

/** Below this share of the highest rate the search gives up. */
const LOWEST_SHARE = 1 / 1024;

/**
 * Halves the rate until one holds, then closes in between it and the lowest that did not, on a logarithmic scale.
 * @param measure runs at a rate
 */
export async function searchRate(
  objective: readonly Condition[],
  bounds: SearchBounds,
  measure: (pps: number, step: number) => Promise<ResultCase>,
): Promise<SearchOutcome> {
  const steps: SearchStep[] = [];
  const attempt = async (pps: number): Promise<boolean> => {
    const run = await measure(pps, steps.length);
    const held = holds(objective, run);
    steps.push({ pps, run, held });
    return held;
  };
  let low: number | null = null;
  let high = bounds.highest;
  let pps = bounds.highest;
  const goesOn = (): boolean => bounds.isEnded?.() !== true && steps.length < bounds.maxSteps;
  while (low === null && goesOn() && pps >= bounds.highest * LOWEST_SHARE) {
    if (await attempt(pps)) low = pps;
    else {
      high = pps;
      pps /= 2;
    }
  }
  while (low !== null && low < high && goesOn() && high / low > 1 + bounds.precision) {
    const middle: number = Math.sqrt(low * high);
    if (await attempt(middle)) low = middle;
    else high = middle;
  }
  return { steps, best: low };
}
