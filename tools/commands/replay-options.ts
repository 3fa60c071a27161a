/** The options that say how traffic is replayed, shared by the commands that replay. */
import { Option, type Command } from 'commander';
import type { Flavour } from '../../engine/host/module.js';
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
import { checked, duration, oneOf, positiveNumber, wholeNumber } from './option-values.js';
import { UsageError } from './usage-error.js';

/** Values as commander leaves them. */
export interface ReplayFlags {
  readonly workers: number;
  readonly pps?: number;
  readonly mbps?: number;
  readonly multiplier?: number;
  readonly topspeed?: boolean;
  readonly profile?: readonly RatePoint[];
  readonly profileShape: ProfileShape;
  readonly burst?: number;
  readonly loop?: number;
  readonly duration?: number;
  readonly batch: number;
  readonly steer: SteerMode;
  readonly clock: 'wall' | 'capture';
  readonly timeScale: number;
  readonly maxConns?: number;
  readonly sweepInterval?: number;
  readonly bare?: boolean;
  readonly latency: LatencyMode;
  readonly warmup: number;
  readonly timeline: number;
  readonly pin?: boolean;
  readonly seed: number;
  /** Size of the packet store, MiB. */
  readonly store: number;
  readonly config?: string;
  readonly uniqueIp?: boolean;
  readonly uniqueIpLoops?: number;
}

const DEFAULT_WARMUP_PACKETS = 20_000;
const DEFAULT_STORE_MIB = 512;

/** Adds the options to a command. */
export function addReplayOptions(command: Command): void {
  command
    .option('--workers <count>', 'worker threads, 1 to 64', wholeNumber(1, 64, 'workers'), 1)
    .addOption(
      new Option('--pps <packets/s>', 'target rate over all workers').argParser(
        positiveNumber('packets/s', 1e9),
      ),
    )
    .addOption(
      new Option('--mbps <Mbit/s>', 'target rate in frame bits, without preamble and gap').argParser(
        positiveNumber('Mbit/s', 1e6),
      ),
    )
    .addOption(
      new Option('--multiplier <factor>', 'capture timing, this many times faster; below 1 slower').argParser(
        positiveNumber('times the capture speed', 1e9),
      ),
    )
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
    )
    .option('--topspeed', 'as fast as possible (default)')
    .option('--loop <count>', 'times to replay the traffic (default: 1)', wholeNumber(1, 1e9, 'loops'))
    .option('--unique-ip', 'each loop gets addresses of its own, so that its connections are new')
    .option(
      '--unique-ip-loops <count>',
      'as --unique-ip, with this many loops sharing their addresses',
      wholeNumber(1, 1e9, 'loops'),
    )
    .option('--duration <seconds>', 'replay in loops for this long; also 500ms, 5m', duration('s'))
    .option(
      '--batch <packets>',
      'packets per call of the tracker, 1 to 32',
      wholeNumber(1, 32, 'packets'),
      32,
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
      '--store <MiB>',
      'packet store: traffic that is larger streams through it, read again for each design and loop; at most a third of the ' +
        'memory that a container allows',
      wholeNumber(1, 3072, 'MiB'),
      DEFAULT_STORE_MIB,
    )
    .option('--sweep-interval <ms>', "pause between sweeps in ms (default: the design's)", duration('ms'))
    .option('--bare', 'engine without lock probes and work counts, for throughput')
    .option('--latency <mode>', 'packets to time: all, off, or sample=N for one batch in N', parseLatency, {
      mode: 'all',
    } satisfies LatencyMode)
    .option(
      '--warmup <packets>',
      'packets per worker run unrecorded before the start, 0 for none',
      wholeNumber(0, 1e9, 'packets'),
      DEFAULT_WARMUP_PACKETS,
    )
    .option('--timeline <ms>', 'length of an interval of the timeline in ms', duration('ms'), 100)
    .option(
      '--config <file>',
      'configuration file: zones, limits, timeouts, NAT and helper rules (docs/config.md)',
    )
    .option('--pin', 'pin each thread to a CPU')
    .option(
      '--seed <integer>',
      'what all random choices derive from, 0 to 4294967295',
      wholeNumber(0, 0xffff_ffff, 'seed'),
      1,
    );
  // Defaults that are objects would be shown as JSON.
  const latency = command.options.find((option) => option.long === '--latency');
  if (latency !== undefined) latency.defaultValueDescription = 'all';
}

/**
 * Replay options of parsed flags.
 * @param suggested configuration of a scenario, used when --config does not name another
 * @throws UsageError when flags exclude each other
 */
export function toReplayOptions(flags: ReplayFlags, suggested: SuggestedConfig | null = null): ReplayOptions {
  const flavour: Flavour = flags.bare === true ? 'bare' : 'probed';
  if (flags.clock === 'capture' && flags.timeScale !== 1) {
    throw new UsageError('--time-scale works with --clock wall only: a capture clock follows the timestamps');
  }
  const config = configOf(flags, suggested);
  const settings = configSettings(config);
  return {
    flavour,
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
    latency: flags.latency,
    warmupPackets: flags.warmup,
    timelineMs: flags.timeline,
    pin: flags.pin === true,
    seed: flags.seed,
    rules: createRules(config),
    config,
    uniqueIpLoops: flags.uniqueIpLoops ?? (flags.uniqueIp === true ? 1 : null),
    configure: (thread) => applyConfig(threadTarget(thread), config),
  };
}

function configOf(flags: ReplayFlags, suggested: SuggestedConfig | null): TrackerConfig {
  if (flags.config !== undefined) return readConfig(flags.config);
  return suggested === null ? DEFAULT_CONFIG : configFromSuggestion(suggested);
}

function toPacing(flags: ReplayFlags): PacingRequest {
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
    return { mode: 'profile', profile: { points: flags.profile, shape: flags.profileShape } };
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
