/**
 * Thresholds as people write them, after k6: a metric, a comparison, and a limit.
 *
 *     service.p99 < 2x baseline
 *     service.max < 25ms
 *     pps >= 90% baseline
 *     locks.ct_lock.perPacket <= 2 on syn-flood/timeout-lists
 *
 * `on` limits the threshold to cells whose name it is part of. The limit is a number with an optional unit, or a multiple of
 * the baseline's figure.
 */

import { shortenedReason } from '../text/escape.js';
import { metricFault } from './threshold-metrics.js';

/** A parsed threshold. */
export interface Threshold {
  /** As written. */
  readonly text: string;
  readonly metric: string;
  readonly operator: '<' | '<=' | '>' | '>=' | '==';
  /** In nanoseconds for times, shares for percentages, else the plain number. */
  readonly limit: number;
  /** Whether the limit is a multiple of the baseline's figure. */
  readonly ofBaseline: boolean;
  /** What a cell's name must hold; empty for all cells. */
  readonly cells: string;
}

/** A threshold that cannot be understood; the message says what is wrong and shows one that is right. */
export class ThresholdError extends Error {
  override name = 'ThresholdError';

  constructor(reason: string) {
    super(shortenedReason(reason));
  }
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  '%': 0.01,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  '': 1,
};

/** Metrics whose values are times, and those that have to say in which unit: the name of the others does. */
const TIMES = /^(?:service\.|probeCost\.nsPerPacket$)/;
const TIMES_OF_NO_UNIT = /^service\./;
/** Metrics whose values lie between 0 and 1. */
const SHARES = /Share$/;
const TIME_UNITS = new Set(['ns', 'us', 'µs', 'ms', 's', 'm']);

const SHAPE =
  /^(?<metric>[A-Za-z][\w.]*)\s*(?<operator><=|>=|==|<|>)\s*(?<number>\d+(?:\.\d+)?)\s*(?<unit>ns|us|µs|ms|s|m|%|k|M|G|x)?(?<baseline>\s+baseline)?(?:\s+on\s+(?<cells>\S+))?$/;

/**
 * Parses one threshold.
 * @throws ThresholdError
 */
export function parseThreshold(text: string): Threshold {
  const found = SHAPE.exec(text.trim())?.groups;
  if (found === undefined) {
    throw new ThresholdError(
      `'${text}' is no threshold; write metric, comparison and limit, for example 'service.p99 < 2x baseline' or 'lockWaitShare < 5%'`,
    );
  }
  const { metric = '', operator = '<', number = '', unit = '', baseline, cells = '' } = found;
  const ofBaseline = baseline !== undefined;
  const fault = metricFault(metric);
  if (fault !== null) throw new ThresholdError(`'${text}': ${fault}`);
  if (unit === 'x' && !ofBaseline) {
    throw new ThresholdError(`'${text}': a multiple is of the baseline; write '${number}x baseline'`);
  }
  if (ofBaseline && unit !== 'x' && unit !== '%') {
    throw new ThresholdError(`'${text}': write the share of the baseline as 1.5x or 150%`);
  }
  if (!Number.isFinite(Number(number))) throw new ThresholdError(`'${text}': the limit is too large`);
  const limitFault = ofBaseline ? null : unitFault({ metric, operator, number, unit, cells });
  if (limitFault !== null) throw new ThresholdError(`'${text}': ${limitFault}`);
  return {
    text: text.trim(),
    metric,
    operator: operator as Threshold['operator'],
    limit: Number(number) * (unit === 'x' ? 1 : (UNITS[unit] as number)),
    ofBaseline,
    cells,
  };
}

/** The parts of a threshold as they are written. */
interface WrittenThreshold {
  readonly metric: string;
  readonly operator: string;
  readonly number: string;
  readonly unit: string;
  readonly cells: string;
}

/** What is wrong with the unit of a limit that is none of the baseline; null when nothing is. A wrong one makes a limit that always holds. */
function unitFault({ metric, operator, number, unit, cells }: WrittenThreshold): string | null {
  const example = (limit: string): string =>
    `write '${metric} ${operator} ${limit}${cells === '' ? '' : ` on ${cells}`}'`;
  const isTime = TIMES.test(metric);
  if (TIMES_OF_NO_UNIT.test(metric) && !TIME_UNITS.has(unit))
    return `${metric} is a time; give the limit a unit: ns, us, ms, s or m`;
  if (SHARES.test(metric)) {
    if (unit !== '' && unit !== '%')
      return `${metric} is a share, from 0 to 1; ${example(`${plausiblePercent(number)}%`)}`;
    if (Number(number) * (UNITS[unit] as number) > 1)
      return `${metric} is a share, from 0 to 1, and ${number}${unit} is more than all; ${example(`${plausiblePercent(number)}%`)}`;
    return null;
  }
  if (unit === '%') return `${metric} is no share; for one of the baseline ${example(`${number}% baseline`)}`;
  if (TIME_UNITS.has(unit) && !isTime) {
    const isMillions = unit === 'm' || unit === 'ms';
    return `${metric} is no time, and ${unit} is a unit of time; ${example(isMillions ? `${number}M` : number)}${isMillions ? ' for millions' : ''}`;
  }
  return null;
}

/** The number as per cent, where it can be meant so. */
function plausiblePercent(number: string): string {
  return Number(number) <= 100 ? number : '5';
}

/** Whether `value` satisfies the comparison with `limit`. */
export function holds(operator: Threshold['operator'], value: number, limit: number): boolean {
  switch (operator) {
    case '<':
      return value < limit;
    case '<=':
      return value <= limit;
    case '>':
      return value > limit;
    case '>=':
      return value >= limit;
    case '==':
      return value === limit;
  }
}
