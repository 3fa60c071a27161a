/** `ctreplay vectors <file.jsonl...>`: conformance vectors. */
import type { Command } from 'commander';
import { designLabel } from '../../engine/host/designs.js';
import { designsOption } from './option-values.js';
import { appliesTo, readVectors } from '../oracle/vector-format.js';
import { vectorFilesOf } from '../oracle/vector-files.js';
import { VectorRunner, type VectorFailure } from '../oracle/vector-runner.js';

interface VectorsFlags {
  readonly design: string;
  readonly json?: boolean;
}

interface FileOutcome {
  readonly file: string;
  readonly design: string;
  readonly passed: number;
  readonly failed: number;
  readonly failures: readonly VectorFailure[];
}

/** Exit code when a vector failed. */
const EXIT_DIFFERENCE = 99;

/** Adds `vectors` to the program. */
export function register(program: Command): void {
  program
    .command('vectors')
    .summary('run conformance vectors')
    .description(
      'Runs scripted cases with known answers (one JSON object a line) against the designs, in the debug build whose ' +
        'lock-order checks trap. Exit code 99 when any fails.',
    )
    .argument('<file...>', 'vector files (.jsonl, .jsonl.gz), or directories of them')
    .option('--design <names>', 'designs, joined by commas; or all', 'all')
    .option('--json', 'outcome per file and design as JSON on standard output')
    .addHelpText('after', '\nExample:\n  ctreplay vectors assertions.jsonl --design all')
    .action((files: string[], flags: VectorsFlags) => {
      const outcomes = runFiles(files, flags.design);
      process.stdout.write(
        flags.json === true ? `${JSON.stringify({ results: outcomes }, null, 1)}\n` : toText(outcomes),
      );
      const ran = outcomes.reduce((sum, each) => sum + each.passed + each.failed, 0);
      if (ran === 0) throw new Error('no vector applies to the chosen designs; nothing was checked');
      if (outcomes.some((each) => each.failed > 0)) process.exitCode = EXIT_DIFFERENCE;
    });
}

function runFiles(files: readonly string[], designs: string): FileOutcome[] {
  const read = vectorFilesOf(files).map((file) => ({ file, vectors: readVectors(file) }));
  return designsOption(designs).flatMap((choice) => {
    const runner = new VectorRunner(designLabel(choice));
    return read.map(({ file, vectors }): FileOutcome => {
      const chosen = vectors.filter((vector) => appliesTo(vector, choice.design));
      const failures = chosen.map((vector) => runner.run(vector)).filter((failure) => failure !== null);
      return {
        file,
        design: runner.design,
        passed: chosen.length - failures.length,
        failed: failures.length,
        failures,
      };
    });
  });
}

function toText(outcomes: readonly FileOutcome[]): string {
  const lines = outcomes.flatMap(({ file, design, passed, failed, failures }) => [
    `${file}  ${design}: ${passed} passed, ${failed} failed`,
    ...failures.flatMap((failure) => [
      `  ${failure.vector}, step ${failure.step} (${failure.op}): ${failure.difference}`,
      `    expected ${JSON.stringify(failure.expected)}`,
      `    got      ${JSON.stringify(failure.got)}`,
    ]),
  ]);
  return `${lines.join('\n')}\n`;
}
