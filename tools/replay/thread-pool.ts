/** The threads of a run: piscina, one thread per worker and one for the sweeper, each busy with one task to its end. */
import { pathToFileURL } from 'node:url';
import { Piscina } from 'piscina';
import { compiledFile } from '../captures/compiled-file.js';

/** Threads that were started before they had anything to do. */
let ahead: Piscina | null = null;

/** Starts threads ahead, while there is other work to do: the next pool of as many is made of them. */
export function startThreadsAhead(threads: number): void {
  if (ahead !== null && ahead.threads.length === threads) return;
  void dropThreadsAhead();
  ahead = newPool(threads);
  // Nobody listens yet, and one that ends is missed when they are wanted.
  ahead.on('error', () => {});
}

/**
 * Gives tasks to threads that were started ahead, while no run has taken them: one a thread.
 * @returns a promise for each task, as {@link runOnThread} gives it; fewer where there are fewer threads
 */
export function runOnThreadsAhead(
  module: string,
  name: string,
  inputs: readonly unknown[],
): Promise<unknown>[] {
  const pool = ahead;
  if (pool === null) return [];
  return inputs.slice(0, pool.threads.length).map((input) => runOnThread(pool, module, name, input));
}

/** Threads that were started ahead and have no task. */
export function threadsAhead(): number {
  return ahead?.threads.length ?? 0;
}

/** Ends the threads that were started ahead, where no run came to take them. */
export async function dropThreadsAhead(): Promise<void> {
  const dropped = ahead;
  ahead = null;
  await dropped?.destroy();
}

/** A pool with exactly `threads` threads, all started at once and kept to the end. */
export function makeThreadPool(threads: number): Piscina {
  const taken = ahead;
  if (taken === null || taken.threads.length !== threads) {
    void dropThreadsAhead();
    return newPool(threads);
  }
  ahead = null;
  return taken;
}

function newPool(threads: number): Piscina {
  const pool = new Piscina({
    filename: compiledFile('tools/replay/thread-entry.cjs'),
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: 1,
    idleTimeout: Number.POSITIVE_INFINITY,
  });
  // One that dies is not replaced: nobody has a task for the new one, and the run ends.
  pool.options.minThreads = 0;
  return pool;
}

/**
 * Runs a task on a thread of the pool.
 * @param module name of the module that holds it, beside this one, without extension
 * @param name of the function
 */
export function runOnThread(pool: Piscina, module: string, name: string, input: unknown): Promise<unknown> {
  const address = pathToFileURL(compiledFile(`tools/replay/${module}.js`)).href;
  return pool.run({ module: address, name, input }) as Promise<unknown>;
}
