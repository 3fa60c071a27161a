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

/** Metrics whose values are times, for the check of units. */
const TIMES = /^service\./;
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
  if (!ofBaseline && TIMES.test(metric) && !TIME_UNITS.has(unit)) {
    throw new ThresholdError(`'${text}': ${metric} is a time; give the limit a unit: ns, us, ms, s or m`);
  }
  if (!Number.isFinite(Number(number))) throw new ThresholdError(`'${text}': the limit is too large`);
  return {
    text: text.trim(),
    metric,
    operator: operator as Threshold['operator'],
    limit: Number(number) * (unit === 'x' ? 1 : (UNITS[unit] as number)),
    ofBaseline,
    cells,
  };
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
