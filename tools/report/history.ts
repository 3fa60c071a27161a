/** Results over commits: a line a cell and result, oldest first, each beside the one before it on the same machine. */
import { cellsOf, latencyOfCell, type Cell } from '../result/cells.js';
import { throughputInterval, throughputOfCell } from '../result/cell-throughput.js';
import { identityDifferences } from '../result/identity.js';
import { cellLagNs, lagText } from '../result/lag-quantile.js';
import type { Run } from '../result/runs.js';
import { percentileOf, percentileText, WITHHELD } from '../result/tail.js';
import { whyNotCompared } from '../result/throughput.js';
import { toCsv, type CsvColumn } from '../text/csv.js';
import { escapeMarkdown, printable } from '../text/escape.js';
import { formatRate } from '../text/quantities.js';
import { grid } from '../text/terminal-grid.js';
import { painter } from '../text/terminal-style.js';
import { htmlTable, markup } from './html.js';

/** A cell in one result. */
export interface HistoryLine {
  readonly cell: Cell;
  /** The same cell in the last valid result before that is of the same machine, if traffic and settings are the same too; null for none. */
  readonly before: Cell | null;
  /** Why its figures are not to be used, or why there is none before although the cell was there; empty otherwise. */
  readonly apart: string;
}

/** The lines, cell by cell. */
export function historyOf(runs: readonly Run[]): HistoryLine[] {
  const ordered = runs.toSorted((a, b) => a.result.createdAt.localeCompare(b.result.createdAt));
  const byId = new Map<string, Cell[]>();
  for (const cell of cellsOf(ordered)) {
    if (cell.first.control !== true) byId.set(cell.id, [...(byId.get(cell.id) ?? []), cell]);
  }
  return [...byId.values()].flatMap((cells) =>
    cells.map((cell, index): HistoryLine => {
      if (!cell.run.result.valid) return { cell, before: null, apart: 'self-audit failed: do not use' };
      const earlier = cells.slice(0, index).filter(({ run }) => run.result.valid);
      const before = earlier.findLast((each) => machineOf(each) === machineOf(cell));
      if (before === undefined)
        return { cell, before: null, apart: earlier.length === 0 ? '' : 'another machine' };
      const differences = identityDifferences(before.first, cell.first);
      return differences.length === 0
        ? { cell, before, apart: '' }
        : { cell, before: null, apart: `another cell: ${differences.join('; ')}` };
    }),
  );
}

function machineOf({ run }: Cell): string | null {
  return run.result.environment.machineId ?? null;
}

/** A column of the history, as text for people. */
interface Column {
  readonly head: string;
  readonly left?: boolean;
  readonly expendable: number;
  readonly of: (line: HistoryLine) => string;
}

function changeText(line: HistoryLine, figure: (cell: Cell) => number | null): string {
  const [now, before] = [figure(line.cell), line.before === null ? null : figure(line.before)];
  if (now === null || before === null || before === 0) return '';
  const percent = (now / before - 1) * 100;
  return `${percent >= 0 ? '+' : ''}${percent.toFixed(1)} %`;
}

/** Throughput that says something of the tracker: not where the rate was given, nor with the cost of probes or clocks in it. */
const comparedThroughput = (cell: Cell): number | null =>
  whyNotCompared(cell.first) === null ? throughputOfCell(cell) : null;

const p99Of = (cell: Cell): number | null => percentileOf(latencyOfCell(cell, 'service'), 'p99Ns');

const COLUMNS: readonly Column[] = [
  { head: 'cell', left: true, expendable: 0, of: ({ cell }) => cell.id },
  { head: 'created', left: true, expendable: 0, of: ({ cell }) => cell.run.result.createdAt.slice(0, 16) },
  {
    head: 'commit',
    left: true,
    expendable: 0,
    of: ({ cell }) => (cell.run.result.tool.commit ?? '').slice(0, 12),
  },
  { head: 'packets/s', expendable: 0, of: ({ cell }) => formatRate(throughputOfCell(cell)) },
  { head: 'interval', expendable: 3, of: ({ cell }) => throughputInterval(cell) },
  { head: 'change', expendable: 1, of: (line) => changeText(line, comparedThroughput) },
  { head: 'p99', expendable: 1, of: ({ cell }) => percentileText(latencyOfCell(cell, 'service'), 'p99Ns') },
  { head: 'change of p99', expendable: 2, of: (line) => changeText(line, p99Of) },
  { head: 'lag p50', expendable: 2, of: ({ cell }) => lagText(cell, 'p50Ns') },
  { head: 'trials', expendable: 4, of: ({ cell }) => String(cell.cases.length) },
  { head: 'note', left: true, expendable: 4, of: ({ apart }) => apart },
];

/** What stands below the table. */
function notesOf(lines: readonly HistoryLine[]): string {
  const isWithheld = lines.some(
    ({ cell }) => percentileText(latencyOfCell(cell, 'service'), 'p99Ns') === WITHHELD,
  );
  return isWithheld
    ? `${CAUTION} ${WITHHELD} is a tail that interruptions by the machine leave nothing to say of.`
    : CAUTION;
}

const CAUTION =
  'A change is that of two values, not a finding: ctreplay compare tests two results, and regress gates.';

/** The table for a terminal. */
export function historyText(
  lines: readonly HistoryLine[],
  { width, colour }: { readonly width: number; readonly colour: boolean },
): string {
  const paint = painter(colour);
  const columns = COLUMNS.map(({ head, left, expendable, of }) => ({
    head,
    expendable,
    ...(left === true ? { align: 'left' as const } : {}),
    cell: (line: HistoryLine) => printable(of(line)),
  }));
  return `${grid(lines, columns, width, paint)}\n\n${notesOf(lines)}\n`;
}

/** The table in Markdown, for the comment of a pull request. */
export function historyMarkdown(lines: readonly HistoryLine[]): string {
  const row = (texts: readonly string[]): string => `| ${texts.map(escapeMarkdown).join(' | ')} |`;
  return [
    row(COLUMNS.map(({ head }) => head)),
    `| ${COLUMNS.map(({ left }) => (left === true ? '---' : '---:')).join(' | ')} |`,
    ...lines.map((line) => row(COLUMNS.map(({ of }) => of(line)))),
    '',
    escapeMarkdown(notesOf(lines)),
    '',
  ].join('\n');
}

const CSV_COLUMNS: readonly CsvColumn<HistoryLine>[] = [
  { name: 'cell', doc: '', value: ({ cell }) => cell.id },
  { name: 'created_at', doc: '', value: ({ cell }) => cell.run.result.createdAt },
  { name: 'commit', doc: '', value: ({ cell }) => cell.run.result.tool.commit },
  { name: 'machine', doc: '', value: ({ cell }) => cell.run.result.environment.machineId },
  { name: 'throughput_pps', doc: '', value: ({ cell }) => throughputOfCell(cell) },
  { name: 'service_p99_ns', doc: '', value: ({ cell }) => p99Of(cell) },
  { name: 'lag_p50_ns', doc: '', value: ({ cell }) => cellLagNs(cell, 'p50Ns') },
  { name: 'trials', doc: '', value: ({ cell }) => cell.cases.length },
  { name: 'apart', doc: '', value: ({ apart }) => apart },
];

/** The figures, for programs. */
export function historyCsv(lines: readonly HistoryLine[]): string {
  return toCsv(CSV_COLUMNS, lines);
}

/** One page, with nothing to fetch. */
export function historyPage(lines: readonly HistoryLine[]): string {
  const table = htmlTable(
    'Results over commits',
    lines,
    COLUMNS.map(({ head, left, of }) => ({ head, ...(left === true ? { left } : {}), cell: of })),
    lines.length,
  );
  return markup`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>ctreplay history</title>
        <style>
          body { font: 1rem/1.5 system-ui, sans-serif; margin: 1rem auto; max-width: 76rem; padding: 0 1rem; }
          .scroll { overflow-x: auto; }
          table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
          th, td { padding: 0.2rem 0.7rem 0.2rem 0; text-align: right; border-bottom: 1px solid #8888; }
          .left { text-align: left; }
        </style>
      </head>
      <body>
        <h1>Results over commits</h1>
        <p>${notesOf(lines)}</p>
        ${table}
      </body>
    </html> `.text;
}
