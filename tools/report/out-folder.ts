/** The folder of a result: made before the run, so that hours of measuring do not end at a path that cannot be written. */
import { readdirSync, rmSync } from 'node:fs';
import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RESULT_FILE } from '../result/result-file.js';
import { makeFolder } from '../result/write-file.js';
import { CSV_TABLES } from './csv-tables.js';

/** Everything that a run or a report writes under a fixed name; those with names of their own end in `.hgrm`. */
const OWN_FILES: ReadonlySet<string> = new Set([
  RESULT_FILE,
  ...CSV_TABLES.map(({ name }) => `${name}.csv`),
  ...[
    'report.html',
    'report.txt',
    'report.md',
    'latency.hlog',
    'benchmarks.txt',
    'junit.xml',
    'bencher.json',
  ],
  ...['github-benchmark-bigger.json', 'github-benchmark-smaller.json', 'metrics.prom'],
]);

/** A folder that cannot take a result; the message says why and what to do. */
class OutFolderError extends Error {
  /** Exit code of the command line. */
  readonly exitCode = 2;

  constructor(message: string) {
    super(message);
    this.name = 'OutFolderError';
  }
}

/**
 * Makes the folder, and sees that it can be written to. Files of an earlier result in it are an error unless `force` is given: then they
 * stay until there is something to put in their place ({@link clearOutFolder}), so that a run which fails does not cost them.
 * @param canResume whether the command could go on from what is there, so that the message names that
 * @returns whether the folder was made now
 * @throws OutFolderError when it holds a result, WriteError when it cannot be made or written to
 */
export async function prepareOutFolder(folder: string, force: boolean, canResume = false): Promise<boolean> {
  const isMade = await makeFolder(folder, `--out ${folder}`);
  const names = await readdir(folder);
  const stale = names.filter(isOwnFile);
  if (stale.length > 0 && !force) {
    throw new OutFolderError(
      `--out ${folder}: holds a result already (${stale.slice(0, 3).join(', ')}${stale.length > 3 ? ', ...' : ''}); ` +
        `add ${canResume ? '--resume to go on from it, ' : ''}--force to replace it, or name another folder`,
    );
  }
  return isMade;
}

/**
 * Removes the files of an earlier result, right before those of another are written: a table of the run before beside one of this run
 * would be taken for part of it. What is not ctreplay's is left alone.
 */
export function clearOutFolder(folder: string): void {
  for (const name of readdirSync(folder).filter(isOwnFile)) rmSync(join(folder, name));
}

function isOwnFile(name: string): boolean {
  return OWN_FILES.has(name) || name.endsWith('.hgrm');
}

/** `results/20261124-083000-office`: names sort by time and say what was run. */
export function freshFolder(name: string, now: Date): string {
  const stamp = now.toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const words = name.replaceAll(/[^A-Za-z0-9]+/g, '-').replaceAll(/^-+|-+$/g, '');
  return join('results', `${stamp}-${words.slice(0, 40)}-${process.pid}`);
}

/** Takes an empty folder back that was made for a run that failed. */
export async function dropEmptyFolder(folder: string): Promise<void> {
  await rmdir(folder).catch(() => {});
}
