/** `ctreplay replay <capture...>`: the main job. */
import type { Command } from 'commander';
import { resolveDesigns } from '../../engine/host/designs.js';
import { regularFileBytes } from '../captures/capture-files.js';
import type { PacketSource } from '../replay/packet-source.js';
import { plannedRun, plannedText } from '../replay/planned-run.js';
import type { ReplayPlan } from '../replay/replay-plan.js';
import { threadCount } from '../replay/run-control.js';
import { runSession, type RunPurpose, type SessionHooks, type SessionRequest } from '../replay/session.js';
import { dropThreadsAhead, startThreadsAhead } from '../replay/thread-pool.js';
import type { StoreSize } from '../replay/store-size.js';
import { clearOutFolder, dropEmptyFolder, freshFolder, prepareOutFolder } from '../report/out-folder.js';
import { rejectedInputText } from '../result/rejected-input.js';
import type { Result } from '../result/schema.js';
import { lookAtChecksums } from './checksum-options.js';
import { statsLines, streamLines } from './live-lines.js';
import { presentResult } from './present-result.js';
import { loadInput } from './replay-input.js';
import { addReplayCommand, storeOf, type ReplayCommandFlags } from './replay-request.js';
import { checkTrials, runTrials, trialsOf } from './replay-trials.js';
import { RunProgress } from './run-progress.js';
import { searchLines } from './search-lines.js';
import { StopSignals } from './stop-signals.js';

/**
 * Adds `replay` to the program.
 * @param argv arguments of this call: a scenario named with --synth adds its parameters as options
 */
export function register(program: Command, argv: readonly string[]): void {
  addReplayCommand(program, argv, (plan, flags) => replay(plan, flags, argv));
}

async function replay(plan: ReplayPlan, flags: ReplayCommandFlags, argv: readonly string[]): Promise<void> {
  checkTrials(plan, flags);
  const outMade = flags.out === undefined ? false : await prepareOutFolder(flags.out, flags.force === true);
  let result: Result;
  try {
    result = await measureReplay(plan, flags, argv);
  } catch (error) {
    if (outMade) await dropEmptyFolder(flags.out as string);
    throw error;
  }
  if (flags.out !== undefined) clearOutFolder(flags.out);
  await present(result, flags);
}

/**
 * Reads the traffic and measures what the plan asks for; prints nothing but progress, and writes nothing.
 * @param argv arguments of the call, for the result
 * @param hearsSignals whether the first signal ends the run and keeps what was measured, and the second the program: not where the program
 *   is another
 */
export async function measureReplay(
  asked: ReplayPlan,
  flags: ReplayCommandFlags,
  argv: readonly string[],
  hearsSignals = true,
): Promise<Result> {
  const designs = resolveDesigns(asked.designs.join(','));
  const store = storeOf(asked, designs);
  try {
    if (isLargeInput(asked)) startThreadsAhead(threadCount(asked, false));
    const { traffic, input, plan } = await readTraffic(asked, store, flags.quiet === true);
    const trials = trialsOf({ flags, plan, designs: designs.length, traffic });
    if (plan.search === null && flags.quiet !== true) announce(traffic, plan, designs.length, trials);
    const quiet = flags.quiet === true || flags.json === true;
    return trials === 1
      ? await runOnce({ traffic, input, plan, commandLine: argv }, flags, hearsSignals)
      : await runTrials({ input, plans: [plan], commandLine: argv, trials, quiet, hearsSignals });
  } catch (error) {
    await dropThreadsAhead();
    throw error;
  }
}

/** The traffic of a plan, and the plan with the store that it came to where nobody gave its size. */
export async function readTraffic(
  asked: ReplayPlan,
  store: StoreSize,
  quiet: boolean,
): Promise<Pick<SessionRequest, 'traffic' | 'input' | 'plan'>> {
  const loaded = await loadInput(asked, store);
  const { traffic, input } = loaded;
  lookAtChecksums(loaded, asked.config, quiet);
  const plan: ReplayPlan = { ...asked, store: asked.store ?? Math.ceil(traffic.storeBytes / 1024 ** 2) };
  return { traffic, input, plan };
}

/** Each design once in this process, or the search for the highest rate. */
async function runOnce(
  request: SessionRequest,
  flags: ReplayCommandFlags,
  hearsSignals: boolean,
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
      ...(hearsSignals ? { onStart: (interrupt: () => void) => interrupter.arm(interrupt) } : {}),
    };
    return await runSession(request, hooks);
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
function announce(traffic: PacketSource, plan: ReplayPlan, designs: number, trials: number): void {
  const text = plannedText(plannedRun(traffic, plan), designs);
  if (text !== null) process.stderr.write(`${text}${trials === 1 ? '' : `, ${trials} times`}\n`);
}

/** Captures of more are long enough in loading for threads to start meanwhile; of less, they would disturb what is measured next. */
const LARGE_INPUT_BYTES = 16 * 1024 ** 2;

function isLargeInput({ input }: ReplayPlan): boolean {
  const files = input?.type === 'capture' ? input.files : [];
  return files.reduce((sum, file) => sum + regularFileBytes(file), 0) >= LARGE_INPUT_BYTES;
}

/** Prints what was asked for, writes the files, and sets the exit code. */
async function present(result: Result, flags: ReplayCommandFlags): Promise<void> {
  const name = result.cases[0]?.input.name ?? 'replay';
  const isForPrograms = flags.json === true || flags.stream === true;
  const folder = flags.out ?? (isForPrograms ? null : freshFolder(name, new Date()));
  await presentResult(result, flags, { folder, name, extra: searchLines(result) });
  const rejected = rejectedInputText(result.cases);
  if (rejected !== null) throw new Error(rejected);
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
