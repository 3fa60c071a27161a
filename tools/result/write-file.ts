/** Writing files and making folders for what was measured or made of it. */
import { randomBytes } from 'node:crypto';
import { access, constants, mkdir, open, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
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

/** What can be wrong with the name of a folder. */
const FOLDER_FAULTS: Readonly<Record<string, string>> = {
  EEXIST: 'it, or what it lies in, is a file',
  ENOTDIR: 'it, or what it lies in, is a file',
  EACCES: 'it may not be written to',
  EROFS: 'it may not be written to',
};

/**
 * Makes a folder, and those it lies in, where there is none, and sees that it can be written to.
 * @param called how the message names it
 * @returns whether it was made now
 * @throws WriteError naming the folder
 */
export async function makeFolder(folder: string, called = folder): Promise<boolean> {
  try {
    const made = await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK | constants.X_OK);
    return made !== undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = FOLDER_FAULTS[code ?? ''] ?? message;
    throw new WriteError(`${called}: ${why}; name another folder`, error, 2);
  }
}
