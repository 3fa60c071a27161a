/** Names of cells. */
import { DEFAULT_MUTEX, type MutexPolicy } from '../../engine/host/run-memory.js';
import type { PacingRequest } from './pace.js';

/** What a name tells of how a cell was run. */
interface NamedOptions {
  readonly workers: number;
  readonly pacing: PacingRequest;
  readonly mutex?: MutexPolicy | undefined;
}

/** Name of a cell: equal for equal input, design, load and mutex. */
export function caseId(input: string, label: string, options: NamedOptions): string {
  const load =
    options.pacing.mode === 'topspeed'
      ? 'topspeed'
      : `${options.pacing.mode}-${Object.values(options.pacing).find((value) => typeof value === 'number')}`;
  return `${input}/${label}/w${options.workers}/${load}${mutexSuffix(options.mutex)}`;
}

/** What a cell's name says of its mutex: nothing of the default. */
export function mutexSuffix(mutex: MutexPolicy | undefined): string {
  return (mutex ?? DEFAULT_MUTEX) === DEFAULT_MUTEX ? '' : `/mutex-${mutex}`;
}
