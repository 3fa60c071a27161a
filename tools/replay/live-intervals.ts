/** A run as it goes: the figures of each interval when it has ended, for whoever watches without waiting for the result. */
import { LOCK_CLASSES, readCounters } from '../../engine/host/counters.js';
import type { EngineRun } from '../../engine/host/run-memory.js';
import type { TimelinePoint } from './timeline.js';

/** An interval of the run. */
export interface LiveInterval extends Omit<TimelinePoint, 'encoded'> {
  readonly pps: number;
  /** Share of the workers' time spent waiting for locks in it; null in the bare build, which does not count. */
  readonly lockWaitShare: number | null;
}

/** Told of each interval. */
export type OnInterval = (interval: LiveInterval) => void;

/** Makes intervals of the points of a timeline, in their order. */
export class LiveIntervals {
  readonly #run: EngineRun;
  readonly #workers: number;
  readonly #onInterval: OnInterval;
  #waitedNs = 0;

  constructor(run: EngineRun, workers: number, onInterval: OnInterval) {
    this.#run = run;
    this.#workers = workers;
    this.#onInterval = onInterval;
  }

  /** Takes a point whose interval has just ended. Waits are read now, and so are those up to a moment behind it. */
  take(point: Omit<TimelinePoint, 'encoded'>): void {
    const waitedNs = this.#waitsSoFarNs();
    const before = this.#waitedNs;
    this.#waitedNs = waitedNs ?? 0;
    const timeNs = point.intervalMs * 1e6 * this.#workers;
    this.#onInterval({
      ...point,
      pps: point.packets / (point.intervalMs / 1e3),
      lockWaitShare: waitedNs === null || timeNs === 0 ? null : Math.min(1, (waitedNs - before) / timeNs),
    });
  }

  #waitsSoFarNs(): number | null {
    if (this.#run.engine.flavour === 'bare') return null;
    let total = 0;
    for (let worker = 0; worker < this.#workers; worker++) {
      const { locks } = readCounters(this.#run, worker);
      for (const name of LOCK_CLASSES) total += locks[name].waitTotalNs;
    }
    return total;
  }
}
