/** `ctreplay contention`: how the designs meet at ct_lock, in figures that the original can be measured in as well. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { DEFAULT_DESIGNS, type DesignChoice } from '../../engine/host/designs.js';
import type { MutexPolicy, TouchAhead } from '../../engine/host/run-memory.js';
import { contentionCsv, contentionText } from '../contention/contention-report.js';
import {
  CONTENTION_FORMAT,
  CONTENTION_VERSION,
  contentionResult,
  type ContentionResult,
  type ContentionRow,
  type SweepRow,
  type ThroughputRatio,
} from '../contention/contention-result.js';
import { contentionEvidence } from '../contention/contention-verdict.js';
import { measureWorkload } from '../contention/measure-workload.js';
import { measureSweeps } from '../contention/sweep-cost.js';
import type { Workload } from '../contention/workload.js';
import { readMachine, reportMachine, type MachineAtStart } from '../replay/machine.js';
import { renderVerdict } from '../report/terminal-verdict.js';
import { whollyInvalidText } from '../result/rejected-input.js';
import { verdictText } from '../result/verdict.js';
import type { ResultCase } from '../result/schema.js';
import { painter, wantsColour } from '../text/terminal-style.js';
import { terminalWidth } from '../text/terminal-width.js';
import { toolVersion } from '../result/tool-version.js';
import type { ParameterSpec, ParameterValue } from '../synth/parameters.js';
import {
  designsOption,
  mutexOption,
  positiveNumber,
  touchAheadOption,
  wholeNumber,
} from './option-values.js';
import { addScenarioOptions, camelCase } from './replay-request.js';
import { captureInput, scenarioInput } from './replay-input.js';
import { UsageError } from './usage-error.js';

interface ContentionFlags {
  readonly workload?: readonly string[];
  readonly synth?: string;
  readonly packets?: number;
  readonly threads: readonly number[];
  readonly design: string;
  readonly rounds: number;
  readonly timeScale: number;
  readonly mutex: MutexPolicy;
  readonly touchAhead: TouchAhead;
  readonly sweep?: number | true;
  readonly seed: number;
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly color?: boolean;
}

const DEFAULT_PACKETS = 1_000_000;
const DEFAULT_SWEEP_CONNECTIONS = 100_000;
const NAMED_WORKLOADS = ['ovs-benchmark', 'established', 'syn-flood'] as const;
/** Width where the output is no terminal: nothing is left out of a file. */
const FILE_WIDTH = 200;

/** Adds `contention` to the program. */
export function register(program: Command, argv: readonly string[]): void {
  const command = program
    .command('contention')
    .summary('measure contention of ct_lock, in the figures of a native peer')
    .description(
      'Runs workloads at several numbers of threads through the designs, in turns: throughput from a bare, untimed run; ' +
        'acquisitions, contended share and waits of ct_lock from a probed run of the same packets; the longest hold of ' +
        'the sweeper from one in which connections age faster. Medians of the rounds, with the least and the most.',
    )
    .argument('[capture...]', 'captures to replay once each, instead of the workloads')
    .option(
      '--workload <names>',
      `some of ${NAMED_WORKLOADS.join(', ')} (1,000 connections), joined by commas (default: all)`,
      workloadNames,
    )
    .option('--synth <scenario>', 'replay a scenario instead; its parameters become options here')
    .option(
      '--packets <count>',
      'packets of each workload; of ovs-benchmark for each thread (default: 1000000; a capture: all)',
      wholeNumber(1, 1e10, 'packets'),
    )
    .option('--threads <counts>', 'numbers of worker threads, joined by commas', threadCounts, [1, 2, 4])
    .option('--design <names>', 'designs, joined by commas; or all', DEFAULT_DESIGNS.join(','))
    .option('--rounds <count>', 'runs of each cell, in turns', wholeNumber(1, 1000, 'rounds'), 5)
    .option(
      '--time-scale <factor>',
      "how much faster connections age in the runs that the sweeper's holds are taken from",
      positiveNumber('times', 1e6),
      100,
    )
    .addOption(mutexOption())
    // The original does not, and it is what these figures are set beside.
    .addOption(touchAheadOption().default('off'))
    .addOption(
      new Option(
        '--sweep [connections]',
        'the cost of a clean-up pass over so many connections instead, bare and probed',
      )
        .argParser(wholeNumber(1, 3e6, 'connections'))
        .preset(String(DEFAULT_SWEEP_CONNECTIONS)),
    )
    .option('--seed <integer>', 'what all random choices derive from', wholeNumber(0, 0xffff_ffff, 'seed'), 1)
    .option('--json', 'the result as JSON on standard output, nothing else there')
    .option('--csv', 'the result as CSV on standard output, nothing else there')
    .option('--no-color', 'no colours; also NO_COLOR')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  ctreplay contention --workload syn-flood --threads 2 --rounds 7\n' +
        '  ctreplay contention office.pcap --threads 1,2 --csv\n' +
        '  ctreplay contention --sweep 100k --rounds 7',
    );
  const threads = command.options.find((option) => option.long === '--threads');
  if (threads !== undefined) threads.defaultValueDescription = '1,2,4';
  const parameters = addScenarioOptions(command, argv);
  command.action(async (captures: string[], flags: ContentionFlags) => {
    if (flags.sweep !== undefined) refuseBesideSweep(captures, command);
    await run(captures, flags, parameters, argv);
  });
}

async function run(
  captures: readonly string[],
  flags: ContentionFlags,
  parameters: readonly ParameterSpec[],
  argv: readonly string[],
): Promise<void> {
  if (flags.json === true && flags.csv === true) throw new UsageError('give one of --json and --csv');
  const designs = designsOption(flags.design);
  const workloads = flags.sweep === undefined ? workloadsOf(captures, flags, parameters) : [];
  const machine = readMachine();
  const checks = new Set<string>();
  const measured = await measure(workloads, designs, flags, machine, checks);
  progress('');
  const result = contentionResult.parse({
    format: CONTENTION_FORMAT,
    version: CONTENTION_VERSION,
    tool: toolVersion(),
    createdAt: new Date().toISOString(),
    commandLine: [...argv],
    environment: reportMachine(machine, null).environment,
    rounds: flags.rounds,
    timeScale: flags.timeScale,
    mutex: flags.mutex,
    touchAhead: flags.touchAhead,
    seed: flags.seed,
    valid: checks.size === 0,
    failedChecks: [...checks],
    ...measured,
  });
  if (flags.json === true) process.stdout.write(`${JSON.stringify(result, null, 1)}\n`);
  else if (flags.csv === true) process.stdout.write(contentionCsv(result));
  else process.stdout.write(text(result, flags));
  if (!result.valid) process.exitCode = 1;
}

interface Measured {
  readonly rows: readonly ContentionRow[];
  readonly ratios: readonly ThroughputRatio[];
  readonly sweeps: readonly SweepRow[];
}

async function measure(
  workloads: readonly Workload[],
  designs: readonly DesignChoice[],
  flags: ContentionFlags,
  machine: MachineAtStart,
  checks: Set<string>,
): Promise<Measured> {
  const { rounds, threads, seed, timeScale, mutex, touchAhead } = flags;
  if (flags.sweep !== undefined) {
    const connections = flags.sweep === true ? DEFAULT_SWEEP_CONNECTIONS : flags.sweep;
    const now = (): number => performance.now() * 1e6;
    const sweeps = measureSweeps({ designs, connections, rounds, seed, now, onCell: progress });
    return { rows: [], ratios: [], sweeps };
  }
  const rows: ContentionRow[] = [];
  const ratios: ThroughputRatio[] = [];
  for (const workload of workloads) {
    const request = { designs, threads, rounds, seed, timeScale, mutex, touchAhead };
    const hooks = { onCell: progress, onCase: (each: ResultCase) => check(each, checks) };
    const figures = await measureWorkload(workload, request, machine, hooks);
    rows.push(...figures.rows);
    ratios.push(...figures.ratios);
  }
  return { rows, ratios, sweeps: [] };
}

/**
 * Notes what a run found wrong with itself.
 * @throws Error when the tracker rejected every packet: nothing was measured
 */
function check(each: ResultCase, checks: Set<string>): void {
  const invalid = whollyInvalidText(each);
  if (invalid !== null) throw new Error(invalid);
  for (const { ok, name, expected, actual } of each.audit) {
    if (!ok) checks.add(`${each.id} (${each.build}): ${name}, expected ${expected}, found ${actual}`);
  }
}

function workloadsOf(
  captures: readonly string[],
  flags: ContentionFlags,
  parameters: readonly ParameterSpec[],
): Workload[] {
  const given = [
    captures.length === 0 ? null : `the capture ${captures[0]}`,
    flags.synth === undefined ? null : `--synth ${flags.synth}`,
    flags.workload === undefined ? null : '--workload',
  ].filter((each) => each !== null);
  if (given.length > 1) throw new UsageError(`${given.join(' and ')} exclude each other; give one of them`);
  if (captures.length > 0) {
    return captures.map((file) => ({
      kind: 'replay',
      name: file,
      load: () => captureInput([file], flags.packets ?? null),
      expires: true,
    }));
  }
  if (flags.synth !== undefined) return [scenarioWorkload(flags.synth, flags, parameters)];
  return (flags.workload ?? NAMED_WORKLOADS).map((name) => namedWorkload(name, flags));
}

function scenarioWorkload(
  name: string,
  flags: ContentionFlags,
  parameters: readonly ParameterSpec[],
): Workload {
  const values = flags as unknown as Readonly<Record<string, ParameterValue | undefined>>;
  const given: Record<string, ParameterValue | undefined> = {};
  for (const spec of parameters) given[spec.name] = values[camelCase(spec.name)];
  if (flags.packets !== undefined) given['packets'] = flags.packets;
  return { kind: 'replay', name, load: () => scenarioInput(name, given, flags.seed, null), expires: true };
}

/** One of the workloads that the original is measured with. */
function namedWorkload(name: string, flags: ContentionFlags): Workload {
  const packets = flags.packets ?? DEFAULT_PACKETS;
  const load = (given: Record<string, ParameterValue>) => () =>
    scenarioInput(name, { packets, ...given }, flags.seed, null);
  switch (name) {
    case 'ovs-benchmark':
      return { kind: 'ovs-benchmark', name, packetsPerThread: packets };
    case 'established':
      return {
        kind: 'replay',
        name,
        load: load({ 'active-flows': 1000, 'request-bytes': 26, 'response-bytes': 26 }),
        expires: false,
      };
    default:
      return { kind: 'replay', name, load: load({}), expires: true };
  }
}

/** Options that a sweep, of one thread and over a table of its own, has no use for. */
const NOT_OF_SWEEPS = ['workload', 'synth', 'packets', 'threads', 'timeScale', 'mutex', 'touchAhead'];

/** @throws UsageError naming what would be ignored */
function refuseBesideSweep(captures: readonly string[], command: Command): void {
  const options = command.options.filter(
    (option) =>
      NOT_OF_SWEEPS.includes(option.attributeName()) &&
      command.getOptionValueSource(option.attributeName()) === 'cli',
  );
  const given = [
    ...captures.slice(0, 1).map((file) => `the capture ${file}`),
    ...options.map((option) => option.long as string),
  ];
  if (given.length === 0) return;
  throw new UsageError(
    `--sweep fills the table itself and runs one thread; leave ${given.join(' and ')} out`,
  );
}

function text(result: ContentionResult, flags: ContentionFlags): string {
  const isTerminal = process.stdout.isTTY === true;
  const coloured = wantsColour(flags.color === false ? false : undefined, process.env, isTerminal);
  const width = terminalWidth(process.env, process.stdout.columns, FILE_WIDTH);
  const verdict = verdictText(contentionEvidence(result));
  return (
    contentionText(result, width, painter(coloured)) + renderVerdict(verdict, { width, colour: coloured })
  );
}

/** What is being measured, on a terminal only. */
function progress(line: string): void {
  if (process.stderr.isTTY === true) process.stderr.write(`\r\u001b[K${line}`);
}

function workloadNames(list: string): string[] {
  const names = [...new Set(list.split(',').map((name) => name.trim()))];
  const wrong = names.find((name) => !(NAMED_WORKLOADS as readonly string[]).includes(name));
  if (wrong === undefined) return names;
  throw new InvalidArgumentError(
    `'${wrong}' is none of ${NAMED_WORKLOADS.join(', ')}; other scenarios are run with --synth.`,
  );
}

function threadCounts(list: string): number[] {
  return [...new Set(list.split(',').map(wholeNumber(1, 64, 'threads')))];
}
