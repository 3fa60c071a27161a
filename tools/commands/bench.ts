/** `ctreplay bench`: matrices of replays; with `--scenario ovs-benchmark`, what `ctreplay ovs-benchmark` does. */
import type { Command } from 'commander';
import { addMatrixOptions, isMatrixRequest, runMatrix, type MatrixFlags } from './bench-matrix.js';
import { touchAheadOption, wholeNumber } from './option-values.js';
import { addOvsBenchmarkOptions, ovsBenchmark, type OvsBenchmarkFlags } from './ovs-benchmark.js';
import { UsageError } from './usage-error.js';

type BenchFlags = OvsBenchmarkFlags & { readonly scenario?: string };

/** Adds `bench` to the program. */
export function register(program: Command, argv: readonly string[]): void {
  const command = program.command('bench');
  command
    .summary('benchmark the designs')
    .description(
      'With --capture, --scenario, --preset or --matrix: a matrix, every cell repeated in turns, with intervals and tests. ' +
        "With --scenario ovs-benchmark: as 'ctreplay ovs-benchmark'.",
    )
    .option('--scenario <name>', 'ovs-benchmark');
  addOvsBenchmarkOptions(command)
    .addOption(
      touchAheadOption(
        'default: auto, or what the file says; for ovs-benchmark, which stands beside the original, off',
      ),
    )
    .option(
      '--trials <count>',
      'runs of each design, in turns; more than one prints the median. In a matrix: trials of each cell in a session (default: 3)',
      wholeNumber(1, 1000, 'trials'),
      1,
    )
    .addHelpText(
      'after',
      '\nExample:\n  ctreplay bench --scenario ovs-benchmark --workers 2 --packets 2M --batch 32 --change --trials 5',
    );
  addMatrixOptions(command);
  command.action(async (flags: BenchFlags & MatrixFlags) => {
    if (isMatrixRequest(flags)) {
      await runMatrix(flags, (name) => command.getOptionValueSource(name) !== 'default', argv);
      return;
    }
    if (flags.scenario !== 'ovs-benchmark') {
      throw new UsageError(
        flags.scenario === undefined
          ? 'name a workload with --scenario, --capture, --preset or --matrix; --list shows the presets'
          : `--scenario is '${flags.scenario}', which this command cannot run; give ovs-benchmark`,
      );
    }
    await ovsBenchmark(flags);
  });
}
