/**
 * Placing the packets of large traffic by several threads (placing-task.ts): those that were started for the run have nothing to do yet while
 * the main thread decides about the packets. Where each range goes is known before, from the lengths of its frames.
 */
import { availableParallelism } from 'node:os';
import type { FrameRange } from './frame-range.js';
import { alignLine, headBytes } from './packet-place.js';
import { placeRanges, type PlacedRange, type Placing, type PlacingTask } from './placing-task.js';
import { placingAreaBytes, type PlacingEngine } from './range-placer.js';
import { runOnThreadsAhead, threadsAhead } from './thread-pool.js';

/** Fewer packets are placed before a thread has taken up its task. */
const LEAST_PACKETS = 250_000;
/** More threads would wait for each other: what takes long is the system handing out memory. */
const MOST_HELPERS = 7;

/** Threads beside the main one that can place so many packets; 0 where that is not worth it. */
export function placingHelpers(packets: number): number {
  if (packets < LEAST_PACKETS) return 0;
  return Math.min(threadsAhead(), availableParallelism() - 1, MOST_HELPERS);
}

/** What is to be placed. */
export interface PlacingRequest {
  /** The main thread's engine. */
  readonly engine: PlacingEngine;
  readonly ranges: readonly FrameRange[];
  readonly packets: number;
  readonly longestFrame: number;
  readonly requestAt: number;
  /** Where the first packet goes, and where the areas of all placers lie, the main thread's first. */
  readonly to: number;
  readonly areasAt: number;
  readonly helpers: number;
}

/** Packets being placed. */
export class SharedPlacing {
  /** Addresses of all descriptors, once {@link finish} has resolved. */
  readonly addresses: Uint32Array<SharedArrayBuffer>;
  /** Behind the last packet. */
  readonly endAt: number;
  readonly #engine: PlacingEngine;
  readonly #placing: Placing;
  readonly #areasAt: number;
  readonly #helping: readonly Promise<unknown>[];

  /** Starts the threads that help. */
  constructor(request: PlacingRequest) {
    const { engine, packets, longestFrame, requestAt, areasAt, helpers } = request;
    const { ranges, endAt } = rangesFrom(request);
    this.addresses = new Uint32Array(new SharedArrayBuffer(packets * 4));
    this.endAt = endAt;
    this.#engine = engine;
    this.#areasAt = areasAt;
    this.#placing = {
      run: engine.run,
      ranges,
      requestAt,
      longestFrame,
      addresses: this.addresses,
      next: new Int32Array(new SharedArrayBuffer(4)),
    };
    const tasks = Array.from({ length: helpers }, (_, helper): PlacingTask => {
      return { ...this.#placing, areaAt: areasAt + (helper + 1) * placingAreaBytes(longestFrame) };
    });
    this.#helping = runOnThreadsAhead('placing-task', 'helpPlacing', tasks);
    // Heard of in finish.
    for (const each of this.#helping) each.catch(() => {});
  }

  /**
   * Places what is left, with the others.
   * @throws what a thread ended with
   */
  async finish(): Promise<void> {
    placeRanges(this.#placing, this.#engine, this.#areasAt);
    await Promise.all(this.#helping);
  }
}

/** Where each range goes. */
function rangesFrom({ engine, ranges, to }: PlacingRequest): {
  readonly ranges: readonly PlacedRange[];
  readonly endAt: number;
} {
  const head = headBytes(engine.run.engine.constants);
  let at = to;
  let first = 0;
  const placed = ranges.map(({ bytes, count, starts, lengths }): PlacedRange => {
    const range = { bytes, count, starts, lengths, to: at, first };
    for (let index = 0; index < count; index++) at += alignLine(head + (lengths[index] as number));
    first += count;
    return range;
  });
  return { ranges: placed, endAt: at };
}
