/**
 * Lets the event loop of the calling thread turn once. Long work on the main thread does it now and then, so that a signal is
 * heard; a task of a thread does it at its end, so that an error which waits outside the task is not lost, since the pool
 * blocks the loop right after.
 */
export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
