import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { SNIFF_BYTES, sniff } from './sniff.js';

/**
 * Whether this is a regular file with an uncompressed prepared capture; pipes are left alone, since they can be read only
 * once. What cannot be opened is none: opening it as a capture says why.
 */
export function isPrepared(file: string): boolean {
  const head = Buffer.alloc(SNIFF_BYTES);
  let fd: number;
  try {
    if (!statSync(file).isFile()) return false;
    fd = openSync(file, 'r');
  } catch {
    return false;
  }
  try {
    return sniff(head.subarray(0, readSync(fd, head, 0, SNIFF_BYTES, 0))).kind === 'ctp';
  } catch {
    return false;
  } finally {
    closeSync(fd);
  }
}
