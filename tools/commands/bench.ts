/** `ctreplay bench`: benchmarks. The ovs-benchmark workload is comparable with `ovstest test-conntrack benchmark`. */
import { Option, type Command } from 'commander';
import { DEFAULT_DESIGNS, type DesignChoice } from '../../engine/host/designs.js';
import type { Flavour } from '../../engine/host/module.js';
import type { MutexPolicy, TouchAhead } from '../../engine/host/run-memory.js';
import { formatRate } from '../text/quantities.js';
import type { ParameterSpec } from '../synth/parameters.js';
import { SCENARIOS } from '../synth/registry.js';
import { runOvsBenchmark, type OvsBenchmarkRun } from '../replay/ovs-benchmark.js';
import { addMatrixOptions, isMatrixRequest, runMatrix, type MatrixFlags } from './bench-matrix.js';
import { CAPTURE_ARGUMENT } from './capture-options.js';
import {
  addSpelling,
  designsOption,
  hint,
  mutexOption,
  touchAheadOption,
  wholeNumber,
} from './option-values.js';
import { addScenarioOptions, camelCase } from './replay-request.js';
import type { BuildChoice } from '../replay/replay-plan.js';
import { buildChoice, buildOption } from './replay-options.js';
import { UsageError } from './usage-error.js';

interface BenchFlags {
  readonly scenario?: string;
  readonly workers: number;
  readonly packets: number;
  readonly batch: number;
  readonly change?: boolean;
  readonly design: string;
  readonly mutex: MutexPolicy;
  readonly touchAhead?: TouchAhead;
  readonly build?: BuildChoice;
  readonly bare?: boolean;
  readonly trials: number;
  readonly seed: number;
  readonly json?: boolean;
}

/** Adds `bench` to the program. */
export function register(program: Command, argv: readonly string[]): void {
  const command = program.command('bench');
  command
    .summary('benchmark the designs')
    .description(
      'Captures, --synth, --preset or --matrix make a matrix, every cell repeated in turns, with intervals and tests. With --synth ' +
        "ovs-benchmark: the workload of Open vSwitch's 'ovstest test-conntrack benchmark', packet for packet, on every thread; the " +
        'figures stand beside those of the original.',
    )
    .argument('[capture...]', `captures to run, beside or instead of scenarios: ${CAPTURE_ARGUMENT}`)
    .addOption(new Option('--scenario <names>').hideHelp())
    .option('--workers <count>', 'threads, 1 to 64', wholeNumber(1, 64, 'threads'), 1)
    .option('--packets <count>', 'packets that each thread sends', wholeNumber(1, 1e10, 'packets'), 2_000_000)
    .option('--batch <packets>', 'packets per call, 1 to 32', wholeNumber(1, 32, 'packets'), 32)
    .option('--change', 'every packet of a batch is a connection of its own')
    .option('--design <names>', 'designs, joined by commas; or all', DEFAULT_DESIGNS.join(','))
    .addOption(mutexOption())
    .addOption(
      touchAheadOption(
        'default: auto, or what the file says; for ovs-benchmark, which stands beside the original, off',
      ),
    )
    .addOption(buildOption())
    .option('--bare', 'as --build bare')
    .option(
      '--trials <count>',
      'runs of each design, in turns; more than one prints the median. In a matrix: trials of each cell in a session (default: 3)',
      wholeNumber(1, 1000, 'trials'),
      1,
    )
    .option('--seed <integer>', 'basis of the tuple hash', wholeNumber(0, 0xffff_ffff, 'seed'), 1)
    .option('--json', 'figures as JSON on standard output')
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
    if (isMatrixRequest(flags)) {
      await runMatrix(flags, (name) => command.getOptionValueSource(name) !== 'default', argv);
      return;
    }
    if (flags.scenario !== 'ovs-benchmark') {
      throw new UsageError(
        flags.scenario === undefined
          ? 'name captures, or a workload with --synth, --preset or --matrix; --list shows the presets'
          : `--synth is '${flags.scenario}', which this command cannot run; give ovs-benchmark`,
      );
    }
    const runs = await runTrials(designsOption(flags.design), flags);
    if (flags.json === true) process.stdout.write(`${JSON.stringify(toJson(runs, flags), null, 2)}\n`);
    else process.stdout.write(toText(runs, flags));
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

/** This workload shows throughput and nothing else, so the bare build is all it needs. */
function flavourOf(flags: BenchFlags): Flavour {
  return buildChoice(flags) === 'probed' ? 'probed' : 'bare';
}

/** The workload is there to be set beside the original, which does not touch ahead. */
function ovsTouchAhead({ touchAhead }: BenchFlags): TouchAhead {
  return touchAhead ?? 'off';
}

/** Every design `trials` times: forwards, then backwards, so that a drift of the machine meets all alike. */
async function runTrials(designs: readonly DesignChoice[], flags: BenchFlags): Promise<OvsBenchmarkRun[][]> {
  const runs = designs.map((): OvsBenchmarkRun[] => []);
  for (let trial = 0; trial < flags.trials; trial++) {
    const order = designs.map((_, index) => index);
    if (trial % 2 === 1) order.reverse();
    for (const index of order) {
      (runs[index] as OvsBenchmarkRun[]).push(
        await runOvsBenchmark(designs[index] as DesignChoice, {
          workers: flags.workers,
          packets: flags.packets,
          batch: flags.batch,
          change: flags.change === true,
          flavour: flavourOf(flags),
          mutex: flags.mutex,
          touchAhead: ovsTouchAhead(flags),
          seed: flags.seed,
        }),
      );
    }
  }
  return runs;
}

/** The run in the middle. */
function medianRun(runs: readonly OvsBenchmarkRun[]): OvsBenchmarkRun {
  return runs.toSorted((a, b) => a.elapsedNs - b.elapsedNs)[
    Math.floor((runs.length - 1) / 2)
  ] as OvsBenchmarkRun;
}

function toText(runs: readonly OvsBenchmarkRun[][], flags: BenchFlags): string {
  const flavour = flavourOf(flags);
  const caution = flavour === 'bare' ? '' : ', whose cost differs by design: not to be compared';
  return runs
    .map((trials) => {
      const run = medianRun(trials);
      const ms = String(Math.round(run.elapsedNs / 1e6)).padStart(5);
      const all = trials.map((each) => Math.round(each.elapsedNs / 1e6)).join(' ');
      const note = trials.length === 1 ? '' : `  median of ${trials.length}: ${all} ms`;
      return `${run.design}\nconntrack:  ${ms} ms\n${formatRate(run.pps)} (${Math.round(run.pps)} packets/s), ${flavour} build${caution}${note}\n`;
    })
    .join('\n');
}

function toJson(runs: readonly OvsBenchmarkRun[][], flags: BenchFlags): unknown {
  return {
    results: runs.flatMap((trials) =>
      trials.map((run, trial) => ({
        design: run.design,
        workers: run.workers,
        packets: flags.packets,
        elapsed_ms: run.elapsedNs / 1e6,
        pps: run.pps,
        batch: flags.batch,
        change: flags.change === true,
        build: flavourOf(flags),
        mutex: flags.mutex,
        touchAhead: ovsTouchAhead(flags),
        total_packets: run.packetsPerWorker * run.workers,
        connections: run.connCount,
        trial,
      })),
    ),
  };
}
