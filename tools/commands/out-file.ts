/** Writing the one file that a command makes. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeAtomically } from '../result/result-file.js';
import { UsageError } from './usage-error.js';

/**
 * Writes a file whole, in a folder that is made where there is none.
 * @param file as --out names it
 * @throws UsageError when it cannot be written, saying why
 */
export async function writeOutFile(file: string, content: string | Uint8Array): Promise<void> {
  const isFolder = await stat(file).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) throw new UsageError(`--out ${file}: this is a folder; name a file in it`);
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeAtomically(file, content);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const reason = { EACCES: 'its folder may not be written to', ENOSPC: 'the disk is full' }[code];
    const isFile = code === 'EEXIST' || code === 'ENOTDIR';
    const why = isFile ? 'what it is to lie in is a file' : (reason ?? message);
    throw new UsageError(`--out ${file}: ${why}; name another file`);
  }
}
