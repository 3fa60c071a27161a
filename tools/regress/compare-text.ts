/** A comparison as text, CSV, Markdown or JSON. */
import { forestMarkdown, forestText } from '../report/forest-text.js';
import { toCsv } from '../text/csv.js';
import { escapeMarkdown, printable } from '../text/escape.js';
import { formatCount, formatNs, formatRate, formatRatio } from '../text/quantities.js';
import { grid, wrap } from '../text/terminal-grid.js';
import type { Paint } from '../text/terminal-style.js';
import type { ComparedMetric, ComparedResults, ComparedRow } from './compare-results.js';
import { compareForest } from './compare-verdict.js';

function formatterOf(unit: string): (value: number) => string {
  if (unit === 'ns') return formatNs;
  if (unit === 'pps') return formatRate;
  return (value) =>
    Number.isInteger(value) && Math.abs(value) >= 1000 ? formatCount(value) : formatRatio(value);
}

function withSpread(text: string, spread: number | null): string {
  return spread === null ? text : `${text} ± ${Math.round(spread * 100)}%`;
}

/** What is to be said of single rows, each once. */
function remarksOf(metrics: readonly ComparedMetric[]): string[] {
  const remarks = new Map<string, number>();
  const rows = metrics.flatMap((metric) => metric.rows);
  for (const { comparison } of rows) {
    if (comparison.note !== null && comparison.note !== 'all values are equal')
      remarks.set(comparison.note, (remarks.get(comparison.note) ?? 0) + 1);
  }
  const tested = rows.filter(({ comparison }) => comparison.pValue !== null).length;
  const family =
    tested < 2
      ? []
      : [`What is marked is so after Holm's correction over all ${tested} rows; p is before it.`];
  return [...[...remarks].map(([note, count]) => `${count} of ${rows.length} rows: ${note}.`), ...family];
}

function lineOf(metric: ComparedMetric, row: ComparedRow): string[] {
  const show = formatterOf(metric.unit);
  return [
    row.cell,
    withSpread(show(row.comparison.base.value), row.baseSpread),
    withSpread(show(row.comparison.head.value), row.headSpread),
    row.comparison.text,
    row.comparison.detail,
  ];
}

function linesOf(metric: ComparedMetric): string[][] {
  const rows = metric.rows.map((row) => lineOf(metric, row));
  if (metric.geomean === null || metric.rows.length < 2) return rows;
  return [...rows, ['geomean', '', '', metric.geomean.text, '']];
}

/** A line of a table: a cell, or the mean of all. */
interface Line {
  readonly name: string;
  readonly base: string;
  readonly head: string;
  readonly delta: string;
  readonly test: string;
}

/**
 * For people: a table per metric, in the layout of benchstat, then the ratios as a forest plot where they have intervals and the
 * width has room for it.
 * @param labels what base and head are called
 * @param width columns of the terminal
 */
export function compareText(
  compared: ComparedResults,
  labels: readonly [string, string],
  width: number,
  paint: Paint,
): string {
  const { metrics, notes } = compared;
  const output = (text: string): string => wrap(printable(text), width, '  ');
  const tables = metrics.map((metric) => {
    const lines = linesOf(metric).map(([name = '', base = '', head = '', delta = '', test = '']): Line => ({
      name,
      base,
      head,
      delta,
      test,
    }));
    return grid<Line>(
      lines,
      [
        {
          head: printable(metric.metric),
          align: 'left',
          expendable: 0,
          cell: ({ name }) => printable(name),
        },
        { head: 'base', expendable: 3, cell: ({ base }) => base },
        { head: 'head', expendable: 2, cell: ({ head }) => head },
        { head: 'vs base', expendable: 0, cell: ({ delta }) => delta },
        { head: '', align: 'left', expendable: 4, cell: ({ test }) => test },
      ],
      width,
      paint,
    );
  });
  const blocks = [
    output(`base: ${labels[0]}; head: ${labels[1]}`),
    ...tables,
    forestText(compareForest(compared), width, paint),
    ...[...remarksOf(metrics), ...notes].map(output),
  ];
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`;
}

/** One row per cell and metric. */
export function compareCsv({ metrics }: ComparedResults): string {
  const rows = metrics.flatMap((metric) => metric.rows.map((row) => ({ metric, row })));
  return toCsv(
    [
      { name: 'metric', doc: '', value: ({ metric }) => metric.metric },
      { name: 'unit', doc: '', value: ({ metric }) => metric.unit },
      { name: 'cell', doc: '', value: ({ row }) => row.cell },
      { name: 'base_median', doc: '', value: ({ row }) => row.comparison.base.value },
      { name: 'head_median', doc: '', value: ({ row }) => row.comparison.head.value },
      { name: 'base_spread_share', doc: '', value: ({ row }) => row.baseSpread },
      { name: 'head_spread_share', doc: '', value: ({ row }) => row.headSpread },
      { name: 'delta_percent', doc: '', value: ({ row }) => row.comparison.deltaPercent },
      { name: 'p_value', doc: '', value: ({ row }) => row.comparison.pValue },
      { name: 'adjusted_p', doc: '', value: ({ row }) => row.comparison.adjustedP },
      { name: 'ratio_low', doc: '', value: ({ row }) => row.comparison.ratioInterval?.low },
      { name: 'ratio_high', doc: '', value: ({ row }) => row.comparison.ratioInterval?.high },
      { name: 'base_n', doc: '', value: ({ row }) => row.comparison.base.trials },
      { name: 'head_n', doc: '', value: ({ row }) => row.comparison.head.trials },
      { name: 'base_sessions', doc: '', value: ({ row }) => row.comparison.base.sessions },
      { name: 'head_sessions', doc: '', value: ({ row }) => row.comparison.head.sessions },
      { name: 'significant', doc: '', value: ({ row }) => row.comparison.significant },
    ],
    rows,
  );
}

/** Tables and forest plot in Markdown; text from the results is escaped. */
export function compareMarkdown(compared: ComparedResults, labels: readonly [string, string]): string {
  const { metrics, notes } = compared;
  const line = (texts: readonly string[]): string => `| ${texts.map(escapeMarkdown).join(' | ')} |`;
  const blocks = metrics.map((metric) =>
    [
      line([metric.metric, labels[0], labels[1], 'vs base', 'test']),
      '| --- | ---: | ---: | ---: | --- |',
      ...linesOf(metric).map(line),
    ].join('\n'),
  );
  const remarks = [...remarksOf(metrics), ...notes].map((note) => escapeMarkdown(note));
  const plot = forestMarkdown(compareForest(compared));
  return `${[...blocks, plot, ...remarks].filter((block) => block !== '').join('\n\n')}\n`;
}

/** Everything, for programs. */
export function compareJson(results: ComparedResults): string {
  return `${JSON.stringify(results, null, 2)}\n`;
}
