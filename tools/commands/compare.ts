/** `ctreplay compare <base> <head>`: two stored results side by side. */
import { InvalidArgumentError, type Command } from 'commander';
import { compareResults, type ComparedResults } from '../regress/compare-results.js';
import { compareCsv, compareJson, compareMarkdown, compareText } from '../regress/compare-text.js';
import { compareEvidence } from '../regress/compare-verdict.js';
import { renderVerdict } from '../report/terminal-verdict.js';
import { verdictText } from '../result/verdict.js';
import { outcomeSentence } from '../report/verdict-evidence.js';
import { cellsOf } from '../result/cells.js';
import { loadRuns, type Run } from '../result/runs.js';
import { painter } from '../text/terminal-style.js';
import { addSpelling, oneOf } from './option-values.js';
import { writeOutFile } from './out-file.js';
import { terminalOfText } from './present-result.js';

const FORMATS = ['text', 'csv', 'markdown', 'json'] as const;

interface CompareFlags {
  readonly alpha: number;
  readonly acrossMachines?: boolean;
  readonly format: (typeof FORMATS)[number];
  readonly out?: string;
  readonly color?: boolean;
}

/** Adds `compare` to the program. */
export function register(program: Command): void {
  const command = program
    .command('compare')
    .summary('two stored results side by side')
    .description(
      'Compares the cells that two results have in common: values, the difference, and whether it is more than sessions of ' +
        'one build differ by (t test over sessions; several results in a folder count as sessions). With one session on a ' +
        'side nothing is claimed of times and rates. Times and rates are compared only when both results are from one machine; ratios between ' +
        'designs and work counts always are. Ratios with intervals are drawn as a forest plot. A significant difference is no error: for a ' +
        'gate see regress.',
    )
    .argument('<base>', 'result.json, its folder, or a folder of such folders')
    .argument('<head>', 'the same, of what is new')
    .option('--alpha <share>', 'significance level, between 0 and 1', alpha, 0.05)
    .option('--across-machines', 'compare times and rates although the machines differ')
    .option('--format <name>', FORMATS.join(', '), oneOf(FORMATS), 'text')
    .option('-o, --out <file>', 'where to write; default: standard output')
    .option('--no-color', 'no colours; also NO_COLOR')
    .addHelpText(
      'after',
      '\nExamples:\n  ctreplay compare results/before results/after\n  ctreplay compare base.json head.json --format csv -o delta.csv',
    )
    .action(compare);
  addSpelling(command, '--output <file>', 'out', '--out');
}

async function compare(base: string, head: string, flags: CompareFlags): Promise<void> {
  const runs = [await loadRuns([base]), await loadRuns([head])] as const;
  const compared = compareResults(...runs, {
    alpha: flags.alpha,
    acrossMachines: flags.acrossMachines === true,
  });
  const labels = [base, head] as const;
  const terminal = terminalOfText(flags);
  const text = {
    text: () =>
      compareText(compared, labels, terminal.width, painter(terminal.colour)) +
      verdictOf(compared, runs, terminal),
    csv: () => compareCsv(compared),
    markdown: () => compareMarkdown(compared, labels),
    json: () => compareJson(compared),
  }[flags.format]();
  if (flags.out === undefined) process.stdout.write(text);
  else await writeOutFile(flags.out, text);
  // Notes belong to the text; where it has no place for them they go beside it.
  if (flags.format === 'csv') for (const note of compared.notes) process.stderr.write(`${note}\n`);
}

/** The verdict: figures of head against base, and whether the same traffic came to the same outcome. */
function verdictOf(
  compared: ComparedResults,
  [base, head]: readonly [readonly Run[], readonly Run[]],
  terminal: Parameters<typeof renderVerdict>[1],
): string {
  const failed = [...base, ...head].filter(({ result }) => !result.valid).map(({ label }) => label);
  if (failed.length > 0) {
    const names = [...new Set(failed)].join(', ');
    return renderVerdict([`The self-audit failed (${names}), so nothing is concluded.`], terminal);
  }
  const pairs = cellsOf(head).flatMap((cell) => {
    const twin = cellsOf(base).find(({ id }) => id === cell.id);
    return twin === undefined || cell.first.control === true ? [] : [[twin, cell]];
  });
  const sides = { base: 'base', head: 'head' };
  const outcome =
    pairs.length === 0
      ? []
      : [
          outcomeSentence(pairs, 'Base and head', (cell, group) =>
            cell === group[0] ? sides.base : sides.head,
          ),
        ];
  const sentences = verdictText(compareEvidence(compared), outcome);
  return renderVerdict(sentences, terminal);
}

function alpha(text: string): number {
  const value = Number(text);
  if (value > 0 && value < 1) return value;
  throw new InvalidArgumentError('Give a number between 0 and 1, for example 0.05.');
}
