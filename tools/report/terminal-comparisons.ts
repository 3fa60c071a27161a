/** The table of a run's comparisons, for the terminal. */
import {
  comparisonsOf,
  coverText,
  deltaText,
  findingOf,
  intervalText,
  metricOf,
  testText,
} from '../result/comparisons.js';
import { printable } from '../text/escape.js';
import type { Run } from '../result/runs.js';
import { grid, wrap } from '../text/terminal-grid.js';
import type { Paint } from '../text/terminal-style.js';
import { caption } from './terminal-throughput.js';
import { comparedBuilds } from '../result/throughput.js';

/** The table with its title; empty where nothing was compared. */
export function comparisonBlock(run: Run, severalRuns: boolean, width: number, paint: Paint): string {
  const comparisons = comparisonsOf(run.result);
  if (comparisons.length === 0) return '';
  const title = severalRuns ? `Comparisons, ${printable(run.label)}` : 'Comparisons';
  const builds = caption('', comparedBuilds(run), width, paint);
  const table = grid(
    comparisons,
    [
      { head: 'head', align: 'left', expendable: 0, cell: (one) => printable(one.head) },
      {
        head: 'against',
        align: 'left',
        expendable: 1,
        cell: (one) => (one.control === true ? 'itself (A/A)' : printable(one.base)),
      },
      { head: 'metric', align: 'left', expendable: 0, cell: (one) => printable(one.metric) },
      { head: 'base', expendable: 3, cell: (one) => metricOf(one).format(one.baseMedian) },
      { head: 'head', expendable: 3, cell: (one) => metricOf(one).format(one.headMedian) },
      {
        head: 'delta',
        expendable: 0,
        cell: (one) => {
          const finding = findingOf(one);
          const colour = finding === 'better' ? 'green' : finding === 'worse' ? 'red' : 'dim';
          return paint(colour, deltaText(one));
        },
      },
      { head: 'ratio interval', expendable: 2, cell: intervalText },
      { head: 'covers', align: 'left', expendable: 5, cell: coverText },
      { head: 'test', align: 'left', expendable: 4, cell: testText },
    ],
    width,
    paint,
  );
  const notes = [...new Set(comparisons.flatMap((one) => one.note ?? []))];
  return [
    paint('bold', title),
    ...(builds === '' ? [] : [builds]),
    table,
    ...notes.map((note) => paint('dim', wrap(`~ ${printable(note)}`, width, '  '))),
  ].join('\n');
}
