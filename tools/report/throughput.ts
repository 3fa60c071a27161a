/** The throughput of a cell as every report shows it: value, interval, and what the interval covers. */
import { medianOf, ppsOf, summaryOf, type Cell } from './cells.js';
import { coverText } from './comparisons.js';
import { formatRate } from './quantities.js';

/** What a bench made of the trials of all sessions; without a bench, the median over the trials. */
export function throughputOf(cell: Cell): number | null {
  return summaryOf(cell, 'pps')?.median ?? medianOf(cell, ppsOf);
}

/** `1.20 M/s .. 1.31 M/s`; empty where there is none. */
export function throughputInterval(cell: Cell): string {
  const summary = summaryOf(cell, 'pps');
  if (typeof summary?.low !== 'number' || typeof summary.high !== 'number') return '';
  return `${formatRate(summary.low)} .. ${formatRate(summary.high)}`;
}

/** `95 %, 5 sessions x 3 trials`; empty where no bench summarised the cell. */
export function throughputCover(cell: Cell): string {
  return coverText(summaryOf(cell, 'pps') ?? {});
}
