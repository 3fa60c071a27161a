/** What travels between the main thread and the threads of a run. All of it can be posted to a worker thread. */
import type { EngineRun } from '../../engine/host/run-memory.js';
import type { PinResult } from '../measure/pinning.js';
import type { ThreadSchedule } from '../measure/schedstat.js';
import type { Departures } from './departure.js';
import type { HarnessFigures } from './harness.js';
import type { Schedule } from './pace.js';
import type { WorkerPackets } from './packet-store.js';
import type { SourceLag, StreamInput } from './packet-supply.js';

/** How the tracker's own time runs: with the wall clock (times a factor) or with the capture's timestamps. */
export type TrackerClock =
  { readonly mode: 'wall'; readonly scale: number } | { readonly mode: 'capture'; readonly loopMs: number };

/** Whether packets are timed: all, none, or one batch in so many. */
export type LatencyMode =
  | { readonly mode: 'off' }
  | { readonly mode: 'all' }
  | { readonly mode: 'sample'; readonly interval: number };

/** A failure to provoke, for tests of the run's own safety net. */
export interface FaultInjection {
  readonly worker: number;
  readonly afterPackets: number;
  /**
   * `trap`: the engine traps while ct_lock is held; `exit`: the thread ends while it holds ct_lock; `stall`: a pause between
   * packets; `hold`: a pause with ct_lock held, so that others wait inside their packets.
   */
  readonly kind: 'trap' | 'exit' | 'stall' | 'hold';
  /** Length of the pause, kinds `stall` and `hold` only. */
  readonly stallMs?: number;
}

/** What every thread of a run gets. */
export interface ThreadInput {
  readonly run: EngineRun;
  /** Thread index in the engine: workers first, then the sweeper, then the main thread. */
  readonly threadIndex: number;
  readonly origin: bigint;
  readonly state: SharedArrayBuffer;
  readonly trackerClock: TrackerClock;
  /** CPU to run on, or null to leave it to the system. */
  readonly cpu: number | null;
}

export interface WorkerInput extends ThreadInput {
  readonly packets: WorkerPackets;
  /** Where the packets come from when they are streamed; `packets` then says only where to copy them. */
  readonly stream: StreamInput | null;
  readonly schedule: Schedule;
  /** Place of each packet on the schedule by index, or null when the index itself is the place. */
  readonly units: Float64Array<SharedArrayBuffer> | null;
  readonly timesNs: Float64Array<SharedArrayBuffer>;
  readonly totalPackets: number;
  readonly batch: number;
  /** Times the traffic is replayed; Infinity = until stopped. */
  readonly loops: number;
  readonly latency: LatencyMode;
  readonly warmupPackets: number;
  readonly intervalNs: number;
  /** Whether the last stretch of a wait may be spun. */
  readonly spin: boolean;
  /** This worker sweeps by itself when tracker time says so: single worker on a capture clock, for exact repeatability. */
  readonly sweepsInline: boolean;
  /** Loops that share their addresses; null = addresses stay as they are in every loop. */
  readonly uniqueIpLoops: number | null;
  readonly fault: FaultInjection | null;
}

export interface SweeperInput extends ThreadInput {
  readonly maxRecords: number;
}

/** One clean-up pass. */
export interface SweepRecord {
  /** Milliseconds since t0. */
  readonly startMs: number;
  readonly durationNs: number;
  readonly checked: number;
  readonly cleaned: number;
  readonly longestHoldNs: number | null;
  /** From when the pass was due to when it began; null for the first. */
  readonly wakeUpLagNs: number | null;
}

/** Why a thread ended early. */
export interface ThreadFailure {
  readonly message: string;
  /** Packet in progress, by its place in the traffic; null when none was. */
  readonly packetIndex: number | null;
  /** The thread was itself only ended because another had failed. */
  readonly secondary: boolean;
}

export interface WorkerReport {
  readonly worker: number;
  readonly packets: number;
  readonly loops: number;
  /** On the run's clock, nanoseconds. */
  readonly startNs: number;
  readonly endNs: number;
  /** What of the run was not the tracker's time; null where packets were timed or paced. */
  readonly harness: HarnessFigures | null;
  /** How late packets left; null at top speed. */
  readonly departure: Departures | null;
  /** What the scheduler did to the thread between barrier and end; null when the system does not tell. */
  readonly scheduler: ThreadSchedule | null;
  /** Time between the two reads of `scheduler`, which lie around the run. */
  readonly schedulerSpanNs: number;
  /** Whether the thread was pinned; null when that was not asked for. */
  readonly pin: PinResult | null;
  readonly clockOffsetErrorNs: number;
  readonly sweeps: readonly SweepRecord[];
  /** How often a streamed packet was due before it was there; null when nothing was streamed. */
  readonly sourceLag: SourceLag | null;
  readonly failure: ThreadFailure | null;
}

export interface SweeperReport {
  readonly sweeps: readonly SweepRecord[];
  readonly sweepCount: number;
  /** What the scheduler did to the thread between barrier and end; null when the system does not tell. */
  readonly scheduler: ThreadSchedule | null;
  readonly failure: ThreadFailure | null;
}

/** Tracker time at t0, in milliseconds: not 0, so that an expiration of 0 keeps its meaning. */
export const TRACKER_EPOCH_MS = 1_000_000;
