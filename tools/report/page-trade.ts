/** The data of the picture of the trade: what a design gets through, against how long it leaves dead connections behind. */
import {
  cellName,
  mutexOf,
  pacingText,
  settingNames,
  summaryOf,
  touchAheadOf,
  type Cell,
} from '../result/cells.js';
import { throughputOfCell } from '../result/cell-throughput.js';
import { cellLagNs } from '../result/lag-quantile.js';
import { whyNotCompared } from '../result/throughput.js';

/** A value with its interval; ends null where there is none. */
export type Spread = [value: number, low: number | null, high: number | null];

/** A design in the picture. */
export interface TradePoint {
  design: string;
  pps: Spread;
  /** The lag that 99 of 100 stay below, those that should be gone and are not counted in (result/lag-quantile.ts). */
  lagNs: Spread;
}

/** The designs on one traffic. */
export interface TradeGroup {
  label: string;
  points: TradePoint[];
}

const LAG = 'expiry.lag.p99Ns';

/**
 * A group for each configuration in which two designs and more have both figures. Throughput is that of the same design at top speed, where
 * the lag was measured at a rate.
 */
export function tradeOf(groups: readonly (readonly Cell[])[], severalRuns: boolean): TradeGroup[] {
  const fastest = new Map<string, Cell>();
  for (const group of groups)
    for (const cell of designsOf(group))
      if (whyNotCompared(cell.first) === null) fastest.set(keyOf(cell, cellName(cell, group)), cell);
  return groups.flatMap((group): TradeGroup[] => {
    const points = designsOf(group).flatMap((cell): TradePoint[] => {
      const design = cellName(cell, group);
      const pps = ppsOf(fastest.get(keyOf(cell, design)));
      const lagNs = lagOf(cell);
      return pps === null || lagNs === null ? [] : [{ design, pps, lagNs }];
    });
    const [first] = group;
    return points.length < 2 || first === undefined ? [] : [{ label: labelOf(first, severalRuns), points }];
  });
}

function designsOf(group: readonly Cell[]): Cell[] {
  return group.filter((cell) => cell.first.control !== true && !cell.id.endsWith('/untimed'));
}

/** What the cells of a design have in common that are the same traffic at different rates. */
function keyOf({ run, first }: Cell, design: string): string {
  const { kind, input, workers, batch, steer, clock } = first;
  return JSON.stringify([
    ...[run.label, design, kind, input.type, input.name, input.parameters ?? null],
    ...[workers, batch, steer, clock, mutexOf(first), touchAheadOf(first)],
  ]);
}

function ppsOf(cell: Cell | undefined): Spread | null {
  const pps = cell === undefined ? null : throughputOfCell(cell);
  return cell === undefined || pps === null ? null : spread(cell, 'pps', pps);
}

function lagOf(cell: Cell): Spread | null {
  const lag = summaryOf(cell, LAG)?.median ?? cellLagNs(cell, 'p99Ns');
  return lag === null ? null : spread(cell, LAG, lag);
}

function spread(cell: Cell, metric: string, value: number): Spread {
  const { low = null, high = null } = summaryOf(cell, metric) ?? {};
  return [value, low, high];
}

/** `established, 2 workers, lag at target 400 k/s`. */
function labelOf({ first, run }: Cell, severalRuns: boolean): string {
  const { input, workers } = first;
  const pace = first.pacing.mode === 'topspeed' ? [] : [`lag at ${pacingText(first)}`];
  return [
    input.name,
    `${workers} ${workers === 1 ? 'worker' : 'workers'}`,
    ...pace,
    ...settingNames(first),
    ...(severalRuns ? [run.label] : []),
  ].join(', ');
}
