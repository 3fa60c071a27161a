/** Entry of the threads of a run, started through piscina: `replayWorker` and `sweeper`. */
import { engineInjector, PendingFault } from './fault-injection.js';
import { eventLoopTurn } from './event-loop.js';
import { announceDeath } from './run-abort.js';
import { SharedState } from './shared-state.js';
import { SweepRunner } from './sweep-runner.js';
import type { Disturbance, SweeperInput, SweeperReport, WorkerInput, WorkerReport } from './worker-input.js';
import { TRACKER_EPOCH_MS } from './run-clock.js';
import { clockDrift } from './thread-timing.js';
import { WorkerLoop } from './worker-loop.js';
import { joinClockLoops, runClockLoop, type ClockLoop } from '../measure/clock-loop.js';
import { failThread, readSchedule, scheduleSince, setUpThread, type RunThread } from './worker-setup.js';

/** Replays one worker's share of the traffic. Never throws: a failure is part of the report. */
export async function replayWorker(input: WorkerInput): Promise<WorkerReport> {
  const state = new SharedState(input.state);
  let loop: WorkerLoop | null = null;
  const silence = announceDeath(input.run, state, input.threadIndex, () => loop?.packetInProgress ?? null);
  let startNs = 0;
  let endNs = 0;
  let pin = null;
  let offsetErrorNs = 0;
  let scheduler = null;
  let schedulerSpanNs = 0;
  let timing = null;
  let drift = null;
  const loops: ObservedLoop[] = [];
  const observes = input.plan.latency.mode !== 'off';
  let failure = null;
  try {
    const thread = await setUpThread(input);
    pin = thread.pin;
    offsetErrorNs = thread.clock.offsetErrorNs;
    const fault = engineInjector(input.fault, 'worker', thread.engine, state);
    fault?.at('set-up', 0);
    loop = new WorkerLoop(input, thread, fault);
    if (input.stream !== null) state.waitForPrefill();
    timing = loop.warmUp();
    if (observes) loops.push(observeMachine(thread, input.clockLoopMs));
    fault?.atBarrier();
    if (state.arriveAndWait()) {
      loop.waitForStart();
      const beforeNs = thread.clock.now();
      const before = readSchedule(thread);
      startNs = thread.clock.now();
      loop.run();
      endNs = thread.clock.now();
      scheduler = scheduleSince(thread, before);
      schedulerSpanNs = thread.clock.now() - beforeNs;
      state.finishTogether(input.plan.workers);
      drift = clockDrift(thread, timing);
      if (observes) loops.push(observeMachine(thread, input.clockLoopMs));
    }
    await eventLoopTurn();
  } catch (error) {
    if (error instanceof PendingFault) await error.strike();
    failure = failThread(input, state, error, loop?.packetInProgress ?? null);
  }
  silence();
  return {
    worker: input.threadIndex,
    packets: loop?.packets ?? 0,
    loops: loop?.loops ?? 0,
    startNs,
    endNs,
    departure: loop?.departure ?? null,
    scheduler,
    schedulerSpanNs,
    timing,
    clockDrift: drift,
    account: loop?.account ?? null,
    disturbance: joinObserved(loops),
    pin,
    clockOffsetErrorNs: offsetErrorNs,
    sweeps: loop?.sweeps ?? [],
    sweepCount: loop?.swept.count ?? 0,
    sweepNs: loop?.swept.totalNs ?? 0,
    sourceLag: loop?.sourceLag ?? null,
    failure,
  };
}

interface ObservedLoop extends ClockLoop {
  readonly involuntarySwitches: number | null;
}

function observeMachine(thread: RunThread, loopMs: number): ObservedLoop {
  const before = readSchedule(thread);
  const seen = runClockLoop(thread.clock.now, loopMs);
  return { ...seen, involuntarySwitches: scheduleSince(thread, before)?.involuntarySwitches ?? null };
}

function joinObserved(loops: readonly ObservedLoop[]): Disturbance | null {
  if (loops.length === 0) return null;
  const switches = loops.map((loop) => loop.involuntarySwitches);
  return {
    ...joinClockLoops(loops),
    involuntarySwitches: switches.includes(null)
      ? null
      : switches.reduce<number>((sum, count) => sum + (count ?? 0), 0),
  };
}

/** Sweeps until the run is stopped. Never throws: a failure is part of the report. */
export async function sweeper(input: SweeperInput): Promise<SweeperReport> {
  const state = new SharedState(input.state);
  const silence = announceDeath(input.run, state, input.threadIndex);
  let runner: SweepRunner | null = null;
  let scheduler = null;
  let failure = null;
  try {
    const thread = await setUpThread(input);
    const { exports } = thread.engine;
    const fault = engineInjector(input.fault, 'sweeper', thread.engine, state);
    fault?.at('set-up', 0);
    runner = new SweepRunner(thread, input.maxRecords);
    const { trackerClock } = input;
    fault?.atBarrier();
    if (state.arriveAndWait()) {
      const before = readSchedule(thread);
      while (state.stopped === 0) {
        const nowMs =
          trackerClock.mode === 'capture'
            ? state.captureNowMs
            : TRACKER_EPOCH_MS + Math.floor(((thread.clock.now() - state.t0Ns) / 1e6) * trackerClock.scale);
        if (nowMs >= runner.dueMs && nowMs >= TRACKER_EPOCH_MS) {
          exports.goOnline();
          fault?.at('work', runner.count);
          runner.sweepIfDue(nowMs);
          exports.goOffline();
          continue;
        }
        // Offline while asleep. On a capture clock time may jump, so look often.
        const gapMs = trackerClock.mode === 'capture' ? 1 : (runner.dueMs - nowMs) / trackerClock.scale;
        exports.reclaimNow();
        fault?.at('asleep', runner.count);
        state.sleep(Math.min(Math.max(gapMs, 0.1), 1000));
      }
      scheduler = scheduleSince(thread, before);
      fault?.at('end', runner.count);
      exports.detach();
    }
    await eventLoopTurn();
  } catch (error) {
    if (error instanceof PendingFault) await error.strike();
    failure = failThread(input, state, error, null);
  }
  silence();
  return {
    sweeps: runner?.records ?? [],
    sweepCount: runner?.count ?? 0,
    sweepNs: runner?.totalNs ?? 0,
    scheduler,
    failure,
  };
}
