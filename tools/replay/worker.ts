/** Entry of the threads of a run, started through piscina: `replayWorker` and `sweeper`. */
import { SharedState } from './shared-state.js';
import { SweepRunner } from './sweep-runner.js';
import {
  TRACKER_EPOCH_MS,
  type SweeperInput,
  type SweeperReport,
  type WorkerInput,
  type WorkerReport,
} from './worker-input.js';
import { WorkerLoop } from './worker-loop.js';
import { failThread, readSchedule, scheduleSince, setUpThread } from './worker-setup.js';

/** Replays one worker's share of the traffic. Never throws: a failure is part of the report. */
export async function replayWorker(input: WorkerInput): Promise<WorkerReport> {
  const state = new SharedState(input.state);
  let loop: WorkerLoop | null = null;
  let startNs = 0;
  let endNs = 0;
  let pin = null;
  let offsetErrorNs = 0;
  let scheduler = null;
  let schedulerSpanNs = 0;
  let failure = null;
  try {
    const thread = await setUpThread(input);
    pin = thread.pin;
    offsetErrorNs = thread.clock.offsetErrorNs;
    loop = new WorkerLoop(input, thread);
    if (input.stream !== null) state.waitForPrefill();
    loop.warmUp();
    if (state.arriveAndWait()) {
      loop.waitForStart();
      const beforeNs = thread.clock.now();
      const before = readSchedule(thread);
      startNs = thread.clock.now();
      loop.run();
      endNs = thread.clock.now();
      scheduler = scheduleSince(thread, before);
      schedulerSpanNs = thread.clock.now() - beforeNs;
    }
  } catch (error) {
    failure = failThread(input, state, error, loop === null ? null : loop.batchIndex);
  }
  state.markDone();
  return {
    worker: input.threadIndex,
    packets: loop?.packets ?? 0,
    loops: loop?.loops ?? 0,
    startNs,
    endNs,
    harness: loop?.harness ?? null,
    departure: loop?.departure ?? null,
    scheduler,
    schedulerSpanNs,
    pin,
    clockOffsetErrorNs: offsetErrorNs,
    sweeps: loop?.sweeps ?? [],
    sourceLag: loop?.sourceLag ?? null,
    failure,
  };
}

/** Sweeps until the run is stopped. Never throws: a failure is part of the report. */
export async function sweeper(input: SweeperInput): Promise<SweeperReport> {
  const state = new SharedState(input.state);
  let runner: SweepRunner | null = null;
  let scheduler = null;
  let failure = null;
  try {
    const thread = await setUpThread(input);
    const { exports } = thread.engine;
    runner = new SweepRunner(thread, input.maxRecords);
    const { trackerClock } = input;
    if (state.arriveAndWait()) {
      const before = readSchedule(thread);
      while (state.stopped === 0) {
        const nowMs =
          trackerClock.mode === 'capture'
            ? state.captureNowMs
            : TRACKER_EPOCH_MS + Math.floor(((thread.clock.now() - state.t0Ns) / 1e6) * trackerClock.scale);
        if (nowMs >= runner.dueMs && nowMs >= TRACKER_EPOCH_MS) {
          exports.goOnline();
          runner.sweepIfDue(nowMs);
          exports.goOffline();
          continue;
        }
        // Offline while asleep. On a capture clock time may jump, so look often.
        const gapMs = trackerClock.mode === 'capture' ? 1 : (runner.dueMs - nowMs) / trackerClock.scale;
        exports.reclaimNow();
        state.sleep(Math.min(Math.max(gapMs, 0.1), 1000));
      }
      scheduler = scheduleSince(thread, before);
      exports.detach();
    }
  } catch (error) {
    failure = failThread(input, state, error, null);
  }
  return {
    sweeps: runner?.records ?? [],
    sweepCount: runner?.count ?? 0,
    scheduler,
    failure,
  };
}
