/** The sections of the page that are tables: results side by side, locks, comparisons, what was run, the audit. */
import { cellName, locksOfCell, packetsOf, probeCostOf } from '../result/cells.js';
import {
  comparisonsOf,
  coverText,
  deltaText,
  findingOf,
  intervalText,
  metricOf,
  testText,
} from '../result/comparisons.js';
import { failedCheckTexts } from './failed-checks.js';
import { markup, htmlTable, trusted, type Html, type HtmlValue } from './html.js';
import { timerText } from './markdown.js';
import { groupLabel } from './page-data.js';
import type { ForestGroup } from './forest.js';
import { bar, largestIn } from './page-results.js';
import { chartFigure, designsTogether, placeColumn, section, type PageContent } from './page-sections.js';
import {
  formatBytes,
  formatCount,
  formatNs,
  formatRatio,
  formatShare,
  NOT_MEASURED,
  signedNs,
} from '../text/quantities.js';
import type { Run } from '../result/runs.js';
import type { AuditCheck, Contention, Result, Warning } from '../result/schema.js';
import type { Sentence } from './summary-sentences.js';
import { comparedBuilds } from '../result/throughput.js';

const MARKS: Readonly<Record<Sentence['kind'], Html | null>> = {
  caution: markup`<strong>Caution.</strong> `,
  problem: markup`<strong>Problem.</strong> `,
  finding: null,
  note: null,
};

/** The sentences at the top. */
export function summarySection(sentences: readonly Sentence[], warnings: readonly Warning[]): Html | null {
  const body = markup`<ul class="summary">
      ${sentences.map(
        ({ kind, text }) =>
          markup`<li class="${kind}">
            ${MARKS[kind]}${text}
          </li> `,
      )}
    </ul>
    ${
      warnings.length === 0
        ? null
        : markup`<details>
            <summary>
              ${warnings.length === 1 ? '1 warning' : `${warnings.length} warnings`} about the measurement
            </summary>
            <ul>
              ${warnings.map(
                (warning) =>
                  markup`<li>${warning.text}${warning.advice ? markup` <em>${warning.advice}</em>` : null}</li> `,
              )}
            </ul>
          </details>`
    }`;
  return section('summary', 'Summary', body);
}

/** Warnings of all runs and cases, each once. */
export function warningsOf(runs: readonly Run[]): Warning[] {
  const seen = new Map<string, Warning>();
  for (const { result } of runs) {
    for (const warning of [...result.warnings, ...result.cases.flatMap((entry) => entry.warnings ?? [])]) {
      const key = JSON.stringify([warning.text, warning.advice]);
      if (!seen.has(key)) seen.set(key, warning);
    }
  }
  return [...seen.values()];
}

interface LockRow {
  where: string;
  design: string;
  line: Contention;
  packets: number;
  /** What probes and clocks add to a packet, ns. */
  measuring: number | null;
}

function lockTable(caption: string, rows: readonly LockRow[], content: PageContent): HtmlValue {
  const colourOf = (row: LockRow): number => content.data.palette.indexOf(row.design);
  const mostWait = largestIn(rows.map(({ line }) => line.wait?.totalNs));
  const mostHold = largestIn(rows.map(({ line }) => line.hold?.totalNs));
  const perPacket = (count: number | null | undefined, row: LockRow): string =>
    typeof count === 'number' && row.packets > 0 && row.line.thread === 'all'
      ? formatRatio(count / row.packets)
      : '';
  return htmlTable(
    caption,
    designsTogether(rows, ({ where, line }) => `${where}\n${line.class}\n${line.thread}`),
    [
      ...placeColumn<LockRow>(content, 'Configuration', (row) => row.where),
      { head: 'Lock', left: true, cell: (row) => row.line.class },
      ...(rows.every(({ line }) => line.thread === 'all')
        ? []
        : [{ head: 'Thread', left: true, cell: (row: LockRow) => row.line.thread }]),
      { head: 'Design', left: true, cell: (row) => row.design },
      {
        head: 'Wait, total',
        cell: (row) => bar(row.line.wait?.totalNs, mostWait, formatNs(row.line.wait?.totalNs), colourOf(row)),
      },
      {
        head: 'Hold, total',
        cell: (row) => bar(row.line.hold?.totalNs, mostHold, formatNs(row.line.hold?.totalNs), colourOf(row)),
      },
      { head: 'Acquisitions', cell: (row) => formatCount(row.line.acquisitions) },
      { head: 'Per packet', cell: (row) => perPacket(row.line.acquisitions, row) },
      { head: 'Contended', cell: (row) => formatCount(row.line.contended) },
      { head: 'Waits per packet', cell: (row) => perPacket(row.line.contended, row) },
      { head: 'Spins', cell: (row) => formatCount(row.line.spins) },
      { head: 'Futex waits', cell: (row) => formatCount(row.line.futexWaits) },
      { head: 'Wait min', cell: (row) => formatNs(row.line.wait?.minNs) },
      { head: 'Wait avg', cell: (row) => formatNs(row.line.wait?.avgNs) },
      { head: 'Wait max', cell: (row) => formatNs(row.line.wait?.maxNs) },
      { head: 'Hold min', cell: (row) => formatNs(row.line.hold?.minNs) },
      { head: 'Hold avg', cell: (row) => formatNs(row.line.hold?.avgNs) },
      { head: 'Hold max', cell: (row) => formatNs(row.line.hold?.maxNs) },
      { head: 'Measuring adds to a packet', cell: (row) => signedNs(row.measuring) },
    ],
    content.rowsMax,
  );
}

/** Lock figures as lock_stat gives them, over all threads, then by thread. */
export function lockSection(content: PageContent): Html | null {
  const { groups, severalRuns, figures } = content;
  const all: LockRow[] = [];
  const threads: LockRow[] = [];
  for (const group of groups) {
    for (const cell of group) {
      const common = {
        where: groupLabel(group, severalRuns),
        design: cellName(cell, group),
        packets: packetsOf(cell),
        measuring: probeCostOf(cell),
      };
      all.push(...locksOfCell(cell).map((line) => ({ ...common, line })));
      const byThread = (cell.first.locks ?? []).filter((line) => line.thread !== 'all');
      threads.push(...byThread.map((line) => ({ ...common, line })));
    }
  }
  const sampled = all.some(({ line }) => line.wait?.sampled === true || line.hold?.sampled === true);
  const body =
    all.length === 0 && threads.length === 0
      ? null
      : markup`${lockTable(`Locks, all threads${hasTrials(content) ? ' and trials together' : ''}: ${figures}`, all, content)}${
          sampled ? markup`<p class="note">Some times were sampled; their totals are scaled up.</p>` : null
        }${
          threads.length === 0
            ? null
            : markup`<details>
                <summary>By thread (first trial)</summary>
                ${lockTable(`Locks by thread: ${figures}`, threads, content)}
              </details>`
        }`;
  return section('locks', 'Locks', body);
}

/** Whether a cell has several trials, of which a table can add up, or show one. */
function hasTrials({ groups }: PageContent): boolean {
  return groups.some((group) => group.some(({ cases }) => cases.length > 1));
}

/** Content behind a summary that opens it; nothing for nothing. */
function folded(summary: string, content: HtmlValue): HtmlValue {
  return content === null || content === undefined
    ? null
    : markup`<details>
        <summary>${summary}</summary>
        ${content}
      </details>`;
}

/** The id of a cell, with places to break a line at. */
function breakable(id: string): HtmlValue {
  return id
    .split('/')
    .flatMap((part, index): HtmlValue[] => (index === 0 ? [part] : ['/', trusted('<wbr>'), part]));
}

/** Comparisons with their intervals. */
export function comparisonSection(
  runs: readonly Run[],
  rowsMax: number,
  forest: readonly ForestGroup[] = [],
): Html | null {
  const rows = runs.flatMap((run) => comparisonsOf(run.result).map((comparison) => ({ run, comparison })));
  const builds = [...new Set(runs.map(comparedBuilds))].filter((text) => text !== '').join('; ');
  const words = {
    better: 'better',
    worse: 'worse',
    'no-difference-shown': 'no difference shown',
    unknown: 'too little to tell',
  } as const;
  const table = htmlTable(
    builds === '' ? 'Comparisons' : `Comparisons. ${builds}`,
    rows,
    [
      ...(new Set(rows.map(({ run }) => run)).size > 1
        ? [{ head: 'Run', left: true, cell: ({ run }: (typeof rows)[number]) => run.label }]
        : []),
      { head: 'Compared', left: true, cell: ({ comparison }) => breakable(comparison.head) },
      {
        head: 'With',
        left: true,
        cell: ({ comparison }) => (comparison.control === true ? 'itself (A/A)' : breakable(comparison.base)),
      },
      { head: 'Metric', left: true, cell: ({ comparison }) => comparison.metric },
      { head: 'Base', cell: ({ comparison }) => metricOf(comparison).format(comparison.baseMedian) },
      { head: 'Head', cell: ({ comparison }) => metricOf(comparison).format(comparison.headMedian) },
      { head: 'Delta', cell: ({ comparison }) => deltaText(comparison) },
      { head: 'Ratio interval', cell: ({ comparison }) => intervalText(comparison) },
      { head: 'It covers', left: true, cell: ({ comparison }) => coverText(comparison) },
      { head: 'Test', left: true, cell: ({ comparison }) => testText(comparison) },
      {
        head: 'Finding',
        left: true,
        cell: ({ comparison }) =>
          markup`<span class="${findingOf(comparison)}">${words[findingOf(comparison)]}</span>${comparison.note ? markup` <em>${comparison.note}</em>` : null}`,
      },
    ],
    rowsMax,
  );
  if (rows.length === 0) return null;
  const body =
    forest.length === 0
      ? table
      : chartFigure({
          chart: 'forest',
          alternative: `Ratios of the designs with their intervals: ${forest.map(({ label }) => label).join('; ')}.`,
          caption:
            'Ratios of the designs, with the interval of each. An interval that crosses the dashed line at 1 shows no difference. Of packets/s more is better, of times less.',
          labels: forest.map(({ label }) => label),
          table,
        });
  return section('comparisons', 'Comparison', body);
}

/** What was done, counted. */
export function workSection(content: PageContent): Html | null {
  const { groups, severalRuns, rowsMax, figures } = content;
  const rows = groups.flatMap((group) =>
    group.flatMap((cell) => {
      const work = cell.first.workCounts;
      if (work === null || work === undefined || work.packets === 0) return [];
      const counts: [string, number | null | undefined][] = [
        ...Object.entries(work.locks).map(([name, count]): [string, number] => [
          `${name} acquisitions`,
          count,
        ]),
        ['list moves', work.listMoves],
        ['hash probes', work.hashProbes],
        ['bytes copied', work.bytesCopied],
        ...Object.entries(work.other ?? {}),
      ];
      return counts
        .filter((entry): entry is [string, number] => typeof entry[1] === 'number')
        .map(([name, count]) => ({ group, cell, name, count, packets: work.packets }));
    }),
  );
  type Row = (typeof rows)[number];
  const body = htmlTable(
    `Work, counted${hasTrials(content) ? ' in the first trial' : ''}: ${figures}`,
    designsTogether(rows, ({ group, name }) => `${groupLabel(group, severalRuns)}\n${name}`),
    [
      ...placeColumn<Row>(content, 'Configuration', ({ group }) => groupLabel(group, severalRuns)),
      { head: 'Work', left: true, cell: ({ name }) => name },
      { head: 'Design', left: true, cell: ({ cell, group }) => cellName(cell, group) },
      { head: 'Total', cell: ({ count }) => formatCount(count) },
      { head: 'Packets', cell: ({ packets }) => formatCount(packets) },
      { head: 'Per packet', cell: ({ count, packets }) => formatRatio(count / packets) },
    ],
    rowsMax,
  );
  return section('work', 'Work counts', folded('The counts', body));
}

/** What is told of a run without opening anything: what figures of one machine are read with. */
const MAIN_FACTS = ['CPU', 'Cores online', 'Node.js', 'ctreplay', 'Longest interruption', 'Steal', 'Seed'];

/** What is known of a run and its machine, by name. */
function factsOf({ result }: Run): [string, string][] {
  const { environment } = result;
  const { noise } = environment;
  const facts: [string, string][] = [
    ['Command', `ctreplay ${result.commandLine.join(' ')}`],
    ['Created', result.createdAt],
    ['ctreplay', `${result.tool.version}${result.tool.commit ? `, commit ${result.tool.commit}` : ''}`],
    ['Seed', String(result.seed)],
    ['CPU', environment.cpuModel ?? NOT_MEASURED],
    ['Cores online', formatCount(environment.coresOnline)],
    ['Memory', formatBytes(environment.memoryBytes)],
    ['Kernel', environment.kernel ?? NOT_MEASURED],
    ['CPU governor', environment.governor ?? NOT_MEASURED],
    ['Node.js', environment.node],
    ['Timer', timerText(environment.clock) ?? NOT_MEASURED],
    [
      'Threads pinned',
      environment.pinned === true ? 'yes' : environment.pinned === false ? 'no' : NOT_MEASURED,
    ],
    ['Load at the start', formatRatio(environment.loadAverage1m)],
    ['Steal', formatShare(environment.stealShare)],
    ['Interruptions, p50', formatNs(noise?.p50Ns)],
    ['Interruptions, p99', formatNs(noise?.p99Ns)],
    ['Longest interruption', formatNs(noise?.maxNs)],
    ['Time lost to interruptions', formatShare(noise?.lostShare)],
    ['Spread of equal work (CV)', formatShare(noise?.cv)],
  ];
  return facts.filter(([, value]) => value !== NOT_MEASURED);
}

/** The command, the machine and its noise, the inputs. */
export function runSection(runs: readonly Run[], rowsMax: number): Html | null {
  const blocks = runs.map((run) => {
    const { result } = run;
    const known = factsOf(run);
    const files = result.cases.flatMap((entry) =>
      (entry.input.files ?? []).map((file) => ({ ...file, input: entry.input.name })),
    );
    const distinct = [
      ...new Map(files.map((file) => [`${file.path}\u0000${file.sha256 ?? ''}`, file])).values(),
    ];
    return markup`${runs.length > 1 ? markup`<h3>${run.label}</h3>` : null}
      <p>
        ${MAIN_FACTS.flatMap((name) => known.filter(([fact]) => fact === name))
          .map(([name, value]) => `${name} ${value}`)
          .join(' · ')}
      </p>
      ${folded(
        'Command, machine and its noise in full',
        markup`<dl class="facts">
          ${known.map(
            ([name, value]) =>
              markup`<div>
                <dt>${name}</dt>
                <dd>${value}</dd>
              </div> `,
          )}
        </dl>`,
      )}
      ${htmlTable(
        'Captures',
        distinct,
        [
          { head: 'File', left: true, cell: (file) => file.path },
          { head: 'Packets', cell: (file) => formatCount(file.packets) },
          { head: 'Size', cell: (file) => formatBytes(file.bytes) },
          {
            head: 'SHA-256',
            left: true,
            cell: (file) => (file.sha256 ? markup`<code>${file.sha256}</code>` : ''),
          },
        ],
        rowsMax,
      )}
      ${folded('Every option in force', configurationTable(result.configuration, rowsMax))}`;
  });
  return section('run', 'What was run, and on what', markup`${blocks}`);
}

/** The options of a run, a line each; what is nested has its path for a name. */
function configurationTable(configuration: Result['configuration'], rowsMax: number): HtmlValue {
  const rows = Object.entries(configuration).flatMap(([name, value]) => optionRows(name, value));
  return htmlTable(
    'Every option in force',
    rows,
    [
      { head: 'Option', left: true, cell: ([name]) => name },
      { head: 'Value', left: true, cell: ([, value]) => value },
    ],
    rowsMax,
  );
}

function optionRows(name: string, value: unknown): [string, string][] {
  if (value === null || typeof value !== 'object') return [[name, String(value)]];
  const entries = Object.entries(value);
  if (entries.length === 0) return [[name, 'none']];
  if (Array.isArray(value) && value.every((item) => item === null || typeof item !== 'object'))
    return [[name, value.join(', ')]];
  return entries.flatMap(([key, item]) => optionRows(`${name}.${key}`, item));
}

/** What the runs checked of themselves: the failed checks in words, and every check folded. */
export function auditSection(runs: readonly Run[], rowsMax: number): Html | null {
  const rows: { where: string; check: AuditCheck }[] = [];
  for (const run of runs) {
    const prefix = runs.length > 1 ? `${run.label}: ` : '';
    for (const check of run.result.audit ?? []) rows.push({ where: `${prefix}whole run`, check });
    for (const entry of run.result.cases) {
      for (const check of entry.audit)
        rows.push({ where: `${prefix}${entry.id}, trial ${entry.trial}`, check });
    }
  }
  if (rows.length === 0) return null;
  const failed = rows.filter(({ check }) => !check.ok);
  const texts = runs.flatMap((run) =>
    failedCheckTexts(run.result).map((text) => (runs.length > 1 ? `${run.label}: ${text}` : text)),
  );
  const verdict =
    failed.length > 0
      ? markup`<p class="problem">
            ${failed.length} of ${rows.length} checks failed. Do not use these figures.
          </p>
          <ul>
            ${texts.map((text) => markup`<li>${text}</li> `)}
          </ul>`
      : markup`<p>All ${rows.length} checks passed.</p>`;
  const table = htmlTable(
    'Self-audit',
    [...failed, ...rows.filter(({ check }) => check.ok)],
    [
      { head: 'Case', left: true, cell: (row) => row.where },
      { head: 'Check', left: true, cell: (row) => row.check.name },
      {
        head: 'Outcome',
        left: true,
        cell: (row) =>
          markup`<span class="${row.check.ok ? 'better' : 'worse'}"
            >${row.check.ok ? 'passed' : 'failed'}</span
          >`,
      },
      { head: 'Expected', cell: (row) => auditValue(row.check.expected) },
      { head: 'Found', cell: (row) => auditValue(row.check.actual) },
      { head: 'Advice', left: true, cell: (row) => row.check.advice ?? '' },
    ],
    rowsMax,
  );
  return section('audit', 'Self-audit', markup`${verdict}${folded('The checks', table)}`);
}

function auditValue(value: number | string | null | undefined): string {
  if (value === null || value === undefined) return NOT_MEASURED;
  if (typeof value === 'string') return value;
  return Number.isInteger(value) ? formatCount(value) : formatRatio(value);
}
