/**
 * One run of one design: lay the memory out, load it, start the threads, open the barrier, watch, collect.
 *
 * The main thread only watches. It attaches as the last thread to prepare the tracker before the barrier and to
 * read the table after the end; while the run goes on it is offline.
 */
import { availableParallelism } from 'node:os';
import type { EngineModule } from '../../engine/host/module.js';
import type { EngineRun, RunSettings } from '../../engine/host/run-memory.js';
import { EngineThread } from '../../engine/host/thread.js';
import type { DesignChoice } from '../../engine/host/designs.js';
import type { TrackerConfig } from '../config/read-config.js';
import { mayRewrite, type PacketRules } from '../config/rules.js';
import type { FeederInput, FeederReport } from './feeder.js';
import { forgetCounters } from './forget-counters.js';
import { makeSchedule, type PacingRequest, type Schedule, type TrafficTotals } from './pace.js';
import { describeFailure, ReplayFailure } from './replay-failure.js';
import { bindRunClock, runOrigin } from './run-clock.js';
import { layOutRun, type RunLayout } from './run-layout.js';
import { SharedState, STOP_FAILED, STOP_FINISHED, STOP_NONE } from './shared-state.js';
import type { SteerMode } from './steer.js';
import { makeThreadPool, workerFile } from './thread-pool.js';
import { TimelineWatcher, type RunTimeline } from './timeline.js';
import { TRACKER_EPOCH_MS } from './worker-input.js';
import type { ReplayTraffic } from './traffic-source.js';
import type {
  FaultInjection,
  LatencyMode,
  SweeperInput,
  SweeperReport,
  TrackerClock,
  WorkerInput,
  WorkerReport,
} from './worker-input.js';

/** What one run needs to know. */
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
  /** Receives the function that ends the run early, keeping what was measured. */
  readonly onStart: ((interrupt: () => void) => void) | null;
}

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
}

/** Time between the opening of the barrier and t0, so that every thread has woken up. */
const START_DELAY_NS = 2_000_000;
const BARRIER_TIMEOUT_MS = 30_000;

/**
 * Replays traffic through one design.
 * @throws ReplayFailure when a thread failed or streamed traffic could not be read, EngineError when the memory does not fit
 */
export async function runReplay(traffic: ReplayTraffic, options: RunOptions): Promise<FinishedRun> {
  const { workers } = options;
  const origin = runOrigin();
  const clock = bindRunClock(origin);
  const layout = layOutRun(traffic, options, clock.now);
  const { run, main, totals } = layout;
  const schedule = makeSchedule(options.pacing, totals, options.burst);
  const state = new SharedState();
  const inline = options.clock === 'capture' && workers === 1;
  const threads = inline ? workers : workers + 1;
  const pool = makeThreadPool(layout.feeder === null ? threads : threads + 1, workerFile('worker'));
  try {
    const feeding = startFeeder(pool, layout, state);
    const tasks = startThreads(pool, { layout, origin, state, schedule, options, inline });
    await waitForBarrier(state, threads, tasks.all);
    forgetCounters(run, options.settings.holdInterval ?? 0, clock.now);
    main.exports.initTracker();
    options.configure(main);
    main.exports.goOffline();
    const timeline = new TimelineWatcher(run, workers, options.timelineMs, (elapsedNs) =>
      options.clock === 'wall'
        ? TRACKER_EPOCH_MS + (elapsedNs / 1e6) * options.timeScale
        : state.captureNowMs,
    );
    const t0 = clock.now() + START_DELAY_NS;
    let interrupted = false;
    options.onStart?.(() => {
      interrupted = true;
      state.stop(STOP_FINISHED);
    });
    state.open(t0);
    const watcher = watch(state, timeline, options, clock.now, t0, workers, totals.packets);
    const workerReports = await settle(tasks.workers, run, state);
    state.stop(STOP_FINISHED);
    const sweeperReports = await settle(tasks.sweepers, run, state);
    await throwOnFeederFailure(feeding);
    clearInterval(watcher);
    throwOnFailure(run, options, state, workerReports, sweeperReports, main);
    const reports = workerReports.map((settled) => settled.value as WorkerReport);
    const endNs = Math.max(...reports.map((report) => report.endNs));
    timeline.finish(endNs - t0);
    return {
      run,
      totals,
      streamedStoreBytes: layout.feeder?.traffic.storeBytes ?? null,
      workers: reports,
      sweeper: (sweeperReports[0]?.value as SweeperReport | undefined) ?? null,
      timeline: timeline.timeline(),
      schedule,
      elapsedNs: endNs - t0,
      interrupted,
      connCount: main.exports.connCount(),
    };
  } finally {
    state.stop(STOP_FAILED);
    await pool.destroy();
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

interface Tasks {
  readonly workers: readonly Promise<unknown>[];
  readonly sweepers: readonly Promise<unknown>[];
  readonly all: readonly Promise<unknown>[];
}

function startThreads(pool: ReturnType<typeof makeThreadPool>, context: StartContext): Tasks {
  const { layout, origin, state, schedule, options, inline } = context;
  const { run, totals } = layout;
  const { workers } = options;
  const trackerClock: TrackerClock =
    options.clock === 'wall'
      ? { mode: 'wall', scale: options.timeScale }
      : { mode: 'capture', loopMs: totals.loopNs / 1e6 };
  const cpuOf = (thread: number): number | null => options.cpus[thread] ?? null;
  const common = { run, origin, state: state.buffer, trackerClock };
  const workerTasks = layout.workers.map(({ packets, stream }, worker): Promise<unknown> => {
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
      fault: options.fault,
    };
    return pool.run(input, { name: 'replayWorker' });
  });
  const sweeperTasks: Promise<unknown>[] = [];
  if (!inline) {
    const input: SweeperInput = { ...common, threadIndex: workers, cpu: cpuOf(workers), maxRecords: 10_000 };
    sweeperTasks.push(pool.run(input, { name: 'sweeper' }));
  }
  return { workers: workerTasks, sweepers: sweeperTasks, all: [...workerTasks, ...sweeperTasks] };
}

/** Starts the feeder of a streamed run; null when everything is in the store. */
function startFeeder(
  pool: ReturnType<typeof makeThreadPool>,
  { feeder }: RunLayout,
  state: SharedState,
): Promise<FeederReport> | null {
  if (feeder === null) return null;
  const input: FeederInput = { ...feeder, state: state.buffer };
  const feeding = pool.run(input, { filename: workerFile('feeder'), name: 'feed' }) as Promise<FeederReport>;
  // One that dies stops the run: its workers would wait for it for ever.
  feeding.catch(() => state.stop(STOP_FAILED));
  return feeding;
}

/**
 * Waits for the feeder, which ends when it has written everything or the run is stopped.
 * @throws ReplayFailure with what was wrong with the traffic
 */
async function throwOnFeederFailure(feeding: Promise<FeederReport> | null): Promise<void> {
  if (feeding === null) return;
  let failure: string | null;
  try {
    ({ failure } = await feeding);
  } catch (error) {
    failure = `the feeder thread ended (${error instanceof Error ? error.message : String(error)})`;
  }
  if (failure !== null) throw new ReplayFailure(failure);
}

/** Waits for every thread to reach the barrier, or for one to end before it. */
export async function waitForBarrier(
  state: SharedState,
  threads: number,
  tasks: readonly Promise<unknown>[],
): Promise<void> {
  const early = { ended: false };
  for (const task of tasks) {
    const note = (): void => {
      early.ended = true;
    };
    task.then(note, note);
  }
  const deadline = performance.now() + BARRIER_TIMEOUT_MS;
  while (state.ready < threads && !early.ended && state.stopped === 0) {
    if (performance.now() > deadline) {
      state.stop(STOP_FAILED);
      throw new ReplayFailure(
        `only ${state.ready} of ${threads} threads were ready after ${BARRIER_TIMEOUT_MS / 1000} s. ` +
          'Use fewer --workers, or look at what else keeps this machine busy.',
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
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

interface Settled {
  readonly value: WorkerReport | SweeperReport | null;
  readonly error: unknown;
}

/** Waits for tasks; one that died takes the run with it at once, so that the others do not wait for its locks. */
async function settle(
  tasks: readonly Promise<unknown>[],
  run: EngineRun,
  state: SharedState,
): Promise<Settled[]> {
  const { constants } = run.engine;
  return Promise.all(
    tasks.map(async (task, index): Promise<Settled> => {
      try {
        return { value: (await task) as WorkerReport | SweeperReport, error: null };
      } catch (error) {
        const words = new Int32Array(run.memory.buffer);
        Atomics.compareExchange(words, (constants.CONTROL + constants.C_ABORT) / 4, 0, index + 1);
        state.markFailed(index);
        state.stop(STOP_FAILED);
        return { value: null, error };
      }
    }),
  );
}

function throwOnFailure(
  run: EngineRun,
  options: RunOptions,
  state: SharedState,
  workers: readonly Settled[],
  sweepers: readonly Settled[],
  main: EngineThread,
): void {
  const failed = state.failedThread;
  if (failed === null) return;
  const settled = [...workers, ...sweepers][failed];
  throw new ReplayFailure(
    describeFailure(run, main, {
      thread: failed,
      isSweeper: failed === options.workers,
      error: settled?.error ?? null,
      failure: settled?.value?.failure ?? null,
      packetsOf: options.workers,
    }),
  );
}

/** Whether the rules let the engine rewrite packets. */
export function rewritesPackets(rules: PacketRules): boolean {
  return rules.requests.some(mayRewrite);
}
