/** Reading the committed files of a baseline. */
import { readFile } from 'node:fs/promises';
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
