/** Writing files and making folders for what was measured or made of it. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { markUnfinished, unmarkUnfinished } from '../captures/unfinished-files.js';

/** What the system refused, by the name that was asked for. */
class WriteError extends Error {
  /** Of the system, such as `ENOSPC`. */
  readonly code: string | undefined;
  /** Exit code of the command line. */
  readonly exitCode: number;

  constructor(message: string, cause: unknown, exitCode = 1) {
    super(message, { cause });
    this.name = 'WriteError';
    this.code = (cause as NodeJS.ErrnoException).code;
    this.exitCode = exitCode;
  }
}

/**
 * Writes a file so that a reader sees the old one or the new one, never half: beside its destination, flushed, and renamed into place.
 * What a link leads to is written, and the link stays. A device or a pipe is written to as it is, since a file in its place would be
 * another thing.
 * @throws WriteError naming the file
 */
export async function writeAtomically(file: string, data: string | Uint8Array): Promise<void> {
  try {
    const there = await stat(file).catch(() => null);
    if (there !== null && !there.isFile() && !there.isDirectory()) await writeFile(file, data);
    else await replace(there === null ? file : await realpath(file), data);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new WriteError(
      `${file}: the file cannot be written: ${reason}. Check the folder, its permissions and the free space.`,
      error,
    );
  }
}

async function replace(file: string, data: string | Uint8Array): Promise<void> {
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  markUnfinished(temporary);
  try {
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    unmarkUnfinished(temporary);
  }
}

/**
 * Makes a folder, and those it lies in, where there is none.
 * @throws WriteError naming the folder
 */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isFile = code === 'EEXIST' || code === 'ENOTDIR';
    const why = isFile ? 'it, or what it lies in, is a file' : message;
    throw new WriteError(`${folder}: the folder cannot be made: ${why}; name another folder`, error, 2);
  }
}
