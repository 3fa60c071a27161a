/** `ctreplay replay <capture...>`: the main job. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { regularFileBytes } from '../captures/capture-files.js';
import { plannedRun, plannedText } from '../replay/planned-run.js';
import { parseObjective, type Condition } from '../replay/rate-search.js';
import { threadCount } from '../replay/run-control.js';
import {
  runSearch,
  runSession,
  type ReplayOptions,
  type RunPurpose,
  type SessionHooks,
} from '../replay/session.js';
import { storeBytesOf } from '../replay/staging.js';
import { dropThreadsAhead, startThreadsAhead } from '../replay/thread-pool.js';
import { isStreamed, type ReplayTraffic } from '../replay/traffic-source.js';
import { whollyInvalidText } from '../report/invalid-packets.js';
import { dropEmptyFolder, prepareOutFolder } from '../report/out-folder.js';
import type { Result } from '../result/schema.js';
import type { ParameterSpec } from '../synth/parameters.js';
import { readingOf } from './capture-options.js';
import { lookAtChecksums } from './checksum-options.js';
import { designsOption } from './option-values.js';
import { statsLines, streamLines } from './live-lines.js';
import { presentResult } from './present-result.js';
import { toReplayOptions, withBuildDefaults, type SettledFlags } from './replay-options.js';
import {
  addReplayCommand,
  loadReplayInput,
  optionsFor,
  storeOf,
  type ReplayCommandFlags,
} from './replay-request.js';
import { checkTrials, runTrials, trialsOf } from './replay-trials.js';
import { RunProgress } from './run-progress.js';
import { searchLines } from './search-lines.js';
import { StopSignals } from './stop-signals.js';
import { UsageError } from './usage-error.js';

/** Length of a step of --find-max-pps. */
const SEARCH_STEP_MS = 1000;

/**
 * Adds `replay` to the program.
 * @param argv arguments of this call: a scenario named with --synth adds its parameters as options
 */
export function register(program: Command, argv: readonly string[]): void {
  addReplayCommand(program, argv, (captures, flags, parameters) => replay(captures, flags, parameters, argv));
}

async function replay(
  captures: readonly string[],
  flags: ReplayCommandFlags,
  parameters: readonly ParameterSpec[],
  argv: readonly string[],
): Promise<void> {
  checkReplay(flags);
  checkTrials(captures, flags);
  const outMade = flags.out === undefined ? false : await prepareOutFolder(flags.out, flags.force === true);
  let result: Result;
  try {
    result = await measureReplay(captures, flags, parameters, argv);
  } catch (error) {
    if (outMade) await dropEmptyFolder(flags.out as string);
    throw error;
  }
  await present(result, flags);
}

/** Flags with their defaults, known to fit each other: a wrong option should not have to wait for a large capture. */
function checkReplay(given: ReplayCommandFlags) {
  // Live lines are of the intervals of the timeline, and of one process.
  const flags = withBuildDefaults(
    given.stats === undefined ? given : { ...given, timeline: given.stats },
    given.findMaxPps === true,
  );
  const isLive = given.stats !== undefined || given.stream === true;
  if (isLive && (given.trials ?? 1) > 1)
    throw new UsageError('--stats and --stream watch one run of each design; leave --trials out');
  if (given.stream === true && given.json === true)
    throw new UsageError('--stream ends with the result; leave --json out');
  const designs = designsOption(flags.design);
  readingOf(flags);
  const objective = objectiveOf(flags);
  return { flags, designs, objective, beforehand: toReplayOptions(flags) };
}

/**
 * Reads the traffic and measures what the flags ask for; prints nothing but progress, and writes nothing.
 * @param argv arguments of the call, for the result and for trials in other processes
 */
export async function measureReplay(
  captures: readonly string[],
  given: ReplayCommandFlags,
  parameters: readonly ParameterSpec[],
  argv: readonly string[],
): Promise<Result> {
  const { flags, designs, objective, beforehand } = checkReplay(given);
  checkTrials(captures, flags);
  const store = storeOf(flags, beforehand, designs);
  try {
    if (isLargeInput(captures)) startThreadsAhead(threadCount(beforehand, false));
    const loaded = await loadReplayInput(captures, flags, parameters, store);
    const options = optionsFor(flags, loaded);
    lookAtChecksums(loaded, options, flags.quiet === true);
    const trials = trialsOf({ captures, flags, designs: designs.length, traffic: loaded.traffic, options });
    if (objective === null && flags.quiet !== true) announce(loaded.traffic, options, designs.length, trials);
    const request = {
      traffic: loaded.traffic,
      input: loaded.input,
      designs,
      options,
      commandLine: argv,
      configuration: configurationOf(flags, loaded.traffic),
    };
    return objective !== null || trials === 1
      ? await runOnce(request, flags, objective)
      : await runTrials({ ...request, trials, quiet: flags.quiet === true || flags.json === true });
  } catch (error) {
    await dropThreadsAhead();
    throw error;
  }
}

type OnceRequest = Parameters<typeof runSession>[0];

/** Each design once in this process, or the search for the highest rate. */
async function runOnce(
  request: OnceRequest,
  flags: SettledFlags<ReplayCommandFlags>,
  objective: readonly Condition[] | null,
): Promise<Result> {
  const isLive = flags.stats !== undefined || flags.stream === true;
  const progress = new RunProgress(flags.quiet !== true && flags.json !== true && !isLive);
  const watchers = [
    ...(flags.stats === undefined ? [] : [statsLines((text) => process.stderr.write(text))]),
    ...(flags.stream === true ? [streamLines((text) => process.stdout.write(text))] : []),
  ];
  const interrupter = new Interrupter();
  try {
    const hooks: SessionHooks = {
      onRun: (label, purpose) => {
        progress.design(`${label}${RUN_WORDS[purpose]}`);
        for (const watcher of watchers) watcher.onRun(label, purpose);
      },
      ...(isLive ? { onInterval: (interval) => watchers.forEach((each) => each.onInterval(interval)) } : {}),
      isInterrupted: () => interrupter.requested,
      onProgress: (packets, total, pps) => progress.update(packets, total, pps),
      onStart: (interrupt) => interrupter.arm(interrupt),
    };
    if (objective === null) return await runSession(request, hooks);
    return await runSearch(
      {
        ...request,
        objective,
        objectiveText: flags.slo ?? '',
        stepMs: request.options.durationMs ?? SEARCH_STEP_MS,
      },
      hooks,
    );
  } finally {
    progress.finish();
    interrupter.disarm();
  }
}

/** What the progress line says of a run. */
const RUN_WORDS: Readonly<Record<RunPurpose, string>> = {
  all: '',
  throughput: ', throughput',
  figures: ', latency and locks',
};

/** Says on standard error how long a paced run will take: a capture may have pauses of hours in it. */
function announce(traffic: ReplayTraffic, options: ReplayOptions, designs: number, trials: number): void {
  const text = plannedText(plannedRun(traffic, options), designs);
  if (text !== null) process.stderr.write(`${text}${trials === 1 ? '' : `, ${trials} times`}\n`);
}

/** Captures of more are long enough in loading for threads to start meanwhile; of less, they would disturb what is measured next. */
const LARGE_INPUT_BYTES = 16 * 1024 ** 2;

function isLargeInput(captures: readonly string[]): boolean {
  return captures.reduce((sum, file) => sum + regularFileBytes(file), 0) >= LARGE_INPUT_BYTES;
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

/** Prints what was asked for, writes the files, and sets the exit code. */
async function present(result: Result, flags: ReplayCommandFlags): Promise<void> {
  const name = result.cases[0]?.input.name ?? 'replay';
  const isForPrograms = flags.json === true || flags.stream === true;
  const folder = flags.out ?? (isForPrograms ? null : freshFolder(name, new Date()));
  await presentResult(result, flags, { folder, name, extra: searchLines(result) });
  for (const each of result.cases) {
    const invalid = whollyInvalidText(each);
    if (invalid !== null) throw new Error(invalid);
  }
}

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

/** Ends a run at the first signal, keeping what was measured, and the program at the second. */
class Interrupter {
  #interrupt: (() => void) | null = null;
  #signals: StopSignals | null = null;

  get requested(): boolean {
    return this.#signals?.requested === true;
  }

  /** A run has begun, and ends when `interrupt` is called. */
  arm(interrupt: () => void): void {
    this.#interrupt = interrupt;
    this.#signals ??= new StopSignals(() => {
      process.stderr.write('\nInterrupted: writing what was measured; once more to drop it.\n');
      this.#interrupt?.();
    }, 'what was measured is dropped');
    // Between two runs there was nothing to interrupt.
    if (this.requested) interrupt();
  }

  disarm(): void {
    this.#signals?.disarm();
  }
}
