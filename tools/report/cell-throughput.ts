/** The throughput of a cell as every report shows it: value, interval, what the interval covers, and without the harness. */
import { medianOf, summaryOf, type Cell } from './cells.js';
import { coverText } from './comparisons.js';
import { formatRate } from './quantities.js';
import { isPaced, ppsOf, throughputOf } from './throughput.js';

/** What a bench made of the trials of all sessions; without a bench, the median over the trials. */
export function cellThroughput(cell: Cell): number | null {
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

/** Packets per second of the time on the engine: the harness taken out. Null at a given rate, or where it was not looked at. */
export function onEnginePps(cell: Cell): number | null {
  return medianOf(cell, (one) => {
    const { pps, harnessShare } = throughputOf(one);
    if (isPaced(one) || typeof pps !== 'number' || typeof harnessShare !== 'number') return null;
    return harnessShare < 1 ? pps / (1 - harnessShare) : null;
  });
}
