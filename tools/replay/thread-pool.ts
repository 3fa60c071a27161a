/** The threads of a run: piscina, one thread per worker and one for the sweeper, each busy with one task to its end. */
import { existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';

/** Compiled file of a worker entry beside this module, also when this module itself runs from source under a test runner. */
export function workerFile(name: string): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const compiled = join(here, `${name}.js`);
  if (existsSync(compiled)) return compiled;
  let root = here;
  while (!existsSync(join(root, 'package.json'))) {
    const parent = dirname(root);
    if (parent === root) throw new Error(`no package.json above ${here}: run ctreplay from its package`);
    root = parent;
  }
  return join(root, 'dist', relative(root, here), `${name}.js`);
}

/** A pool with exactly `threads` threads, all started at once and kept to the end. */
export function makeThreadPool(threads: number, file: string): Piscina {
  return new Piscina({
    filename: file,
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: 1,
    idleTimeout: Number.POSITIVE_INFINITY,
  });
}
