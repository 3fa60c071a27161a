/** The options that say how traffic is replayed, and the plan that they make. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { MutexPolicy, TouchAhead } from '../../engine/host/run-memory.js';
import { MATRIX_TIMELINE_MS } from '../bench/matrix-spec.js';
import { withSettings } from '../config/apply-config.js';
import { checksumConfig, type ChecksumChoice } from '../config/checksum-handling.js';
import { configOf } from '../config/suggested.js';
import { parseObjective } from '../replay/rate-search.js';
import { parseProfile, type ProfileShape, type RatePoint } from '../replay/rate-profile.js';
import {
  BUILD_CHOICES,
  DEFAULT_PLAN,
  LEAST_TIMELINE_MS,
  makePlan,
  parseLatency,
  type BuildChoice,
  type LatencyMode,
  type PacingRequest,
  type PlanRequest,
  type ReplayPlan,
} from '../replay/replay-plan.js';
import { STEER_MODES, type SteerMode } from '../replay/steer.js';
import type { SuggestedConfig } from '../synth/scenario.js';
import type { CaptureFlags } from './capture-options.js';
import type { EditFlags } from './edit-options.js';
import {
  bitRate,
  checked,
  duration,
  memorySize,
  mutexOption,
  oneOf,
  packetRate,
  positiveNumber,
  touchAheadOption,
  wholeNumber,
} from './option-values.js';
import { UsageError } from './usage-error.js';

/** The rate, as commander leaves it. */
export interface RateFlags {
  readonly pps?: number;
  readonly mbps?: number;
  readonly multiplier?: number;
  readonly topspeed?: boolean;
  readonly profile?: readonly RatePoint[];
  readonly profileShape?: ProfileShape;
  readonly burst?: number;
}

/** Values as commander leaves them. */
export interface ReplayFlags extends RateFlags, EditFlags, CaptureFlags, ChecksumChoice {
  readonly design: string;
  readonly limit?: number;
  readonly findMaxPps?: boolean;
  readonly slo?: string;
  readonly workers: number;
  readonly loop?: number;
  /** Milliseconds. */
  readonly duration?: number;
  readonly batch: number;
  readonly steer: SteerMode;
  readonly clock: 'wall' | 'capture';
  readonly timeScale: number;
  readonly maxConns?: number;
  /** Milliseconds. */
  readonly sweepInterval?: number;
  readonly mutex: MutexPolicy;
  readonly touchAhead: TouchAhead;
  readonly build?: BuildChoice;
  readonly bare?: boolean;
  readonly latency?: LatencyMode;
  readonly warmup: number;
  /** Milliseconds. */
  readonly timeline?: number;
  readonly pin?: boolean;
  readonly seed: number;
  /** Size of the packet store, MiB; absent = what the memory allows. */
  readonly store?: number;
  readonly config?: string;
  readonly uniqueIp?: boolean;
  readonly uniqueIpLoops?: number;
  readonly sameAddresses?: boolean;
}

/** Length of a step of --find-max-pps. */
const SEARCH_STEP_MS = 1000;

/** Adds the options to a command. */
export function addReplayOptions(command: Command): void {
  addWorkersOption(command);
  addRateOptions(command);
  addRunOptions(command);
  addEngineOptions(command);
  command.addOption(buildOption()).option('--bare', 'as --build bare');
  addSeedOptions(command);
}

/** Adds how many threads run packets. */
export function addWorkersOption(command: Command): void {
  command.option(
    '--workers <count>',
    'worker threads, 1 to 64',
    wholeNumber(1, 64, 'workers'),
    DEFAULT_PLAN.workers,
  );
}

/** Adds how the engine is fed, and its settings. */
export function addEngineOptions(command: Command): void {
  command
    .option(
      '--batch <packets>',
      'packets per call of the tracker, 1 to 32',
      wholeNumber(1, 32, 'packets'),
      32,
    )
    .option(
      '--store <size>',
      'packet store, such as 128MiB: traffic that is larger streams through it, read again for each run and loop (default: what the ' +
        'free memory and the connection table allow)',
      memorySize(1, 3072),
    )
    .addOption(mutexOption())
    .addOption(touchAheadOption());
}

/** Adds where threads run, and what is drawn by chance. */
export function addSeedOptions(command: Command): void {
  command
    .option('--pin', 'pin each thread to a CPU')
    .option(
      '--seed <integer>',
      'what all random choices derive from, 0 to 4294967295',
      wholeNumber(0, 0xffff_ffff, 'seed'),
      1,
    );
}

/** Adds how fast packets go, one rate for the run; the same in every command that replays. */
export function addRateOptions(command: Command): void {
  addGivenRateOptions(command);
  command
    .option('--topspeed', 'as fast as possible (default)')
    .option(
      '--profile <points>',
      'rate over time, TIME:RATE joined by commas: 0s:10k,30s:100k,60s:1M',
      checked(parseProfile),
    )
    .option(
      '--profile-shape <shape>',
      'between the points of --profile: linear (default) or step',
      oneOf(['linear', 'step'] as const),
    )
    .option(
      '--burst <packets>',
      'packets that leave together, at the mean rate of --pps or --profile',
      wholeNumber(1, 1e6, 'packets'),
    );
}

/** Adds the rates that can be asked for. */
export function addGivenRateOptions(command: Command): void {
  command
    .addOption(
      new Option(
        '--pps <rate>',
        'target rate over all workers in packets/s, such as 100k or 100kpps',
      ).argParser(packetRate),
    )
    .addOption(
      new Option(
        '--mbps <rate>',
        'target rate in frame bits, without preamble and gap: 100mbps, 1gbps; a bare number is in Mbit/s',
      ).argParser(bitRate),
    )
    .addOption(
      new Option('--multiplier <factor>', 'capture timing, this many times faster; below 1 slower').argParser(
        positiveNumber('times the capture speed', 1e9),
      ),
    );
}

/** Adds what of the traffic is replayed, how often, and how the tracker takes it; the same in every command that replays. */
export function addRunOptions(command: Command): void {
  command
    .option('--limit <packets>', 'stop reading after this many packets', wholeNumber(1, 1e10, 'packets'))
    .option('--loop <count>', 'times to replay the traffic (default: 1)', wholeNumber(1, 1e9, 'loops'))
    .option('--unique-ip', 'each loop has addresses of its own, so that its connections are new (default)')
    .option(
      '--unique-ip-loops <count>',
      'as --unique-ip, with this many loops sharing their addresses',
      wholeNumber(1, 1e9, 'loops'),
    )
    .option(
      '--same-addresses',
      'every loop has the same addresses: it meets the connections of the loops before; the result says so',
    )
    .option(
      '--duration <time>',
      'replay in loops for this long, in each run of a design: 500ms, 10s, 5m',
      duration('s'),
    )
    .option(
      '--steer <mode>',
      `how packets get a worker: ${STEER_MODES.join(', ')}`,
      oneOf(STEER_MODES),
      DEFAULT_PLAN.steer,
    )
    .option(
      '--clock <clock>',
      "tracker's time: wall (real time) or capture (timestamps; with one worker exactly repeatable)",
      oneOf(['wall', 'capture'] as const),
      DEFAULT_PLAN.clock,
    )
    .option(
      '--time-scale <factor>',
      'with the wall clock: how much faster the tracker ages connections',
      positiveNumber('times', 1e6),
      DEFAULT_PLAN.timeScale,
    )
    .option('--max-conns <count>', 'connection limit (default: 3000000)', wholeNumber(1, 1e7, 'connections'))
    .option(
      '--sweep-interval <time>',
      "pause between sweeps, such as 500ms (default: the design's)",
      duration('ms'),
    )
    .option(
      '--latency <mode>',
      'packets to time: all (default; off with --build bare), off, or sample=N for one batch in N',
      latencyOption,
    )
    .option(
      '--warmup <packets>',
      'packets per worker run unrecorded before the start, 0 for none',
      wholeNumber(0, 1e9, 'packets'),
      DEFAULT_PLAN.warmupPackets,
    )
    .option(
      '--timeline <time>',
      `length of an interval of the timeline, ${LEAST_TIMELINE_MS}ms or more (default: ${DEFAULT_PLAN.timelineMs}ms; ${MATRIX_TIMELINE_MS}ms in a matrix, whose runs are short)`,
      duration('ms', LEAST_TIMELINE_MS),
    )
    .option(
      '--config <file>',
      'configuration file: zones, limits, timeouts, NAT and helper rules (docs/config.md)',
    );
}

/** `--build`. */
export function buildOption(): Option {
  return new Option(
    '--build <which>',
    'both (default): at top speed, throughput from a run of the bare build without clocks, all else from one of the probed ' +
      'build on the same packets; bare: no probes, no contention; probed: its cost is in throughput, which is then not compared',
  ).argParser(oneOf(BUILD_CHOICES));
}

/**
 * The build that flags ask for.
 * @throws UsageError when --bare and --build exclude each other
 */
export function buildChoice({ build, bare }: Pick<ReplayFlags, 'build' | 'bare'>): BuildChoice {
  if (bare !== true) return build ?? 'both';
  if (build === undefined || build === 'bare') return 'bare';
  throw new UsageError(`--bare and --build ${build} exclude each other; give one of them`);
}

/**
 * The plan of parsed flags.
 * @param input captures or a scenario
 * @param suggested configuration of the scenario, used when --config does not name another
 * @throws UsageError when flags exclude each other, ConfigError
 */
export function planOfFlags(
  flags: ReplayFlags,
  input: PlanRequest['input'],
  suggested: SuggestedConfig | null,
): ReplayPlan {
  requireSingleAnswers(flags);
  const build = buildChoice(flags);
  const search = searchOf(flags);
  // The bare build alone is for throughput, so it times nothing unless that is asked for, or what the run is for.
  const latency = flags.latency ?? { mode: build === 'bare' && search === null ? 'off' : 'all' };
  if (search !== null && latency.mode === 'off')
    throw new UsageError('--find-max-pps needs times; leave --latency off out');
  const own = { maxConns: flags.maxConns, sweepIntervalMs: flags.sweepInterval };
  return makePlan({
    input,
    limit: flags.limit,
    filter: flags.filter,
    srcipmap: flags.srcipmap,
    dstipmap: flags.dstipmap,
    snaplen: flags.snaplen,
    maxGapMs: flags.maxGap,
    checksums: flags.checksums,
    store: flags.store,
    designs: flags.design.split(',').map((name) => name.trim()),
    build,
    workers: flags.workers,
    pacing: pacingOf(flags),
    burst: flags.burst,
    loops: flags.loop ?? (flags.duration === undefined ? 1 : null),
    durationMs: flags.duration,
    uniqueIpLoops: flags.sameAddresses === true ? null : flags.uniqueIpLoops,
    batch: flags.batch,
    steer: flags.steer,
    clock: flags.clock,
    timeScale: flags.timeScale,
    mutex: flags.mutex,
    touchAhead: flags.touchAhead,
    latency,
    warmupPackets: flags.warmup,
    timelineMs: flags.timeline,
    pin: flags.pin,
    seed: flags.seed,
    config: checksumConfig(withSettings(configOf(flags.config, suggested), own), flags),
    search,
  });
}

/** @throws UsageError when flags answer one question twice */
export function requireSingleAnswers(
  flags: Partial<Pick<ReplayFlags, 'clock' | 'timeScale' | 'sameAddresses' | 'uniqueIp' | 'uniqueIpLoops'>>,
): void {
  if (flags.clock === 'capture' && (flags.timeScale ?? 1) !== 1) {
    throw new UsageError('--time-scale works with --clock wall only: a capture clock follows the timestamps');
  }
  if (flags.sameAddresses === true && (flags.uniqueIp === true || flags.uniqueIpLoops !== undefined)) {
    const other = flags.uniqueIp === true ? '--unique-ip' : '--unique-ip-loops';
    throw new UsageError(`--same-addresses and ${other} exclude each other; give one of them`);
  }
}

/** The search that flags ask for; null when they ask for none. */
function searchOf(flags: ReplayFlags): ReplayPlan['search'] {
  if (flags.findMaxPps !== true) {
    if (flags.slo !== undefined)
      throw new UsageError('--slo says what --find-max-pps searches for; give both');
    return null;
  }
  if (flags.slo === undefined)
    throw new UsageError("--find-max-pps needs an objective: --slo 'p99<50us,loss=0'");
  const paced = [flags.pps, flags.mbps, flags.multiplier, flags.profile].some((value) => value !== undefined);
  if (paced) throw new UsageError('--find-max-pps chooses the rate itself; leave the other rate out');
  try {
    parseObjective(flags.slo);
  } catch (error) {
    throw new UsageError(`--slo: ${(error as Error).message}`);
  }
  return { objective: flags.slo, stepMs: flags.duration ?? SEARCH_STEP_MS };
}

/**
 * The rate that flags ask for.
 * @throws UsageError when they ask for two
 */
export function pacingOf(flags: RateFlags): PacingRequest {
  const given = [
    flags.pps === undefined ? null : '--pps',
    flags.mbps === undefined ? null : '--mbps',
    flags.multiplier === undefined ? null : '--multiplier',
    flags.profile === undefined ? null : '--profile',
    flags.topspeed === true ? '--topspeed' : null,
  ].filter((name) => name !== null);
  if (given.length > 1) throw new UsageError(`${given.join(' and ')} exclude each other; give one of them`);
  if (flags.burst !== undefined && flags.pps === undefined && flags.profile === undefined) {
    throw new UsageError('--burst needs a rate in packets: --pps or --profile');
  }
  if (flags.profileShape !== undefined && flags.profile === undefined) {
    throw new UsageError('--profile-shape is the shape of a --profile; give that as well, or leave it out');
  }
  if (flags.profile !== undefined) {
    return { mode: 'profile', profile: { points: flags.profile, shape: flags.profileShape ?? 'linear' } };
  }
  if (flags.pps !== undefined) return { mode: 'pps', pps: flags.pps };
  if (flags.mbps !== undefined) return { mode: 'mbps', mbps: flags.mbps };
  if (flags.multiplier !== undefined) return { mode: 'multiplier', multiplier: flags.multiplier };
  return { mode: 'topspeed' };
}

function latencyOption(text: string): LatencyMode {
  const mode = parseLatency(text);
  if (mode !== null) return mode;
  throw new InvalidArgumentError('Give all, off, or sample=N, for example sample=100.');
}
