/** The results a report is made of. Several runs may stand in one report; each keeps its own label. */
import { basename, dirname, resolve } from 'node:path';
import { findResults, readResult, RESULT_FILE } from './result-file.js';
import type { Result } from './schema.js';

export interface Run {
  /** Tells the run from the others in tables; its folder's or file's name. */
  label: string;
  /** Null for a result that was not read from a file. */
  file: string | null;
  result: Result;
}

/** Reads every result that `paths` name (files, folders, folders of folders). Labels are distinct. */
export async function loadRuns(paths: readonly string[]): Promise<Run[]> {
  const files = await findResults(paths);
  const results = await Promise.all(files.map(readResult));
  const labels = distinctLabels(files.map((file) => resolve(file)));
  return results.map((result, index) => ({
    label: labels[index] ?? `run ${index + 1}`,
    file: files[index] ?? null,
    result,
  }));
}

/** A result that has just been made as a run, with the label that it has when it is read again from its folder. */
export function runIn(folder: string | null, result: Result, name = 'run'): Run {
  return { label: folder === null ? name : basename(resolve(folder)), file: null, result };
}

/** The shortest ends of the paths that tell them apart; a `result.json` goes by its folder. */
function distinctLabels(files: readonly string[]): string[] {
  const trimmed = files.map((file) => (basename(file) === RESULT_FILE ? dirname(file) : file));
  const parts = trimmed.map((path) => path.split(/[\\/]/).filter((part) => part !== ''));
  const longest = Math.max(...parts.map((part) => part.length), 1);
  for (let length = 1; length <= longest; length += 1) {
    const labels = parts.map((part) => part.slice(-length).join('/'));
    if (new Set(labels).size === labels.length) return labels;
  }
  return [...files];
}
