/** What every thread of a run does first and last. */
import { EngineThread } from '../../engine/host/thread.js';
import { bindRunClock, type RunClock } from './run-clock.js';
import {
  currentThreadId,
  readThreadSchedule,
  scheduleDifference,
  type ThreadSchedule,
} from '../measure/schedstat.js';
import { pinThread, type PinResult } from '../measure/pinning.js';
import { systemFiles } from '../measure/system-files.js';
import { abortRun } from './run-abort.js';
import { SharedState } from './shared-state.js';
import type { ThreadFailure, ThreadInput } from './worker-input.js';

/** A thread bound to its run. */
export interface RunThread {
  readonly clock: RunClock;
  readonly engine: EngineThread;
  readonly state: SharedState;
  readonly threadId: number | null;
  /** Null when pinning was not asked for. */
  readonly pin: PinResult | null;
}

/** Binds the calling thread to a run: clock, CPU, engine instance. */
export async function setUpThread(input: ThreadInput): Promise<RunThread> {
  const clock = bindRunClock(input.origin);
  const threadId = currentThreadId(systemFiles);
  const pin =
    input.cpu === null || threadId === null
      ? null
      : await pinThread(threadId, input.cpu, { files: systemFiles });
  const engine = new EngineThread(input.run, input.threadIndex, clock.now);
  return { clock, engine, state: new SharedState(input.state), threadId, pin };
}

/**
 * A thread cannot go on: tells the others at once, so that nobody waits for a lock it may hold, and describes why.
 * @param packetIndex packet in progress by its place in the traffic, or null
 */
export function failThread(
  input: ThreadInput,
  state: SharedState,
  error: unknown,
  packetIndex: number | null,
): ThreadFailure {
  const isFirst = abortRun(input.run, state, input.threadIndex);
  return {
    message: error instanceof Error ? error.message : String(error),
    packetIndex,
    secondary: !isFirst,
  };
}

/** Measures what the scheduler did to the thread since a first reading. */
export function scheduleSince(thread: RunThread, before: ThreadSchedule | null): ThreadSchedule | null {
  const after = readSchedule(thread);
  return before === null || after === null ? null : scheduleDifference(after, before);
}

/** The thread's scheduler totals so far, or null where the system does not report it. */
export function readSchedule(thread: RunThread): ThreadSchedule | null {
  return thread.threadId === null ? null : readThreadSchedule(systemFiles, thread.threadId);
}
