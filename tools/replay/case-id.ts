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

/** Name of a cell: equal for equal input, design, load, mutex and touching ahead, in replays and in matrices. */
export function caseId(input: string, label: string, options: NamedOptions): string {
  const name = input.replaceAll(/\s+/g, '-');
  return `${name}/${label}/w${options.workers}/${loadText(options.pacing)}${settingsSuffix(options)}`;
}

/** The rate as part of a cell's name: `topspeed`, `50000pps`, `50mbps`, `x2`, `profile-0ms:10000,30000ms:100000-step`. */
export function loadText(pacing: PacingRequest): string {
  switch (pacing.mode) {
    case 'topspeed':
      return 'topspeed';
    case 'pps':
      return `${pacing.pps}pps`;
    case 'mbps':
      return `${pacing.mbps}mbps`;
    case 'multiplier':
      return `x${pacing.multiplier}`;
    case 'profile': {
      const { points, shape } = pacing.profile;
      const text = points.map(({ atMs, pps }) => `${atMs}ms:${pps}`).join(',');
      return `profile-${text}${shape === 'step' ? '-step' : ''}`;
    }
  }
}

/** What a cell's name says of the engine's settings: nothing of the defaults. */
export function settingsSuffix({ mutex, touchAhead }: NamedSettings): string {
  return [
    (mutex ?? DEFAULT_MUTEX) === DEFAULT_MUTEX ? '' : `/mutex-${mutex}`,
    (touchAhead ?? DEFAULT_TOUCH_AHEAD) === DEFAULT_TOUCH_AHEAD ? '' : `/touch-ahead-${touchAhead}`,
  ].join('');
}
