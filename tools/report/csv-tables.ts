/** Every CSV table, those that a matrix adds, and their description. */
import { expiry, locks, nat, occupancy, sweeps } from './csv-engine.js';
import { latency, timeline, verdicts } from './csv-packets.js';
import { summary } from './csv-summary.js';
import { column, table, type CsvTable } from './csv-table.js';
import { comparisonsOf, differs } from '../result/comparisons.js';
import type { Run } from '../result/runs.js';
import type { Comparison, Scaling, ScalingPoint } from '../result/schema.js';

const comparisons = table<{ run: Run; comparison: Comparison }>(
  'comparisons',
  'One row per comparison of two cells.',
  [
    column('run', 'Which run the row is from.', ({ run }) => run.label),
    column('base', 'Case id compared with.', ({ comparison }) => comparison.base),
    column('head', 'Case id compared.', ({ comparison }) => comparison.head),
    column(
      'metric',
      'What was compared; a name ending in `Ns` is in nanoseconds.',
      ({ comparison }) => comparison.metric,
    ),
    column('unit', 'Its unit.', ({ comparison }) => comparison.unit),
    column('base_median', 'Median over the trials of the base.', ({ comparison }) => comparison.baseMedian),
    column('head_median', 'Median over the trials of the head.', ({ comparison }) => comparison.headMedian),
    column('ratio', 'Head over base.', ({ comparison }) => comparison.ratio),
    column('ratio_low', 'Lower end of its interval.', ({ comparison }) => comparison.low),
    column('ratio_high', 'Upper end of its interval.', ({ comparison }) => comparison.high),
    column('confidence', 'Confidence of the interval, 0 to 1.', ({ comparison }) => comparison.confidence),
    column('p_value', 'Of the test, not corrected.', ({ comparison }) => comparison.pValue),
    column(
      'adjusted_p',
      'After Holm’s correction over the matrix.',
      ({ comparison }) => comparison.adjustedP,
    ),
    column('n', 'Trials on each side, over all sessions.', ({ comparison }) => comparison.n),
    column(
      'sessions',
      'Fresh processes they ran in; with 1 it holds within that one only.',
      ({ comparison }) => comparison.sessions,
    ),
    column(
      'build',
      'Build of the engine; empty where two are compared.',
      ({ comparison }) => comparison.build,
    ),
    column(
      'significant',
      'Whether they differ: adjusted_p below alpha, and 1 outside the interval.',
      ({ comparison }) => differs(comparison),
    ),
    column('control', 'Whether it is an A/A control.', ({ comparison }) => comparison.control),
    column(
      'note',
      'Why no more can be said of it; empty when nothing is held back.',
      ({ comparison }) => comparison.note,
    ),
  ],
  (runs) => runs.flatMap((run) => comparisonsOf(run.result).map((comparison) => ({ run, comparison }))),
);

type ScalingRow = { run: Run; scaling: Scaling; at: ScalingPoint };

const scaling = table<ScalingRow>(
  'scaling',
  'Throughput against workers: one row per design, input and worker count.',
  [
    column('run', 'Which run the row is from.', ({ run }) => run.label),
    column('design', 'Expiration design.', (row) => row.scaling.design),
    column('input', 'Scenario or capture.', (row) => row.scaling.input),
    column('workers', 'Worker threads.', ({ at }) => at.workers),
    column('build', 'Build that throughput was measured with.', (row) => row.scaling.build),
    column('timed', 'Whether packets were timed meanwhile.', (row) => row.scaling.timed),
    column('pps', 'Packets per second.', ({ at }) => at.pps),
    column('pps_low', 'Lower end of its interval.', ({ at }) => at.low),
    column('pps_high', 'Upper end of its interval.', ({ at }) => at.high),
    column('n', 'Trials, over all sessions.', ({ at }) => at.n),
    column('sessions', 'Fresh processes they ran in.', ({ at }) => at.sessions),
    column(
      'lock_wait_share',
      'Share of worker time spent waiting for locks, 0 to 1.',
      ({ at }) => at.lockWaitShare,
    ),
    column('measured', 'False where it is predicted.', ({ at }) => at.measured),
    column('oversubscribed', 'Whether there were more workers than cores.', ({ at }) => at.oversubscribed),
  ],
  (runs) =>
    runs.flatMap((run) =>
      (run.result.scaling ?? []).flatMap((series) =>
        series.points.map((at) => ({ run, scaling: series, at })),
      ),
    ),
);

/** All tables, the always written ones first. */
export const CSV_TABLES: readonly CsvTable[] = [
  summary,
  latency,
  locks,
  expiry,
  timeline,
  sweeps,
  occupancy,
  nat,
  verdicts,
  comparisons,
  scaling,
];

/** The description of every table and column, in Markdown; published as docs/schema/csv-columns.md. */
export function csvColumnsMarkdown(): string {
  const parts = [
    '# Columns of the CSV files',
    "Generated from the code. UTF-8, RFC 4180, lines end in CR LF. An empty field was not measured; it is not 0. Text that begins with `=`, `+`, `-` or `@` has a `'` before it, so that no spreadsheet runs it.",
  ];
  for (const { name, doc, columns, always } of CSV_TABLES) {
    parts.push(`## ${name}.csv`, `${doc}${always ? '' : ' Left out where there is nothing for it.'}`);
    parts.push(
      [
        '| column | holds |',
        '| --- | --- |',
        ...columns.map((listed) => `| \`${listed.name}\` | ${listed.doc} |`),
      ].join('\n'),
    );
  }
  return `${parts.join('\n\n')}\n`;
}
