/** What file names on a command line stand for: files, folders of captures, and patterns that no shell has expanded. */
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync, type Stats } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { constants, gunzipSync } from 'node:zlib';
import { globSync, isDynamicPattern } from 'tinyglobby';
import { ByteWindow } from './byte-window.js';
import { CaptureError } from './capture-error.js';
import { sniff, SNIFF_BYTES } from './sniff.js';
import { zstdBeginning } from './zstd/unzstd.js';

/** More than a block of zstd takes, and what may come before the first one. */
const PACKED_HEAD_BYTES = 256 * 1024;
/** Of gzip so many are decompressed, which can give a thousand times as much. */
const GZIP_HEAD_BYTES = 4096;
/** As much of it is held at most. */
const GZIP_MOST_BYTES = 16 * 1024 * 1024;

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
  const head = headOf(path, SNIFF_BYTES);
  if (head === null) return null;
  if (head.length === 0) return 'the file is empty';
  const { kind, ...sniffed } = sniff(head);
  if ('what' in sniffed) return `the file is ${sniffed.what}`;
  if (kind !== 'gzip' && kind !== 'zstd') return null;
  const packed = headOf(path, PACKED_HEAD_BYTES);
  const beginning = packed === null ? null : beginningOf(kind, packed);
  if (beginning === null) return null;
  if (beginning.length === 0) return `the ${kind} data decompress to 0 bytes`;
  const within = sniff(beginning.subarray(0, SNIFF_BYTES));
  return within.kind === 'foreign' ? `the ${kind} data are ${within.what}` : null;
}

/** The first bytes of a file; null when it cannot be read. */
function headOf(path: string, byteCount: number): Buffer | null {
  const head = Buffer.alloc(byteCount);
  try {
    const fd = openSync(path, 'r');
    try {
      return head.subarray(0, readSync(fd, head, 0, byteCount, 0));
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
}

/**
 * The first bytes of what was compressed, as many as tell what it is, or all of them.
 * @param head how the file begins; all of it, where it is shorter than PACKED_HEAD_BYTES
 * @returns null where that cannot be told of these: it is damaged, or goes on behind them
 */
function beginningOf(kind: 'gzip' | 'zstd', head: Buffer): Buffer | null {
  const isWhole = head.length < PACKED_HEAD_BYTES;
  try {
    if (kind === 'gzip') {
      const first = gunzipSync(head.subarray(0, GZIP_HEAD_BYTES), { finishFlush: constants.Z_SYNC_FLUSH });
      if (first.length >= SNIFF_BYTES) return first;
      return isWhole ? gunzipSync(head, { maxOutputLength: GZIP_MOST_BYTES }) : null;
    }
  } catch {
    return null;
  }
  const window = new ByteWindow(noChunks());
  window.buffer = head;
  window.end = head.length;
  const first = zstdBeginning(window, SNIFF_BYTES);
  return isWhole || (first !== null && first.length >= SNIFF_BYTES) ? first : null;
}

async function* noChunks(): AsyncGenerator<Uint8Array> {}

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

/** What is known of a file, `-` being standard input; null when there is none. */
export function statOf(file: string): Stats | null {
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
