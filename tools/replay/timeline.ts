/**
 * The run over time, seen from the main thread: packets and service times per interval, connections, slots in use.
 *
 * Each worker fills one of four interval histograms and moves on to the next at every interval's end (worker-loop.ts). The
 * main thread reads and empties the one before; it must do so within two intervals, else that interval is left out.
 */
import type { EngineRun } from '../../engine/host/run-memory.js';
import { percentilesOfCounts } from '../measure/counts-percentiles.js';
import { readExact, resetRegion, viewRegion, type HistogramRegion } from '../measure/histogram-region.js';
import { summarize, toHistogram } from '../measure/latency-summary.js';
import { countsLength, LOCK_CONFIG } from '../measure/log-linear.js';
import type { Nat } from '../result/schema.js';
import { TableWatcher, type TablePoint } from './table-watcher.js';

export interface TimelinePoint {
  readonly tMs: number;
  readonly intervalMs: number;
  readonly packets: number;
  readonly p50Ns: number | null;
  readonly p99Ns: number | null;
  readonly maxNs: number | null;
  /** HdrHistogram of the service times, compressed, in base64; null where none was timed. */
  readonly encoded: string | null;
}

export interface RunTimeline {
  readonly points: readonly TimelinePoint[];
  readonly table: readonly TablePoint[];
  readonly peakConns: number;
  readonly natByOccupancy: Nat['byOccupancy'];
  /** Intervals that the main thread came too late for. */
  readonly missedIntervals: number;
}

const SLOTS = 4;
/** Points kept; a longer run keeps its first ones. */
const MAX_POINTS = 20_000;
/** Histograms kept: what a plot can show, and so that the result of a long run stays of a size to be read. */
const MAX_HISTOGRAMS = 600;

/** Cells in use: index and count, by turns. Encoded after the run, when it takes time from nobody. */
type SparseCounts = readonly number[];

export class TimelineWatcher {
  readonly #run: EngineRun;
  readonly #intervalMs: number;
  readonly #regions: HistogramRegion[][];
  readonly #view: DataView;
  readonly #points: Omit<TimelinePoint, 'encoded'>[] = [];
  readonly #counts: (SparseCounts | null)[] = [];
  readonly #table: TableWatcher;
  #done = 0;
  #missed = 0;

  /** @param trackerNowMs time of the tracker's clock, by nanoseconds since the start */
  constructor(
    run: EngineRun,
    workers: number,
    intervalMs: number,
    trackerNowMs: (elapsedNs: number) => number,
  ) {
    this.#table = new TableWatcher(run, workers, intervalMs, trackerNowMs);
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

  /** Told of each point when its interval has ended; set before the run. */
  onPoint: ((point: Omit<TimelinePoint, 'encoded'>) => void) | null = null;

  /** Takes over every interval that has ended `elapsedNs` after t0. */
  poll(elapsedNs: number): void {
    if (this.#intervalMs <= 0) return;
    const current = Math.floor(elapsedNs / 1e6 / this.#intervalMs);
    // Leave the interval that just ended alone for a moment: a batch that straddles the boundary still goes there.
    const settled = Math.floor((elapsedNs / 1e6 - this.#intervalMs / 4) / this.#intervalMs);
    this.#table.poll(elapsedNs);
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
      points: this.#points.map((point, index) => ({
        ...point,
        encoded: encodedCounts(this.#counts[index] ?? null),
      })),
      table: this.#table.points,
      peakConns: this.#table.peakConns,
      natByOccupancy: this.#table.natByOccupancy(),
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
    const keepsCounts = packets > 0 && this.#counts.length < MAX_HISTOGRAMS;
    this.#counts.push(keepsCounts ? sparse(counts) : null);
    const point = {
      tMs: interval * this.#intervalMs,
      intervalMs: lengthMs,
      packets,
      p50Ns: figures.valuesNs[0] ?? null,
      p99Ns: figures.valuesNs[1] ?? null,
      maxNs,
    };
    this.#points.push(point);
    this.onPoint?.(point);
  }

  #drop(interval: number): void {
    for (const slots of this.#regions) resetRegion(slots[interval % SLOTS] as HistogramRegion);
    this.#missed++;
  }
}

function sparse(counts: Float64Array): SparseCounts {
  const cells: number[] = [];
  counts.forEach((count, index) => {
    if (count > 0) cells.push(index, count);
  });
  return cells;
}

function encodedCounts(cells: SparseCounts | null): string | null {
  if (cells === null || cells.length === 0) return null;
  const counts = new Float64Array(countsLength(LOCK_CONFIG));
  for (let i = 0; i < cells.length; i += 2) counts[cells[i] as number] = cells[i + 1] as number;
  return summarize(toHistogram(counts, LOCK_CONFIG)).encoded;
}
