import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * A module as it is built, also when this one runs from source under a test runner: threads and processes are started from built files
 * only.
 * @param path of the file in the folder of what is built, with extension: `tools/cli.js`
 */
export function compiledFile(path: string): string {
  // Where this file is in that folder depends on what it was joined with (tools/build-command.mjs).
  const here = dirname(fileURLToPath(import.meta.url));
  let root = here;
  while (!existsSync(join(root, 'package.json'))) {
    const parent = dirname(root);
    if (parent === root) throw new Error(`no package.json above ${here}: run ctreplay from its package`);
    root = parent;
  }
  return join(root, 'dist', path);
}
