/** `ctreplay bench`: matrices of replays; with `--synth ovs-benchmark`, what `ctreplay ovs-benchmark` does. */
import { Option, type Command } from 'commander';
import type { ParameterSpec } from '../synth/parameters.js';
import { SCENARIOS } from '../synth/registry.js';
import { addMatrixOptions, isMatrixRequest, runMatrix, type MatrixFlags } from './bench-matrix.js';
import { CAPTURE_ARGUMENT } from './capture-options.js';
import { addSpelling, hint, touchAheadOption, wholeNumber } from './option-values.js';
import { addScenarioOptions, camelCase } from './replay-request.js';
import { addOvsBenchmarkOptions, ovsBenchmark, type OvsBenchmarkFlags } from './ovs-benchmark.js';
import { UsageError } from './usage-error.js';

type BenchFlags = OvsBenchmarkFlags & { readonly scenario?: string };

/** Adds `bench` to the program. */
export function register(program: Command, argv: readonly string[]): void {
  const command = program.command('bench');
  command
    .summary('benchmark the designs')
    .description(
      'Captures, --synth, --preset or --matrix make a matrix, every cell repeated in turns, with intervals and tests. With --synth ' +
        "ovs-benchmark: as 'ctreplay ovs-benchmark'.",
    )
    .argument('[capture...]', `captures to run, beside or instead of scenarios: ${CAPTURE_ARGUMENT}`)
    .addOption(new Option('--scenario <names>').hideHelp());
  addOvsBenchmarkOptions(command, {
    packets:
      '. In a matrix, where it is given: packets of every scenario, and the most that are read of a capture',
    seed: '. In a matrix: of the traffic as well, which differs from session to session',
  })
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
      '\nExample:\n  ctreplay bench --synth ovs-benchmark --workers 2 --packets 2M --batch 32 --change --trials 5',
    );
  addMatrixOptions(command);
  addInputSpellings(command);
  const parameters = addScenarioOptions(command, argv);
  command.action(async (captures: string[], given: BenchFlags & MatrixFlags) => {
    const flags = {
      ...given,
      ...(captures.length === 0 ? {} : { capture: [...(given.capture ?? []), ...captures] }),
      scenarioParameters: parametersOf(given, parameters),
    };
    const onCommandLine = command.options.filter(
      (option) => command.getOptionValueSource(option.attributeName()) === 'cli',
    );
    if (
      isMatrixRequest(
        flags,
        onCommandLine.map(({ long }) => long ?? ''),
      )
    ) {
      await runMatrix(flags, (name) => command.getOptionValueSource(name) !== 'default', argv);
      return;
    }
    if (flags.scenario !== 'ovs-benchmark') {
      throw new UsageError(
        flags.scenario === undefined
          ? 'name captures, or a workload with --synth, --preset or --matrix; --list shows the ready-made matrices'
          : `--synth is '${flags.scenario}', which this command cannot run; give ovs-benchmark`,
      );
    }
    await ovsBenchmark(flags);
  });
}

/** How inputs are named in every command, and how they were. */
function addInputSpellings(command: Command): void {
  const names = SCENARIOS.map(({ name }) => name).join(', ');
  const what = `scenarios to run, joined by commas; the parameters of a single one become options here; or ovs-benchmark: ${names}`;
  addSpelling(command, '--synth <names>', 'scenario', null, what);
  command.on('option:scenario', () => hint('--scenario is called --synth now'));
  command.on('option:capture', () => hint('captures are named without --capture now, as for replay'));
}

/** Values of the options that a scenario's parameters became. */
function parametersOf(
  flags: object,
  parameters: readonly ParameterSpec[],
): Readonly<Record<string, number | string>> {
  const values = flags as Readonly<Record<string, number | string | undefined>>;
  return Object.fromEntries(
    parameters.flatMap(({ name }) => {
      const value = values[camelCase(name)];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
