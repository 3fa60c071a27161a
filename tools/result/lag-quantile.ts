/**
 * Quantiles of the lag of expiration with the connections counted in that should be gone and are still there. A lag is known when a
 * connection is removed; a design that keeps most of them past the end of a run would else be judged by the few that it did remove.
 */
import { formatNs } from '../text/quantities.js';
import { lagOfCell, largestOf, medianOf, type Cell } from './cells.js';
import type { ResultCase } from './schema.js';

/** Share of connections that are removed later than the figure. */
const SHARE_ABOVE = { p50Ns: 0.5, p99Ns: 0.01, maxNs: 0 } as const;

/** A quantile of a lag that can be known with connections still there. */
export type LagFigure = keyof typeof SHARE_ABOVE;

type Entry = Pick<ResultCase, 'expiry' | 'clock' | 'timeScale'>;

/**
 * A quantile of the lag in nanoseconds of tracker time: that of the removed, or a bound from below where those that remain make it
 * longer. Null where neither is known.
 */
export function lagQuantileNs(entry: Entry, figure: LagFigure): number | null {
  const ofRemoved = entry.expiry?.lag?.[figure] ?? null;
  const bound = boundNs(entry, SHARE_ABOVE[figure]);
  return bound === null ? ofRemoved : Math.max(ofRemoved ?? 0, bound);
}

/**
 * Of the connections that had expired by a moment and were there, at most as many as were removed in all are gone by the end. The
 * others have been late ever since; where they are more than `shareAbove` of all that expired, so late is the quantile at least.
 * Null where that is never so, or the time of the run is not the tracker's.
 */
function boundNs(entry: Entry, shareAbove: number): number | null {
  // A capture's time does not pass evenly with the run's.
  if (!entry.clock.startsWith('wall')) return null;
  const removed = entry.expiry?.lag?.count ?? 0;
  const points = (entry.expiry?.staleTimeline ?? []).flatMap(({ tMs, expiredPresent }) =>
    typeof expiredPresent === 'number' ? [{ tMs, expiredPresent }] : [],
  );
  const last = points.at(-1);
  if (last === undefined) return null;
  const most = shareAbove * (removed + last.expiredPresent);
  const since = points.find(({ expiredPresent }) => expiredPresent - removed > most);
  return since === undefined ? null : (last.tMs - since.tMs) * 1e6 * (entry.timeScale ?? 1);
}

/** A figure of a cell's lag over its trials: that of all that they removed, or the median bound where it is longer. */
export function cellLagNs(cell: Cell, figure: LagFigure): number | null {
  const bound = cellBoundNs(cell, figure);
  const ofRemoved = lagOfCell(cell)?.[figure] ?? null;
  return bound === null ? ofRemoved : Math.max(ofRemoved ?? 0, bound);
}

/** Before a lag that those who remain make longer, nobody knows by how much. */
export const LEAST = '≥';

/** What that means, for below a table. */
export const LEAST_REASON = `${LEAST} so long at least, by the expired connections that were still there when the run ended`;

/** The same for a table: `2.31 s`, or `≥2.31 s`. */
export function lagText(cell: Cell, figure: LagFigure): string {
  return `${isLeast(cell, figure) ? LEAST : ''}${formatNs(cellLagNs(cell, figure))}`;
}

function isLeast(cell: Cell, figure: LagFigure): boolean {
  return (cellBoundNs(cell, figure) ?? 0) > (lagOfCell(cell)?.[figure] ?? 0);
}

function cellBoundNs(cell: Cell, figure: LagFigure): number | null {
  const of = figure === 'maxNs' ? largestOf : medianOf;
  const bound = of(cell, (entry) => boundNs(entry, SHARE_ABOVE[figure]) ?? 0) ?? 0;
  return bound === 0 ? null : bound;
}
