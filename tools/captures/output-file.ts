/** What a capture may be written to. */
import { isRepeatable, statOf } from './capture-files.js';
import { CaptureError } from './capture-error.js';

/** What speaks against writing a file, as a clause, and what to do instead, as a sentence. */
export interface OutputFault {
  readonly reason: string;
  readonly advice: string;
}

/**
 * Why a name is none to write a capture to; null when it is. A capture appears under its name at once, in place of what was there, which
 * may be a regular file, but neither a pipe nor a device, nor what is being read.
 * @param inputs captures that are read for it, `-` for standard input
 */
export function outputFault(output: string, inputs: readonly string[] = []): OutputFault | null {
  if (output === '-') {
    return { reason: 'standard output is no regular file', advice: 'Name a file to write, for example DIR/FILE.' };
  }
  const there = statOf(output);
  if (there === null) return null;
  if (there.isDirectory()) {
    return {
      reason: 'this is a directory, which is no regular file',
      advice: 'Name the file itself, for example DIR/FILE.',
    };
  }
  if (!isRepeatable(output)) {
    return { reason: 'this is no regular file', advice: 'Name a file to write, for example DIR/FILE.' };
  }
  const isInput = inputs.some((input) => {
    const source = statOf(input);
    return source !== null && source.ino === there.ino && source.dev === there.dev;
  });
  return isInput
    ? { reason: 'input and output are the same file', advice: 'Name another file for the output.' }
    : null;
}

/**
 * The check of an output, before anything is written.
 * @param inputs captures that are read for it, `-` for standard input
 * @throws CaptureError when it cannot be written to
 */
export function requireOutput(output: string, inputs: readonly string[]): void {
  const fault = outputFault(output, inputs);
  // A name with a hyphen would be called standard input.
  if (fault !== null) throw new CaptureError({ file: output === '-' ? "the output '-'" : output, ...fault });
}

/** Where a record comes from. */
export interface RecordPlace {
  readonly file: string;
  /** Number of the record in the file, from 1. */
  readonly recordIndex: number;
  /** Byte offset in the decompressed capture. */
  readonly offset: number;
}

/**
 * Writes a record; what the format cannot hold becomes an error that says which record it was.
 * @param advice what to do, as a sentence
 * @throws CaptureError
 */
export function writeFrom(place: RecordPlace, advice: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CaptureError({
      ...place,
      reason: `the record cannot be written in this format: ${error.message}`,
      advice,
      cause: error,
    });
  }
}
