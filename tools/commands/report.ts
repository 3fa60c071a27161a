/** `ctreplay report <result...>`: reports from stored results. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { statOf } from '../captures/capture-files.js';
import { ALL_FORMATS, findFormat, REPORT_FORMATS, renderFormats, writeFiles } from '../report/formats.js';
import type { ReportFormat } from '../report/formats.js';
import { loadRuns, type Run } from '../result/runs.js';
import { renderTerminal } from '../report/terminal.js';
import { renderAdvice } from '../report/terminal-advice.js';
import { renderVerdict } from '../report/terminal-verdict.js';
import { verdictSentences } from '../report/verdict-evidence.js';
import { addSpelling } from './option-values.js';
import { writeOutFile } from './out-file.js';
import { terminalOf } from './present-result.js';
import { UsageError } from './usage-error.js';

interface ReportFlags {
  readonly format: string;
  readonly out?: string;
  readonly color?: boolean;
}

/** Adds `report` to the program. */
export function register(program: Command): void {
  const names = REPORT_FORMATS.map((format) => `  ${format.name.padEnd(16)} ${format.summary}`).join('\n');
  const command = program
    .command('report')
    .summary('make tables, pages and exports from stored results')
    .description(
      'Reads result.json files (or folders that hold some) and renders them, several together side by side.',
    )
    .argument('<result...>', 'result.json, its folder, or a folder of such folders')
    .option('--format <names>', 'formats, joined by commas; or all', 'table')
    .option(
      '-o, --out <path>',
      'a file for one single-file format where the name has an extension, else a folder; default: standard output for a single file',
    )
    .option('--no-color', 'no colours; also NO_COLOR')
    .addHelpText(
      'after',
      `\nFormats:\n${names}\n\nExample:\n  ctreplay report results/monday results/tuesday --format html,csv -o results/both`,
    )
    .action(report);
  addSpelling(command, '--output <path>', 'out', '--out');
}

async function report(paths: string[], flags: ReportFlags): Promise<void> {
  const formats = chosenFormats(flags.format);
  const runs = await loadRuns(paths);
  const files = await renderFormats(runs, formats);
  if (files.length === 0) {
    throw new Error(`--format ${flags.format}: nothing that it shows was measured in ${paths.join(', ')}`);
  }
  const [only] = files;
  const isSingle = formats.length === 1 && formats[0]?.single === true && only !== undefined;
  if (flags.out === undefined) {
    if (!isSingle)
      throw new UsageError(`--format ${flags.format} makes several files; name a folder with -o`);
    process.stdout.write(formats[0]?.name === 'table' ? terminalTable(runs, flags) : only.content);
    return;
  }
  // A name with an extension is a file, and so is what is there and no folder; a folder gets the format's own name.
  const isFile = statOf(flags.out)?.isDirectory() === false;
  if (isSingle && (isFile || /\.[A-Za-z]+$/.test(flags.out))) {
    await writeOutFile(flags.out, only.content);
    process.stdout.write(`${flags.out}\n`);
    return;
  }
  await writeFiles(flags.out, files);
  process.stdout.write(`${files.map((file) => join(flags.out as string, file.name)).join('\n')}\n`);
}

/** The table as wide as the terminal is, in its colours where it has any. */
function terminalTable(runs: readonly Run[], flags: ReportFlags): string {
  const terminal = terminalOf(flags);
  return (
    renderTerminal(runs, terminal) +
    renderVerdict(verdictSentences(runs), terminal) +
    renderAdvice(runs, terminal)
  );
}

function chosenFormats(names: string): readonly ReportFormat[] {
  if (names === 'all') return ALL_FORMATS;
  return names.split(',').map((name) => {
    const format = findFormat(name.trim());
    if (format !== undefined) return format;
    const known = REPORT_FORMATS.map((each) => each.name).join(', ');
    const picture = /^(?:svg|png|pdf|jpe?g)$/i.test(name.trim())
      ? '. Charts are saved from the page: --format html, then SVG or PNG below a chart'
      : '';
    throw new UsageError(`--format is '${name}', which is none of ${known}, all${picture}`);
  });
}
