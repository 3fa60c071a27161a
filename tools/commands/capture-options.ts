/** What commands that read captures have in common: how captures are named, and how those are read that are not quite sound. */
import type { Command } from 'commander';
import { namedCaptures } from '../captures/capture-files.js';
import type { CaptureReading } from '../captures/reader.js';
import { notice } from './notices.js';
import { UsageError } from './usage-error.js';

/** Values as commander leaves them. */
export interface CaptureFlags {
  readonly keepTruncated?: boolean | undefined;
  readonly strict?: boolean | undefined;
}

/** How captures are named, for the help of an argument. */
export const CAPTURE_ARGUMENT =
  'captures (pcap, pcapng, gzip, zstd, .ctp), directories of them, or quoted patterns; - for standard input';

export const KEEP_TRUNCATED_HELP = 'use the whole records of a capture that breaks off (default: an error)';
export const STRICT_HELP =
  'refuse captures with odd or untracked records (default: read them as libpcap does, and warn)';

/** Adds the options to a command. */
export function addCaptureOptions(command: Command): void {
  command.option('--keep-truncated', KEEP_TRUNCATED_HELP).option('--strict', STRICT_HELP);
}

/**
 * How the flags want captures read.
 * @throws UsageError when they exclude each other
 */
export function readingOf({ keepTruncated, strict }: CaptureFlags): CaptureReading {
  if (keepTruncated === true && strict === true) {
    throw new UsageError('--strict and --keep-truncated exclude each other; give one of them');
  }
  return { onTruncated: keepTruncated === true ? 'keep' : 'error', strict: strict === true };
}

/** The captures that arguments name; what was left out is listed on standard error. */
export function filesOf(args: readonly string[]): readonly string[] {
  const { files, notes } = namedCaptures(args);
  notes.forEach(warn);
  return files;
}

/** Tells something about a capture on standard error. */
export function warn(sentence: string): void {
  notice(`warning: ${sentence}`);
}

/** Tells what was odd about a capture that was read. */
export function warnOf(file: string, notes: readonly string[]): void {
  for (const note of notes) warn(`${file === '-' ? 'standard input' : file}: ${note}.`);
}
