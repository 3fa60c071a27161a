/** What travels between the main thread and the threads of a run. All of it can be posted to a worker thread. */
import type { EngineRun } from '../../engine/host/run-memory.js';
import type { PinResult } from '../measure/pinning.js';
import type { ClockLoop } from '../measure/clock-loop.js';
import type { ThreadSchedule } from '../measure/schedstat.js';
import type { Departures } from './departure.js';
import type { Schedule } from './pace.js';
import type { ThreadTiming } from './thread-timing.js';
import type { TimeAccountFigures } from './time-account.js';
import type { WorkerPackets } from './packet-store.js';
import type { SourceLag, StreamInput } from './packet-supply.js';
import type { ReplayPlan } from './replay-plan.js';

/** How the tracker's own time runs: with the wall clock (times a factor) or with the capture's timestamps. */
export type TrackerClock =
  { readonly mode: 'wall'; readonly scale: number } | { readonly mode: 'capture'; readonly loopMs: number };

/**
 * How a thread fails on purpose. `trap`: the engine traps; `exit`: the thread ends itself; `terminate`: it is ended from outside;
 * `throw`, `reject`: an error that nobody catches, thrown outside its task or as a rejected promise; `left-behind`: such a promise
 * too, but the task goes on to its end. `stall`: a pause; `hold`: a pause in which a lock is held, so that others wait
 * inside their packets.
 */
export type FaultKind = 'trap' | 'exit' | 'terminate' | 'throw' | 'reject' | 'left-behind' | 'stall' | 'hold';

/** Locks of the engine that a thread can hold while it fails. */
export type FaultLock =
  'none' | 'ct_lock' | 'conn_lock' | 'resources_lock' | 'fragment_lock' | 'orphans_lock';

/**
 * Where in its life a thread fails. `set-up`: attached, before all else; `warm-up`: a worker's, or while the feeder fills the
 * rings for the first time; `barrier`: counted as ready, then gone; `work`: before a batch, a pass or a packet; `pass`: before the
 * pass of a worker that sweeps by itself; `asleep`: where it would sleep until packets are due or come, until the next pass, or
 * until a full ring has room; `empty`: the feeder's, when a worker waits at a ring that has run dry; `end`: after its last work, before it detaches.
 */
export type FaultPlace = 'set-up' | 'warm-up' | 'barrier' | 'work' | 'pass' | 'asleep' | 'empty' | 'end';

/** A failure to provoke, for tests of the run's own safety net. */
export interface FaultInjection {
  readonly kind: FaultKind;
  /** Absent = a worker. */
  readonly thread?: 'worker' | 'sweeper' | 'feeder';
  /** Which worker; absent = the first. */
  readonly worker?: number;
  /** Absent = `work`. */
  readonly place?: FaultPlace;
  /** Packets run or fed before, or passes; absent = 0. */
  readonly afterPackets?: number;
  /** Held meanwhile; absent = ct_lock, but for `stall`. The feeder is no thread of the engine and holds none. */
  readonly lock?: FaultLock;
  /** Length of the pause, kinds `stall` and `hold` only. */
  readonly stallMs?: number;
  /** Receives when it happened: milliseconds since 1970. */
  readonly happenedAt?: Float64Array<SharedArrayBuffer>;
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
  readonly fault: FaultInjection | null;
}

export interface WorkerInput extends ThreadInput {
  readonly plan: ReplayPlan;
  readonly packets: WorkerPackets;
  /** Where the packets come from when they are streamed; `packets` then says only where to copy them. */
  readonly stream: StreamInput | null;
  readonly schedule: Schedule;
  /** Place of each packet on the schedule by index, or null when the index itself is the place. */
  readonly units: Float64Array<SharedArrayBuffer> | null;
  readonly timesNs: Float64Array<SharedArrayBuffer>;
  /** Whether the last stretch of a wait may be spun. */
  readonly spin: boolean;
  /** Length of the bare clock loop before the packets, and of the one after them. */
  readonly clockLoopMs: number;
  /** This worker sweeps by itself when tracker time says so: single worker on a capture clock, for exact repeatability. */
  readonly sweepsInline: boolean;
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
  /** What is wrong with the traffic, not with the program; said by the feeder only. */
  readonly isInput?: boolean;
}

export interface WorkerReport {
  readonly worker: number;
  readonly packets: number;
  readonly loops: number;
  /** On the run's clock, nanoseconds. */
  readonly startNs: number;
  readonly endNs: number;
  /** How late packets left; null at top speed. */
  readonly departure: Departures | null;
  /** What the scheduler did to the thread between barrier and end; null when the system does not report it. */
  readonly scheduler: ThreadSchedule | null;
  /** Time between the two reads of `scheduler`, which lie around the run. */
  readonly schedulerSpanNs: number;
  /** What timing costs on this thread; null when the worker did not get that far. */
  readonly timing: ThreadTiming | null;
  /** Cost of a read of the clock after the run over that before it; null when the worker did not get that far. */
  readonly clockDrift: number | null;
  /** Where the time between `startNs` and `endNs` went; null when it was not measured. */
  readonly account: TimeAccountFigures | null;
  /** What the thread saw of the machine before and after its packets; null when packets were not timed. */
  readonly disturbance: Disturbance | null;
  /** Whether the thread was pinned; null when that was not asked for. */
  readonly pin: PinResult | null;
  readonly clockOffsetErrorNs: number;
  readonly sweeps: readonly SweepRecord[];
  /** Passes of this worker and the time in them, recorded or not. */
  readonly sweepCount: number;
  readonly sweepNs: number;
  /** How often a streamed packet was due before it was there; null when nothing was streamed. */
  readonly sourceLag: SourceLag | null;
  readonly failure: ThreadFailure | null;
}

/** A bare clock loop on the worker's thread, before and after its packets. */
export interface Disturbance extends ClockLoop {
  /** Switches of the thread because another was preferred, while the loop ran; null when the system does not report it. */
  readonly involuntarySwitches: number | null;
}

export interface SweeperReport {
  readonly sweeps: readonly SweepRecord[];
  readonly sweepCount: number;
  /** Time in passes, recorded or not. */
  readonly sweepNs: number;
  /** What the scheduler did to the thread between barrier and end; null when the system does not report it. */
  readonly scheduler: ThreadSchedule | null;
  readonly failure: ThreadFailure | null;
}
