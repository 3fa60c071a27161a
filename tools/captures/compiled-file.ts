import { join } from 'node:path';
import { packageRoot } from '../../engine/host/module.js';

/**
 * A module as it is built, also when this one runs from source under a test runner: threads and processes are started from built files
 * only. From the package's root, since where a module lies depends on what it was joined with (tools/build-command.mjs).
 * @param path of the file in the folder of what is built, with extension: `tools/cli.js`
 */
export function compiledFile(path: string): string {
  return join(packageRoot(), 'dist', path);
}
