/** `ctreplay replay <capture...>`: the main job. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { DEFAULT_DESIGNS, type DesignChoice } from '../../engine/host/designs.js';
import { loadEngine } from '../../engine/host/module.js';
import { DEFAULT_CONN_LIMIT } from '../../engine/host/run-memory.js';
import { regularFileBytes } from '../captures/capture-files.js';
import { checksumSwitches, fixesChecksums, type ChecksumChoice } from '../config/checksum-handling.js';
import { systemFiles } from '../measure/system-files.js';
import { findFormat, renderFormats, writeFiles, type ReportFormat } from '../report/formats.js';
import { whollyInvalidText } from '../report/invalid-packets.js';
import { formatRate } from '../text/quantities.js';
import { writeResult } from '../result/result-file.js';
import { renderTerminal } from '../report/terminal.js';
import { wantsColour } from '../text/terminal-style.js';
import type { RateSearch, Result } from '../result/schema.js';
import { DEFAULT_CONFIG } from '../config/read-config.js';
import { stagingLimitBytes } from '../replay/memory-check.js';
import { failedByMachine, parseObjective, type Condition } from '../replay/rate-search.js';
import { plannedRun, plannedText } from '../replay/planned-run.js';
import { threadCount } from '../replay/run-control.js';
import {
  runSearch,
  runSession,
  type ReplayOptions,
  type RunPurpose,
  type SessionHooks,
} from '../replay/session.js';
import { storeBytesOf } from '../replay/staging.js';
import { defaultStore, givenStore, type StoreSize } from '../replay/store-size.js';
import { configRewrites } from '../replay/stream-plan.js';
import { dropThreadsAhead, startThreadsAhead } from '../replay/thread-pool.js';
import { isStreamed, type EditsAsGiven, type ReplayTraffic } from '../replay/traffic-source.js';
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
import { addChecksumsOption, lookAtChecksums } from './checksum-options.js';
import { checked, designsOption, duration, wholeNumber } from './option-values.js';
import { endNow } from './program-end.js';
import { loadCaptures, loadScenario, type InputOptions, type ReplayInput } from './replay-input.js';
import {
  addReplayOptions,
  toReplayOptions,
  withBuildDefaults,
  type ReplayFlags,
  type SettledFlags,
} from './replay-options.js';
import { RunProgress } from './run-progress.js';
import { optionOf } from './synth.js';
import { UsageError } from './usage-error.js';

interface ReplayCommandFlags extends ReplayFlags, CaptureFlags, ChecksumChoice {
  readonly design: string;
  readonly synth?: string;
  readonly limit?: number;
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
  readonly quiet?: boolean;
  readonly color?: boolean;
}

/** Length of a step of --find-max-pps. */
const SEARCH_STEP_MS = 1000;

/**
 * Adds `replay` to the program.
 * @param argv arguments of this call: a scenario named with --synth adds its parameters as options
 */
export function register(program: Command, argv: readonly string[]): void {
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
    .option('--synth <scenario>', 'replay a scenario instead of captures; its parameters become options here')
    .option('--limit <packets>', 'stop reading after this many packets', wholeNumber(1, 1e10, 'packets'));
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
  addChecksumsOption(command);
  addCaptureOptions(command);
  addReplayOptions(command);
  command
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
    .option('--json', 'the result as JSON on standard output, and nothing else there; files only with --out')
    .option('--quiet', 'only what makes the result unusable')
    .option('--no-color', 'no colours; also NO_COLOR')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  ctreplay replay office.pcap --workers 2 --pps 100k\n' +
        '  ctreplay replay office.pcap --design all --loop 50 --out results/office\n' +
        '  ctreplay replay --synth syn-flood --packets 1M --workers 2',
    );
  const added = addScenarioOptions(command, argv);
  command.action(async (captures: string[], flags: ReplayCommandFlags) => {
    await replay(captures, flags, added, argv);
  });
}

/** Options for the parameters of the scenario that argv names, except those that replaying has itself. */
export function addScenarioOptions(command: Command, argv: readonly string[]): readonly ParameterSpec[] {
  const at = argv.findIndex((argument) => argument === '--synth' || argument.startsWith('--synth='));
  const word = argv[at] ?? '';
  const name = word.startsWith('--synth=') ? word.slice('--synth='.length) : argv[at + 1];
  const scenario = at === -1 ? undefined : SCENARIOS.find((each) => each.name === name);
  if (scenario === undefined) return [];
  const taken = new Set(command.options.map((option) => option.long));
  const added = scenario.parameters.filter((spec) => !taken.has(`--${spec.name}`));
  for (const spec of added) command.addOption(optionOf(spec));
  return added;
}

async function replay(
  captures: readonly string[],
  given: ReplayCommandFlags,
  parameters: readonly ParameterSpec[],
  argv: readonly string[],
): Promise<void> {
  const flags = withBuildDefaults(given, given.findMaxPps === true);
  const designs = designsOption(flags.design);
  // Before reading: a wrong option should not have to wait for a large capture.
  readingOf(flags);
  const objective = objectiveOf(flags);
  const beforehand = toReplayOptions(flags);
  const store = storeOf(flags, beforehand, designs);
  if (isLargeInput(captures)) startThreadsAhead(threadCount(beforehand, false));
  const loaded = await loadInput(captures, flags, parameters, store).catch(async (error: unknown) => {
    await dropThreadsAhead();
    throw error;
  });
  const asked = toReplayOptions(flags, loaded.suggested);
  const options = { ...asked, switches: checksumSwitches(asked.switches, flags) };
  lookAtChecksums(loaded, options, flags.quiet === true);
  if (objective === null && flags.quiet !== true) announce(loaded.traffic, options, designs.length);
  const progress = new RunProgress(flags.quiet !== true && flags.json !== true);
  const interrupter = new Interrupter();
  let result: Result;
  try {
    const hooks: SessionHooks = {
      onRun: (label, purpose) => progress.design(`${label}${RUN_WORDS[purpose]}`),
      isInterrupted: () => interrupter.requested,
      onProgress: (packets, total, pps) => progress.update(packets, total, pps),
      onStart: (interrupt) => interrupter.arm(interrupt),
    };
    const request = {
      traffic: loaded.traffic,
      input: loaded.input,
      designs,
      options,
      commandLine: argv,
      configuration: configurationOf(flags, loaded.traffic),
    };
    result =
      objective === null
        ? await runSession(request, hooks)
        : await runSearch(
            {
              ...request,
              objective,
              objectiveText: flags.slo ?? '',
              stepMs: options.durationMs ?? SEARCH_STEP_MS,
            },
            hooks,
          );
  } finally {
    progress.finish();
    interrupter.disarm();
  }
  await present(result, flags, loaded.input.name);
}

/** What the progress line says of a run. */
const RUN_WORDS: Readonly<Record<RunPurpose, string>> = {
  all: '',
  throughput: ', throughput',
  figures: ', latency and locks',
};

/** Says on standard error how long a paced run will take: a capture may have pauses of hours in it. */
function announce(traffic: ReplayTraffic, options: ReplayOptions, designs: number): void {
  const text = plannedText(plannedRun(traffic, options), designs);
  if (text !== null) process.stderr.write(`${text}\n`);
}

/** Captures of more are long enough in loading for threads to start meanwhile; of less, they would disturb what is measured next. */
const LARGE_INPUT_BYTES = 16 * 1024 ** 2;

function isLargeInput(captures: readonly string[]): boolean {
  return captures.reduce((sum, file) => sum + regularFileBytes(file), 0) >= LARGE_INPUT_BYTES;
}

/** Sizes of the packet store: as given, or by what memory and connection table leave. */
function storeOf(
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

async function loadInput(
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

/** The objective of a search; null when none was asked for. */
function objectiveOf(flags: SettledFlags<ReplayCommandFlags>): readonly Condition[] | null {
  if (flags.findMaxPps !== true) {
    if (flags.slo !== undefined)
      throw new UsageError('--slo says what --find-max-pps searches for; give both');
    return null;
  }
  if (flags.slo === undefined)
    throw new UsageError("--find-max-pps needs an objective: --slo 'p99<50us,loss=0'");
  const paced = [flags.pps, flags.mbps, flags.multiplier, flags.profile].some((value) => value !== undefined);
  if (paced) throw new UsageError('--find-max-pps chooses the rate itself; leave the other rate out');
  if (flags.latency.mode === 'off')
    throw new UsageError('--find-max-pps needs times; leave --latency off out');
  try {
    return parseObjective(flags.slo);
  } catch (error) {
    throw new UsageError(`--slo: ${(error as Error).message}`);
  }
}

/** One line per search: what was found. */
function searchLines(result: Result): string {
  return (result.rateSearches ?? [])
    .map((search) => {
      const { design, objective, bestPps, steps, build, timed } = search;
      const how = `${steps.length} steps, ${build ?? 'probed'} build, packets ${timed === false ? 'not ' : ''}timed`;
      const found =
        bestPps == null
          ? `${design}: no rate holds ${objective} (${how})\n`
          : `${design}: ${formatRate(bestPps)} is the highest rate that holds ${objective} (${how})\n`;
      return found + machineLines(search, result);
    })
    .join('');
}

/** Where the lowest rate that did not hold failed by the machine: the design may do better than was found. */
function machineLines({ steps, objective }: RateSearch, { cases }: Result): string {
  const failed = steps.filter(({ held }) => !held).toSorted((a, b) => a.pps - b.pps)[0];
  const run = cases.find(({ id }) => id === failed?.caseId);
  if (failed === undefined || run === undefined) return '';
  return failedByMachine(parseObjective(objective), run)
    .map(
      (reason) =>
        `  ~ at ${formatRate(failed.pps)} it failed by ${reason}; search on quieter or isolated cores (--pin)\n`,
    )
    .join('');
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

/** Writes the files, prints what was asked for, and sets the exit code. */
async function present(result: Result, flags: ReplayCommandFlags, name: string): Promise<void> {
  const folder = flags.out ?? (flags.json === true ? null : freshFolder(name, new Date()));
  const runs = [{ label: folder ?? name, file: null, result }];
  if (folder !== null) {
    await writeResult(folder, result);
    await writeFiles(folder, await renderFormats(runs, STORED_FORMATS));
  }
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify(result, null, 1)}\n`);
  } else {
    process.stdout.write(
      renderTerminal(runs, {
        width: process.stdout.columns ?? 120,
        colour: wantsColour(
          flags.color === false ? false : undefined,
          process.env,
          process.stdout.isTTY === true,
        ),
        quiet: flags.quiet === true,
      }),
    );
    if (result.rateSearches != null) process.stdout.write(`\n${searchLines(result)}`);
    if (folder !== null && flags.quiet !== true) process.stdout.write(`\nResult: ${folder}\n`);
  }
  if (!result.valid) process.exitCode = 1;
  else if (result.partial) process.exitCode = 130;
  for (const each of result.cases) {
    const invalid = whollyInvalidText(each);
    if (invalid !== null) throw new Error(invalid);
  }
}

const STORED_FORMATS = ['csv', 'html']
  .map(findFormat)
  .filter((format): format is ReportFormat => format !== undefined);

/** `results/20261124-083000-office`: names sort by time and say what was run. */
function freshFolder(name: string, now: Date): string {
  const stamp = now.toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const words = name.replaceAll(/[^A-Za-z0-9]+/g, '-').replaceAll(/^-+|-+$/g, '');
  return join('results', `${stamp}-${words.slice(0, 40)}-${process.pid}`);
}

/** Every option in force: of a store that nobody gave the size of, what it came to. */
function configurationOf(flags: ReplayCommandFlags, traffic: ReplayTraffic): Result['configuration'] {
  const takes = isStreamed(traffic) ? traffic.storeBytes : storeBytesOf(traffic.frameBytes, traffic.packets);
  const inForce = { ...flags, store: flags.store ?? Math.ceil(takes / 1024 ** 2) };
  return JSON.parse(JSON.stringify(inForce)) as Result['configuration'];
}

/** Ends a run at the first Ctrl-C, keeping what was measured, and the program at the second. */
class Interrupter {
  #interrupt: (() => void) | null = null;
  #armed = false;
  /** The signal has come: no further run is to begin. */
  requested = false;
  readonly #onSignal = (): void => {
    if (this.requested) endNow('\nInterrupted again: what was measured is dropped.', 130);
    process.stderr.write('\nInterrupted: writing what was measured; once more to drop it.\n');
    this.requested = true;
    this.#interrupt?.();
  };

  /** A run has begun, and ends when `interrupt` is called. */
  arm(interrupt: () => void): void {
    if (!this.#armed) process.on('SIGINT', this.#onSignal);
    this.#armed = true;
    this.#interrupt = interrupt;
    // Between two runs there was nothing to interrupt.
    if (this.requested) interrupt();
  }

  disarm(): void {
    process.removeListener('SIGINT', this.#onSignal);
  }
}
