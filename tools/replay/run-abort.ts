/**
 * Ending a run because a thread failed. The abort word lies in the engine's memory, where everyone who waits for a lock looks
 * at it; the stop word in the shared state, where everyone looks between batches and in sleeps.
 *
 * Who writes: a thread that fails, by itself while it still can (its exit handler included), and the main thread for one that was
 * ended from outside. Why the ordering holds: whoever changes the abort word from 0 is the first, and the only one to mark a thread
 * as failed; all of it is Atomics.
 */
import type { EngineRun } from '../../engine/host/run-memory.js';
import { STOP_FAILED, type SharedState } from './shared-state.js';

/** Number under which the feeder is known, which is no thread of the engine: the one behind the main thread's. */
export function feederIndex(run: EngineRun): number {
  return run.plan.threads;
}

/**
 * Ends the run for all threads on behalf of a thread that failed.
 * @returns whether it was the first; another failed before it otherwise, perhaps it itself because of that
 */
export function abortRun(run: EngineRun, state: SharedState, thread: number): boolean {
  const { constants } = run.engine;
  const words = new Int32Array(run.memory.buffer);
  const before = Atomics.compareExchange(words, (constants.CONTROL + constants.C_ABORT) / 4, 0, thread + 1);
  const isFirst = before === 0 || before === thread + 1;
  if (isFirst) state.markFailed(thread);
  state.stop(STOP_FAILED);
  return isFirst;
}

/**
 * Makes known that the calling thread ends, if it does before the returned function is called: by process.exit or by an error
 * that nobody caught. Nobody then has to wait until the main thread hears of it, not even the main thread itself.
 * @param packetInProgress place in the traffic of the packet that the thread works on, or null
 */
export function announceDeath(
  run: EngineRun,
  state: SharedState,
  thread: number,
  packetInProgress: () => number | null = () => null,
): () => void {
  const announce = (): void => {
    state.notePacket(thread, packetInProgress());
    abortRun(run, state, thread);
  };
  process.on('exit', announce);
  return () => process.removeListener('exit', announce);
}
