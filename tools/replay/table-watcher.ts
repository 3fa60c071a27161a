/**
 * The connection table over time, seen from the main thread: how many connections, how many of them past their expiry, and what
 * NAT allocations cost as the table fills. It reads what the threads write anyway, a few thousand words at a time, so it costs
 * them next to nothing; figures of one moment may be a few packets apart.
 */
import type { EngineRun } from '../../engine/host/run-memory.js';
import type { Nat } from '../result/schema.js';
import { Coarsening, FIRST_POINTS } from './coarsening.js';
import { NatWatcher } from './nat-watcher.js';

export interface TablePoint {
  readonly tMs: number;
  readonly nConn: number;
  /** Past their expiry and still there; counted up to SCAN_SLOTS slots, beyond that scaled up from as many. */
  readonly expiredPresent: number;
  readonly slabInUse: number;
  readonly gracePending: number;
}

/** Slots looked at for one point. */
const SCAN_SLOTS = 4096;

export class TableWatcher {
  readonly #run: EngineRun;
  readonly #view: DataView;
  readonly #intervalMs: number;
  readonly #trackerNowMs: (elapsedNs: number) => number;
  readonly points: TablePoint[] = [];
  readonly #nat: NatWatcher;
  readonly #coarsening: Coarsening;
  #spacing = 1;
  /** Most connections seen at once. */
  peakConns = 0;

  /**
   * @param intervalMs between two points of the table; more where the run is long
   * @param trackerNowMs time of the tracker's clock, by nanoseconds since the start
   * @param firstPoints points before they lie further apart
   */
  constructor(
    run: EngineRun,
    workers: number,
    intervalMs: number,
    trackerNowMs: (elapsedNs: number) => number,
    firstPoints = FIRST_POINTS,
  ) {
    this.#coarsening = new Coarsening(firstPoints);
    this.#run = run;
    this.#view = new DataView(run.memory.buffer);
    this.#nat = new NatWatcher(run, workers);
    this.#intervalMs = intervalMs;
    this.#trackerNowMs = trackerNowMs;
  }

  /** Looks at the table; call every few milliseconds. */
  poll(elapsedNs: number): void {
    const nConn = this.#control('C_N_CONN');
    this.peakConns = Math.max(this.peakConns, nConn);
    this.#nat.poll(nConn);
    const tMs = elapsedNs / 1e6;
    const previous = this.points.at(-1)?.tMs ?? Number.NEGATIVE_INFINITY;
    if (tMs < 0 || tMs - previous < this.#spacing * this.#intervalMs) return;
    this.points.push({
      tMs,
      nConn,
      expiredPresent: Math.min(nConn, this.#expiredPresent(this.#trackerNowMs(elapsedNs))),
      slabInUse: this.#control('C_SLAB_IN_USE'),
      gracePending: this.#control('C_GRACE_PENDING'),
    });
    this.#spacing = this.#coarsening.every(this.points.length);
  }

  /** What NAT allocations cost against how full the pool was; null where it was never used up. */
  natByOccupancy(): Nat['byOccupancy'] {
    return this.#nat.byOccupancy(this.peakConns);
  }

  #control(name: 'C_N_CONN' | 'C_SLAB_IN_USE' | 'C_GRACE_PENDING' | 'C_SLAB_NEXT'): number {
    const c = this.#run.engine.constants;
    return this.#view.getUint32(c.CONTROL + c[name], true);
  }

  #expiredPresent(nowMs: number): number {
    const c = this.#run.engine.constants;
    const base = this.#run.plan.regions.slab;
    const slots = Math.max(0, Math.floor((this.#control('C_SLAB_NEXT') - base) / c.CONN_SIZE));
    const stride = Math.max(1, Math.ceil(slots / SCAN_SLOTS));
    const now = BigInt(Math.floor(nowMs));
    let expired = 0;
    // One slot of each run of `stride`, scattered: traffic has periods, and an even step would always meet the same part of them.
    let scatter = 1;
    for (let first = 0; first < slots; first += stride) {
      scatter = (Math.imul(scatter, 1_103_515_245) + 12_345) >>> 0;
      const slot = first + ((scatter >>> 8) % stride);
      if (slot >= slots) continue;
      const at = base + slot * c.CONN_SIZE;
      // An odd generation is a slot that is out (shm/slab.ts); companions and annexes of connections are not counted.
      if ((this.#view.getUint32(at + c.CO_GENERATION, true) & 1) === 0) continue;
      if ((this.#view.getUint8(at + c.CO_FLAGS) & (c.CONN_UN_NAT | c.CONN_ANNEX)) !== 0) continue;
      if (this.#view.getBigInt64(at + c.CO_EXPIRATION, true) <= now) expired++;
    }
    return expired * stride;
  }
}
