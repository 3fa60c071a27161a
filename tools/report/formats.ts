/** Every form a report can take, by name. */
import { join } from 'node:path';
import { bencherMetrics, githubBenchmarks } from './ci-json.js';
import { CSV_TABLES } from './csv-tables.js';
import { goBenchText } from './go-bench.js';
import { hgrmFiles, hlogFile, type TextFile } from './hdr-files.js';
import { junitSuites, junitXml } from './junit.js';
import { markdownText } from './markdown.js';
import { openMetricsText } from './openmetrics.js';
import { renderPage } from './page.js';
import { makeFolder, writeAtomically } from '../result/write-file.js';
import type { Run } from '../result/runs.js';
import { renderTerminal } from './terminal.js';
import { renderAdvice } from './terminal-advice.js';
import { renderVerdict } from './terminal-verdict.js';
import { verdictSentences } from './verdict-evidence.js';

export interface ReportFormat {
  name: string;
  summary: string;
  /** Whether it is always exactly one file, so that it can go to standard output. */
  single: boolean;
  /** The files, with names for a folder. May be empty where nothing it shows was measured. */
  render: (runs: readonly Run[]) => TextFile[] | Promise<TextFile[]>;
}

function single(
  name: string,
  file: string,
  summary: string,
  text: (runs: readonly Run[]) => string | Promise<string>,
): ReportFormat {
  return { name, summary, single: true, render: async (runs) => [{ name: file, content: await text(runs) }] };
}

/** Width of the table where it goes to a file. */
const FILE = { width: 160, colour: false } as const;

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

export const REPORT_FORMATS: readonly ReportFormat[] = [
  single(
    'table',
    'report.txt',
    'every table, and the verdict that a run ends with',
    (runs) =>
      renderTerminal(runs, FILE) + renderVerdict(verdictSentences(runs), FILE) + renderAdvice(runs, FILE),
  ),
  single('html', 'report.html', 'one self-contained page with plots', renderPage),
  {
    name: 'csv',
    summary: 'summary, latency, locks, expiry, timeline and more, one file each',
    single: false,
    render: (runs) =>
      CSV_TABLES.flatMap((table) => {
        const content = table.render(runs);
        return content === null ? [] : [{ name: `${table.name}.csv`, content }];
      }),
  },
  ...CSV_TABLES.map((table): ReportFormat => ({
    name: `${table.name}.csv`,
    summary: `only ${table.name}.csv`,
    single: true,
    render: (runs) => {
      const content = table.render(runs);
      return content === null ? [] : [{ name: `${table.name}.csv`, content }];
    },
  })),
  {
    name: 'hgrm',
    summary: 'percentile distributions of HdrHistogram, one file per cell',
    single: false,
    render: hgrmFiles,
  },
  {
    name: 'hlog',
    summary: 'HdrHistogram log 1.3, every case tagged',
    single: true,
    render: (runs) => {
      const content = hlogFile(runs);
      return content === null ? [] : [{ name: 'latency.hlog', content }];
    },
  },
  single('go', 'benchmarks.txt', 'Go benchmark lines for benchstat', goBenchText),
  single('markdown', 'report.md', 'Markdown for a comment or a step summary', markdownText),
  single(
    'github-bigger',
    'github-benchmark-bigger.json',
    'github-action-benchmark, customBiggerIsBetter (throughput)',
    (runs) => json(githubBenchmarks(runs, 'bigger')),
  ),
  single(
    'github-smaller',
    'github-benchmark-smaller.json',
    'github-action-benchmark, customSmallerIsBetter (latency)',
    (runs) => json(githubBenchmarks(runs, 'smaller')),
  ),
  single('bencher', 'bencher.json', 'Bencher Metric Format', (runs) => json(bencherMetrics(runs))),
  single('openmetrics', 'metrics.prom', 'OpenMetrics text, for Prometheus', openMetricsText),
  single('junit', 'junit.xml', 'JUnit XML of the self-audit', (runs) => junitXml(junitSuites(runs))),
];

/** The formats that `all` stands for: the single CSV tables are in `csv` already. */
export const ALL_FORMATS: readonly ReportFormat[] = REPORT_FORMATS.filter(
  (format) => !format.name.endsWith('.csv'),
);

/** The format called `name`, or undefined. */
export function findFormat(name: string): ReportFormat | undefined {
  return REPORT_FORMATS.find((format) => format.name === name);
}

/** Renders `formats` of `runs`, in order. */
export async function renderFormats(
  runs: readonly Run[],
  formats: readonly ReportFormat[],
): Promise<TextFile[]> {
  const files: TextFile[] = [];
  for (const format of formats) files.push(...(await format.render(runs)));
  return files;
}

/** Writes `files` into `folder`, made if need be; each appears whole or not at all. Returns their paths. */
export async function writeFiles(folder: string, files: readonly TextFile[]): Promise<string[]> {
  await makeFolder(folder);
  const paths: string[] = [];
  for (const file of files) {
    const path = join(folder, file.name);
    await writeAtomically(path, file.content);
    paths.push(path);
  }
  return paths;
}
