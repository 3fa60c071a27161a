/**
 * The run over time, seen from the main thread: packets and service times per interval, connections, slots in use.
 *
 * Each worker fills one of four interval histograms and moves on to the next at every interval's end (worker-loop.ts). The
 * main thread reads and empties the one before; it must do so within two intervals, else that interval has no service times.
 *
 * Its packets it has all the same: where not every one is timed, or the histogram was lost, they come from the workers' counters of
 * verdicts, read whenever the main thread looks, and between two looks by the time.
 *
 * A run may go on for days: its points get longer (coarsening.ts), its histograms are joined (timeline-histograms.ts). Whoever watches
 * meanwhile gets every interval.
 */
import type { EngineRun } from '../../engine/host/run-memory.js';
import { percentilesOfCounts } from '../measure/counts-percentiles.js';
import { readExact, resetRegion, viewRegion, type HistogramRegion } from '../measure/histogram-region.js';
import { summarize, toHistogram } from '../measure/latency-summary.js';
import { countsLength, LOCK_CONFIG } from '../measure/log-linear.js';
import type { Nat } from '../result/schema.js';
import { Coarsening, FIRST_POINTS } from './coarsening.js';
import { TableWatcher, type TablePoint } from './table-watcher.js';
import { TimelineHistograms, type SparseCounts } from './timeline-histograms.js';

export interface TimelinePoint {
  readonly tMs: number;
  readonly intervalMs: number;
  readonly packets: number;
  readonly p50Ns: number | null;
  readonly p99Ns: number | null;
  readonly maxNs: number | null;
  /** HdrHistogram of service times up to the end of the interval, compressed, in base64; null where none ends here. */
  readonly encoded: string | null;
  /** Time that it covers, where that is more than the interval. */
  readonly encodedMs?: number;
}

type PlainPoint = Omit<TimelinePoint, 'encoded' | 'encodedMs'>;

export interface RunTimeline {
  readonly points: readonly TimelinePoint[];
  readonly table: readonly TablePoint[];
  readonly peakConns: number;
  readonly natByOccupancy: Nat['byOccupancy'];
  /** Intervals whose histograms the main thread came too late for. */
  readonly missedIntervals: number;
}

const SLOTS = 4;
/**
 * How much of a run is kept: points of one interval each before they get longer, and histograms, at most half as many, so that none
 * covers less than a point: what a plot can show, and so that the result of a long run stays of a size to be read.
 */
export interface TimelineSizes {
  readonly firstPoints: number;
  readonly histograms: number;
}
const SIZES: TimelineSizes = { firstPoints: FIRST_POINTS, histograms: 600 };

/** Longest and shortest time between two looks, milliseconds: timers have no finer step. */
const MOST_POLL_MS = 10;
const LEAST_POLL_MS = 1;

/** Time between two calls of {@link TimelineWatcher.poll}: two in the shortest interval, as far as timers can. */
export function pollMs(intervalMs: number): number {
  return intervalMs <= 0 ? MOST_POLL_MS : Math.min(MOST_POLL_MS, Math.max(LEAST_POLL_MS, intervalMs / 2));
}

/** How a timeline is kept. */
export interface TimelineOptions {
  readonly intervalMs: number;
  /** Whether every packet is timed: then the histograms have each in its interval, and packets are taken from them. */
  readonly timesAll: boolean;
  /** Absent = for a run of any length. */
  readonly sizes?: TimelineSizes;
}

/** Service times that were recorded in an interval. */
interface IntervalTimes {
  /** By bin; null where none was. */
  readonly counts: Float64Array | null;
  readonly timed: number;
  readonly maxNs: number | null;
}

const NO_TIMES: IntervalTimes = { counts: null, timed: 0, maxNs: null };

/** Intervals on their way to be a point. */
interface PendingPoint {
  readonly first: number;
  counts: Float64Array | null;
  lengthMs: number;
  packets: number;
  maxNs: number | null;
}

export class TimelineWatcher {
  readonly #run: EngineRun;
  readonly #intervalMs: number;
  readonly #regions: HistogramRegion[][];
  readonly #view: DataView;
  readonly #points: PlainPoint[] = [];
  readonly #histograms: TimelineHistograms;
  readonly #coarsening: Coarsening;
  #pending: PendingPoint | null = null;
  #intervalsPerPoint = 1;
  readonly #table: TableWatcher;
  #done = 0;
  #missed = 0;
  readonly #timesAll: boolean;
  /** Whether what a slot holds is of several intervals. */
  readonly #spoiled = Array.from({ length: SLOTS }, () => false);
  /** The latest reading of the counters, and what they come to at the ends of intervals that have not been taken. */
  #seenNs = 0;
  #seenPackets = 0;
  readonly #ends: number[] = [];
  /** Of these, where the first lies that has not been used. */
  #firstEnd = 0;
  /** Packets of all intervals that have been taken. */
  #given = 0;

  /**
   * @param trackerNowMs time of the tracker's clock, by nanoseconds since the start
   */
  constructor(
    run: EngineRun,
    workers: number,
    { intervalMs, timesAll, sizes: { firstPoints, histograms } = SIZES }: TimelineOptions,
    trackerNowMs: (elapsedNs: number) => number,
  ) {
    this.#timesAll = timesAll;
    this.#table = new TableWatcher(run, workers, intervalMs, trackerNowMs, firstPoints);
    this.#coarsening = new Coarsening(firstPoints);
    this.#histograms = new TimelineHistograms(histograms);
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

  /** Told of each interval when it has ended; set before the run. */
  onPoint: ((point: PlainPoint) => void) | null = null;

  /** Takes over every interval that has ended `elapsedNs` after t0; call it every {@link pollMs}. */
  poll(elapsedNs: number): void {
    if (this.#intervalMs > 0) this.#look(elapsedNs, false);
  }

  /** Takes over what is left at the end, when no worker writes any more. */
  finish(elapsedNs: number): void {
    if (this.#intervalMs <= 0) return;
    this.#look(elapsedNs, true);
    const last = Math.floor(elapsedNs / 1e6 / this.#intervalMs);
    for (const first = this.#done; this.#done <= last; this.#done++) {
      const end = Math.min(elapsedNs / 1e6, (this.#done + 1) * this.#intervalMs);
      const length = end - this.#done * this.#intervalMs;
      if (length > 0) this.#take(this.#done, length, this.#isKept(this.#done, first, last - 1));
    }
    this.#giveRest();
    this.#closePoint();
  }

  /**
   * What is in no interval yet is of the last one that was taken: packets that a look after the workers' end put behind it, and those
   * that a worker recorded where an interval had been taken already.
   */
  #giveRest(): void {
    const rest = this.#seenPackets - this.#given;
    if (rest <= 0) return;
    this.#given += rest;
    const last = this.#points.at(-1);
    if (this.#pending !== null) this.#pending.packets += rest;
    else if (last !== undefined)
      this.#points[this.#points.length - 1] = { ...last, packets: last.packets + rest };
  }

  #look(elapsedNs: number, isOver: boolean): void {
    const current = Math.floor(elapsedNs / 1e6 / this.#intervalMs);
    // Leave the interval that just ended alone for a moment: a batch that straddles the boundary still goes there.
    const settled = Math.floor((elapsedNs / 1e6 - this.#intervalMs / 4) / this.#intervalMs);
    this.#count(elapsedNs);
    this.#table.poll(elapsedNs);
    const first = this.#done;
    for (; this.#done < settled; this.#done++) {
      const interval = this.#done;
      const isKept = this.#isKept(interval, first, isOver ? current - 1 : current);
      this.#take(interval, this.#intervalMs, isKept);
      // What intervals hold that are to be taken yet, or are written or about to be, is not emptied with one before in their slot.
      const last = isOver ? current : current + 1;
      const place = (settled - interval) % SLOTS;
      const next = settled + (place === 0 ? 0 : SLOTS - place);
      this.#empty(interval, !isKept && next <= last);
    }
  }

  /**
   * Whether a slot holds this interval and no other.
   * @param first of the intervals that are taken together: those before have been emptied
   * @param current the interval that the workers are in; one less when they have ended, and do not go on to the next
   */
  #isKept(interval: number, first: number, current: number): boolean {
    const isOwn = interval - first < SLOTS && current - interval < SLOTS - 1;
    return isOwn && this.#spoiled[interval % SLOTS] !== true;
  }

  /** Reads the counters; what they came to at the ends of intervals since the last look lies between, by the time. */
  #count(elapsedNs: number): void {
    const packets = this.packetsSoFar(this.#regions.length);
    const lengthNs = elapsedNs - this.#seenNs;
    if (lengthNs <= 0) return;
    for (;;) {
      const endNs = (this.#done + this.#ends.length - this.#firstEnd + 1) * this.#intervalMs * 1e6;
      if (endNs > elapsedNs) break;
      const share = Math.max(0, endNs - this.#seenNs) / lengthNs;
      this.#ends.push(Math.round(this.#seenPackets + (packets - this.#seenPackets) * share));
    }
    this.#seenNs = elapsedNs;
    this.#seenPackets = packets;
  }

  timeline(): RunTimeline {
    return {
      points: this.#withHistograms(),
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
      for (let state = 0; state < 256; state++) packets += this.#counter(at + state * 8);
    }
    return packets;
  }

  /** A counter of 64 bits that a worker counts up meanwhile: read again when its upper half has changed in between. */
  #counter(at: number): number {
    for (;;) {
      const high = this.#view.getUint32(at + 4, true);
      const low = this.#view.getUint32(at, true);
      if (this.#view.getUint32(at + 4, true) === high) return high * 2 ** 32 + low;
    }
  }

  /** Takes an interval over; without a histogram where its slot holds others as well. */
  #take(interval: number, lengthMs: number, isKept: boolean): void {
    const { counts, timed, maxNs } = isKept ? this.#timesOf(interval) : NO_TIMES;
    if (!isKept) this.#missed++;
    if (counts !== null) this.#histograms.add(interval, counts);
    const end = this.#nextEnd() ?? this.#seenPackets;
    // Counts come from histograms up to the first that is lost: those after it would not add up with what the counters gave it.
    const isExact = this.#timesAll && this.#missed === 0;
    const packets = isExact ? timed : Math.max(0, end - this.#given);
    this.#given += packets;
    const taken: PendingPoint = { first: interval, counts, lengthMs, packets, maxNs };
    this.onPoint?.(this.#pointOf(taken));
    // Where the end of a point was missed, the next one does not grow into it.
    if (this.#pending !== null && !this.#isOfOnePoint(this.#pending.first, interval)) this.#closePoint();
    this.#pending = this.#pending === null ? taken : joined(this.#pending, taken);
    if ((interval + 1) % this.#intervalsPerPoint === 0) this.#closePoint();
  }

  /** Service times of an interval, all workers together. */
  #timesOf(interval: number): IntervalTimes {
    let counts: Float64Array | null = null;
    let timed = 0;
    let maxNs: number | null = null;
    for (const region of this.#regionsOf(interval)) {
      const exact = readExact(region);
      timed += Number(exact.count);
      if (exact.maxNs !== null) maxNs = Math.max(maxNs ?? 0, exact.maxNs);
      if (exact.count === 0n) continue;
      counts ??= new Float64Array(countsLength(LOCK_CONFIG));
      for (let i = 0; i < counts.length; i++) counts[i] = (counts[i] as number) + Number(region.counts[i]);
    }
    return { counts, timed, maxNs };
  }

  /** What the counters came to at the end of the next interval that is taken; undefined when they were not read after it. */
  #nextEnd(): number | undefined {
    const end = this.#ends[this.#firstEnd];
    if (end !== undefined) this.#firstEnd++;
    // Not one by one: where time leaps there are millions.
    if (this.#firstEnd === this.#ends.length) this.#firstEnd = this.#ends.length = 0;
    return end;
  }

  #regionsOf(interval: number): HistogramRegion[] {
    return this.#regions.map((slots) => slots[interval % SLOTS] as HistogramRegion);
  }

  /** Empties the slot of an interval, or notes that it could not be. */
  #empty(interval: number, isInUse: boolean): void {
    this.#spoiled[interval % SLOTS] = isInUse;
    if (!isInUse) for (const region of this.#regionsOf(interval)) resetRegion(region);
  }

  #isOfOnePoint(first: number, interval: number): boolean {
    const size = this.#intervalsPerPoint;
    return Math.floor(first / size) === Math.floor(interval / size);
  }

  /** Ends the point that is being made, and finds how many intervals the next one has. */
  #closePoint(): void {
    if (this.#pending === null) return;
    this.#points.push(this.#pointOf(this.#pending));
    this.#pending = null;
    this.#intervalsPerPoint = this.#coarsening.every(this.#points.length);
  }

  #pointOf({ first, counts, lengthMs, packets, maxNs }: PendingPoint): PlainPoint {
    const figures = counts === null ? null : percentilesOfCounts(counts, LOCK_CONFIG, [50, 99]);
    return {
      tMs: first * this.#intervalMs,
      intervalMs: lengthMs,
      packets,
      p50Ns: figures?.valuesNs[0] ?? null,
      p99Ns: figures?.valuesNs[1] ?? null,
      maxNs,
    };
  }

  /** The points, each histogram with the last one that begins within what it covers. Encoded now, when it takes time from nobody. */
  #withHistograms(): TimelinePoint[] {
    const points: TimelinePoint[] = this.#points.map((point) => ({ ...point, encoded: null }));
    let at = 0;
    for (const { from, to, counts } of this.#histograms.spans()) {
      while (at + 1 < points.length && (points[at + 1] as TimelinePoint).tMs < to * this.#intervalMs) at++;
      const point = points[at];
      if (point === undefined) break;
      const encodedMs = point.tMs + point.intervalMs - from * this.#intervalMs;
      points[at] = {
        ...point,
        encoded: encodedCounts(counts),
        ...(encodedMs > point.intervalMs ? { encodedMs } : {}),
      };
    }
    return points;
  }
}

function joined(before: PendingPoint, next: PendingPoint): PendingPoint {
  const { counts } = before;
  if (counts === null) before.counts = next.counts;
  else if (next.counts !== null)
    for (let i = 0; i < counts.length; i++) counts[i] = (counts[i] as number) + (next.counts[i] as number);
  before.lengthMs += next.lengthMs;
  before.packets += next.packets;
  if (next.maxNs !== null) before.maxNs = Math.max(before.maxNs ?? 0, next.maxNs);
  return before;
}

function encodedCounts(bins: SparseCounts): string | null {
  if (bins.length === 0) return null;
  const counts = new Float64Array(countsLength(LOCK_CONFIG));
  for (let i = 0; i < bins.length; i += 2) counts[bins[i] as number] = bins[i + 1] as number;
  return summarize(toHistogram(counts, LOCK_CONFIG)).encoded;
}
