import type { OnInterval } from './live-intervals.js';
import type { EngineModule } from '../../engine/host/module.js';
import type { RunSettings } from '../../engine/host/run-memory.js';
import type { EngineThread } from '../../engine/host/thread.js';
import type { DesignChoice } from '../../engine/host/designs.js';
import type { TrackerConfig } from '../config/read-config.js';
import type { PacketRules } from '../config/rules.js';
import type { PacingRequest } from './pace.js';
import type { SteerMode } from './steer.js';
import type { FaultInjection, LatencyMode } from './worker-input.js';

/** What one run of one design needs to know. */
export interface RunOptions {
  readonly engine: EngineModule;
  readonly choice: DesignChoice;
  readonly settings: RunSettings;
  readonly workers: number;
  readonly pacing: PacingRequest;
  /** Packets that leave together; 1 = each on its own. */
  readonly burst: number;
  readonly steer: SteerMode;
  readonly batch: number;
  readonly loops: number;
  readonly durationMs: number | null;
  readonly clock: 'wall' | 'capture';
  readonly timeScale: number;
  readonly maxConns: number;
  readonly latency: LatencyMode;
  readonly warmupPackets: number;
  readonly timelineMs: number;
  readonly rules: PacketRules;
  /** What the rules were made from: a feeder makes them again. Absent = the default, everything committed. */
  readonly config?: TrackerConfig | undefined;
  /** Loops that share their addresses; null = addresses stay as they are in every loop. */
  readonly uniqueIpLoops: number | null;
  /** Puts limits, policies and the like into a freshly initialised tracker. */
  readonly configure: (thread: EngineThread) => void;
  /** CPU of each worker, then of the sweeper; empty = leave it to the system. */
  readonly cpus: readonly number[];
  readonly fault: FaultInjection | null;
  /** Called now and then with the packets run so far and the packets to come in all (null when open-ended). */
  readonly onProgress: ((packets: number, total: number | null, pps: number) => void) | null;
  /** Told of each interval of the timeline when it has ended; null or absent = nobody watches. */
  readonly onInterval?: OnInterval | null;
  /** Receives the function that ends the run early, keeping what was measured. */
  readonly onStart: ((interrupt: () => void) => void) | null;
}
