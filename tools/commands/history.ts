/** `ctreplay history <folder>`: results over commits, as a table, Markdown, CSV or a page. */
import type { Command } from 'commander';
import { historyCsv, historyMarkdown, historyOf, historyPage, historyText } from '../report/history.js';
import { loadRuns } from '../result/runs.js';
import { addSpelling, oneOf } from './option-values.js';
import { writeOutFile } from './out-file.js';
import { terminalOfText } from './present-result.js';

const FORMATS = ['text', 'markdown', 'csv', 'html'] as const;

interface HistoryFlags {
  readonly format: (typeof FORMATS)[number];
  readonly out?: string;
  readonly color?: boolean;
}

/** Adds `history` to the program. */
export function register(program: Command): void {
  const command = program
    .command('history')
    .summary('results over commits: each cell, oldest first')
    .description(
      'Reads every result below the folders and shows, cell by cell and oldest first, throughput, p99 and expiration lag with the change ' +
        'against the result before. Results of another machine are marked, and not compared with those before.',
    )
    .argument('<folder...>', 'folders that hold results')
    .option('--format <name>', FORMATS.join(', '), oneOf(FORMATS), 'text')
    .option('-o, --out <file>', 'where to write; default: standard output')
    .option('--no-color', 'no colours; also NO_COLOR')
    .addHelpText('after', '\nExample:\n  ctreplay history results --format html -o history.html')
    .action(async (folders: string[], flags: HistoryFlags) => {
      const lines = historyOf(await loadRuns(folders));
      const text = {
        text: () => historyText(lines, terminalOfText(flags)),
        markdown: () => historyMarkdown(lines),
        csv: () => historyCsv(lines),
        html: () => historyPage(lines),
      }[flags.format]();
      if (flags.out === undefined) process.stdout.write(text);
      else await writeOutFile(flags.out, text);
    });
  addSpelling(command, '--output <file>', 'out', '--out');
}
