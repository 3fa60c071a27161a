/** Writing and reading result.json. */
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { shortenedReason } from '../text/escape.js';
import { JsonTextError, parseJson, shownJson } from '../text/json-text.js';
import { RESULT_FORMAT, result as resultSchema, type Result } from './schema.js';
import { upgradeResult, VersionError } from './upgrade.js';
import { makeFolder, writeAtomically } from './write-file.js';

/** The name of the file inside a result folder. */
export const RESULT_FILE = 'result.json';

/** A result file that cannot be used. `message` names the file, the place in the JSON and what to do. */
export class ResultFileError extends Error {
  override name = 'ResultFileError';
  readonly file: string;
  /** Like `cases[0].packets.injected`; empty where the fault is in the file as a whole. */
  readonly jsonPath: string;

  constructor(file: string, jsonPath: string, reason: string) {
    super(jsonPath === '' ? `${file}: ${reason}` : `${file}: ${jsonPath}: ${reason}`);
    this.file = file;
    this.jsonPath = jsonPath;
  }
}

/** `['cases', 0, 'packets']` as `cases[0].packets`; keys that are no plain names are quoted. */
export function formatJsonPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else if (/^[A-Za-z_$][\w$]*$/.test(String(key))) text += text === '' ? String(key) : `.${String(key)}`;
    else text += `[${JSON.stringify(String(key))}]`;
  }
  return text;
}

function explain(error: z.ZodError): { path: string; reason: string } {
  const [first] = error.issues;
  if (first === undefined) return { path: '', reason: 'does not follow the result format' };
  const more = error.issues.length - 1;
  const rest = more > 0 ? ` (and ${more} more ${more === 1 ? 'fault' : 'faults'} in this file)` : '';
  return {
    path: shortenedReason(formatJsonPath(first.path)),
    reason: `${shortenedReason(first.message)}${rest}`,
  };
}

/**
 * Checks `value` against the current format and returns it as it is, unknown fields included.
 * `file` is only for the error.
 * @throws ResultFileError naming the first fault.
 */
export function validateResult(value: unknown, file: string): Result {
  const checked = resultSchema.safeParse(value);
  if (!checked.success) {
    const { path, reason } = explain(checked.error);
    throw new ResultFileError(file, path, reason);
  }
  const seen = new Set<string>();
  checked.data.cases.forEach((entry, index) => {
    const key = JSON.stringify([entry.id, entry.trial]);
    if (seen.has(key)) {
      throw new ResultFileError(
        file,
        `cases[${index}]`,
        `id ${JSON.stringify(entry.id)} trial ${entry.trial} is there twice; each trial of a cell needs its own number`,
      );
    }
    seen.add(key);
  });
  // The value, not checked.data: zod drops fields that it does not know, and a later tool may have added some.
  return value as Result;
}

/**
 * Reads one result.json, lifts it to the current version and validates it.
 * @param path The file, or a folder that holds a `result.json`.
 * @throws ResultFileError when it is missing, no JSON, another format, a version that cannot be read, or invalid.
 */
export async function readResult(path: string): Promise<Result> {
  const file = (await isFolder(path)) ? join(path, RESULT_FILE) : path;
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reason =
      code === 'ENOENT' ? 'there is no such file; give a result.json or its folder' : String(error);
    throw new ResultFileError(file, '', reason);
  }
  return parseResult(text, file);
}

/** As readResult, from the text. */
export function parseResult(text: string, file: string): Result {
  if (text.trim() === '') {
    throw new ResultFileError(file, '', 'is empty; the run that should have written it did not finish');
  }
  let raw: unknown;
  try {
    raw = parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    throw new ResultFileError(file, '', error.message);
  }
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw new ResultFileError(file, '', 'holds no JSON object; expected a result.json written by ctreplay');
  }
  const object = raw as Record<string, unknown>;
  if (object['format'] !== RESULT_FORMAT) {
    throw new ResultFileError(
      file,
      'format',
      `expected "${RESULT_FORMAT}", got ${shownJson(object['format'])}; this is not a result.json of ctreplay`,
    );
  }
  let lifted: Record<string, unknown>;
  try {
    lifted = upgradeResult(object);
  } catch (error) {
    if (error instanceof VersionError) throw new ResultFileError(file, '', error.message);
    throw error;
  }
  return validateResult(lifted, file);
}

/**
 * Validates `value` and writes `dir/result.json` so that a reader sees the old file or the new one, never half.
 * Makes `dir` if need be. Returns the path.
 * @throws ResultFileError when `value` does not follow the format; then nothing is written.
 */
export async function writeResult(dir: string, value: Result): Promise<string> {
  const file = join(dir, RESULT_FILE);
  validateResult(value, file);
  await makeFolder(dir);
  await writeAtomically(file, `${JSON.stringify(value, null, 1)}\n`);
  return file;
}

/**
 * The result files that `paths` name: a file stands for itself, a folder for its `result.json` or, where it has
 * none, for those of its sub-folders at any depth, in name order.
 * @throws ResultFileError for a path that does not exist or a folder with no result under it.
 */
export async function findResults(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    if (!(await isFolder(path))) {
      found.push(path);
      continue;
    }
    const below = await resultsBelow(path);
    if (below.length === 0)
      throw new ResultFileError(path, '', `holds no ${RESULT_FILE}, nor does any folder in it`);
    found.push(...below);
  }
  return [...new Set(found)];
}

async function resultsBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  if (entries.some((entry) => entry.name === RESULT_FILE && !entry.isDirectory()))
    return [join(folder, RESULT_FILE)];
  const found: string[] = [];
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    // Symbolic links are not followed, so a loop of folders cannot hang the search.
    if (entry.isDirectory() && entry.name !== 'node_modules')
      found.push(...(await resultsBelow(join(folder, entry.name))));
  }
  return found;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
