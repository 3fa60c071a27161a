/** Reading the committed files of a baseline. */
import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { shortenedReason } from '../text/escape.js';
import { JsonTextError, parseJson } from '../text/json-text.js';
import { RegressError } from './check.js';

/**
 * The text of a file of the baseline; null where there is none.
 * @throws RegressError when it is there and cannot be read
 */
export async function readBaselineText(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new RegressError(`${file}: ${(error as Error).message}`, 1, error);
  }
}

/**
 * The value that the text of a baseline holds.
 * @throws RegressError when it is no JSON
 */
export function baselineValue(text: string, file: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    throw new RegressError(`${file}: ${error.message}; restore it or run --update`, 1, error);
  }
}

/** What is wrong with a baseline that does not have the form of one. */
export function damagedBaseline(file: string, { issues }: z.ZodError): RegressError {
  const [issue] = issues;
  const reason = shortenedReason(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a baseline'}`);
  return new RegressError(`${file}: ${reason}; restore it or run --update`);
}
