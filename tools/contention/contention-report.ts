/** Tables and CSV of a contention result. */
import { toCsv, type CsvColumn, type Field } from '../text/csv.js';
import { formatCount, formatNs, formatRatio, formatShare } from '../text/quantities.js';
import { grid, type Column } from '../text/terminal-grid.js';
import type { Paint } from '../text/terminal-style.js';
import type {
  ContentionResult,
  ContentionRow,
  Spread,
  SweepRow,
  ThroughputRatio,
} from './contention-result.js';

type Format = (value: number | null | undefined) => string;

const formatMpps: Format = (pps) => (pps == null ? '–' : formatRatio(pps / 1e6));

/** What is shown of a row: its medians, or its ranges in a line below. */
interface Shown<Row> {
  readonly row: Row;
  readonly range: boolean;
}

/** A column of a figure; the range stands as `low..high` under the median. */
function figure<Row>(
  head: string,
  pick: (row: Row) => Spread | null,
  format: Format,
  expendable: number,
): Column<Shown<Row>> {
  return {
    head,
    expendable,
    cell: ({ row, range }) => {
      const spread = pick(row);
      if (!range) return format(spread?.median);
      if (spread === null) return '';
      const [min, max] = [format(spread.min), format(spread.max)];
      return min === max ? min : `${min}..${max}`;
    },
  };
}

function name<Row>(head: string, pick: (row: Row) => string): Column<Shown<Row>> {
  return { head, align: 'left', expendable: 0, cell: ({ row, range }) => (range ? '' : pick(row)) };
}

const FIGURES: readonly Column<Shown<ContentionRow>>[] = [
  name('threads', (row) => String(row.threads)),
  name('design', (row) => row.design),
  figure('Mpps', (row) => row.pps, formatMpps, 0),
  figure('ct_lock/packet', (row) => row.ctLockPerPacket, formatRatio, 0),
  figure('contended', (row) => row.contendedShare, formatShare, 0),
  figure('wait mean', (row) => row.waitMeanNs, formatNs, 2),
  figure('wait p50', (row) => row.waitP50Ns, formatNs, 1),
  figure('wait p99', (row) => row.waitP99Ns, formatNs, 1),
  figure('sleeps/contended', (row) => row.sleepsPerContended, formatRatio, 3),
  figure('hold/cleaned', (row) => row.meanHoldPerCleanedNs, formatNs, 4),
  figure('longest hold/cleaned', (row) => row.longestHoldPerCleanedNs, formatNs, 4),
];

const SWEEP_FIGURES: readonly Column<Shown<SweepRow>>[] = [
  name('sweep', (row) => `${formatCount(row.connections)} ${row.operation}`),
  name('design', (row) => row.design),
  figure('bare', (row) => row.bareNs, formatNs, 0),
  figure('probed', (row) => row.probedNs, formatNs, 0),
  figure('probed/bare', (row) => row.probedOverBare, formatRatio, 0),
];

/** Everything for the terminal: a table a workload, with ratios, then the sweeps. */
export function contentionText(result: ContentionResult, width: number, paint: Paint): string {
  const workloads = [...new Set(result.rows.map((row) => row.workload))];
  const parts = workloads.map((workload) => {
    const rows = result.rows.filter((row) => row.workload === workload);
    const packets = [...new Set(rows.map((row) => formatCount(row.packets)))].join(', ');
    const title = `${paint('bold', workload)}  ${packets} packets, --mutex ${result.mutex}, --touch-ahead ${result.touchAhead}, ${roundsText(result.rounds)}`;
    const ratios = result.ratios.filter((ratio) => ratio.workload === workload).map(ratioLine);
    return [title, grid(shown(rows, result.rounds), FIGURES, width, paint), ...ratios].join('\n');
  });
  if (result.sweeps.length > 0) {
    const title = `${paint('bold', 'sweeps')}  time a connection, ${roundsText(result.rounds)}`;
    parts.push([title, grid(shown(result.sweeps, result.rounds), SWEEP_FIGURES, width, paint)].join('\n'));
  }
  if (!result.valid) {
    parts.push(
      [
        paint('red', 'Invalid: these checks failed'),
        ...result.failedChecks.map((check) => `  ${check}`),
      ].join('\n'),
    );
  }
  return `${parts.join('\n\n')}\n`;
}

function roundsText(rounds: number): string {
  return rounds === 1 ? 'one round' : `median of ${rounds} rounds, least..most below`;
}

function shown<Row>(rows: readonly Row[], rounds: number): Shown<Row>[] {
  return rows.flatMap((row) =>
    rounds === 1
      ? [{ row, range: false }]
      : [
          { row, range: false },
          { row, range: true },
        ],
  );
}

function ratioLine({ threads, design, against, ratio }: ThroughputRatio): string {
  const range = ratio.values.length === 1 ? '' : ` (${formatRatio(ratio.min)}..${formatRatio(ratio.max)})`;
  return `throughput ${design} / ${against}, ${threads} ${threads === 1 ? 'thread' : 'threads'}: ${formatRatio(ratio.median)}${range}`;
}

/** A line of the CSV: one figure of one row. */
interface CsvLine {
  readonly subject: string;
  readonly threads: number | null;
  readonly design: string;
  readonly figure: string;
  readonly spread: Spread;
}

const COLUMNS: readonly CsvColumn<CsvLine>[] = [
  { name: 'workload', doc: 'workload, or sweep:operation', value: (line) => line.subject },
  { name: 'threads', doc: 'threads; empty for sweeps', value: (line) => line.threads },
  { name: 'design', doc: 'design, with its preset', value: (line) => line.design },
  { name: 'figure', doc: 'name and unit of the figure, as in the JSON', value: (line) => line.figure },
  { name: 'rounds', doc: 'rounds that have the figure', value: (line) => line.spread.values.length },
  { name: 'median', doc: 'median over these rounds', value: (line): Field => line.spread.median },
  { name: 'min', doc: 'least', value: (line): Field => line.spread.min },
  { name: 'max', doc: 'most', value: (line): Field => line.spread.max },
];

/** A line for each figure that was measured. */
export function contentionCsv(result: ContentionResult): string {
  const lines = [
    ...result.rows.flatMap((row) => figuresOf(row, row.workload, row.threads)),
    ...result.ratios.map(({ workload, threads, design, against, ratio }): CsvLine => ({
      subject: workload,
      threads,
      design,
      figure: `throughput over ${against}`,
      spread: ratio,
    })),
    ...result.sweeps.flatMap((row) => figuresOf(row, `sweep:${row.operation}`, null)),
  ];
  return toCsv(COLUMNS, lines);
}

function figuresOf(row: ContentionRow | SweepRow, subject: string, threads: number | null): CsvLine[] {
  return Object.entries(row).flatMap(([key, value]): CsvLine[] =>
    typeof value === 'object' && value !== null
      ? [{ subject, threads, design: row.design, figure: key, spread: value }]
      : [],
  );
}
