/** Whether the tails of two cells may be compared: the rule of result/tail.ts, on the trials of a matrix. */
import type { TimeKind } from '../result/cells.js';
import { isWithheldAt, tailOfMetric } from '../result/tail.js';
import { median } from '../stats/sample.js';
import type { Blocks } from './trial.js';

/** Name of the metric that holds the interruptions per packet. */
export function interruptionsMetric(kind: TimeKind): string {
  return `${kind}.interruptedShare`;
}

/**
 * Why a percentile of two cells is not compared: on one side interruptions by the machine are more than half as many as the
 * packets above it. Null when it may be compared, is no percentile, or interruptions were not counted.
 * @param cells ids
 * @param topSpeed whether the cells ran without a rate to keep
 */
export function withheldComparison(
  metric: string,
  cells: readonly string[],
  blocks: Blocks,
  topSpeed: boolean,
): string | null {
  const tail = tailOfMetric(metric);
  if (tail === null) return null;
  const shares = cells.map((cell) => {
    const known = blocks.flatMap((block) => block.get(cell)?.[interruptionsMetric(tail.kind)] ?? []);
    return known.length === 0 ? null : median(known);
  });
  const most = Math.max(...shares.map((share) => share ?? 0));
  if (!isWithheldAt(most, tail.key)) return null;
  const percent = Number((most * 100).toPrecision(2));
  const advice = topSpeed
    ? '; compare tails at a rate that both hold (--pps)'
    : '; use quieter or isolated cores';
  return `the machine interrupted or delayed ${percent} % of the packets, more than half of those above this percentile${advice}`;
}
