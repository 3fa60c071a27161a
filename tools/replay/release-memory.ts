/**
 * Giving memory back before a run. The memory of the run before, and what was read of traffic that turned out too large,
 * are garbage by then, but the collector is in no hurry: it sees a few small objects and not what they stand for.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | null = null;

/** Collects garbage now. Takes some milliseconds; not for the time of a run. */
export function releaseMemory(): void {
  if (collect === null) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}
