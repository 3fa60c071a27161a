/** The throughput of a cell as every report shows it: value, interval, and what the interval covers. */
import { medianOf, summaryOf, type Cell } from './cells.js';
import { coverText } from './comparisons.js';
import { formatRate } from '../text/quantities.js';
import type { CellSummary } from './schema.js';
import { ppsOf } from './throughput.js';

/** The bench's summary, under the name that it has where the cost of probes or clocks is in it. */
function throughputSummary(cell: Cell): CellSummary | undefined {
  return summaryOf(cell, 'pps') ?? summaryOf(cell, 'probedPps');
}

/** What a bench made of the trials of all sessions; without a bench, the median over the trials. */
export function throughputOfCell(cell: Cell): number | null {
  return throughputSummary(cell)?.median ?? medianOf(cell, ppsOf);
}

/** `1.20 M/s .. 1.31 M/s`; empty where there is none. */
export function throughputInterval(cell: Cell): string {
  const summary = throughputSummary(cell);
  if (typeof summary?.low !== 'number' || typeof summary.high !== 'number') return '';
  return `${formatRate(summary.low)} .. ${formatRate(summary.high)}`;
}

/** `95 %, 5 sessions x 3 trials`; empty where no bench summarised the cell. */
export function throughputCover(cell: Cell): string {
  return coverText(throughputSummary(cell) ?? {});
}
