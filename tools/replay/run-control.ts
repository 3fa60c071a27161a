/**
 * One run of one design: lay the memory out, load it, start the threads, open the barrier, watch, collect.
 *
 * The main thread only watches. It attaches as the last thread to prepare the tracker before the barrier and to
 * read the table after the end; while the run goes on it is offline.
 */
import { availableParallelism } from 'node:os';
import type { DesignChoice } from '../../engine/host/designs.js';
import { loadEngine } from '../../engine/host/module.js';
import type { EngineRun } from '../../engine/host/run-memory.js';
import { readEnvironment } from '../measure/environment.js';
import { coreSiblings, planPins } from '../measure/pinning.js';
import { systemFiles } from '../measure/system-files.js';
import type { FeederInput } from './feeder.js';
import { makeSchedule, type Schedule } from './pace.js';
import { runEndNs } from './plan-loops.js';
import { isStreamed, type PacketSource } from './packet-source.js';
import { releaseMemory } from './release-memory.js';
import { flavourOf, type ReplayPlan } from './replay-plan.js';
import { feederIndex } from './run-abort.js';
import { bindRunClock, runOrigin, TRACKER_EPOCH_MS } from './run-clock.js';
import { layOutRun, prepareTracker, type RunLayout } from './run-layout.js';
import { RunThreads } from './run-threads.js';
import { sentBits } from './sent-bits.js';
import { SharedState, STOP_FINISHED, STOP_NONE } from './shared-state.js';
import { pollMs, TimelineWatcher, type RunTimeline } from './timeline.js';
import { LiveIntervals, type OnInterval } from './live-intervals.js';
import { dropThreadsAhead, startThreadsAhead } from './thread-pool.js';
import type {
  FaultInjection,
  SweeperInput,
  SweeperReport,
  TrackerClock,
  WorkerInput,
  WorkerReport,
} from './worker-input.js';

/** What a run is given beside its plan. */
export interface RunHooks {
  /** Folder of the compiled designs; absent = the package's own. */
  readonly wasmFolder?: string | undefined;
  /** How long each worker looks at what the machine does, before its packets and after them; absent = {@link CLOCK_LOOP_MS}. */
  readonly clockLoopMs?: number | undefined;
  /** A failure to provoke. */
  readonly fault?: FaultInjection | null | undefined;
  /** Called now and then with the packets run so far and the packets to come in all (null when open-ended). */
  readonly onProgress?: ((packets: number, total: number | null, pps: number) => void) | undefined;
  /** Told of each interval of the timeline when it has ended. */
  readonly onInterval?: OnInterval | undefined;
  /** Receives the function that ends the run early, keeping what was measured. */
  readonly onStart?: ((interrupt: () => void) => void) | undefined;
}

/** What a run leaves: reports of the threads, and the engine's memory to read figures from. */
export interface FinishedRun {
  readonly choice: DesignChoice;
  readonly plan: ReplayPlan;
  readonly run: EngineRun;
  readonly traffic: PacketSource;
  readonly workers: readonly WorkerReport[];
  readonly sweeper: SweeperReport | null;
  readonly timeline: RunTimeline;
  readonly schedule: Schedule;
  /** Place of each packet of a loop on the schedule; null where the index is the place, or where packets are streamed. */
  readonly units: Float64Array | null;
  /** Bits given out; null where streamed packets were stopped inside a loop. */
  readonly sentBits: number | null;
  /** When the barrier opened. */
  readonly startedAt: Date;
  /** From the barrier to the last worker's end, nanoseconds. */
  readonly elapsedNs: number;
  readonly interrupted: boolean;
  /** Connections in the table at the end, expired ones included. */
  readonly connCount: number;
  /** Slots of the table that were touched before the start, and those that the run came to use: the first so many of each. */
  readonly touchedSlots: number;
  readonly usedSlots: number;
}

/** Length of the bare clock loop before a worker's packets, and of the one after them. */
const CLOCK_LOOP_MS = 25;
/** Time between the opening of the barrier and t0, so that every thread has woken up. */
const START_DELAY_NS = 2_000_000;
/** A pass over a table of millions takes seconds; one that takes longer than this does not end. */
const SWEEPER_END_MS = 60_000;
const FEEDER_END_MS = 1_000;
/** A run of more is not left to the collector's leisure. */
const MUCH_MEMORY_BYTES = 128 * 1024 ** 2;

/**
 * Replays traffic through one design.
 * @throws ReplayFailure when a thread failed or streamed traffic could not be read, EngineError when the memory does not fit
 */
export async function runDesign(
  traffic: PacketSource,
  choice: DesignChoice,
  plan: ReplayPlan,
  hooks: RunHooks = {},
): Promise<FinishedRun> {
  // A replay that streams does not have the memory for two runs at once, and the store may take a third of what there is.
  if (isStreamed(traffic) || traffic.storeBytes > MUCH_MEMORY_BYTES) releaseMemory();
  const subject = { engine: loadEngine(choice.design, flavourOf(plan), hooks.wasmFolder), choice, plan };
  const origin = runOrigin();
  const { now } = bindRunClock(origin);
  const count = threadCount(plan, isStreamed(traffic));
  // They start on other cores while this one lays the memory out.
  startThreadsAhead(count);
  const layout = await layOutRun(traffic, subject, now).catch(async (error: unknown) => {
    await dropThreadsAhead();
    throw error;
  });
  const { run, main } = layout;
  const schedule = makeSchedule(plan.pacing, traffic, plan.burst);
  const state = new SharedState();
  const fault = hooks.fault ?? null;
  const packetsAre = 'of the traffic';
  const threads = new RunThreads({ run, main, state, count, file: 'worker', fault, packetsAre });
  const context = { layout, origin, state, schedule, plan, hooks, now };
  return threads.during(async () => {
    startThreads(threads, context, fault);
    await threads.atBarrier(threadCount(plan, false));
    prepareTracker(layout, plan, now);
    return { choice, plan, ...(await runToEnd(threads, context)) };
  });
}

/** Whether the one worker sweeps itself, so that a run on the capture's clock is repeatable. */
function sweepsInline({ clock, workers }: Pick<ReplayPlan, 'clock' | 'workers'>): boolean {
  return clock === 'capture' && workers === 1;
}

/** Threads that a run starts: workers, mostly a sweeper, and a feeder of streamed traffic. */
export function threadCount(plan: Pick<ReplayPlan, 'clock' | 'workers'>, streamed: boolean): number {
  return plan.workers + (sweepsInline(plan) ? 0 : 1) + (streamed ? 1 : 0);
}

interface RunContext {
  readonly layout: RunLayout;
  readonly origin: bigint;
  readonly state: SharedState;
  readonly schedule: Schedule;
  readonly plan: ReplayPlan;
  readonly hooks: RunHooks;
  readonly now: () => number;
}

/** Opens the barrier, watches until all threads have ended, and collects what they report. */
async function runToEnd(
  threads: RunThreads,
  context: RunContext,
): Promise<Omit<FinishedRun, 'choice' | 'plan'>> {
  const { layout, state, schedule, plan, hooks, now } = context;
  const { run, main, traffic } = layout;
  const kept = { intervalMs: plan.timelineMs, timesAll: plan.latency.mode === 'all' };
  const timeline = new TimelineWatcher(run, plan.workers, kept, (elapsedNs) =>
    plan.clock === 'wall' ? TRACKER_EPOCH_MS + (elapsedNs / 1e6) * plan.timeScale : state.captureNowMs,
  );
  const { onInterval } = hooks;
  if (onInterval !== undefined) {
    const live = new LiveIntervals(run, plan.workers, onInterval);
    timeline.onPoint = (point) => live.take(point);
  }
  const startedAt = new Date();
  const t0 = now() + START_DELAY_NS;
  let interrupted = false;
  hooks.onStart?.(() => {
    interrupted = true;
    state.stop(STOP_FINISHED);
  });
  state.open(t0);
  const watcher = watch(context, timeline, t0);
  try {
    const reports = await threads.reports<WorkerReport>('worker');
    state.stop(STOP_FINISHED);
    const [sweeper = null] = await threads.reports<SweeperReport>('sweeper', SWEEPER_END_MS);
    // A reader of a source that does not answer is not waited for: everything that was to be replayed has been.
    await threads.leave('feeder', FEEDER_END_MS);
    const endNs = Math.max(...reports.map((report) => report.endNs));
    timeline.finish(endNs - t0);
    return {
      run,
      traffic,
      workers: reports,
      sweeper,
      timeline: timeline.timeline(),
      schedule,
      units: layout.units,
      sentBits: sentBits(
        traffic,
        reports.map(({ worker, packets, loops }) => ({
          packets,
          loops,
          indexes: (layout.workers[worker] as (typeof layout.workers)[number]).packets.indexes,
        })),
      ),
      startedAt,
      elapsedNs: endNs - t0,
      interrupted,
      connCount: main.exports.connCount(),
      touchedSlots: layout.touchedSlots,
      usedSlots: usedSlots(run),
    };
  } finally {
    clearInterval(watcher);
  }
}

function startThreads(
  threads: RunThreads,
  { layout, origin, state, schedule, plan, hooks }: RunContext,
  fault: FaultInjection | null,
): void {
  const { run, traffic, feeder } = layout;
  const { workers } = plan;
  const inline = sweepsInline(plan);
  const cpus = plan.pin ? pinCpus(workers) : [];
  if (feeder !== null) {
    const input: FeederInput = { ...feeder, state: state.buffer, fault };
    threads.start('feeder', feederIndex(run), input, 'feed', 'feeder');
  }
  const trackerClock: TrackerClock =
    plan.clock === 'wall'
      ? { mode: 'wall', scale: plan.timeScale }
      : { mode: 'capture', loopMs: traffic.loopNs / 1e6 };
  const cpuOf = (thread: number): number | null => cpus[thread] ?? null;
  const common = { run, origin, state: state.buffer, trackerClock, fault };
  for (const [worker, { packets, stream }] of layout.workers.entries()) {
    const input: WorkerInput = {
      ...common,
      threadIndex: worker,
      plan,
      cpu: cpuOf(worker),
      packets,
      stream,
      schedule,
      units: layout.units,
      timesNs: layout.timesNs,
      spin: threadCount(plan, isStreamed(traffic)) <= availableParallelism(),
      clockLoopMs: hooks.clockLoopMs ?? CLOCK_LOOP_MS,
      sweepsInline: inline,
    };
    threads.start('worker', worker, input, 'replayWorker');
  }
  if (inline) return;
  const input: SweeperInput = { ...common, threadIndex: workers, cpu: cpuOf(workers), maxRecords: 10_000 };
  threads.start('sweeper', workers, input, 'sweeper');
}

/** Follows the run: progress, timeline, and the end of --duration. */
function watch(
  { layout, state, plan, hooks, now }: RunContext,
  timeline: TimelineWatcher,
  t0: number,
): NodeJS.Timeout {
  const { loops, workers } = plan;
  const stopAfterNs = runEndNs(plan);
  const { onProgress } = hooks;
  const total = loops === null ? null : layout.traffic.packets * loops;
  let lastPackets = 0;
  let lastNs = t0;
  let lastShownNs = t0;
  return setInterval(() => {
    const time = now();
    // Once the run has ended there is nothing to see; the rest is taken in at its end.
    if (state.stopped === STOP_NONE) timeline.poll(time - t0);
    if (time - t0 >= stopAfterNs) state.stop(STOP_FINISHED);
    if (onProgress !== undefined && time - lastShownNs >= 200e6) {
      const packets = timeline.packetsSoFar(workers);
      onProgress(packets, total, ((packets - lastPackets) / (time - lastNs)) * 1e9);
      lastPackets = packets;
      lastNs = time;
      lastShownNs = time;
    }
  }, pollMs(plan.timelineMs));
}

/** Slots that were ever handed out. */
function usedSlots({ engine, plan, memory }: EngineRun): number {
  const { CONTROL, C_SLAB_NEXT, CONN_SIZE } = engine.constants;
  const next = new DataView(memory.buffer).getUint32(CONTROL + C_SLAB_NEXT, true);
  return (next - plan.regions.slab) / CONN_SIZE;
}

/** A CPU per worker and one for the sweeper, as far as there are any. */
function pinCpus(workers: number): readonly number[] {
  const allowed = readEnvironment(systemFiles).cpusAllowed ?? [];
  if (allowed.length === 0) return [];
  return planPins(workers + 1, allowed, (cpu) => coreSiblings(systemFiles, cpu)).cpus;
}
