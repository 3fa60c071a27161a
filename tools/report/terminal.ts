/** The table that a run ends with: designs side by side, then what to mistrust. */
import {
  cellName,
  cellsOf,
  comparableGroups,
  lagOfCell,
  largestOf,
  latencyOfCell,
  locksOfCell,
  medianOf,
  onEnginePpsOf,
  packetsOf,
  pacingText,
  probeCostOf,
  settingNames,
  summaryOf,
  TIME_KINDS,
  sweepsOf,
  totalOf,
  touchAheadOf,
  type Cell,
  type TimeKind,
} from '../result/cells.js';
import { throughputCover, throughputInterval, throughputOfCell } from '../result/cell-throughput.js';
import { printable } from '../text/escape.js';
import { invalidHeadline } from './invalid-packets.js';
import { formatCount, formatNs, formatRate, formatRatio, formatShare, signedNs } from '../text/quantities.js';
import type { Run } from '../result/runs.js';
import type { Contention, LatencyDistribution, ResultCase } from '../result/schema.js';
import { cautions } from './summary-sentences.js';
import { outcomeColumns } from './outcome-columns.js';
import { mainGrid } from './terminal-main.js';
import { failedCheckTexts } from './failed-checks.js';
import { LEAST, LEAST_REASON, lagText, type LagFigure } from '../result/lag-quantile.js';
import { forestText } from './forest-text.js';
import { forestOf } from './forest.js';
import { warningLines } from './terminal-warnings.js';
import { outcomeHeadline } from './verdict-evidence.js';
import { comparisonBlock } from './terminal-comparisons.js';
import { grid, wrap, type Column } from '../text/terminal-grid.js';
import {
  excessText,
  percentileText,
  WITHHELD,
  WITHHELD_ADVICE,
  withheldNames,
  withheldSentences,
  type PercentileKey,
} from '../result/tail.js';
import { painter, type Paint } from '../text/terminal-style.js';
import { caption, throughputGrids, type Naming } from './terminal-throughput.js';
import { buildsText, figuresBuild, throughputBuild } from '../result/throughput.js';

export interface TerminalOptions {
  /** Columns of the terminal. */
  width: number;
  colour: boolean;
  /** Only what makes the result unusable or incomplete; empty when nothing does. */
  quiet?: boolean;
  /** `brief`: the main table and what changes the conclusion; `full`, the default: every table and note. */
  detail?: 'brief' | 'full';
}

/** Everything about `runs` that fits a terminal, ending with a newline; empty when `quiet` and all is well. */
export function renderTerminal(runs: readonly Run[], options: TerminalOptions): string {
  const paint = painter(options.colour);
  const width = Math.max(40, options.width);
  const problems = runs.flatMap((run) => problemsOf(run, runs.length > 1, width, paint));
  const invalid = runs.flatMap((run) => invalidLines(run, runs.length > 1, width, paint));
  const headline = outcomeHeadline(runs);
  const outcome =
    headline === null ? [] : [wrap(`${paint('yellow', 'Outcome:')} ${printable(headline)}`, width, '  ')];
  if (options.quiet === true) {
    const lines = [...invalid, ...outcome, ...problems];
    return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
  }
  const cells = cellsOf(runs);
  const blocks = cautions(runs).map((text) => wrap(`${paint('yellow', 'Caution:')} ${text}`, width, '  '));
  blocks.push(...invalid);
  blocks.push(...outcome);
  const brief = options.detail === 'brief';
  const groups = comparableGroups(cells);
  if (groups.length > MOST_GROUPS_IN_FULL) blocks.push(matrixGrid(groups, runs.length > 1, width, paint));
  else
    blocks.push(
      ...groups.map((group) => groupBlock(group, { severalRuns: runs.length > 1, brief }, width, paint)),
    );
  // What trials of one traffic come to is in the verdict.
  if (!brief || groups.length > 1) {
    for (const run of runs) blocks.push(comparisonBlock(run, runs.length > 1, width, paint));
  }
  if (!brief) blocks.push(forestText(forestOf(runs, groups), width, paint));
  blocks.push(...runs.map((run) => machineLine(run, runs.length > 1, width, paint)));
  blocks.push(warningLines(runs, brief, width, paint));
  blocks.push(...problems);
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`;
}

/** With more inputs, worker counts and rates than this, each cell gets one line instead of its own tables. */
const MOST_GROUPS_IN_FULL = 2;

interface NamedCell {
  cell: Cell;
  name: string;
}

function figureColumn(head: string, expendable: number, of: (cell: Cell) => string): Column<NamedCell> {
  return { head, expendable, cell: (row) => of(row.cell) };
}

function textColumn(head: string, expendable: number, of: (cell: Cell) => string): Column<NamedCell> {
  return { ...figureColumn(head, expendable, of), align: 'left' };
}

/** One line per cell, for a matrix. */
function matrixGrid(groups: readonly Cell[][], severalRuns: boolean, width: number, paint: Paint): string {
  const rows = groups.flatMap((group) =>
    group.map((cell) => ({ cell, name: printable(cellName(cell, group)) })),
  );
  const columns: Column<NamedCell>[] = [
    ...(severalRuns ? [textColumn('Run', 0, (cell) => printable(cell.run.label))] : []),
    textColumn('Input', 0, (cell) => printable(cell.first.input.name)),
    figureColumn('workers', 0, (cell) => String(cell.first.workers)),
    textColumn('pace', 6, (cell) => pacingText(cell.first)),
    { head: 'Design', align: 'left', expendable: 0, cell: (row) => paint('cyan', row.name) },
    figureColumn('packets/s', 0, (cell) => paint('bold', formatRate(throughputOfCell(cell)))),
    figureColumn('interval', 4, throughputInterval),
    figureColumn('covers', 4, throughputCover),
    figureColumn('on engine', 7, (cell) => formatRate(onEnginePpsOf(cell))),
    figureColumn('measuring', 3, (cell) => signedNs(probeCostOf(cell))),
    figureColumn('CV', 5, (cell) => formatShare(summaryOf(cell, 'pps')?.cv)),
    figureColumn('trials', 7, (cell) => String(cell.cases.length)),
    figureColumn('p50', 1, (cell) => percentileText(latencyOfCell(cell, 'service'), 'p50Ns')),
    figureColumn('p99', 0, (cell) => percentileText(latencyOfCell(cell, 'service'), 'p99Ns')),
    figureColumn('p99.9', 2, (cell) => percentileText(latencyOfCell(cell, 'service'), 'p999Ns')),
    figureColumn('max', 3, (cell) => formatNs(latencyOfCell(cell, 'service')?.maxNs)),
    figureColumn('response p99', 4, (cell) => percentileText(latencyOfCell(cell, 'response'), 'p99Ns')),
    figureColumn('lock wait', 1, (cell) => formatShare(medianOf(cell, (entry) => entry.lockWaitShare))),
    figureColumn('CPU wait', 5, (cell) => formatShare(medianOf(cell, (entry) => entry.cpuWaitShare))),
    figureColumn('lag p50', 3, lag('p50Ns')),
    figureColumn('lag max', 3, lag('maxNs')),
    ...outcomeColumns(groups.flat()).map(({ head, expendable, of }) => figureColumn(head, expendable, of)),
  ];
  const cases = rows.flatMap(({ cell }) => cell.cases);
  const builds =
    `packets/s: ${buildsText(cases, throughputBuild)}. Everything else: ${buildsText(cases, figuresBuild)}; ` +
    'what that adds to a packet is under measuring';
  const cells = grid(rows, columns, width, paint);
  const least = cells.includes(LEAST) ? [paint('dim', wrap(LEAST_REASON, width, '  '))] : [];
  const table = [caption('All cells', builds, width, paint), cells, ...least].join('\n');
  // One reason for all: a line per cell would be longer than the table.
  const held = groups
    .flat()
    .filter((cell) => TIME_KINDS.some((kind) => withheldNames(latencyOfCell(cell, kind)).length > 0));
  if (held.length === 0) return table;
  const reason = `${WITHHELD} the machine interrupted or delayed more than half as many packets as lie above that percentile. ${WITHHELD_ADVICE}`;
  return `${table}\n${paint('dim', wrap(reason, width, '  '))}`;
}

interface GroupOptions {
  readonly severalRuns: boolean;
  readonly brief: boolean;
}

function groupBlock(
  group: readonly Cell[],
  { severalRuns, brief }: GroupOptions,
  width: number,
  paint: Paint,
): string {
  const [first] = group;
  if (first === undefined) return '';
  const entry = first.first;
  const heading = [
    printable(entry.input.name),
    `${entry.workers} ${entry.workers === 1 ? 'worker' : 'workers'}`,
    pacingText(entry),
    `batch ${entry.batch}`,
    `${printable(entry.steer)} steering`,
    ...settingNames(entry),
    ...touchedText(first),
    ...(severalRuns ? [printable(first.run.label)] : []),
  ].join(' · ');
  const name = (cell: Cell): string => printable(cellName(cell, group));
  if (brief) return `${paint('bold', wrap(heading, width))}\n${mainGrid(group, name, width, paint)}`;
  const parts = [
    paint('bold', wrap(heading, width)),
    ...throughputGrids(group, name, width, paint),
    captioned('Latency', group, latencyGrid(group, name, width, paint), width, paint),
    captioned('Locks', group, lockGrid(group, name, width, paint), width, paint),
    captioned('Expiration', group, expiryGrid(group, name, width, paint), width, paint),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

/** How many batches touched ahead where the size of the table decided, in the run for throughput; nothing where none did. */
function touchedText(cell: Cell): string[] {
  const share = medianOf(cell, (entry) => entry.throughput?.touchedBatchShare ?? entry.touchedBatchShare);
  const decided = touchAheadOf(cell.first) === 'auto' && share !== null && share > 0;
  return decided ? [`touch-ahead in ${formatShare(share)} of batches`] : [];
}

/** A table with its caption, which names the build that it was measured with; empty when the table is. */
function captioned(what: string, group: readonly Cell[], table: string, width: number, paint: Paint): string {
  if (table === '') return '';
  const cases = group.flatMap((cell) => cell.cases);
  return `${caption(what, buildsText(cases, figuresBuild), width, paint)}\n${table}`;
}

interface LatencyRow {
  cell: Cell;
  design: string;
  kind: TimeKind;
  figures: LatencyDistribution;
}

function time(head: string, of: 'maxNs' | 'meanNs', expendable: number): Column<LatencyRow> {
  return { head, expendable, cell: (row) => formatNs(row.figures[of]) };
}

function percentile(head: string, key: PercentileKey, expendable: number): Column<LatencyRow> {
  return { head, expendable, cell: (row) => percentileText(row.figures, key) };
}

function excess(head: string, key: 'p99Ns' | 'p999Ns', expendable: number): Column<LatencyRow> {
  return { head, expendable, cell: (row) => excessText(row.cell, row.kind, key) };
}

function latencyGrid(group: readonly Cell[], name: Naming, width: number, paint: Paint): string {
  const rows: LatencyRow[] = [];
  for (const kind of TIME_KINDS) {
    for (const cell of group) {
      const figures = latencyOfCell(cell, kind);
      if (figures !== null && figures.count > 0) rows.push({ cell, design: name(cell), kind, figures });
    }
  }
  const columns: Column<LatencyRow>[] = [
    { head: 'Latency', align: 'left', expendable: 0, cell: (row) => row.kind },
    { head: 'Design', align: 'left', expendable: 0, cell: (row) => paint('cyan', row.design) },
    percentile('p50', 'p50Ns', 0),
    percentile('p90', 'p90Ns', 3),
    percentile('p99', 'p99Ns', 0),
    percentile('p99.9', 'p999Ns', 1),
    percentile('p99.99', 'p9999Ns', 4),
    time('max', 'maxNs', 0),
    time('mean', 'meanNs', 5),
    { head: 'measuring', expendable: 1, cell: (row) => signedNs(probeCostOf(row.cell)) },
    // Over a bare clock loop on the same cores.
    excess('p99 excess', 'p99Ns', 6),
    excess('p99.9 excess', 'p999Ns', 6),
  ];
  return withReasons(grid(rows, columns, width, paint), group, name, width, paint);
}

/** A table of times, and below it why some are held back. */
function withReasons(
  table: string,
  cells: readonly Cell[],
  name: Naming,
  width: number,
  paint: Paint,
): string {
  const reasons = withheldSentences(cells, name).map((text) => paint('dim', wrap(text, width, '  ')));
  return [table, ...reasons].filter((part) => part !== '').join('\n');
}

interface LockRow {
  cell: Cell;
  design: string;
  line: Contention;
  packets: number;
}

function perPacket(count: number | null | undefined, packets: number): string {
  return typeof count === 'number' && packets > 0 ? formatRatio(count / packets) : '';
}

function lockGrid(group: readonly Cell[], name: Naming, width: number, paint: Paint): string {
  const rows: LockRow[] = group.flatMap((cell) =>
    locksOfCell(cell).map((line) => ({ cell, design: name(cell), line, packets: packetsOf(cell) })),
  );
  const columns: Column<LockRow>[] = [
    { head: 'Lock', align: 'left', expendable: 0, cell: (row) => printable(row.line.class) },
    { head: 'Design', align: 'left', expendable: 0, cell: (row) => paint('cyan', row.design) },
    { head: 'acquisitions', expendable: 2, cell: (row) => formatCount(row.line.acquisitions) },
    { head: 'per packet', expendable: 0, cell: (row) => perPacket(row.line.acquisitions, row.packets) },
    { head: 'contended', expendable: 1, cell: (row) => formatCount(row.line.contended) },
    { head: 'waits/packet', expendable: 3, cell: (row) => perPacket(row.line.contended, row.packets) },
    { head: 'futex waits', expendable: 7, cell: (row) => formatCount(row.line.futexWaits) },
    { head: 'wait avg', expendable: 2, cell: (row) => formatNs(row.line.wait?.avgNs) },
    { head: 'wait max', expendable: 3, cell: (row) => formatNs(row.line.wait?.maxNs) },
    { head: 'wait total', expendable: 0, cell: (row) => formatNs(row.line.wait?.totalNs) },
    { head: 'hold avg', expendable: 4, cell: (row) => formatNs(row.line.hold?.avgNs) },
    { head: 'hold max', expendable: 5, cell: (row) => formatNs(row.line.hold?.maxNs) },
    { head: 'hold total', expendable: 6, cell: (row) => formatNs(row.line.hold?.totalNs) },
    { head: 'measuring', expendable: 4, cell: (row) => signedNs(probeCostOf(row.cell)) },
  ];
  return grid(rows, columns, width, paint);
}

function lag(figure: LagFigure): (cell: Cell) => string {
  return (cell) => lagText(cell, figure);
}

/** Over all passes; not known where only the first ten thousand were kept. */
function checkedOf(entry: ResultCase): number | null {
  const { sweeps } = entry;
  return sweeps == null || sweeps.length < (sweepsOf(entry) ?? 0)
    ? null
    : sumKnown(sweeps.map(({ checked }) => checked));
}

/** As the engine counts them; older results have only what the passes removed. */
function cleanedOf({ connections, sweeps }: ResultCase): number | null {
  return connections?.expired ?? sumKnown((sweeps ?? []).map(({ cleaned }) => cleaned));
}

function expiryGrid(group: readonly Cell[], name: Naming, width: number, paint: Paint): string {
  const rows = group.filter((cell) => (lagOfCell(cell)?.count ?? 0) > 0 || cell.first.sweeps);
  const columns: Column<Cell>[] = [
    { head: 'Expiration', align: 'left', expendable: 0, cell: (cell) => paint('cyan', name(cell)) },
    { head: 'lag p50', expendable: 0, cell: lag('p50Ns') },
    { head: 'lag p99', expendable: 1, cell: lag('p99Ns') },
    { head: 'lag max', expendable: 0, cell: lag('maxNs') },
    {
      head: 'expired but present',
      expendable: 4,
      cell: (cell) =>
        formatCount(
          largestOf(cell, (entry) =>
            largestKnown((entry.expiry?.staleTimeline ?? []).map((at) => at.expiredPresent)),
          ),
        ),
    },
    {
      head: 'sweeps',
      expendable: 0,
      cell: (cell) => formatCount(totalOf(cell, sweepsOf)),
    },
    { head: 'checked', expendable: 3, cell: (cell) => formatCount(totalOf(cell, checkedOf)) },
    { head: 'cleaned', expendable: 3, cell: (cell) => formatCount(totalOf(cell, cleanedOf)) },
    {
      head: 'longest hold',
      expendable: 2,
      cell: (cell) =>
        formatNs(
          largestOf(cell, (entry) => largestKnown((entry.sweeps ?? []).map((sweep) => sweep.longestHoldNs))),
        ),
    },
  ];
  const table = grid(rows, columns, width, paint);
  return table.includes(LEAST) ? `${table}\n${paint('dim', wrap(LEAST_REASON, width, '  '))}` : table;
}

function sumKnown(values: readonly (number | null | undefined)[]): number | null {
  const known = values.filter((value) => typeof value === 'number');
  return known.length === 0 ? null : known.reduce((a, b) => a + b, 0);
}

function largestKnown(values: readonly (number | null | undefined)[]): number | null {
  const known = values.filter((value) => typeof value === 'number');
  return known.length === 0 ? null : known.reduce((a, b) => Math.max(a, b));
}

/** Twelve digits of a commit, and whether the tree was changed. */
function shortCommit(commit: string): string {
  return commit.replace(/^([0-9a-f]{12})[0-9a-f]+/, '$1');
}

function machineLine(run: Run, severalRuns: boolean, width: number, paint: Paint): string {
  const { environment, tool, seed } = run.result;
  const { clock, noise } = environment;
  const parts = [
    ...(severalRuns ? [printable(run.label)] : []),
    environment.cpuModel ? printable(environment.cpuModel) : '',
    environment.coresOnline
      ? `${environment.coresOnline} ${environment.coresOnline === 1 ? 'core' : 'cores'}`
      : '',
    `Node ${printable(environment.node)}`,
    clock.costNs !== null && clock.costNs !== undefined ? `timer costs ${formatNs(clock.costNs)}` : '',
    clock.stepNs !== null && clock.stepNs !== undefined ? `steps by ${formatNs(clock.stepNs)}` : '',
    typeof noise?.maxNs === 'number' ? `longest interruption ${formatNs(noise.maxNs)}` : '',
    typeof environment.stealShare === 'number' ? `steal ${formatShare(environment.stealShare)}` : '',
    `seed ${seed}`,
    `measured ${run.result.createdAt.slice(0, 10)}`,
    `ctreplay ${printable(tool.version)}${tool.commit ? ` (${printable(shortCommit(tool.commit))})` : ''}`,
  ];
  return paint('dim', wrap(parts.filter((part) => part !== '').join(' · '), width));
}

/** That a large share of the packets was invalid: the first thing to know, also when quiet. */
function invalidLines(run: Run, severalRuns: boolean, width: number, paint: Paint): string[] {
  const text = invalidHeadline(run.result);
  if (text === null) return [];
  const where = severalRuns ? `${printable(run.label)}: ` : '';
  return [wrap(`${paint('yellow', 'Invalid:')} ${where}${printable(text)}`, width, '  ')];
}

/** Failed checks, partial and invalid results: shown also when quiet. */
function problemsOf(run: Run, severalRuns: boolean, width: number, paint: Paint): string[] {
  const { result } = run;
  const where = severalRuns ? `${printable(run.label)}: ` : '';
  const lines: string[] = [];
  for (const text of failedCheckTexts(run.result)) {
    lines.push(wrap(`${paint('red', 'Error:')} ${where}${printable(text)}`, width, '  '));
  }
  if (!result.valid) {
    lines.push(
      wrap(`${paint('red', 'Error:')} ${where}the self-audit failed; do not use these figures.`, width, '  '),
    );
  }
  if (result.partial) {
    lines.push(
      wrap(
        `${paint('yellow', 'Partial:')} ${where}the run was cut short; what is shown was measured.`,
        width,
        '  ',
      ),
    );
  }
  return lines;
}
