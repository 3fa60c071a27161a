/** The figures that a design is chosen by: where each comes from, and which difference of it is worth a change. */
import type { IsCompared } from '../bench/metrics.js';
import { findingOf, metricOf, type Finding } from '../result/comparisons.js';
import { CRITERION_NAMES, type Comparison, type CriterionName, type Shown } from '../result/schema.js';

/** A figure that decides. */
export interface Criterion {
  /** Metrics of the result, the first that can be shown for all designs counts; none for what is counted. */
  readonly metrics: readonly string[];
  /** A ratio nearer to 1 than this decides nothing: 0.05 is 5 % either way. */
  readonly margin: number;
  /** Nor does a difference of the values that is smaller, in the metric's unit. */
  readonly leastDifference: number;
  /** An interval that reaches to a loss by more than this share is too wide to change a design by what comes after. */
  readonly possibleLoss: number;
}

const MS = 1e6;

/**
 * Criteria and their margins. Throughput of two builds of the same code differs by some per cent from where the code lies; a tail varies with
 * the machine by more. A quarter of a second of lag, or a hundredth of a CPU, is nothing that anyone would change a tracker for.
 */
export const CRITERIA: Readonly<Record<CriterionName, Criterion>> = {
  // Shown by the rule of result/outcome.ts.
  outcome: { metrics: [], margin: 0, leastDifference: 0, possibleLoss: 0 },
  throughput: { metrics: ['pps'], margin: 0.05, leastDifference: 0, possibleLoss: 0.25 },
  tail: {
    metrics: ['response.p99Ns', 'service.p99Ns'],
    margin: 0.2,
    leastDifference: 0,
    possibleLoss: 1,
  },
  lag: {
    metrics: ['expiry.lag.p99Ns'],
    margin: 0.25,
    leastDifference: 250 * MS,
    possibleLoss: 1,
  },
  cpu: { metrics: ['sweeper.cpuShare'], margin: 0.25, leastDifference: 0.01, possibleLoss: 1 },
  memory: { metrics: [], margin: 0.05, leastDifference: 0, possibleLoss: 0 },
};

/** Criteria with one put first; what became of the traffic comes before all else. */
export function orderOf(first: CriterionName | null): CriterionName[] {
  const [outcome, ...rest] = CRITERION_NAMES;
  const moved = first === null || first === 'outcome' ? [] : [first];
  return [outcome, ...moved, ...rest.filter((name) => name !== first)];
}

/** What designs are compared by: throughput at top speed, everything else at the rate that all hold. */
export const isAdviceCompared: IsCompared = (metric, rate) => {
  const names = (
    rate.mode === 'topspeed' ? (['throughput'] as const) : (['tail', 'lag', 'cpu'] as const)
  ).map((name) => CRITERIA[name]);
  return names.some(({ metrics }) => metrics.includes(metric));
};

/** A comparison read in one direction. */
export interface Pair {
  readonly finding: Finding;
  readonly higherIsBetter: boolean;
  readonly ratio: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly baseValue: number | null;
  readonly headValue: number | null;
  /** Why there is no more to say; null where there is nothing to add. */
  readonly note: string | null;
}

const TURNED: Readonly<Record<Finding, Finding>> = {
  better: 'worse',
  worse: 'better',
  'no-difference-shown': 'no-difference-shown',
  unknown: 'unknown',
};

/** The comparison of `head` with `base`, whichever way round it was made; null where it was not. */
export function pairOf(
  comparisons: readonly Comparison[],
  { head, base, metric }: { readonly head: string; readonly base: string; readonly metric: string },
): Pair | null {
  const of = (one: Comparison): boolean => one.metric === metric && one.control !== true;
  const found = comparisons.find((one) => of(one) && one.head === head && one.base === base);
  if (found !== undefined) return readPair(found);
  const turned = comparisons.find((one) => of(one) && one.head === base && one.base === head);
  if (turned === undefined) return null;
  const { finding, ratio, low, high, baseValue, headValue, ...rest } = readPair(turned);
  return {
    ...rest,
    finding: TURNED[finding],
    ratio: inverse(ratio),
    low: inverse(high),
    high: inverse(low),
    baseValue: headValue,
    headValue: baseValue,
  };
}

function readPair(one: Comparison): Pair {
  return {
    finding: findingOf(one),
    higherIsBetter: metricOf(one).higherIsBetter,
    ratio: one.ratio ?? null,
    low: one.low ?? null,
    high: one.high ?? null,
    baseValue: one.baseMedian ?? null,
    headValue: one.headMedian ?? null,
    note: one.note ?? null,
  };
}

function inverse(value: number | null): number | null {
  return value === null || value === 0 ? null : 1 / value;
}

/** What a comparison tells by the criterion's margin. */
export function shownOf(
  pair: Pair | null,
  { margin, leastDifference, possibleLoss }: Omit<Criterion, 'metrics'>,
): Shown {
  if (pair === null || pair.finding === 'unknown') return 'unknown';
  const { low, high, baseValue, headValue } = pair;
  if (pair.finding === 'no-difference-shown') {
    const loss = (pair.higherIsBetter ? 1 / (low ?? 0) : (high ?? Number.POSITIVE_INFINITY)) - 1;
    const isSlight = baseValue !== null && loss * baseValue < leastDifference;
    return loss > possibleLoss && !isSlight ? 'open' : 'same';
  }
  const isBeyond = (low ?? 1) > 1 + margin || (high ?? 1) < 1 / (1 + margin);
  const isLarge =
    leastDifference === 0 ||
    (baseValue !== null && headValue !== null && Math.abs(headValue - baseValue) >= leastDifference);
  if (isBeyond && isLarge) return pair.finding;
  return pair.finding === 'better' ? 'little-better' : 'little-worse';
}
