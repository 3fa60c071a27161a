/** What `replay` is asked for: its options, and from them designs, traffic and settings. Trials in other processes read it again. */
import type { Command } from 'commander';
import { DEFAULT_DESIGNS, type DesignChoice } from '../../engine/host/designs.js';
import { loadEngine } from '../../engine/host/module.js';
import { DEFAULT_CONN_LIMIT } from '../../engine/host/run-memory.js';
import { checksumSwitches, fixesChecksums, type ChecksumChoice } from '../config/checksum-handling.js';
import { DEFAULT_CONFIG } from '../config/read-config.js';
import { systemFiles } from '../measure/system-files.js';
import { stagingLimitBytes } from '../replay/memory-check.js';
import type { ReplayOptions } from '../replay/session.js';
import { defaultStore, givenStore, type StoreSize } from '../replay/store-size.js';
import { configRewrites } from '../replay/stream-plan.js';
import type { EditsAsGiven, ReplayTraffic } from '../replay/traffic-source.js';
import { compileFilter } from '../rewrite/filter.js';
import { parseIpMap, type IpMap } from '../rewrite/ip-map.js';
import { parseSnapLength } from '../rewrite/snap-length.js';
import type { ParameterSpec, ParameterValue } from '../synth/parameters.js';
import { SCENARIOS } from '../synth/registry.js';
import {
  addCaptureOptions,
  CAPTURE_ARGUMENT,
  filesOf,
  readingOf,
  type CaptureFlags,
} from './capture-options.js';
import { addChecksumsOption } from './checksum-options.js';
import { designList } from './list-designs.js';
import { addSpelling, checked, duration, wholeNumber } from './option-values.js';
import { loadCaptures, loadScenario, type InputOptions, type ReplayInput } from './replay-input.js';
import { addReplayOptions, toReplayOptions, type ReplayFlags, type SettledFlags } from './replay-options.js';
import { optionOf } from './synth.js';
import { UsageError } from './usage-error.js';

/** Values as commander leaves them. */
export interface ReplayCommandFlags extends ReplayFlags, CaptureFlags, ChecksumChoice {
  readonly design: string;
  readonly synth?: string;
  readonly filter?: string;
  readonly srcipmap?: IpMap;
  readonly dstipmap?: IpMap;
  readonly snaplen?: number;
  /** Milliseconds. */
  readonly maxGap?: number;
  readonly findMaxPps?: boolean;
  readonly slo?: string;
  readonly out?: string;
  readonly json?: boolean;
  readonly limit?: number;
  readonly trials?: number;
  readonly force?: boolean;
  readonly listDesigns?: boolean;
  readonly stats?: number;
  readonly stream?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color?: boolean;
}

/** Trials of a short run, where nothing is said: with five sessions an interval is narrow enough for what the designs differ by. */
export const DEFAULT_TRIALS = 5;

/** Runs what was asked for. */
export type ReplayAction = (
  captures: readonly string[],
  flags: ReplayCommandFlags,
  parameters: readonly ParameterSpec[],
) => Promise<void>;

/**
 * Adds the command with its options.
 * @param argv arguments of this call: a scenario named with --synth adds its parameters as options
 */
export function addReplayCommand(program: Command, argv: readonly string[], action: ReplayAction): void {
  const command = program
    .command('replay')
    .summary('replay captures or a scenario through the designs and measure')
    .description(
      'Replays captures (or --synth NAME) through each expiration design in turn, on worker threads at a target ' +
        'rate, and reports service and response time, lock contention and expiration. Numbers take k, M and G.',
    )
    .argument('[capture...]', `replayed one after the other: ${CAPTURE_ARGUMENT}`)
    .option(
      '--design <names>',
      'designs, joined by commas, with a preset as in rculist-sweep@v7; or all',
      DEFAULT_DESIGNS.join(','),
    )
    .option(
      '--synth <scenario>',
      'replay a scenario instead of captures; its parameters become options here',
    );
  addEditOptions(command);
  addChecksumsOption(command);
  addCaptureOptions(command);
  addReplayOptions(command);
  addOutputOptions(command);
  addSpelling(command, '--scenario <name>', 'synth', '--synth');
  const added = addScenarioOptions(command, argv);
  command.action(async (captures: string[], flags: ReplayCommandFlags) => {
    if (flags.listDesigns === true) process.stdout.write(designList());
    else await action(captures, flags, added);
  });
}

/** What is changed in the traffic, or left out of it. */
function addEditOptions(command: Command): void {
  command
    .option(
      '--filter <expression>',
      "packets to keep, e.g. 'tcp and port 21' (a subset of pcap-filter)",
      checked(checkedFilter),
    )
    .option(
      '--srcipmap <maps>',
      'move source addresses: CIDR:CIDR, several joined by commas; replies need --dstipmap too',
      checked(parseIpMap),
    )
    .option('--dstipmap <maps>', 'move destination addresses', checked(parseIpMap))
    .option('--snaplen <bytes>', 'keep this many bytes of each frame', checked(parseSnapLength))
    .option(
      '--max-gap <seconds>',
      'shorten longer pauses between packets of the traffic to this; also 500ms, 5m',
      duration('s'),
    );
}

/** How often it runs, what is searched, and what comes out. */
function addOutputOptions(command: Command): void {
  command
    .option(
      '--trials <count>',
      `runs of each design, in turns, each round in a fresh process; 1 makes no claim (default: ${DEFAULT_TRIALS} where a run is short, 1 with --json)`,
      wholeNumber(1, 1000, 'trials'),
    )
    .option(
      '--find-max-pps',
      'search the highest rate that holds --slo, in runs of --duration (default: 1s) each',
    )
    .option(
      '--slo <objective>',
      "what has to hold, e.g. 'p99<50us,loss=0' (response times; service.p99 for service)",
    )
    .option(
      '--out <folder>',
      'where result.json, CSV tables and report.html go (default: a fresh folder in results/)',
    )
    .option('--force', 'replace the result that --out holds')
    .option('--json', 'the result as JSON on standard output, and nothing else there; files only with --out')
    .option(
      '--stats <time>',
      'a line each interval on standard error: pps, p50, p99, lock wait',
      duration('s'),
    )
    .option(
      '--stream',
      'JSON lines on standard output: each run, each interval of --timeline, and last the result',
    )
    .option('--list-designs', 'list the designs and their presets, and run nothing')
    .option('--quiet', 'only what makes the result unusable')
    .option('--verbose', 'every table and every note about the machine')
    .option('--no-color', 'no colours; also NO_COLOR')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  ctreplay replay office.pcap --workers 2 --pps 100k\n' +
        '  ctreplay replay office.pcap --design all --loop 50 --out results/office\n' +
        '  ctreplay replay --synth syn-flood --packets 1M --workers 2',
    );
}

/** Options for the parameters of the scenario that argv names, except those that replaying has itself. */
export function addScenarioOptions(command: Command, argv: readonly string[]): readonly ParameterSpec[] {
  const at = argv.findIndex((argument) => /^--(?:synth|scenario)(?:=|$)/.test(argument));
  const [, name = argv[at + 1]] = (argv[at] ?? '').split('=', 2);
  const scenario = at === -1 ? undefined : SCENARIOS.find((each) => each.name === name);
  if (scenario === undefined) return [];
  const taken = new Set(command.options.map((option) => option.long));
  const added = scenario.parameters.filter((spec) => !taken.has(`--${spec.name}`));
  for (const spec of added) command.addOption(optionOf(spec));
  return added;
}

/** Sizes of the packet store: as given, or by what memory and connection table leave. */
export function storeOf(
  { store, synth }: ReplayCommandFlags,
  { workers, maxConns, config, flavour }: ReplayOptions,
  designs: readonly DesignChoice[],
): StoreSize {
  if (store !== undefined) return givenStore(Math.min(store * 1024 ** 2, stagingLimitBytes()));
  return defaultStore(
    systemFiles,
    designs.map(({ design }) => loadEngine(design, flavour).constants),
    // What a scenario will suggest is not known yet.
    {
      workers,
      maxConns: maxConns ?? DEFAULT_CONN_LIMIT,
      nat: synth !== undefined || configRewrites(config ?? DEFAULT_CONFIG).nat,
    },
  );
}

/** The traffic that the flags name. */
export async function loadReplayInput(
  captures: readonly string[],
  flags: ReplayCommandFlags,
  parameters: readonly ParameterSpec[],
  store: StoreSize,
): Promise<ReplayInput<ReplayTraffic>> {
  const options: InputOptions = {
    limit: flags.limit ?? null,
    edits: editsOf(flags),
    store,
    reading: readingOf(flags),
  };
  if (flags.synth === undefined) {
    if (captures.length === 0)
      throw new UsageError('name a capture to replay, or a scenario with --synth NAME');
    return loadCaptures(filesOf(captures), options);
  }
  if (captures.length > 0) {
    throw new UsageError(
      `--synth ${flags.synth} and the capture ${captures[0]} exclude each other; give one of them`,
    );
  }
  const values = flags as unknown as Readonly<Record<string, ParameterValue | undefined>>;
  const given: Record<string, ParameterValue | undefined> = {};
  for (const spec of parameters) given[spec.name] = values[camelCase(spec.name)];
  // The nominal rate of the stamps is the rate asked for, so that --clock capture and --multiplier agree with it.
  if (flags.pps !== undefined) given['pps'] = flags.pps;
  return loadScenario(flags.synth, given, flags.seed, options);
}

/** Options of the replay of loaded traffic: those asked for, with what a scenario suggests. */
export function optionsFor(
  flags: SettledFlags<ReplayCommandFlags>,
  loaded: Pick<ReplayInput<ReplayTraffic>, 'suggested'>,
): ReplayOptions {
  const asked = toReplayOptions(flags, loaded.suggested);
  return { ...asked, switches: checksumSwitches(asked.switches, flags) };
}

function editsOf(flags: ReplayCommandFlags): EditsAsGiven {
  const { filter, srcipmap, dstipmap, snaplen, maxGap } = flags;
  return {
    filter: filter ?? null,
    sourceMap: srcipmap ?? null,
    destinationMap: dstipmap ?? null,
    snapLength: snaplen ?? null,
    checksums: fixesChecksums(flags) ? 'fix' : null,
    maxGapNs: maxGap === undefined ? null : maxGap * 1e6,
  };
}

/** The expression, once it is known to be one. */
function checkedFilter(expression: string): string {
  compileFilter(expression);
  return expression;
}

/** `active-flows` is `activeFlows`, as commander keeps it. */
export function camelCase(name: string): string {
  return name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
