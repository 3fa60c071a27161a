/**
 * The YAML library, loaded when the first file is read: most calls of the program read none, and it is half a hundred files, which
 * take a tenth of the time that the program needs to begin.
 */
import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);

/** Its functions and classes. */
export function yaml(): typeof import('yaml') {
  return load('yaml') as typeof import('yaml');
}
