/**
 * One run of one design: lay the memory out, load it, start the threads, open the barrier, watch, collect.
 *
 * The main thread only watches. It attaches as the last thread to prepare the tracker before the barrier and to
 * read the table after the end; while the run goes on it is offline.
 */
import { availableParallelism } from 'node:os';
import type { EngineRun } from '../../engine/host/run-memory.js';
import { mayRewrite, type PacketRules } from '../config/rules.js';
import type { FeederInput } from './feeder.js';
import { forgetCounters } from './forget-counters.js';
import { makeSchedule, type Schedule, type TrafficTotals } from './pace.js';
import { ReplayFailure } from './replay-failure.js';
import { feederIndex } from './run-abort.js';
import { bindRunClock, runOrigin, TRACKER_EPOCH_MS } from './run-clock.js';
import { layOutRun, type RunLayout } from './run-layout.js';
import type { RunOptions } from './run-options.js';
import { RunThreads } from './run-threads.js';
import { SharedState, STOP_FINISHED, STOP_NONE } from './shared-state.js';
import { TimelineWatcher, type RunTimeline } from './timeline.js';
import { LiveIntervals } from './live-intervals.js';
import { dropThreadsAhead, startThreadsAhead } from './thread-pool.js';
import { isStreamed, type ReplayTraffic } from './traffic-source.js';
import type { SweeperInput, SweeperReport, TrackerClock, WorkerInput, WorkerReport } from './worker-input.js';

/** What a run leaves: reports of the threads, and the engine's memory to read figures from. */
export interface FinishedRun {
  readonly run: EngineRun;
  readonly totals: TrafficTotals;
  /** Bytes of the rings of a streamed run; null when everything was in the store. */
  readonly streamedStoreBytes: number | null;
  readonly workers: readonly WorkerReport[];
  readonly sweeper: SweeperReport | null;
  readonly timeline: RunTimeline;
  readonly schedule: Schedule;
  /** From the barrier to the last worker's end, nanoseconds. */
  readonly elapsedNs: number;
  readonly interrupted: boolean;
  /** Connections in the table at the end, expired ones included. */
  readonly connCount: number;
  /** Slots of the table that were touched before the start, and those that the run came to use: the first so many of each. */
  readonly touchedSlots: number;
  readonly usedSlots: number;
}

/** Time between the opening of the barrier and t0, so that every thread has woken up. */
const START_DELAY_NS = 2_000_000;
/** A pass over a table of millions takes seconds; one that takes longer than this does not end. */
const SWEEPER_END_MS = 60_000;
const FEEDER_END_MS = 1_000;

/**
 * Replays traffic through one design.
 * @throws ReplayFailure when a thread failed or streamed traffic could not be read, EngineError when the memory does not fit
 */
export async function runReplay(traffic: ReplayTraffic, options: RunOptions): Promise<FinishedRun> {
  const origin = runOrigin();
  const clock = bindRunClock(origin);
  const count = threadCount(options, isStreamed(traffic));
  // They start on other cores while this one lays the memory out.
  startThreadsAhead(count);
  const layout = await layOutRun(traffic, options, clock.now).catch(async (error: unknown) => {
    await dropThreadsAhead();
    throw error;
  });
  const { run, main } = layout;
  const schedule = makeSchedule(options.pacing, layout.totals, options.burst);
  const state = new SharedState();
  const inline = sweepsInline(options);
  const engineThreads = threadCount(options, false);
  const threads = new RunThreads({
    run,
    main,
    state,
    count,
    file: 'worker',
    fault: options.fault,
    packetsAre: 'of the traffic',
  });
  try {
    startThreads(threads, { layout, origin, state, schedule, options, inline });
    await threads.atBarrier(engineThreads);
    prepareTracker(layout, options, clock.now);
    return await runToEnd(threads, { layout, state, schedule, options, now: clock.now });
  } catch (error) {
    // What the main thread itself met then is a consequence: a lock wait that was ended, for one.
    throw threads.hasFailed && !(error instanceof ReplayFailure) ? await threads.whatFailed() : error;
  } finally {
    await threads.end();
  }
}

/** Whether the one worker sweeps itself, so that a run on the capture's clock is repeatable. */
function sweepsInline({ clock, workers }: Pick<RunOptions, 'clock' | 'workers'>): boolean {
  return clock === 'capture' && workers === 1;
}

/** Threads that a run starts: workers, mostly a sweeper, and a feeder of streamed traffic. */
export function threadCount(options: Pick<RunOptions, 'clock' | 'workers'>, streamed: boolean): number {
  return options.workers + (sweepsInline(options) ? 0 : 1) + (streamed ? 1 : 0);
}

/** Readies the tracker for recording. All threads stand at the barrier, offline. */
function prepareTracker({ run, main }: RunLayout, options: RunOptions, now: () => number): void {
  forgetCounters(run, options.settings.holdInterval ?? 0, now);
  main.exports.initTracker();
  options.configure(main);
  main.exports.goOffline();
}

interface RunContext {
  readonly layout: RunLayout;
  readonly state: SharedState;
  readonly schedule: Schedule;
  readonly options: RunOptions;
  readonly now: () => number;
}

/** Opens the barrier, watches until all threads have ended, and collects what they report. */
async function runToEnd(threads: RunThreads, context: RunContext): Promise<FinishedRun> {
  const { layout, state, schedule, options, now } = context;
  const { run, main, totals, feeder } = layout;
  const { workers } = options;
  const timeline = new TimelineWatcher(run, workers, options.timelineMs, (elapsedNs) =>
    options.clock === 'wall' ? TRACKER_EPOCH_MS + (elapsedNs / 1e6) * options.timeScale : state.captureNowMs,
  );
  const { onInterval } = options;
  if (onInterval != null) {
    const live = new LiveIntervals(run, workers, onInterval);
    timeline.onPoint = (point) => live.take(point);
  }
  const t0 = now() + START_DELAY_NS;
  let interrupted = false;
  options.onStart?.(() => {
    interrupted = true;
    state.stop(STOP_FINISHED);
  });
  state.open(t0);
  const watcher = watch(state, timeline, options, now, t0, workers, totals.packets);
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
      totals,
      streamedStoreBytes: feeder?.traffic.storeBytes ?? null,
      workers: reports,
      sweeper,
      timeline: timeline.timeline(),
      schedule,
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

interface StartContext {
  readonly layout: RunLayout;
  readonly origin: bigint;
  readonly state: SharedState;
  readonly schedule: Schedule;
  readonly options: RunOptions;
  readonly inline: boolean;
}

function startThreads(threads: RunThreads, context: StartContext): void {
  const { layout, origin, state, schedule, options, inline } = context;
  const { run, totals, feeder } = layout;
  const { workers, fault } = options;
  if (feeder !== null) {
    const input: FeederInput = { ...feeder, state: state.buffer, fault };
    threads.start('feeder', feederIndex(run), input, 'feed', 'feeder');
  }
  const trackerClock: TrackerClock =
    options.clock === 'wall'
      ? { mode: 'wall', scale: options.timeScale }
      : { mode: 'capture', loopMs: totals.loopNs / 1e6 };
  const cpuOf = (thread: number): number | null => options.cpus[thread] ?? null;
  const common = { run, origin, state: state.buffer, trackerClock, fault };
  for (const [worker, { packets, stream }] of layout.workers.entries()) {
    const input: WorkerInput = {
      ...common,
      threadIndex: worker,
      workers,
      cpu: cpuOf(worker),
      packets,
      stream,
      schedule,
      units: layout.units,
      timesNs: layout.timesNs,
      totalPackets: totals.packets,
      batch: options.batch,
      loops: options.loops,
      latency: options.latency,
      warmupPackets: options.warmupPackets,
      intervalNs: options.timelineMs * 1e6,
      spin: workers + 1 <= availableParallelism(),
      sweepsInline: inline,
      uniqueIpLoops: options.uniqueIpLoops,
    };
    threads.start('worker', worker, input, 'replayWorker');
  }
  if (inline) return;
  const input: SweeperInput = { ...common, threadIndex: workers, cpu: cpuOf(workers), maxRecords: 10_000 };
  threads.start('sweeper', workers, input, 'sweeper');
}

/** Follows the run: progress, timeline, and the end of --duration. */
function watch(
  state: SharedState,
  timeline: TimelineWatcher,
  options: RunOptions,
  now: () => number,
  t0: number,
  workers: number,
  packetsPerLoop: number,
): NodeJS.Timeout {
  const total = Number.isFinite(options.loops) ? packetsPerLoop * options.loops : null;
  let lastPackets = 0;
  let lastNs = t0;
  let lastShownNs = t0;
  return setInterval(() => {
    const time = now();
    // Once the run has ended there is nothing to see; the rest is taken in at its end.
    if (state.stopped === STOP_NONE) timeline.poll(time - t0);
    if (options.durationMs !== null && time - t0 >= options.durationMs * 1e6) state.stop(STOP_FINISHED);
    if (options.onProgress !== null && time - lastShownNs >= 200e6) {
      const packets = timeline.packetsSoFar(workers);
      options.onProgress(packets, total, ((packets - lastPackets) / (time - lastNs)) * 1e9);
      lastPackets = packets;
      lastNs = time;
      lastShownNs = time;
    }
  }, 10);
}

/** Slots that were ever handed out. */
function usedSlots({ engine, plan, memory }: EngineRun): number {
  const { CONTROL, C_SLAB_NEXT, CONN_SIZE } = engine.constants;
  const next = new DataView(memory.buffer).getUint32(CONTROL + C_SLAB_NEXT, true);
  return (next - plan.regions.slab) / CONN_SIZE;
}

/** Whether the rules let the engine rewrite packets. */
export function rewritesPackets(rules: PacketRules): boolean {
  return rules.requests.some(mayRewrite);
}
