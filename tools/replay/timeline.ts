/**
 * The run over time, seen from the main thread: packets and service times per interval, connections, slots in use.
 *
 * Each worker fills one of four interval histograms and moves on to the next at every interval's end (worker-loop.ts). The
 * main thread reads and empties the one before; it must do so within two intervals, else that interval is left out.
 */
import type { EngineRun } from '../../engine/host/run-memory.js';
import { percentilesOfCounts } from '../measure/counts-percentiles.js';
import { readExact, resetRegion, viewRegion, type HistogramRegion } from '../measure/histogram-region.js';
import { LOCK_CONFIG } from '../measure/log-linear.js';

export interface TimelinePoint {
  readonly tMs: number;
  readonly intervalMs: number;
  readonly packets: number;
  readonly p50Ns: number | null;
  readonly p99Ns: number | null;
  readonly maxNs: number | null;
}

export interface TablePoint {
  readonly tMs: number;
  readonly nConn: number;
  readonly slabInUse: number;
  readonly gracePending: number;
}

export interface RunTimeline {
  readonly points: readonly TimelinePoint[];
  readonly table: readonly TablePoint[];
  readonly peakConns: number;
  /** Intervals that the main thread came too late for. */
  readonly missedIntervals: number;
}

const SLOTS = 4;
/** Points kept; a longer run keeps its first ones. */
const MAX_POINTS = 20_000;

export class TimelineWatcher {
  readonly #run: EngineRun;
  readonly #intervalMs: number;
  readonly #regions: HistogramRegion[][];
  readonly #view: DataView;
  readonly #points: TimelinePoint[] = [];
  readonly #table: TablePoint[] = [];
  #done = 0;
  #missed = 0;
  #peak = 0;

  constructor(run: EngineRun, workers: number, intervalMs: number) {
    this.#run = run;
    this.#intervalMs = intervalMs;
    this.#view = new DataView(run.memory.buffer);
    const c = run.engine.constants;
    this.#regions = Array.from({ length: workers }, (_, worker) =>
      Array.from({ length: SLOTS }, (__, slot) =>
        viewRegion(
          run.memory.buffer,
          run.plan.regions.histograms +
            worker * run.plan.histogramStride +
            c.H_INTERVAL +
            slot * c.COARSE_BYTES,
          LOCK_CONFIG,
          8,
        ),
      ),
    );
  }

  /** Takes over every interval that has ended `elapsedNs` after t0. */
  poll(elapsedNs: number): void {
    if (this.#intervalMs <= 0) return;
    const current = Math.floor(elapsedNs / 1e6 / this.#intervalMs);
    // Leave the interval that just ended alone for a moment: a batch that straddles the boundary still goes there.
    const settled = Math.floor((elapsedNs / 1e6 - this.#intervalMs / 4) / this.#intervalMs);
    this.#sampleTable(elapsedNs);
    while (this.#done < settled) {
      if (current - this.#done >= SLOTS - 1) this.#drop(this.#done);
      else this.#take(this.#done, this.#intervalMs);
      this.#done++;
    }
  }

  /** Takes over what is left at the end. */
  finish(elapsedNs: number): void {
    if (this.#intervalMs <= 0) return;
    this.poll(elapsedNs);
    const last = Math.floor(elapsedNs / 1e6 / this.#intervalMs);
    while (this.#done <= last) {
      const end = Math.min(elapsedNs / 1e6, (this.#done + 1) * this.#intervalMs);
      const length = end - this.#done * this.#intervalMs;
      if (length > 0) this.#take(this.#done, length);
      this.#done++;
    }
  }

  timeline(): RunTimeline {
    return {
      points: this.#points,
      table: this.#table,
      peakConns: this.#peak,
      missedIntervals: this.#missed,
    };
  }

  /** Packets that have a verdict so far, over the first `workers` threads. */
  packetsSoFar(workers: number): number {
    const c = this.#run.engine.constants;
    let packets = 0;
    for (let worker = 0; worker < workers; worker++) {
      const at = this.#run.plan.regions.threads + worker * c.THREAD_SIZE + c.T_VERDICTS;
      for (let state = 0; state < 256; state++) packets += this.#view.getUint32(at + state * 8, true);
    }
    return packets;
  }

  #sampleTable(elapsedNs: number): void {
    const c = this.#run.engine.constants;
    const nConn = this.#view.getUint32(c.CONTROL + c.C_N_CONN, true);
    this.#peak = Math.max(this.#peak, nConn);
    const tMs = elapsedNs / 1e6;
    const previous = this.#table.at(-1)?.tMs ?? Number.NEGATIVE_INFINITY;
    if (tMs < 0 || tMs - previous < this.#intervalMs || this.#table.length >= MAX_POINTS) return;
    this.#table.push({
      tMs,
      nConn,
      slabInUse: this.#view.getUint32(c.CONTROL + c.C_SLAB_IN_USE, true),
      gracePending: this.#view.getUint32(c.CONTROL + c.C_GRACE_PENDING, true),
    });
  }

  #take(interval: number, lengthMs: number): void {
    const regions = this.#regions.map((slots) => slots[interval % SLOTS] as HistogramRegion);
    const counts = new Float64Array((regions[0] as HistogramRegion).counts.length);
    let packets = 0;
    let maxNs: number | null = null;
    for (const region of regions) {
      const exact = readExact(region);
      packets += Number(exact.count);
      if (exact.maxNs !== null) maxNs = Math.max(maxNs ?? 0, exact.maxNs);
      if (exact.count > 0n) {
        for (let i = 0; i < counts.length; i++) counts[i] = (counts[i] as number) + Number(region.counts[i]);
      }
      resetRegion(region);
    }
    if (this.#points.length >= MAX_POINTS) return;
    const figures = percentilesOfCounts(counts, LOCK_CONFIG, [50, 99]);
    this.#points.push({
      tMs: interval * this.#intervalMs,
      intervalMs: lengthMs,
      packets,
      p50Ns: figures.valuesNs[0] ?? null,
      p99Ns: figures.valuesNs[1] ?? null,
      maxNs,
    });
  }

  #drop(interval: number): void {
    for (const slots of this.#regions) resetRegion(slots[interval % SLOTS] as HistogramRegion);
    this.#missed++;
  }
}
