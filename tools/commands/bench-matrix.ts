/** The matrix side of `ctreplay bench`: options, inputs and output. bench.ts calls it when a matrix is asked for. */
import { access } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { DEFAULT_DESIGNS } from '../../engine/host/designs.js';
import type { MutexPolicy, TouchAhead } from '../../engine/host/run-memory.js';
import { addEditOptions, checkedFilter, checkedIpMap } from './edit-options.js';
import { designList } from './list-designs.js';
import { requireReachableVerdict } from '../bench/reachable-verdict.js';
import { readMatrixFile } from '../bench/matrix-file.js';
import {
  checkMatrix,
  captureInputs,
  nameOfInput,
  parsePrecision,
  type InputSpec,
  type MatrixSpec,
  type MatrixSpecInput,
} from '../bench/matrix-spec.js';
import { cellList, matrixSummary, trialList } from '../bench/matrix-text.js';
import { parseShard, planMatrix, type Shard } from '../bench/matrix-plan.js';
import { findReadyMatrix, READY_MATRICES } from '../bench/ready-matrices.js';
import { parseRate } from '../bench/rate.js';
import type { ChecksumChoice } from '../config/checksum-handling.js';
import { readConfig } from '../config/read-config.js';
import { openScenario } from '../synth/registry.js';
import { designsOption, oneOf, wholeNumber } from './option-values.js';
import { addCaptureOptions, filesOf, readingOf, type CaptureFlags } from './capture-options.js';
import { matrixChecksumsOption } from './checksum-options.js';
import { presentResult } from './present-result.js';
import { measureMatrix, requireFolderToResume } from './matrix-run.js';
import { requireRepeatable } from './replay-input.js';
import type { BuildChoice, PacingRequest } from '../replay/replay-plan.js';
import { inputRunKeys, latencyText, type InputRunFlags } from './input-run-keys.js';
import {
  addRateOptions,
  addRunOptions,
  buildChoice,
  pacingOf,
  requireSingleAnswers,
  type RateFlags,
} from './replay-options.js';
import { UsageError } from './usage-error.js';

/** Flags of `bench` that a matrix reads. Those with a default in bench.ts count only where they were given. */
export interface MatrixFlags extends CaptureFlags, ChecksumChoice, RateFlags, Partial<InputRunFlags> {
  readonly matrix?: string;
  readonly preset?: string;
  readonly scenario?: string;
  /** Parameters of the only scenario that is named. */
  readonly scenarioParameters?: Readonly<Record<string, number | string>>;
  readonly capture?: readonly string[];
  readonly design?: string;
  readonly workers?: number | readonly number[];
  readonly rates?: readonly string[];
  readonly packets?: number;
  readonly change?: boolean;
  readonly batch?: number;
  readonly build?: BuildChoice;
  readonly bare?: boolean;
  readonly mutex?: MutexPolicy;
  readonly touchAhead?: TouchAhead;
  readonly sessions?: number;
  readonly trials?: number;
  readonly untilPrecision?: number;
  readonly maxTrials?: number;
  readonly order?: 'abba' | 'randomised';
  readonly control?: 'one' | 'each' | 'none';
  readonly probeCost?: 'none' | 'one' | 'each';
  readonly pin?: boolean;
  readonly seed?: number;
  readonly shard?: Shard;
  readonly out?: string;
  readonly resume?: boolean;
  readonly list?: boolean;
  readonly listDesigns?: boolean;
  readonly dryRun?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color?: boolean;
  readonly json?: boolean;
  readonly force?: boolean;
}

/** Adds the options of a matrix; `--workers` takes a list from then on. */
export function addMatrixOptions(command: Command): void {
  command
    .option('--matrix <file>', 'run the matrix that a bench.yaml describes')
    .option('--preset <name>', `run a ready-made matrix: ${READY_MATRICES.map((p) => p.name).join(', ')}`)
    .addOption(new Option('--capture <files>').argParser(words).hideHelp());
  command.addOption(matrixChecksumsOption());
  addCaptureOptions(command);
  addEditOptions(command);
  addRateOptions(command);
  command.option(
    '--rates <list>',
    'several rates, joined by commas: topspeed, 100k or 100kpps (packets/s), 50mbps, 1gbps, x2',
    rateWords,
  );
  addRunOptions(command);
  command
    .option(
      '--sessions <count>',
      'fresh processes that each run the matrix once; intervals are over them (default: 7)',
      wholeNumber(1, 1000, 'sessions'),
    )
    .addOption(
      new Option(
        '--until-precision <share>',
        'add sessions until medians are known this well and such a difference would be found, e.g. 2%',
      ).argParser(precision),
    )
    .option(
      '--max-trials <count>',
      'bound for --until-precision, over all sessions (default: 100)',
      wholeNumber(6, 10_000, 'trials'),
    )
    .option(
      '--order <kind>',
      'order within a block: randomised (default) or abba',
      oneOf(['randomised', 'abba'] as const),
    )
    .option(
      '--control <where>',
      'A/A control: in one group (default), each, or none',
      oneOf(['one', 'each', 'none'] as const),
    )
    .option(
      '--probe-cost <where>',
      'cells that are probed and not timed, to tell the cost of probes from that of clocks: none (default), in one group, or each',
      oneOf(['none', 'one', 'each'] as const),
    );
  addMatrixOutputOptions(command);
  command.options.find((option) => option.long === '--workers')?.argParser(workerList);
}

/** Which part runs, and what comes out. */
function addMatrixOutputOptions(command: Command): void {
  command
    .option('--pin', 'pin each thread to a CPU')
    .addOption(new Option('--shard <i/n>', 'run part i of n of the matrix').argParser(shard))
    .option(
      '--out <folder>',
      'where result.json, tables and report.html go (default: a fresh folder in results/)',
    )
    .option('--resume', 'go on from the result.json in --out')
    .option('--force', 'replace the result that --out holds')
    .option(
      '--list',
      'list the cells of the matrix, or without a matrix the ready-made ones, and run nothing',
    )
    .option('--list-designs', 'list the designs and their presets, and run nothing')
    .option('--dry-run', 'list every trial in its order and run nothing')
    .option('--quiet', 'only what makes the result unusable')
    .option('--verbose', 'every table and every note about the machine')
    .option('--no-color', 'no colours; also NO_COLOR')
    .addHelpText(
      'after',
      '\nA matrix of scenarios x designs x workers x rates, every cell repeated in turns:\n' +
        '  ctreplay bench --preset smoke\n' +
        '  ctreplay bench --synth syn-flood,established --workers 1,2 --sessions 8 --out results/mine\n' +
        '  ctreplay bench office.pcap --pps 50k --loop 10 --config gateway.yaml\n' +
        '  ctreplay bench --matrix bench.yaml --until-precision 2% --out results/nightly --resume',
    );
}

/**
 * Whether the flags ask for a matrix; else it is the workload of ovs-benchmark.
 * @param given options on the command line
 * @throws UsageError for options that go with the other of the two, which would be left unused
 */
export function isMatrixRequest(flags: MatrixFlags, given: readonly string[]): boolean {
  const isMatrix =
    [flags.matrix, flags.preset, flags.capture].some((flag) => flag !== undefined) ||
    flags.list === true ||
    flags.listDesigns === true ||
    (flags.scenario !== undefined && flags.scenario !== 'ovs-benchmark');
  if (isMatrix) {
    if (flags.change === true) throw new UsageError('--change is for --synth ovs-benchmark; leave it out');
    return true;
  }
  const needing = Array.isArray(flags.workers)
    ? '--workers with several numbers'
    : given.find((long) => !OVS_BENCHMARK_OPTIONS.has(long));
  if (needing === undefined) return false;
  throw new UsageError(
    `${needing} is for a matrix; name one with captures, --preset, --matrix or --synth (not ovs-benchmark)`,
  );
}

/** What `--synth ovs-benchmark` makes use of, and how things are shown. */
const OVS_BENCHMARK_OPTIONS: ReadonlySet<string> = new Set([
  ...['--synth', '--scenario', '--workers', '--packets', '--batch', '--change', '--design', '--mutex'],
  ...[
    '--touch-ahead',
    '--build',
    '--bare',
    '--trials',
    '--seed',
    '--json',
    '--quiet',
    '--verbose',
    '--no-color',
  ],
]);

/**
 * Runs the matrix that the flags ask for.
 * @param isGiven whether a flag was on the command line, so that defaults do not override a bench.yaml
 */
export async function runMatrix(
  flags: MatrixFlags,
  isGiven: (name: string) => boolean,
  argv: readonly string[],
): Promise<void> {
  if (flags.listDesigns === true) {
    process.stdout.write(designList());
    return;
  }
  if (flags.list === true && !namesMatrix(flags)) {
    process.stdout.write(READY_MATRICES.map(({ name, summary }) => `${name.padEnd(8)}${summary}\n`).join(''));
    return;
  }
  const spec = await specOf(flags, isGiven);
  // A list is asked for to see whether the matrix is right: it is refused for whatever the run would be.
  await checkInputs(spec.inputs);
  const shardOf = flags.shard ?? null;
  const groups = planMatrix(spec, availableParallelism(), shardOf);
  if (flags.list === true || flags.dryRun === true) {
    process.stdout.write(flags.list === true ? cellList(groups, spec) : trialList(groups, spec));
    return;
  }
  if (flags.untilPrecision === undefined) requireReachableVerdict(spec, groups);
  requireFolderToResume(flags);
  const request = { spec, shard: shardOf, name: flags.preset ?? 'matrix' };
  const { result, folder } = await measureMatrix(request, flags, argv);
  await presentResult(result, flags, { folder, name: 'matrix', extra: matrixSummary(result) });
}

function namesMatrix(flags: MatrixFlags): boolean {
  return [flags.matrix, flags.preset, flags.scenario, flags.capture].some((flag) => flag !== undefined);
}

/** The matrix: from the file or ready-made, then the flags that were given. */
async function specOf(flags: MatrixFlags, isGiven: (name: string) => boolean): Promise<MatrixSpec> {
  if (flags.matrix !== undefined && flags.preset !== undefined) {
    throw new UsageError('--matrix and --preset exclude each other; give one of them');
  }
  const file = flags.matrix === undefined ? null : await readMatrixFile(flags.matrix);
  const base: Partial<MatrixSpecInput> =
    file !== null
      ? (file.content as Partial<MatrixSpecInput>)
      : flags.preset !== undefined
        ? findReadyMatrix(flags.preset).matrix
        : { designs: [...DEFAULT_DESIGNS] };
  const inputs = inputsOf(flags);
  const given = <T>(name: string, value: T | undefined, field: string): Record<string, T> =>
    value !== undefined && isGiven(name) ? { [field]: value } : {};
  const overrides = {
    ...(inputs.length === 0 ? {} : { inputs }),
    ...given('design', flags.design === undefined ? undefined : designNames(flags.design), 'designs'),
    ...given('workers', flags.workers === undefined ? undefined : [flags.workers].flat(), 'workers'),
    ...given('rates', flags.rates, 'rates'),
    ...given('steer', flags.steer, 'steer'),
    ...given('warmup', flags.warmup, 'warmupPackets'),
    ...given('latency', flags.latency === undefined ? undefined : latencyText(flags.latency), 'latency'),
    ...given('batch', flags.batch, 'batch'),
    ...(flags.bare === true || flags.build !== undefined ? { build: buildChoice(flags) } : {}),
    ...given('mutex', flags.mutex, 'mutex'),
    ...given('touchAhead', flags.touchAhead, 'touchAhead'),
    ...given('sessions', flags.sessions, 'sessions'),
    ...given('trials', flags.trials, 'trials'),
    ...given('untilPrecision', flags.untilPrecision, 'untilPrecision'),
    ...given('maxTrials', flags.maxTrials, 'maxTrials'),
    ...given('order', flags.order, 'order'),
    ...given('control', flags.control, 'control'),
    ...given('probeCost', flags.probeCost, 'probeCost'),
    ...given('pin', flags.pin, 'pin'),
    ...given('seed', flags.seed, 'seed'),
  };
  requireSingleAnswers(flags);
  const rate = rateOverride(flags);
  const checked = checkMatrix({ ...base, ...overrides }, flags.matrix ?? 'bench', file?.lineOf);
  if (flags.matrix !== undefined) requireDesigns(checked.designs, flags.matrix, file?.lineOf(['designs']));
  const hasRate = rate !== null || flags.rates !== undefined;
  const spec = {
    ...checked,
    ...(rate === null ? {} : { rates: [rate] }),
    inputs: checked.inputs.map(({ rates, ...input }) => ({
      ...withFlags(input, flags, isGiven),
      ...(hasRate || rates === undefined ? {} : { rates }),
    })),
  };
  requireUsedBursts(spec);
  return spec;
}

/** @throws UsageError for a design or a preset that does not exist, naming the place in the file */
function requireDesigns(designs: readonly string[], file: string, line: number | null | undefined): void {
  for (const name of designs) {
    designsOption(name, `${file}${line == null ? '' : `:${line}`}: designs: '${name}'`);
  }
}

/** An input with what is asked of the run: that holds for every one, also for those of a file or a ready-made matrix. */
function withFlags(input: InputSpec, flags: MatrixFlags, isGiven: (name: string) => boolean): InputSpec {
  const run = inputRunKeys(flags, isGiven);
  const packets = isGiven('packets') ? flags.packets : undefined;
  const merged: InputSpec = {
    ...input,
    ...captureKeys(flags),
    ...(packets === undefined
      ? {}
      : input.capture !== undefined
        ? { limit: packets }
        : { parameters: { ...input.parameters, packets } }),
    ...run,
  };
  // Of two keys that exclude each other the one that was given counts.
  if (run.uniqueIpLoops !== undefined) delete merged.sameAddresses;
  if (run.sameAddresses !== undefined) delete merged.uniqueIpLoops;
  if (run.clock === 'capture') delete merged.timeScale;
  return merged;
}

/** @throws UsageError for packets that are to leave together in an input none of whose rates counts packets */
function requireUsedBursts({ inputs, rates }: Pick<MatrixSpec, 'inputs' | 'rates'>): void {
  const unused = inputs.find(
    (input) =>
      input.burst !== undefined &&
      !(input.rates ?? rates).some(({ mode }) => mode === 'pps' || mode === 'profile'),
  );
  if (unused === undefined) return;
  throw new UsageError(
    `${nameOfInput(unused)}: a burst needs a rate in packets, such as 100k; give one, or leave the burst out`,
  );
}

/** The one rate that a replay would take; null where none was given. */
function rateOverride(flags: MatrixFlags): PacingRequest | null {
  // Whether a burst has a rate in packets is asked of the whole matrix, whose rates may be those of a file or of --rates.
  const { burst: _unasked, ...rateFlags } = flags;
  const pacing = pacingOf(rateFlags);
  if (pacing.mode === 'topspeed' && flags.topspeed !== true) return null;
  if (flags.rates !== undefined)
    throw new UsageError('--rates and one rate exclude each other; give one of them');
  return pacing;
}

/** Names of the designs that `--design` gives, presets included. */
export function designNames(text: string): string[] {
  return designsOption(text).map(({ design, preset }) => (preset === null ? design : `${design}@${preset}`));
}

/** How captures are read, as an input of a matrix says it. */
export function captureKeys({
  keepTruncated,
  strict,
  checksums,
}: CaptureFlags & ChecksumChoice): CaptureFlags & ChecksumChoice {
  return {
    ...(keepTruncated === undefined ? {} : { keepTruncated }),
    ...(strict === undefined ? {} : { strict }),
    ...(checksums === undefined ? {} : { checksums }),
  };
}

function inputsOf(flags: MatrixFlags): InputSpec[] {
  const scenarios = (flags.scenario ?? '').split(',').filter((name) => name !== '');
  const parameters = {
    ...flags.scenarioParameters,
    // As in a replay, one rate for all is that of the stamps as well.
    ...(flags.pps === undefined ? {} : { pps: flags.pps }),
  };
  return [
    ...scenarios.map((scenario) => ({
      scenario,
      ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
    })),
    ...captureInputs(flags.capture ?? []),
  ];
}

/** Finds out before the first trial what would end the matrix hours later. */
export async function checkInputs(inputs: readonly InputSpec[]): Promise<void> {
  for (const input of inputs) {
    if (input.scenario !== undefined) openScenario(input.scenario, input.parameters ?? {}, 1);
    if (input.config !== undefined) readConfig(input.config);
    checkEdits(input);
    if (input.capture === undefined) continue;
    const files = filesOf([input.capture]);
    readingOf(input);
    for (const file of files) {
      try {
        await access(file);
      } catch {
        throw new UsageError(`${file}: there is no such capture`);
      }
    }
    requireRepeatable(files);
  }
}

/** @throws UsageError for a filter or a map of addresses that is none */
function checkEdits(input: InputSpec): void {
  const { filter, srcipmap, dstipmap } = input;
  try {
    if (filter !== undefined) checkedFilter(filter);
    for (const maps of [srcipmap, dstipmap]) if (maps !== undefined) checkedIpMap(maps);
  } catch (error) {
    throw new UsageError(`${nameOfInput(input)}: ${(error as Error).message}`);
  }
}

function words(text: string): string[] {
  const list = text.split(',').map((word) => word.trim());
  if (list.length > 0 && list.every((word) => word !== '')) return list;
  throw new InvalidArgumentError('Give names joined by commas.');
}

function rateWords(text: string): string[] {
  const list = words(text);
  const wrong = list.find((word) => parseRate(word) === null);
  if (wrong === undefined) return list;
  throw new InvalidArgumentError(`'${wrong}' is none of topspeed, packets/s such as 100k, 50mbps, x2.`);
}

function workerList(text: string): number | number[] {
  const parse = wholeNumber(1, 64, 'workers');
  return text.includes(',') ? words(text).map(parse) : parse(text);
}

function precision(text: string): number {
  const share = parsePrecision(text);
  if (share !== null) return share;
  throw new InvalidArgumentError('Give a share above 0 and below 100 %, for example 2% or 0.02.');
}

function shard(text: string): Shard {
  const parsed = parseShard(text);
  if (parsed !== null) return parsed;
  throw new InvalidArgumentError('Give part and number of parts, for example 2/4.');
}
