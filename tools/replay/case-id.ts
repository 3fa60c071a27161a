/** Names of cells. */
import {
  DEFAULT_MUTEX,
  DEFAULT_TOUCH_AHEAD,
  type MutexPolicy,
  type TouchAhead,
} from '../../engine/host/run-memory.js';
import type { PacingRequest } from './replay-plan.js';

/** Settings of the engine that are in a cell's name where they are not the default. */
export interface NamedSettings {
  readonly mutex?: MutexPolicy | undefined;
  readonly touchAhead?: TouchAhead | undefined;
}

/** What a name tells of how a cell was run. */
interface NamedOptions extends NamedSettings {
  readonly workers: number;
  readonly pacing: PacingRequest;
}

/** Name of a cell: equal for equal input, design, load, mutex and touching ahead. */
export function caseId(input: string, label: string, options: NamedOptions): string {
  const load =
    options.pacing.mode === 'topspeed'
      ? 'topspeed'
      : `${options.pacing.mode}-${Object.values(options.pacing).find((value) => typeof value === 'number')}`;
  return `${input}/${label}/w${options.workers}/${load}${settingsSuffix(options)}`;
}

/** What a cell's name says of the engine's settings: nothing of the defaults. */
export function settingsSuffix({ mutex, touchAhead }: NamedSettings): string {
  return [
    (mutex ?? DEFAULT_MUTEX) === DEFAULT_MUTEX ? '' : `/mutex-${mutex}`,
    (touchAhead ?? DEFAULT_TOUCH_AHEAD) === DEFAULT_TOUCH_AHEAD ? '' : `/touch-ahead-${touchAhead}`,
  ].join('');
}
