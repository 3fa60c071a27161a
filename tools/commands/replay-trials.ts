/**
 * `replay --trials`: the same replay several times, each round of the designs in a fresh process, in another order, through the sessions
 * of a matrix. What one process is dealt stays with all its runs, so only rounds in processes of their own tell what the next one will
 * show; the intervals are over them.
 */
import { Command } from 'commander';
import { resolveDesigns, designLabel, type DesignChoice } from '../../engine/host/designs.js';
import { isRepeatable } from '../captures/capture-files.js';
import { checkMatrix, type MatrixSpec } from '../bench/matrix-spec.js';
import type { MatrixResult } from '../bench/matrix-result.js';
import { valuesOf } from '../bench/metrics.js';
import type { Cell } from '../bench/plan.js';
import { runMatrixBench } from '../bench/run-matrix.js';
import type { CellRunner, TrialMeasurement } from '../bench/trial.js';
import { plannedRun } from '../replay/planned-run.js';
import type { MachineAtStart } from '../replay/machine.js';
import { measureCase, type ReplayOptions, type SessionRequest } from '../replay/session.js';
import { isStreamed, type ReplayTraffic } from '../replay/traffic-source.js';
import { loadInput, MatrixProgress, sessionEntry, StopOnSignal } from './bench-matrix.js';
import { silenceNotices } from './notices.js';
import { designsOption } from './option-values.js';
import type { ReplayInput } from './replay-input.js';
import { toReplayOptions, withBuildDefaults } from './replay-options.js';
import {
  addReplayCommand,
  DEFAULT_TRIALS,
  loadReplayInput,
  optionsFor,
  storeOf,
  type ReplayCommandFlags,
} from './replay-request.js';
import { UsageError } from './usage-error.js';

/** First argument of the process that runs a round. */
export const REPLAY_SESSION = 'replay-session';

/** Runs of a design of at most this long are repeated where nothing is said: five rounds of two designs stay under a minute. */
const SHORT_RUN_NS = 2.5e9;
/** Packets a second that a design is taken to have at top speed, for the guess how long it will run. */
const ASSUMED_PPS = 500_000;

/** What the number of trials hangs on. */
export interface TrialsQuestion {
  readonly captures: readonly string[];
  readonly flags: ReplayCommandFlags;
  readonly designs: number;
  readonly traffic: ReplayTraffic;
  readonly options: ReplayOptions;
}

/**
 * Refuses trials of what cannot be repeated, before anything is read.
 * @throws UsageError for a search, live lines, or a capture that can be read once only
 */
export function checkTrials(captures: readonly string[], flags: ReplayCommandFlags): void {
  if (flags.trials === undefined || flags.trials === 1) return;
  if (flags.findMaxPps === true)
    throw new UsageError('--find-max-pps is a search of its own; leave --trials out');
  const pipe = pipeOf(captures);
  if (pipe === undefined) return;
  throw new UsageError(
    `--trials ${flags.trials} reads the traffic anew for each, and ${pipe === '-' ? 'standard input' : pipe} can be read once; save it to a file and name that`,
  );
}

function pipeOf(captures: readonly string[]): string | undefined {
  return captures.find((file) => !isRepeatable(file));
}

/** How often each design runs: as asked for; else several times where designs are compared, for people, and a run is short. */
export function trialsOf({ captures, flags, designs, traffic, options }: TrialsQuestion): number {
  if (flags.trials !== undefined) return flags.trials;
  const isLive = flags.stats !== undefined || flags.stream === true;
  if (designs < 2 || flags.json === true || isLive || flags.findMaxPps === true) return 1;
  if (pipeOf(captures) !== undefined || isStreamed(traffic)) return 1;
  return lengthNs(traffic, options) <= SHORT_RUN_NS ? DEFAULT_TRIALS : 1;
}

/** How long one run of a design takes, as far as that can be said beforehand. */
function lengthNs(traffic: ReplayTraffic, options: ReplayOptions): number {
  const planned = plannedRun(traffic, options);
  if (planned !== null) return planned.durationNs;
  const byPackets = ((traffic.packets * options.loops) / ASSUMED_PPS) * 1e9;
  return Math.min(
    byPackets,
    options.durationMs === null ? Number.POSITIVE_INFINITY : options.durationMs * 1e6,
  );
}

/** What trials need beside a session: how many, and whether to say nothing of their progress. */
export interface TrialsRequest extends SessionRequest {
  readonly trials: number;
  readonly quiet: boolean;
}

/**
 * Runs the trials. The traffic of the request only says what is to be run: each round reads it anew in its process.
 * @throws SessionError when a round fails
 */
export async function runTrials(request: TrialsRequest): Promise<MatrixResult> {
  const stop = new StopOnSignal('what was measured is kept');
  const progress = new MatrixProgress(!request.quiet, request.trials, 'trial');
  try {
    return await runMatrixBench({
      spec: trialsSpec(request),
      shard: null,
      folder: null,
      resume: false,
      load: loadInput,
      sessionEntry: sessionEntry(),
      sessionArgs: [REPLAY_SESSION, ...request.commandLine],
      commandLine: request.commandLine,
      configuration: request.configuration,
      hooks: { isInterrupted: () => stop.requested, onTrial: progress.onTrial },
    });
  } finally {
    progress.finish();
    stop.disarm();
  }
}

/** The trials as a matrix of one group: one session a trial. */
function trialsSpec({ input, designs, options, trials }: TrialsRequest): MatrixSpec {
  const spec = checkMatrix(
    {
      inputs: [{ name: input.name.replaceAll(/[/\s]+/g, '-') || 'traffic', scenario: input.name }],
      designs: designs.map((choice: DesignChoice) => designLabel(choice)),
      workers: [options.workers],
      sessions: trials,
      trials: 1,
      warmupBlocks: 0,
      control: 'none',
      seed: options.seed,
      batch: options.batch,
      build: options.bareThroughput === true ? 'both' : options.flavour,
      latency:
        options.latency.mode === 'sample' ? `sample=${options.latency.interval}` : options.latency.mode,
      mutex: options.mutex,
      touchAhead: options.touchAhead,
      pin: options.pin,
    } as Parameters<typeof checkMatrix>[0],
    'replay',
  );
  return { ...spec, rates: [options.pacing] };
}

/** Traffic and settings, as read in the process of a round. */
interface Prepared {
  readonly loaded: ReplayInput<ReplayTraffic>;
  readonly options: ReplayOptions;
}

/** Runs a round of designs: reads the command line of the replay again, and its traffic once. */
export class ReplayTrialRunner implements CellRunner {
  readonly #spec: MatrixSpec;
  readonly #machine: MachineAtStart;
  readonly #argv: readonly string[];
  #prepared: Promise<Prepared> | null = null;

  /**
   * @param spec with the seed of the session
   * @param argv arguments of the replay, its name included
   */
  constructor(spec: MatrixSpec, machine: MachineAtStart, argv: readonly string[]) {
    this.#spec = spec;
    this.#machine = machine;
    this.#argv = argv;
  }

  /** @throws ReplayFailure, EngineError, or what loading the traffic throws */
  async run(cell: Cell): Promise<TrialMeasurement> {
    this.#prepared ??= prepare(this.#argv);
    const { loaded, options } = await this.#prepared;
    const [choice] = resolveDesigns(cell.design);
    if (choice === undefined) throw new UsageError(`there is no design '${cell.design}'`);
    // The packets stay those of --seed; what the engine chooses by chance is another in each round.
    const one = await measureCase({
      traffic: loaded.traffic,
      input: loaded.input,
      choice,
      options: { ...options, seed: this.#spec.seed },
      id: cell.id,
      machine: this.#machine,
    });
    return { values: valuesOf(one), case: { ...one, design: cell.design } };
  }
}

async function prepare(argv: readonly string[]): Promise<Prepared> {
  silenceNotices();
  let prepared: Promise<Prepared> | null = null;
  const program = new Command('ctreplay');
  addReplayCommand(program, argv, async (captures, given, parameters) => {
    const flags = withBuildDefaults(given, false);
    const store = storeOf(flags, toReplayOptions(flags), designsOption(flags.design));
    prepared = loadReplayInput(captures, flags, parameters, store).then((loaded) => ({
      loaded,
      options: optionsFor(flags, loaded),
    }));
    await prepared;
  });
  await program.parseAsync(argv, { from: 'user' });
  if (prepared === null) throw new UsageError(`'${argv.join(' ')}' replays nothing`);
  return prepared;
}
