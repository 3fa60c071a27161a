/** The threads of a run: piscina, one thread per worker and one for the sweeper, each busy with one task to its end. */
import { existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Piscina } from 'piscina';

/** A file beside this module as compiled, also when this module itself runs from source under a test runner. */
function compiledFile(name: string): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const compiled = join(here, name);
  if (existsSync(compiled)) return compiled;
  let root = here;
  while (!existsSync(join(root, 'package.json'))) {
    const parent = dirname(root);
    if (parent === root) throw new Error(`no package.json above ${here}: run ctreplay from its package`);
    root = parent;
  }
  return join(root, 'dist', relative(root, here), name);
}

/** Compiled file of a module, named as beside this one and without extension. */
export function workerFile(name: string): string {
  return compiledFile(`${name}.js`);
}

/** A pool with exactly `threads` threads, all started at once and kept to the end. */
export function makeThreadPool(threads: number): Piscina {
  const pool = new Piscina({
    filename: compiledFile('thread-entry.cjs'),
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
  const address = pathToFileURL(workerFile(module)).href;
  return pool.run({ module: address, name, input }) as Promise<unknown>;
}
