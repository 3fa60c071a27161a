/**
 * The service times that the engine has recorded on a worker so far, together: the sums in the headers of its histograms. Read by
 * the worker itself between batches, when nothing writes; a handful of words.
 */
import type { EngineRun } from '../../engine/host/run-memory.js';
import { REGION_OFFSETS } from '../measure/histogram-region.js';

export class RecordedTotal {
  readonly #words: Uint32Array;
  /** Places of the low halves of the sums. */
  readonly #places: readonly number[];
  #latestNs = 0;

  constructor(run: EngineRun, worker: number) {
    const c = run.engine.constants;
    const base = run.plan.regions.histograms + worker * run.plan.histogramStride + c.H_SERVICE;
    const series = (c.H_RESPONSE - c.H_SERVICE) / c.FINE_BYTES;
    this.#words = new Uint32Array(run.memory.buffer);
    this.#places = Array.from(
      { length: series },
      (_, index) => (base + index * c.FINE_BYTES + REGION_OFFSETS.sumNs) / 4,
    );
  }

  /** What was recorded since the last call, nanoseconds. */
  take(): number {
    let total = 0;
    for (const at of this.#places) {
      total += (this.#words[at] as number) + (this.#words[at + 1] as number) * 2 ** 32;
    }
    const since = total - this.#latestNs;
    this.#latestNs = total;
    return since;
  }
}
