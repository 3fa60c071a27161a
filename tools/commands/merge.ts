/** `ctreplay merge <result...>`: shards or several runs as one result. */
import type { Command } from 'commander';
import { clearOutFolder, prepareOutFolder } from '../report/out-folder.js';
import { addSpelling } from './option-values.js';
import { setExitCode } from './present-result.js';
import { UsageError } from './usage-error.js';
import { mergeResults } from '../regress/merge-results.js';
import { findFormat, renderFormats, writeFiles, type ReportFormat } from '../report/formats.js';
import { writeResult } from '../result/result-file.js';
import { loadRuns, runIn } from '../result/runs.js';

interface MergeFlags {
  readonly out?: string;
  readonly force?: boolean;
  readonly acrossMachines?: boolean;
}

/** Adds `merge` to the program. */
export function register(program: Command): void {
  program
    .command('merge')
    .summary('join the shards of a matrix, or several results, into one')
    .description(
      'Joins results without loss: every case keeps its counts and histograms, and trials of the same cell are numbered on. ' +
        'The shards of a matrix (bench --shard i/n) become the result that the whole matrix would have given.',
    )
    .argument('<result...>', 'result.json files, their folders, or a folder of such folders')
    .option('-o, --out <folder>', 'where result.json, the CSV tables and report.html go')
    .option('--force', 'replace the result that --out holds')
    .option('--across-machines', 'join results of different machines; the result says so')
    .addHelpText(
      'after',
      '\nExample:\n  ctreplay bench --preset demo --shard 1/2 --out s1   (and 2/2 elsewhere)\n  ctreplay merge s1 s2 --out whole',
    )
    .action(merge);
  const [command] = program.commands.slice(-1);
  if (command !== undefined) addSpelling(command, '--output <folder>', 'out', '--out');
}

const STORED = ['csv', 'html']
  .map(findFormat)
  .filter((format): format is ReportFormat => format !== undefined);

async function merge(paths: string[], flags: MergeFlags): Promise<void> {
  const { out } = flags;
  if (out === undefined) throw new UsageError('name the folder of the merged result with --out');
  const runs = await loadRuns(paths);
  const result = mergeResults(runs, { acrossMachines: flags.acrossMachines === true });
  await prepareOutFolder(out, flags.force === true);
  clearOutFolder(out);
  const file = await writeResult(out, result);
  await writeFiles(out, await renderFormats([runIn(out, result)], STORED));
  process.stdout.write(`${runs.length} results, ${result.cases.length} cases: ${file}\n`);
  if (result.partial) process.stderr.write('The result is not complete; see its warnings.\n');
  if (!result.valid) process.stderr.write('A result among them failed its own audit.\n');
  setExitCode(result);
}
