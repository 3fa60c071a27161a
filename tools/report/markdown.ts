/** The report as Markdown, for a pull request comment or a CI step summary. */
import {
  cellName,
  cellsOf,
  comparableGroups,
  latencyOfCell,
  locksOfCell,
  medianOf,
  onEnginePpsOf,
  packetsOf,
  pacingText,
  probeCostOf,
  settingNames,
  type Cell,
} from '../result/cells.js';
import { throughputCover, throughputInterval, throughputOfCell } from '../result/cell-throughput.js';
import {
  comparisonsOf,
  coverText,
  deltaText,
  intervalText,
  metricOf,
  testText,
} from '../result/comparisons.js';
import { escapeMarkdown } from '../text/escape.js';
import { formatCount, formatNs, formatRate, formatRatio, formatShare, signedNs } from '../text/quantities.js';
import { LEAST, LEAST_REASON, lagText } from '../result/lag-quantile.js';
import type { Run } from '../result/runs.js';
import type { Comparison } from '../result/schema.js';
import { excessText, percentileText, withheldSentences } from '../result/tail.js';
import { outcomeColumns } from './outcome-columns.js';
import { repeatedTuplesText, sourceBoundText, summarySentences } from './summary-sentences.js';
import {
  buildsText,
  comparedBuilds,
  figuresBuild,
  throughputBuild,
  throughputOf,
} from '../result/throughput.js';

/** GitHub shows at most 1 MiB of a step summary; a report that is longer is cut at a section, and says so. */
const MAX_BYTES = 1024 * 1024 - 1024;

/** The Markdown text. All text from the results is escaped: it makes no HTML, link, mention or table cell. */
export function markdownText(runs: readonly Run[]): string {
  const severalRuns = runs.length > 1;
  const cells = cellsOf(runs);
  const sections = [
    `# ctreplay results${sourceBoundText(runs) === null ? '' : ' (bound by the source)'}${repeatedTuplesText(runs) === null ? '' : ' (repeated tuples)'}`,
    bullets(summarySentences(runs).map(({ text }) => escapeMarkdown(text))),
    ...comparableGroups(cells).flatMap((group) => groupSections(group, severalRuns)),
    ...runs.flatMap((run) => comparisonSections(run, severalRuns)),
    ...warningSections(runs),
    '## What was run',
    ...runs.map((run) => runTable(run, severalRuns)),
  ];
  return cut(sections.filter((section) => section !== ''));
}

function cut(sections: readonly string[]): string {
  let text = '';
  for (const section of sections) {
    const next = `${text}${text === '' ? '' : '\n'}${section}\n`;
    if (Buffer.byteLength(next) > MAX_BYTES) {
      return `${text}\nThe rest does not fit; see summary.csv and report.html.\n`;
    }
    text = next;
  }
  return text;
}

function bullets(lines: readonly string[]): string {
  return lines.map((item) => `- ${item}`).join('\n');
}

interface MdColumn<Row> {
  head: string;
  left?: boolean;
  cell: (row: Row) => string;
}

function line(texts: readonly string[]): string {
  return `| ${texts.join(' | ')} |`;
}

/** A table; columns in which nothing was measured are left out. */
function mdTable<Row>(rows: readonly Row[], columns: readonly MdColumn<Row>[]): string {
  if (rows.length === 0) return '';
  const kept = columns
    .map((column) => ({ column, texts: rows.map((row) => column.cell(row)) }))
    .filter(({ texts }) => texts.some((text) => text !== '–' && text !== ''));
  return [
    line(kept.map(({ column }) => column.head)),
    line(kept.map(({ column }) => (column.left === true ? '---' : '---:'))),
    ...rows.map((_, index) => line(kept.map(({ texts }) => texts[index] ?? ''))),
  ].join('\n');
}

function time(
  head: string,
  kind: 'service' | 'response',
  key: 'p50Ns' | 'p99Ns' | 'p999Ns' | 'maxNs',
): MdColumn<Cell> {
  return {
    head,
    cell: (cell) =>
      key === 'maxNs'
        ? formatNs(latencyOfCell(cell, kind)?.maxNs)
        : percentileText(latencyOfCell(cell, kind), key),
  };
}

function groupSections(group: readonly Cell[], severalRuns: boolean): string[] {
  const [first] = group;
  if (first === undefined) return [];
  const { input, workers } = first.first;
  const heading = [
    escapeMarkdown(input.name),
    `${workers} ${workers === 1 ? 'worker' : 'workers'}`,
    escapeMarkdown(pacingText(first.first)),
    ...settingNames(first.first),
    ...(severalRuns ? [escapeMarkdown(first.run.label)] : []),
  ].join(', ');
  const design: MdColumn<Cell> = {
    head: 'design',
    left: true,
    cell: (cell) => escapeMarkdown(cellName(cell, group)),
  };
  const cases = group.flatMap((cell) => cell.cases);
  const figures = buildsText(cases, figuresBuild);
  const hasLeastLag = group.some((cell) => lagText(cell, 'maxNs').startsWith(LEAST));
  return [
    `## ${heading}`,
    `Throughput: ${escapeMarkdown(buildsText(cases, throughputBuild))}.`,
    mdTable(group, [
      design,
      { head: 'packets/s', cell: (cell) => formatRate(throughputOfCell(cell)) },
      { head: 'interval', cell: throughputInterval },
      { head: 'covers', left: true, cell: throughputCover },
      { head: 'on engine', cell: (cell) => formatRate(onEnginePpsOf(cell)) },
      { head: 'trials', cell: (cell) => (cell.cases.length > 1 ? String(cell.cases.length) : '') },
      {
        head: 'harness',
        cell: (cell) => formatShare(medianOf(cell, (comparison) => throughputOf(comparison).harnessShare)),
      },
    ]),
    `Times, locks and expiration: ${escapeMarkdown(figures)}; under _measuring_ what that adds to a packet.`,
    mdTable(group, [
      design,
      measuring,
      time('service p50', 'service', 'p50Ns'),
      time('p99', 'service', 'p99Ns'),
      time('p99.9', 'service', 'p999Ns'),
      { head: 'p99.9 excess', cell: (cell) => excessText(cell, 'service', 'p999Ns') },
      time('max', 'service', 'maxNs'),
      time('response p50', 'response', 'p50Ns'),
      time('p99', 'response', 'p99Ns'),
      time('max', 'response', 'maxNs'),
      ...outcomeColumns(group).map(({ head, of }): MdColumn<Cell> => ({ head, cell: of })),
      {
        head: 'waiting for locks',
        cell: (cell) => formatShare(medianOf(cell, (comparison) => comparison.lockWaitShare)),
      },
      { head: 'expiry lag p50', cell: (cell) => lagText(cell, 'p50Ns') },
      { head: 'max', cell: (cell) => lagText(cell, 'maxNs') },
    ]),
    bullets(
      [
        ...withheldSentences(group, (cell) => cellName(cell, group)),
        ...(hasLeastLag ? [LEAST_REASON] : []),
      ].map(escapeMarkdown),
    ),
    group.every((cell) => locksOfCell(cell).length === 0) ? '' : `Locks: ${escapeMarkdown(figures)}.`,
    lockTable(group),
  ];
}

function lockTable(group: readonly Cell[]): string {
  const locks = group.flatMap((cell) => locksOfCell(cell).map((lock) => ({ cell, lock })));
  return mdTable(locks, [
    { head: 'lock', left: true, cell: ({ lock }) => escapeMarkdown(lock.class) },
    { head: 'design', left: true, cell: ({ cell }) => escapeMarkdown(cellName(cell, group)) },
    { head: 'acquisitions', cell: ({ lock }) => formatCount(lock.acquisitions) },
    {
      head: 'per packet',
      cell: ({ cell, lock }) =>
        typeof lock.acquisitions === 'number' && packetsOf(cell) > 0
          ? formatRatio(lock.acquisitions / packetsOf(cell))
          : '',
    },
    { head: 'contended', cell: ({ lock }) => formatCount(lock.contended) },
    { head: 'wait avg', cell: ({ lock }) => formatNs(lock.wait?.avgNs) },
    { head: 'max', cell: ({ lock }) => formatNs(lock.wait?.maxNs) },
    { head: 'total', cell: ({ lock }) => formatNs(lock.wait?.totalNs) },
    { head: 'hold avg', cell: ({ lock }) => formatNs(lock.hold?.avgNs) },
    { head: 'max', cell: ({ lock }) => formatNs(lock.hold?.maxNs) },
    { head: measuring.head, cell: ({ cell }) => measuring.cell(cell) },
  ]);
}

const measuring: MdColumn<Cell> = { head: 'measuring', cell: (cell) => signedNs(probeCostOf(cell)) };

/** Comparisons by metric as benchstat writes them, geometric means with their intervals last. */
function comparisonSections(run: Run, severalRuns: boolean): string[] {
  const byMetric = new Map<string, Comparison[]>();
  for (const comparison of comparisonsOf(run.result))
    byMetric.set(comparison.metric, [...(byMetric.get(comparison.metric) ?? []), comparison]);
  if (byMetric.size === 0) return [];
  const sections = [
    severalRuns ? `## Comparisons, ${escapeMarkdown(run.label)}` : '## Comparisons',
    escapeMarkdown(comparedBuilds(run)),
  ];
  for (const [metric, comparisons] of byMetric) {
    const table = mdTable(comparisons, [
      {
        head: escapeMarkdown(metric),
        left: true,
        cell: (comparison) =>
          comparison.control === true
            ? `${escapeMarkdown(comparison.head)} (A/A)`
            : `${escapeMarkdown(comparison.head)} against ${escapeMarkdown(comparison.base)}`,
      },
      { head: 'base', cell: (comparison) => metricOf(comparison).format(comparison.baseMedian) },
      { head: 'head', cell: (comparison) => metricOf(comparison).format(comparison.headMedian) },
      { head: 'delta', cell: (comparison) => deltaText(comparison) },
      { head: 'ratio', cell: intervalText },
      { head: 'covers', left: true, cell: coverText },
      { head: 'test', left: true, cell: testText },
    ]);
    sections.push(table);
    sections.push(
      bullets([...new Set(comparisons.flatMap((comparison) => comparison.note ?? []))].map(escapeMarkdown)),
    );
    for (const row of run.result.geomeans ?? []) {
      // A mean without an interval claims what it cannot know.
      if (row.metric !== metric || row.groups < 2 || typeof row.low !== 'number') continue;
      sections.push(
        escapeMarkdown(
          `geomean of ${metric}: ${row.head} against ${row.base} ${row.text}, ${row.groups} groups`,
        ),
      );
    }
  }
  return sections;
}

function warningSections(runs: readonly Run[]): string[] {
  const lines = new Set<string>();
  for (const { result } of runs) {
    for (const warning of [...result.warnings, ...result.cases.flatMap((entry) => entry.warnings ?? [])]) {
      lines.add(escapeMarkdown(warning.advice ? `${warning.text} ${warning.advice}` : warning.text));
    }
  }
  return lines.size === 0 ? [] : ['## Warnings', bullets([...lines])];
}

function runTable(run: Run, severalRuns: boolean): string {
  const { result } = run;
  const { environment } = result;
  const rows: [string, string | null][] = [
    ['run', severalRuns ? run.label : null],
    ['command', `ctreplay ${result.commandLine.join(' ')}`],
    ['created', result.createdAt],
    ['ctreplay', `${result.tool.version}${result.tool.commit ? ` (${result.tool.commit})` : ''}`],
    ['seed', String(result.seed)],
    ['CPU', environment.cpuModel ?? null],
    [
      'cores',
      environment.coresOnline === null || environment.coresOnline === undefined
        ? null
        : String(environment.coresOnline),
    ],
    ['kernel', environment.kernel ?? null],
    ['governor', environment.governor ?? null],
    ['Node.js', environment.node],
    ['timer', timerText(environment.clock)],
    [
      'longest interruption',
      environment.noise?.maxNs === undefined ? null : formatNs(environment.noise.maxNs),
    ],
    ['steal', environment.stealShare === undefined ? null : formatShare(environment.stealShare)],
    ['self-audit', result.valid ? 'passed' : 'FAILED: do not use these figures'],
    ['complete', result.partial ? 'no: the run was cut short' : 'yes'],
  ];
  return mdTable(
    rows.filter(([, value]) => value !== null && value !== '–'),
    [
      { head: 'what', left: true, cell: ([key]) => key },
      { head: 'value', left: true, cell: ([, value]) => escapeMarkdown(value ?? '') },
    ],
  );
}

/** `costs 48 ns, steps by 30 ns`; null where neither is known. */
export function timerText(clock: {
  costNs?: number | null | undefined;
  stepNs?: number | null | undefined;
}): string | null {
  const parts = [
    ...(typeof clock.costNs === 'number' ? [`costs ${formatNs(clock.costNs)}`] : []),
    ...(typeof clock.stepNs === 'number' ? [`steps by ${formatNs(clock.stepNs)}`] : []),
  ];
  return parts.length === 0 ? null : parts.join(', ');
}
