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
import type { Comparison } from '../result/schema.js';
import { grid, wrap } from '../text/terminal-grid.js';
import type { Paint } from '../text/terminal-style.js';
import { caption } from './terminal-throughput.js';
import { comparedBuilds } from '../result/throughput.js';

/** A comparison with its names: where it is, of which designs, and whether the line before says the same. */
interface NamedRow {
  readonly comparison: Comparison;
  readonly place: string;
  readonly pair: string;
  readonly isFirstOfPlace: boolean;
  readonly isFirstOfPair: boolean;
}

function namedRows({ result }: Run, comparisons: readonly Comparison[]): NamedRow[] {
  const caseOf = new Map(result.cases.map((entry) => [entry.id, entry]));
  const designOf = (id: string): string => caseOf.get(id)?.design ?? id;
  let before = '';
  return comparisons.map((comparison) => {
    const head = caseOf.get(comparison.head);
    // An id is its place with the design in it.
    const place = head === undefined ? comparison.head : comparison.head.replace(`/${head.design}/`, '/');
    const pair =
      comparison.control === true
        ? `${designOf(comparison.base)} against itself (A/A)`
        : `${designOf(comparison.head)} against ${designOf(comparison.base)}`;
    const isFirstOfPlace = before.split('\n')[0] !== place;
    const isFirstOfPair = before !== `${place}\n${pair}`;
    before = `${place}\n${pair}`;
    return { comparison, place, pair, isFirstOfPlace, isFirstOfPair };
  });
}

/** The table with its title; empty where nothing was compared. */
export function comparisonBlock(run: Run, severalRuns: boolean, width: number, paint: Paint): string {
  const comparisons = comparisonsOf(run.result);
  if (comparisons.length === 0) return '';
  const builds = caption('', comparedBuilds(run), width, paint);
  const rows = namedRows(run, comparisons);
  const pairs = new Set(rows.map(({ pair }) => pair));
  const [only] = pairs;
  const table = grid(
    rows,
    [
      {
        head: 'where',
        align: 'left',
        expendable: 0,
        cell: ({ place, isFirstOfPlace }) => (isFirstOfPlace ? printable(place) : ''),
      },
      // A single pair is named in the title.
      ...(pairs.size === 1
        ? []
        : [
            {
              head: 'designs',
              align: 'left' as const,
              expendable: 0,
              cell: ({ pair, isFirstOfPair }: NamedRow) => (isFirstOfPair ? printable(pair) : ''),
            },
          ]),
      {
        head: 'metric',
        align: 'left',
        expendable: 0,
        cell: ({ comparison }) => printable(comparison.metric),
      },
      {
        head: 'base',
        expendable: 3,
        cell: ({ comparison }) => metricOf(comparison).format(comparison.baseMedian),
      },
      {
        head: 'head',
        expendable: 3,
        cell: ({ comparison }) => metricOf(comparison).format(comparison.headMedian),
      },
      {
        head: 'delta',
        expendable: 0,
        cell: ({ comparison }) => {
          const finding = findingOf(comparison);
          const colour = finding === 'better' ? 'green' : finding === 'worse' ? 'red' : 'dim';
          return paint(colour, deltaText(comparison));
        },
      },
      { head: 'ratio interval', expendable: 2, cell: ({ comparison }) => intervalText(comparison) },
      { head: 'covers', align: 'left', expendable: 5, cell: ({ comparison }) => coverText(comparison) },
      { head: 'test', align: 'left', expendable: 4, cell: ({ comparison }) => testText(comparison) },
    ],
    width,
    paint,
  );
  const notes = [...new Set(comparisons.flatMap((comparison) => comparison.note ?? []))];
  const what = pairs.size === 1 && only !== undefined ? `Comparisons: ${printable(only)}` : 'Comparisons';
  return [
    paint('bold', severalRuns ? `${what}, ${printable(run.label)}` : what),
    ...(builds === '' ? [] : [builds]),
    table,
    ...notes.map((note) => paint('dim', wrap(`~ ${printable(note)}`, width, '  '))),
  ].join('\n');
}
