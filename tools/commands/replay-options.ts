/** The options that say how traffic is replayed, shared by the commands that replay. */
import { Option, type Command } from 'commander';
import type { Flavour } from '../../engine/host/module.js';
import type { MutexPolicy, TouchAhead } from '../../engine/host/run-memory.js';
import type { PacingRequest } from '../replay/pace.js';
import { applyConfig, configSettings, threadTarget } from '../config/apply-config.js';
import { DEFAULT_CONFIG, readConfig, type TrackerConfig } from '../config/read-config.js';
import { createRules } from '../config/rules.js';
import { configFromSuggestion } from '../config/suggested.js';
import type { SuggestedConfig } from '../synth/scenario.js';
import type { ReplayOptions } from '../replay/session.js';
import { parseProfile, type ProfileShape, type RatePoint } from '../replay/rate-profile.js';
import { STEER_MODES, type SteerMode } from '../replay/steer.js';
import type { LatencyMode } from '../replay/worker-input.js';
import { InvalidArgumentError } from 'commander';
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
export interface ReplayFlags extends RateFlags {
  readonly workers: number;
  readonly loop?: number;
  readonly duration?: number;
  readonly batch: number;
  readonly steer: SteerMode;
  readonly clock: 'wall' | 'capture';
  readonly timeScale: number;
  readonly maxConns?: number;
  readonly sweepInterval?: number;
  readonly mutex: MutexPolicy;
  readonly touchAhead: TouchAhead;
  readonly build?: BuildChoice;
  readonly bare?: boolean;
  /** As given; see {@link withBuildDefaults}. */
  readonly latency?: LatencyMode;
  readonly warmup: number;
  readonly timeline: number;
  readonly pin?: boolean;
  readonly seed: number;
  /** Size of the packet store, MiB; absent = what the memory allows. */
  readonly store?: number;
  readonly config?: string;
  readonly uniqueIp?: boolean;
  readonly uniqueIpLoops?: number;
  readonly sameAddresses?: boolean;
}

const DEFAULT_WARMUP_PACKETS = 20_000;

/** Adds the options to a command. */
export function addReplayOptions(command: Command): void {
  command.option('--workers <count>', 'worker threads, 1 to 64', wholeNumber(1, 64, 'workers'), 1);
  addRateOptions(command);
  command
    .option(
      '--profile <points>',
      'rate over time, TIME:RATE joined by commas: 0s:10k,30s:100k,60s:1M',
      checked(parseProfile),
    )
    .option(
      '--profile-shape <shape>',
      'between the points of --profile: linear or step',
      oneOf(['linear', 'step'] as const),
      'linear' as const,
    )
    .option(
      '--burst <packets>',
      'packets that leave together, at the mean rate of --pps or --profile',
      wholeNumber(1, 1e6, 'packets'),
    );
  addRunOptions(command);
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
    .addOption(touchAheadOption())
    .addOption(buildOption())
    .option('--bare', 'as --build bare')
    .option('--timeline <time>', 'length of an interval of the timeline', duration('ms'), 100)
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
    )
    .option('--topspeed', 'as fast as possible (default)');
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
      'rss' as const,
    )
    .option(
      '--clock <clock>',
      "tracker's time: wall (real time) or capture (timestamps; with one worker exactly repeatable)",
      oneOf(['wall', 'capture'] as const),
      'wall' as const,
    )
    .option(
      '--time-scale <factor>',
      'with the wall clock: how much faster the tracker ages connections',
      positiveNumber('times', 1e6),
      1,
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
      parseLatency,
    )
    .option(
      '--warmup <packets>',
      'packets per worker run unrecorded before the start, 0 for none',
      wholeNumber(0, 1e9, 'packets'),
      DEFAULT_WARMUP_PACKETS,
    )
    .option(
      '--config <file>',
      'configuration file: zones, limits, timeouts, NAT and helper rules (docs/config.md)',
    );
}

/** Which builds of the engine run: one, or `both` where there is a throughput to measure. */
export const BUILD_CHOICES = ['both', 'bare', 'probed'] as const;
export type BuildChoice = (typeof BUILD_CHOICES)[number];

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

/** Flags with the defaults that hang on each other filled in, as they go into the result. */
export type SettledFlags<T extends ReplayFlags = ReplayFlags> = T & {
  readonly build: BuildChoice;
  readonly latency: LatencyMode;
};

/**
 * Fills in `build` and `latency`. The bare build alone is for throughput, so it times nothing unless that is asked for.
 * @param needsTimes whether times are what the run is for
 * @throws UsageError when --bare and --build exclude each other
 */
export function withBuildDefaults<T extends ReplayFlags>(flags: T, needsTimes: boolean): SettledFlags<T> {
  const build = buildChoice(flags);
  const mode = build === 'bare' && !needsTimes ? 'off' : 'all';
  return { ...flags, build, latency: flags.latency ?? { mode } };
}

/**
 * Replay options of parsed flags.
 * @param suggested configuration of a scenario, used when --config does not name another
 * @throws UsageError when flags exclude each other
 */
export function toReplayOptions(
  flags: SettledFlags,
  suggested: SuggestedConfig | null = null,
): ReplayOptions {
  const flavour: Flavour = flags.build === 'bare' ? 'bare' : 'probed';
  if (flags.clock === 'capture' && flags.timeScale !== 1) {
    throw new UsageError('--time-scale works with --clock wall only: a capture clock follows the timestamps');
  }
  if (flags.sameAddresses === true && (flags.uniqueIp === true || flags.uniqueIpLoops !== undefined)) {
    const other = flags.uniqueIp === true ? '--unique-ip' : '--unique-ip-loops';
    throw new UsageError(`--same-addresses and ${other} exclude each other; give one of them`);
  }
  const config = configOf(flags, suggested);
  const settings = configSettings(config);
  return {
    flavour,
    bareThroughput: flags.build === 'both',
    workers: flags.workers,
    pacing: toPacing(flags),
    burst: flags.burst,
    steer: flags.steer,
    batch: flags.batch,
    loops: flags.loop ?? (flags.duration === undefined ? 1 : Number.POSITIVE_INFINITY),
    durationMs: flags.duration ?? null,
    clock: flags.clock,
    timeScale: flags.timeScale,
    maxConns: flags.maxConns ?? settings.connLimit ?? null,
    sweepIntervalMs: flags.sweepInterval ?? settings.sweepIntervalMs ?? null,
    preset: settings.preset ?? null,
    tcpSeqCheck: settings.tcpSeqCheck,
    switches: settings.switches,
    fragments: settings.fragments,
    mutex: flags.mutex,
    touchAhead: flags.touchAhead,
    latency: flags.latency,
    warmupPackets: flags.warmup,
    timelineMs: flags.timeline,
    pin: flags.pin === true,
    seed: flags.seed,
    rules: createRules(config),
    config,
    uniqueIpLoops: flags.uniqueIpLoops ?? null,
    sameAddresses: flags.sameAddresses === true,
    configure: (thread) => applyConfig(threadTarget(thread), config),
  };
}

function configOf(flags: ReplayFlags, suggested: SuggestedConfig | null): TrackerConfig {
  if (flags.config !== undefined) return readConfig(flags.config);
  return suggested === null ? DEFAULT_CONFIG : configFromSuggestion(suggested);
}

/**
 * The rate that flags ask for.
 * @throws UsageError when they ask for two
 */
export function toPacing(flags: RateFlags): PacingRequest {
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
  if (flags.profile !== undefined) {
    return { mode: 'profile', profile: { points: flags.profile, shape: flags.profileShape ?? 'linear' } };
  }
  if (flags.pps !== undefined) return { mode: 'pps', pps: flags.pps };
  if (flags.mbps !== undefined) return { mode: 'mbps', mbps: flags.mbps };
  if (flags.multiplier !== undefined) return { mode: 'multiplier', multiplier: flags.multiplier };
  return { mode: 'topspeed' };
}

function parseLatency(text: string): LatencyMode {
  if (text === 'all' || text === 'off') return { mode: text };
  const interval = Number(/^sample=(\d+)$/.exec(text)?.[1] ?? 0);
  if (interval >= 1) return { mode: 'sample', interval };
  throw new InvalidArgumentError('Give all, off, or sample=N, for example sample=100.');
}
