/**
 * What NAT allocations cost as their pool fills, seen from the main thread: counts and service times of what was allocated
 * between two looks, against how full the pool was then. The workers write both anyway, with plain stores; a look may meet
 * them a few packets apart, and the next look takes up what one missed.
 */
import type { EngineRun } from '../../engine/host/run-memory.js';
import { percentilesOfCounts } from '../measure/counts-percentiles.js';
import { REGION_HEADER_BYTES } from '../measure/histogram-region.js';
import { countsLength, LOCK_CONFIG } from '../measure/log-linear.js';
import type { Nat } from '../result/schema.js';

/** What happened since the look before. */
interface NatStep {
  /** Connections in the table, the mean of both looks. */
  readonly nConn: number;
  readonly allocations: number;
  readonly candidates: number;
  readonly failures: number;
  /** Service times of the packets that allocated: cell and count, by turns. */
  readonly service: readonly number[];
}

type NatCount = 'W_NAT_ALLOCATIONS' | 'W_NAT_CANDIDATES' | 'W_NAT_FAILURES';

/** Steps kept; a longer run keeps its first ones. */
const MAX_STEPS = 20_000;
/** Points of the curve over occupancy. */
const OCCUPANCY_STEPS = 20;

export class NatWatcher {
  readonly #run: EngineRun;
  readonly #view: DataView;
  readonly #workers: number;
  /** Each worker's service times so far, as the engine counts them: the lower half of each 64-bit cell comes first. */
  readonly #cells: readonly Uint32Array[];
  readonly #before = new Float64Array(countsLength(LOCK_CONFIG));
  readonly #steps: NatStep[] = [];
  #nConn = 0;
  #allocations = 0;
  #candidates = 0;
  #failures = 0;

  constructor(run: EngineRun, workers: number) {
    this.#run = run;
    this.#view = new DataView(run.memory.buffer);
    this.#workers = workers;
    const { plan, engine } = run;
    const { H_NAT_SERVICE } = engine.constants;
    const timed = plan.histogramStride > 0 && H_NAT_SERVICE > 0;
    this.#cells = Array.from({ length: timed ? workers : 0 }, (_, worker) => {
      const at =
        plan.regions.histograms + worker * plan.histogramStride + H_NAT_SERVICE + REGION_HEADER_BYTES;
      return new Uint32Array(run.memory.buffer, at, 2 * this.#before.length);
    });
  }

  /** Takes up what was allocated since the last look. @param nConn connections in the table now */
  poll(nConn: number): void {
    const allocations = this.#sum('W_NAT_ALLOCATIONS');
    if (allocations === this.#allocations || this.#steps.length >= MAX_STEPS) return;
    const candidates = this.#sum('W_NAT_CANDIDATES');
    const failures = this.#sum('W_NAT_FAILURES');
    this.#steps.push({
      nConn: (this.#nConn + nConn) / 2,
      allocations: allocations - this.#allocations,
      candidates: candidates - this.#candidates,
      failures: failures - this.#failures,
      service: this.#newTimes(),
    });
    this.#nConn = nConn;
    this.#allocations = allocations;
    this.#candidates = candidates;
    this.#failures = failures;
  }

  /**
   * Tuples tried and service time against how full the pool was. The pool's size is known only where it was used up: then it
   * is the most connections seen at once. Null where no allocation failed.
   */
  byOccupancy(peakConns: number): Nat['byOccupancy'] {
    if (this.#failures === 0 || peakConns === 0) return null;
    const points: NonNullable<Nat['byOccupancy']> = [];
    for (let index = 0; index < OCCUPANCY_STEPS; index++) {
      const steps = this.#steps.filter(({ nConn }) => stepOf(nConn / peakConns) === index);
      const allocations = sumOf(steps, 'allocations');
      if (allocations <= 0) continue;
      const counts = new Float64Array(this.#before.length);
      for (const { service } of steps) {
        for (let i = 0; i < service.length; i += 2) {
          const cell = service[i] as number;
          counts[cell] = (counts[cell] as number) + (service[i + 1] as number);
        }
      }
      const { valuesNs, maxNs } = percentilesOfCounts(counts, LOCK_CONFIG, [50, 99]);
      points.push({
        occupancy: (index + 0.5) / OCCUPANCY_STEPS,
        allocations,
        failures: sumOf(steps, 'failures'),
        meanCandidates: sumOf(steps, 'candidates') / allocations,
        p50Ns: valuesNs[0] ?? null,
        p99Ns: valuesNs[1] ?? null,
        maxNs,
      });
    }
    return points;
  }

  /** What has come to the workers' service times since the last call. */
  #newTimes(): number[] {
    const times: number[] = [];
    for (let cell = 0; cell < this.#before.length; cell++) {
      let count = 0;
      for (const cells of this.#cells) count += cells[2 * cell] as number;
      const before = this.#before[cell] as number;
      if (count === before) continue;
      times.push(cell, count - before);
      this.#before[cell] = count;
    }
    return times;
  }

  #sum(name: NatCount): number {
    const c = this.#run.engine.constants;
    let total = 0;
    for (let worker = 0; worker < this.#workers; worker++) {
      const block = this.#run.plan.regions.threads + worker * c.THREAD_SIZE + c.T_WORK;
      total += Number(this.#view.getBigUint64(block + c[name] * 8, true));
    }
    return total;
  }
}

function stepOf(occupancy: number): number {
  return Math.min(OCCUPANCY_STEPS - 1, Math.floor(occupancy * OCCUPANCY_STEPS));
}

function sumOf(steps: readonly NatStep[], figure: 'allocations' | 'candidates' | 'failures'): number {
  return steps.reduce((sum, step) => sum + step[figure], 0);
}
