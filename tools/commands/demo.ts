/** `ctreplay demo`: the main job on the capture that comes with ctreplay and on a SYN flood, as `npm start` runs it. */
import { join } from 'node:path';
import { Command } from 'commander';
import { packageRoot } from '../../engine/host/module.js';
import { register as registerReplay } from './replay.js';
import { interruptedExitCode } from './stop-signals.js';

interface DemoRun {
  /** Folder below --out; also what the heading calls it. */
  readonly name: string;
  readonly title: string;
  readonly argv: readonly string[];
}

const RUNS: readonly DemoRun[] = [
  {
    name: 'capture',
    title: 'A recorded capture; connections age 20 times faster, so that their time is up during the run',
    argv: [
      join(packageRoot(), 'captures', 'office-mix.pcap'),
      ...['--workers', '2', '--pps', '200k', '--loop', '20', '--time-scale', '20', '--trials', '5'],
    ],
  },
  {
    name: 'syn-flood',
    title: 'A SYN flood, connections aged in the same way',
    argv: [
      ...['--synth', 'syn-flood', '--workers', '2', '--pps', '100k'],
      ...['--duration', '6s', '--time-scale', '20', '--trials', '3'],
    ],
  },
];

interface DemoFlags {
  readonly out?: string;
}

/** Adds `demo` to the program; it runs `replay` with the arguments of {@link RUNS}. */
export function register(program: Command): void {
  const lines = RUNS.map(
    ({ argv }) => `  ctreplay replay ${argv.join(' ').replace(packageRoot() + '/', '')}\n`,
  );
  program
    .command('demo')
    .summary('replay the capture that comes with ctreplay, then a SYN flood, through both designs')
    .description(
      'Runs the following, one after the other. Further options are handed to both, for example --bare:\n\n' +
        lines.join(''),
    )
    .option('--out <folder>', 'where the results go, a folder each (default: fresh folders in results/)')
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText('after', '\nExample:\n  ctreplay demo --out results/demo')
    .action(async ({ out }: DemoFlags, command: Command) => {
      for (const [index, run] of RUNS.entries()) {
        process.stdout.write(`${index === 0 ? '' : '\n\n'}== ${run.title}\n\n`);
        await replay(['replay', ...run.argv, ...outOf(out, run), ...command.args]);
        // Who ends the first does not want the second.
        if (interruptedExitCode() !== null) return;
      }
    });
}

function outOf(out: string | undefined, { name }: DemoRun): readonly string[] {
  return out === undefined ? [] : ['--out', join(out, name)];
}

/** A program of its own for each run: which options replay has depends on its arguments (--synth). */
async function replay(argv: readonly string[]): Promise<void> {
  const program = new Command('ctreplay').exitOverride();
  registerReplay(program, argv);
  for (const command of program.commands) command.exitOverride();
  await program.parseAsync(argv, { from: 'user' });
}
