/**
 * Reading what the kernel reports in /proc and /sys. Behind an interface, so that tests give the texts, and so that what
 * does not exist on a system is null and never a number.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Read access to kernel files; every method gives null for what does not exist or may not be read. */
export interface SystemFiles {
  /** The text of a file. */
  read(path: string): string | null;
  /** The target of a symbolic link. */
  link(path: string): string | null;
  /** The names in a folder. */
  list(path: string): readonly string[] | null;
}

function orNull<T>(attempt: () => T): T | null {
  try {
    return attempt();
  } catch {
    return null;
  }
}

/** The running system's files. */
export const systemFiles: SystemFiles = {
  read: (path) => orNull(() => readFileSync(path, 'utf8')),
  link: (path) => orNull(() => readlinkSync(path)),
  list: (path) => orNull(() => readdirSync(path)),
};

/** The first line of a file without its line end; null when there is no such file or it is empty. */
export function readLine(files: SystemFiles, path: string): string | null {
  const line = files.read(path)?.split('\n', 1)[0]?.trim();
  return line === undefined || line === '' ? null : line;
}

/** The value of a `Name:   value` line, as in /proc/self/status; null when there is none. */
export function fieldOf(text: string | null, name: string): string | null {
  if (text === null) return null;
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && line.slice(0, colon).trim() === name) return line.slice(colon + 1).trim();
  }
  return null;
}

/** A text as a whole number of 0 or more; null when it is not one. */
export function wholeNumber(text: string | null | undefined): number | null {
  if (text == null || !/^\d+$/.test(text.trim())) return null;
  return Number(text.trim());
}

/** A value such as `1234 kB` in bytes; null when it is not one. */
export function kibibytes(text: string | null): number | null {
  const amount = wholeNumber(text?.replace(/\s*kB$/, ''));
  return amount === null ? null : amount * 1024;
}

/**
 * A kernel list such as `0-3,8` as numbers in ascending order; null when it is not one.
 * Source: Linux Documentation/admin-guide/kernel-parameters, "cpu lists".
 */
export function parseCpuList(text: string | null): number[] | null {
  if (text === null || text.trim() === '') return null;
  const cpus = new Set<number>();
  for (const part of text.trim().split(',')) {
    const range = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (range === null) return null;
    const first = Number(range[1]);
    const last = Number(range[2] ?? range[1]);
    if (last < first || last - first > 65_536) return null;
    for (let cpu = first; cpu <= last; cpu++) cpus.add(cpu);
  }
  return [...cpus].toSorted((a, b) => a - b);
}
