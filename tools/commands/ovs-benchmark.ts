/** `ctreplay ovs-benchmark`: the workload of `ovstest test-conntrack benchmark`, whose figures stand beside those of the original. */
import type { Command } from 'commander';
import { DEFAULT_DESIGNS, type DesignChoice } from '../../engine/host/designs.js';
import type { Flavour } from '../../engine/host/module.js';
import type { MutexPolicy, TouchAhead } from '../../engine/host/run-memory.js';
import { runOvsBenchmark, type OvsBenchmarkRun } from '../replay/ovs-benchmark.js';
import { median } from '../stats/sample.js';
import { formatRate } from '../text/quantities.js';
import { designsOption, mutexOption, touchAheadOption, wholeNumber } from './option-values.js';
import type { BuildChoice } from '../replay/replay-plan.js';
import { buildChoice, buildOption } from './replay-options.js';

/** What the workload is run with; `bench --scenario ovs-benchmark` has the same. */
export interface OvsBenchmarkFlags {
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

/** Adds `ovs-benchmark` to the program. */
export function register(program: Command): void {
  const command = program.command('ovs-benchmark');
  command
    .summary("run the workload of Open vSwitch's own benchmark")
    .description(
      "The workload of Open vSwitch's 'ovstest test-conntrack benchmark', packet for packet, on every thread; the figures stand " +
        'beside those of the original.',
    );
  addOvsBenchmarkOptions(command)
    .addOption(touchAheadOption('default: off, as the original'))
    .option(
      '--trials <count>',
      'runs of each design, in turns; more than one prints the median',
      wholeNumber(1, 1000, 'trials'),
      1,
    )
    .addHelpText(
      'after',
      '\nExample:\n  ctreplay ovs-benchmark --workers 2 --packets 2M --batch 32 --change --trials 5',
    );
  command.action(async (flags: OvsBenchmarkFlags) => ovsBenchmark(flags));
}

/**
 * Adds the options that `bench` has as well.
 * @param ofMatrix what two of them mean there, behind what they mean here
 */
export function addOvsBenchmarkOptions(
  command: Command,
  ofMatrix: { readonly packets: string; readonly seed: string } = { packets: '', seed: '' },
): Command {
  return command
    .option('--workers <count>', 'threads, 1 to 64', wholeNumber(1, 64, 'threads'), 1)
    .option(
      '--packets <count>',
      `packets that each thread sends${ofMatrix.packets}`,
      wholeNumber(1, 1e10, 'packets'),
      2_000_000,
    )
    .option('--batch <packets>', 'packets per call, 1 to 32', wholeNumber(1, 32, 'packets'), 32)
    .option('--change', 'every packet of a batch is a connection of its own')
    .option('--design <names>', 'designs, joined by commas; or all', DEFAULT_DESIGNS.join(','))
    .addOption(mutexOption())
    .addOption(buildOption())
    .option('--bare', 'as --build bare')
    .option(
      '--seed <integer>',
      `basis of the tuple hash${ofMatrix.seed}`,
      wholeNumber(0, 0xffff_ffff, 'seed'),
      1,
    )
    .option('--json', 'figures as JSON on standard output');
}

/** Runs the workload and prints what came out. */
export async function ovsBenchmark(flags: OvsBenchmarkFlags): Promise<void> {
  const runs = await runTrials(designsOption(flags.design), flags);
  if (flags.json === true) process.stdout.write(`${JSON.stringify(toJson(runs, flags), null, 2)}\n`);
  else process.stdout.write(toText(runs, flags));
}

/** This workload shows throughput and nothing else, so the bare build is all it needs. */
function flavourOf(flags: OvsBenchmarkFlags): Flavour {
  return buildChoice(flags) === 'probed' ? 'probed' : 'bare';
}

/** The workload is there to be set beside the original, which does not touch ahead. */
function ovsTouchAhead({ touchAhead }: OvsBenchmarkFlags): TouchAhead {
  return touchAhead ?? 'off';
}

/** Every design `trials` times: forwards, then backwards, so that a drift of the machine meets all alike. */
async function runTrials(
  designs: readonly DesignChoice[],
  flags: OvsBenchmarkFlags,
): Promise<OvsBenchmarkRun[][]> {
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

/** The median of the times, and the rate that goes with it. */
function medianOf(runs: readonly OvsBenchmarkRun[]): Pick<OvsBenchmarkRun, 'elapsedNs' | 'pps'> {
  const elapsedNs = median(runs.map((run) => run.elapsedNs));
  const [{ packetsPerWorker, workers }] = runs as [OvsBenchmarkRun];
  return { elapsedNs, pps: (packetsPerWorker * workers * 1e9) / elapsedNs };
}

function toText(runs: readonly OvsBenchmarkRun[][], flags: OvsBenchmarkFlags): string {
  const flavour = flavourOf(flags);
  const caution = flavour === 'bare' ? '' : ', whose cost differs by design: not to be compared';
  return runs
    .map((trials) => {
      const { elapsedNs, pps } = medianOf(trials);
      const ms = String(Math.round(elapsedNs / 1e6)).padStart(5);
      const all = trials.map((each) => Math.round(each.elapsedNs / 1e6)).join(' ');
      const note = trials.length === 1 ? '' : `  median of ${trials.length}: ${all} ms`;
      return `${trials[0]?.design}\nconntrack:  ${ms} ms\n${formatRate(pps)} (${Math.round(pps)} packets/s), ${flavour} build${caution}${note}\n`;
    })
    .join('\n');
}

function toJson(runs: readonly OvsBenchmarkRun[][], flags: OvsBenchmarkFlags): unknown {
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
