/** What contention is measured with: the loop of Open vSwitch's benchmark, or traffic that is replayed once. */
import type { MutexPolicy, TouchAhead } from '../../engine/host/run-memory.js';
import { applyConfig, configSettings, threadTarget } from '../config/apply-config.js';
import { DEFAULT_CONFIG } from '../config/read-config.js';
import { createRules } from '../config/rules.js';
import { configFromSuggestion } from '../config/suggested.js';
import type { ReplayOptions } from '../replay/session.js';
import type { StagedTraffic } from '../replay/staging.js';
import type { Input } from '../result/schema.js';
import type { SuggestedConfig } from '../synth/scenario.js';

/** Traffic kept in memory. */
export interface LoadedTraffic {
  readonly traffic: StagedTraffic;
  readonly input: Input;
  readonly suggested: SuggestedConfig | null;
}

/** A workload by name. */
export type Workload =
  | {
      readonly kind: 'ovs-benchmark';
      readonly name: string;
      /** Packets that each thread sends. */
      readonly packetsPerThread: number;
    }
  | {
      readonly kind: 'replay';
      readonly name: string;
      readonly load: () => Promise<LoadedTraffic>;
      /** Connections expire when their ageing is sped up, so that the sweeper has something to clean. */
      readonly expires: boolean;
    };

/** What is common to all runs of a measurement. */
export interface RunRequest {
  readonly seed: number;
  /** How much faster connections age in the run that the sweeper's holds are taken from. */
  readonly timeScale: number;
  /** How waiters of a lock spin. */
  readonly mutex: MutexPolicy;
  /** Whether batches touch ahead. */
  readonly touchAhead: TouchAhead;
  readonly wasmFolder?: string | undefined;
}

const BATCH = 32;
const WARM_UP_PACKETS = 20_000;
const TIMELINE_MS = 100;

/** How the traffic is replayed: once, at top speed, without a clock read a packet. */
export function replayOptions(
  { suggested }: LoadedTraffic,
  workers: number,
  flavour: ReplayOptions['flavour'],
  timeScale: number,
  { seed, mutex, touchAhead, wasmFolder }: RunRequest,
): ReplayOptions {
  const config = suggested === null ? DEFAULT_CONFIG : configFromSuggestion(suggested);
  const settings = configSettings(config);
  return {
    flavour,
    wasmFolder,
    workers,
    pacing: { mode: 'topspeed' },
    steer: 'rss',
    batch: BATCH,
    loops: 1,
    durationMs: null,
    clock: 'wall',
    timeScale,
    maxConns: settings.connLimit ?? null,
    preset: settings.preset ?? null,
    sweepIntervalMs: settings.sweepIntervalMs ?? null,
    latency: { mode: 'off' },
    warmupPackets: WARM_UP_PACKETS,
    timelineMs: TIMELINE_MS,
    pin: false,
    seed,
    mutex,
    touchAhead,
    rules: createRules(config),
    config,
    configure: (thread) => applyConfig(threadTarget(thread), config),
    tcpSeqCheck: settings.tcpSeqCheck,
    switches: settings.switches,
    fragments: settings.fragments,
  };
}
