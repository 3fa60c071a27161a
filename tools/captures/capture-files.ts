/** What file names on a command line stand for: files, folders of captures, and patterns that no shell has expanded. */
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync, type Stats } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { globSync, isDynamicPattern } from 'tinyglobby';
import { CaptureError } from './capture-error.js';
import { sniff, SNIFF_BYTES } from './sniff.js';

/** The captures that were named. */
export interface NamedCaptures {
  /** In the order in which they are read. */
  readonly files: readonly string[];
  /** What of a folder was left out, and why, as sentences. */
  readonly notes: readonly string[];
}

/**
 * Expands the arguments of a command, in their order. A file, pipe or `-` stands for itself, even if its name could be a pattern. A
 * folder stands for the captures in it (not for those in folders inside it), and a pattern for what it matches; both in the order of
 * their names, in which `day9` comes before `day10`. Hidden files are not looked at.
 * @throws CaptureError for a folder without captures, a pattern that matches nothing, a pipe that is named twice
 */
export function namedCaptures(args: readonly string[]): NamedCaptures {
  const files: string[] = [];
  const notes: string[] = [];
  for (const arg of args) {
    const matches = isPattern(arg) ? matchesOf(arg) : [arg];
    for (const match of matches) {
      if (isFolder(match)) files.push(...capturesIn(match, notes));
      else files.push(match);
    }
  }
  refuseRepeatedPipes(files);
  return { files, notes };
}

/** Whether a capture can be read more than once: a regular file. Standard input and pipes cannot. */
export function isRepeatable(file: string): boolean {
  return file !== '-' && statOf(file)?.isFile() !== false;
}

/** Bytes of a regular file; 0 of what is none, or cannot be looked at. */
export function regularFileBytes(file: string): number {
  const stat = file === '-' ? null : statOf(file);
  return stat?.isFile() === true ? stat.size : 0;
}

function isPattern(arg: string): boolean {
  return arg !== '-' && statOf(arg) === null && isDynamicPattern(arg);
}

function matchesOf(pattern: string): string[] {
  const matches = globSync(pattern, {
    onlyFiles: false,
    expandDirectories: false,
    // Names as the shell would have given them.
    absolute: isAbsolute(pattern),
  });
  if (matches.length > 0) return matches.toSorted(byName);
  throw new CaptureError({
    file: pattern,
    reason: 'nothing matches this pattern',
    advice: 'Check the pattern, and the folder that it starts from.',
  });
}

function isFolder(path: string): boolean {
  return path !== '-' && statOf(path)?.isDirectory() === true;
}

function capturesIn(folder: string, notes: string[]): string[] {
  const files: string[] = [];
  for (const name of namesIn(folder).toSorted(byName)) {
    const path = join(folder, name);
    if (name.startsWith('.') || statOf(path)?.isFile() !== true) continue;
    const wrong = whyNoCapture(path);
    if (wrong === null) files.push(path);
    else notes.push(`${path}: left out, ${wrong}.`);
  }
  if (files.length > 0) return files;
  throw new CaptureError({
    file: folder,
    reason: `there is no capture in this directory${notes.length === 0 ? '' : ` (other files: ${notes.length})`}`,
    advice: `Name the capture files themselves; captures in directories inside it are matched by '${join(folder, '**/*.pcap')}'.`,
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    throw new CaptureError({
      file: folder,
      reason: `the directory cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      advice: 'Check its permissions.',
      cause,
    });
  }
}

/** Why a file of a folder is no capture; null when it is one, or when reading it has to say what is wrong with it. */
function whyNoCapture(path: string): string | null {
  const head = Buffer.alloc(SNIFF_BYTES);
  let length: number;
  try {
    const fd = openSync(path, 'r');
    try {
      length = readSync(fd, head, 0, SNIFF_BYTES, 0);
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
  if (length === 0) return 'the file is empty';
  const sniffed = sniff(head.subarray(0, length));
  return sniffed.kind === 'foreign' ? `the file is ${sniffed.what}` : null;
}

/** A pipe gives its bytes once: reading it again would wait for ever, or find nothing. */
function refuseRepeatedPipes(files: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const file of files) {
    if (isRepeatable(file)) continue;
    const stat = statOf(file);
    const key = stat === null ? file : `${stat.dev}:${stat.ino}`;
    const before = seen.get(key);
    seen.set(key, file);
    if (before === undefined) continue;
    throw new CaptureError({
      file,
      reason: `${before === file ? 'it is named twice' : `it is the same pipe as ${before}`}, and can be read only once`,
      advice: 'Save its content to a file and name that, or name the pipe once.',
    });
  }
}

function statOf(file: string): Stats | null {
  try {
    return file === '-' ? fstatSync(0) : statSync(file);
  } catch {
    return null;
  }
}

const collator = new Intl.Collator('en', { numeric: true });

function byName(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}
