/**
 * What the program has begun to write and may not get to finish: temporary files and folders. Whatever ends it early, a signal, an
 * exit somewhere inside, takes them away; only a kill that no program hears of (SIGKILL) leaves them.
 */
import { rmSync } from 'node:fs';

const unfinished = new Set<string>();

/** A file or folder that is of no use unless it gets its name, or what it is for comes to its end. */
export function markUnfinished(path: string): void {
  unfinished.add(path);
}

/** It is finished, or has been removed. */
export function unmarkUnfinished(path: string): void {
  unfinished.delete(path);
}

/** Removes what is not finished: the last thing of a program that is ended. */
export function removeUnfinished(): void {
  for (const path of unfinished) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // Nobody can do more about it now.
    }
  }
  unfinished.clear();
}
