/**
 * `replay --trials`: the same replay several times, each round of the designs in a fresh process, in another order, through the sessions
 * of a matrix. What one process is dealt stays with all its runs, so only rounds in processes of their own tell what the next one will
 * show; the intervals are over them.
 */
import { designLabel, resolveDesigns } from '../../engine/host/designs.js';
import type { MatrixResult } from '../bench/matrix-result.js';
import { checkMatrix, type MatrixSpec } from '../bench/matrix-spec.js';
import type { IsCompared } from '../bench/metrics.js';
import type { MatrixBenchOptions } from '../bench/run-matrix.js';
import { isRepeatable } from '../captures/capture-files.js';
import { isStreamed, type PacketSource } from '../replay/packet-source.js';
import { plannedRun } from '../replay/planned-run.js';
import { loopCount } from '../replay/plan-loops.js';
import type { PacingRequest, ReplayPlan } from '../replay/replay-plan.js';
import type { SessionRequest } from '../replay/session.js';
import { loadInput as loadMatrixInput } from './matrix-input.js';
import { runWatchedMatrix } from './matrix-run.js';
import { DEFAULT_TRIALS, type ReplayCommandFlags } from './replay-request.js';
import { REPLAY_SESSION } from './replay-trial-runner.js';
import { UsageError } from './usage-error.js';

/** Runs of a design of at most this long are repeated where nothing is said: five rounds of two designs stay under a minute. */
const SHORT_RUN_NS = 2.5e9;
/** Packets a second that a design is taken to have at top speed, for the guess how long it will run. */
const ASSUMED_PPS = 500_000;

/** What the number of trials hangs on. */
export interface TrialsQuestion {
  readonly flags: ReplayCommandFlags;
  readonly plan: ReplayPlan;
  readonly designs: number;
  readonly traffic: PacketSource;
}

/**
 * Refuses trials of what cannot be repeated, before anything is read.
 * @throws UsageError for a search, live lines, or a capture that can be read once only
 */
export function checkTrials(plan: ReplayPlan, flags: ReplayCommandFlags): void {
  if (flags.stream === true && flags.json === true)
    throw new UsageError('--stream ends with the result; leave --json out');
  if (flags.trials === undefined || flags.trials === 1) return;
  if (plan.search !== null) throw new UsageError('--find-max-pps is a search of its own; leave --trials out');
  if (isLive(flags))
    throw new UsageError('--stats and --stream watch one run of each design; leave --trials out');
  const pipe = pipeOf(plan);
  if (pipe === undefined) return;
  throw new UsageError(
    `--trials ${flags.trials} reads the traffic anew for each, and ${pipe === '-' ? 'standard input' : pipe} can be read once; save it to a file and name that`,
  );
}

function isLive(flags: ReplayCommandFlags): boolean {
  return flags.stats !== undefined || flags.stream === true;
}

function pipeOf({ input }: ReplayPlan): string | undefined {
  return input?.type === 'capture' ? input.files.find((file) => !isRepeatable(file)) : undefined;
}

/** How often each design runs: as asked for; else several times where designs are compared, for people, and a run is short. */
export function trialsOf({ flags, plan, designs, traffic }: TrialsQuestion): number {
  if (flags.trials !== undefined) return flags.trials;
  if (designs < 2 || flags.json === true || isLive(flags) || plan.search !== null) return 1;
  if (pipeOf(plan) !== undefined || isStreamed(traffic)) return 1;
  return lengthNs(traffic, plan) <= SHORT_RUN_NS ? DEFAULT_TRIALS : 1;
}

/** How long one run of a design takes, as far as that can be said beforehand. */
function lengthNs(traffic: PacketSource, plan: ReplayPlan): number {
  const planned = plannedRun(traffic, plan);
  if (planned !== null) return planned.durationNs;
  const byPackets = ((traffic.packets * loopCount(plan)) / ASSUMED_PPS) * 1e9;
  return Math.min(byPackets, plan.durationMs === null ? Number.POSITIVE_INFINITY : plan.durationMs * 1e6);
}

/** What trials are of, and how many. */
export interface TrialsRequest extends Pick<SessionRequest, 'input' | 'commandLine'> {
  /** One for each rate, alike in everything that decides what traffic is read; the result has the last as its configuration. */
  readonly plans: readonly [ReplayPlan, ...ReplayPlan[]];
  readonly trials: number;
  /** Whether to say nothing of their progress. */
  readonly quiet: boolean;
  /** Whether a signal ends them and keeps what was measured; default: it does. */
  readonly hearsSignals?: boolean;
  /** What designs are compared by; absent = what every matrix compares. */
  readonly isCompared?: IsCompared;
  /** Whether more are wanted at a rate, up to so many; absent = never. */
  readonly more?: {
    readonly most: number;
    readonly areWanted: (soFar: MatrixResult, pacing: PacingRequest) => boolean;
  };
}

/**
 * Runs the trials: each round reads the traffic of the plans anew, in its process.
 * @throws SessionError when a round fails, or after the first when no design tracked a packet of the traffic
 */
export function runTrials(request: TrialsRequest): Promise<MatrixResult> {
  const { plans, commandLine, isCompared, quiet, more, trials, hearsSignals = true } = request;
  const moreSessions: NonNullable<MatrixBenchOptions['moreSessions']> = (
    soFar,
    { cells: [cell] },
    sessions,
  ) => {
    const left = (more?.most ?? trials) - sessions;
    const areWanted = left > 0 && cell !== undefined && more?.areWanted(soFar, cell.rate) === true;
    return areWanted ? Math.min(left, trials) : 0;
  };
  return runWatchedMatrix(
    {
      spec: trialsSpec(request),
      shard: null,
      folder: null,
      resume: false,
      load: loadMatrixInput,
      sessionArgs: [REPLAY_SESSION, JSON.stringify(plans)],
      commandLine,
      configuration: JSON.parse(JSON.stringify(plans.at(-1))) as MatrixResult['configuration'],
      ...(isCompared === undefined ? {} : { isCompared }),
      moreSessions,
    },
    {
      isForPeople: !quiet,
      hearsSignals,
      // A replay takes no minutes: without a terminal nobody waits for a line a trial.
      showsProgress: !quiet && process.stderr.isTTY,
      sessionWord: 'trial',
      mostSessions: more?.most ?? trials,
      stopAdvice: 'what was measured is kept',
    },
  );
}

/** The trials as a matrix of a group for each plan: one session a trial. */
function trialsSpec({ input, plans, trials }: TrialsRequest): MatrixSpec {
  const [plan] = plans;
  const { latency } = plan;
  const spec = checkMatrix(
    {
      inputs: [{ name: input.name.replaceAll(/[/\s]+/g, '-') || 'traffic', scenario: input.name }],
      designs: resolveDesigns(plan.designs.join(',')).map(designLabel),
      workers: [plan.workers],
      sessions: trials,
      trials: 1,
      warmupBlocks: 0,
      control: 'none',
      seed: plan.seed,
      batch: plan.batch,
      build: plan.build,
      latency: latency.mode === 'sample' ? `sample=${latency.interval}` : latency.mode,
      mutex: plan.mutex,
      touchAhead: plan.touchAhead,
      pin: plan.pin,
    },
    'replay',
  );
  return { ...spec, rates: plans.map(({ pacing }) => pacing) };
}
