/** Which files a name of vectors stands for. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { OracleError } from './oracle-error.js';

const VECTORS = /\.jsonl(?:\.gz)?$/;

/**
 * The files of vectors that names stand for: a directory for those in it, by name; anything else for itself.
 * @throws OracleError when there is none in a directory
 */
export function vectorFilesOf(names: readonly string[]): string[] {
  return names.flatMap((name) => {
    // What is not there is an error when it is read.
    if (statSync(name, { throwIfNoEntry: false })?.isDirectory() !== true) return [name];
    const files = readdirSync(name)
      .filter((file) => VECTORS.test(file))
      .toSorted();
    if (files.length === 0)
      throw new OracleError({
        file: name,
        reason: 'there are no vectors in this directory',
        advice: 'Name a directory with .jsonl or .jsonl.gz files, or such files.',
      });
    return files.map((file) => join(name, file));
  });
}
