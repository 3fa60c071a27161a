/**
 * Taking ranges that are to be placed, one after the other, until none is left: what each of the threads does that place the packets of
 * large traffic (shared-placing.ts). It runs in threads, and loads no package.
 *
 * Who writes: each range is claimed by one thread (an atomic counter), which alone writes its places and its part of the addresses.
 * Who reads: the main thread, once it has heard from every thread by message that no range is left; then the threads of the run, which it
 * starts with a message. A placer has an area of its own in the run's memory.
 */
import { NO_TRACE } from '../../engine/host/module.js';
import type { EngineRun } from '../../engine/host/run-memory.js';
import type { FrameRange } from './frame-range.js';
import { RangePlacer, type PlacingEngine } from './range-placer.js';

/** Where ranges go, and who takes the next one. */
export interface Placing {
  readonly run: EngineRun;
  readonly ranges: readonly PlacedRange[];
  /** Address of the request of all packets. */
  readonly requestAt: number;
  readonly longestFrame: number;
  /** Filled with the addresses of all places. */
  readonly addresses: Uint32Array<SharedArrayBuffer>;
  /** Number of the range that is to be taken next. */
  readonly next: Int32Array<SharedArrayBuffer>;
}

/** A range, and the place of its first packet in memory and in the traffic. */
export interface PlacedRange extends Pick<FrameRange, 'bytes' | 'count' | 'starts' | 'lengths'> {
  readonly to: number;
  readonly first: number;
}

/** What a thread is started with. */
export interface PlacingTask extends Placing {
  /** Of the thread's area. */
  readonly areaAt: number;
}

/** Task of a thread that helps. */
export function helpPlacing({ areaAt, ...placing }: PlacingTask): void {
  const { memory, engine } = placing.run;
  const env = { memory, clock: () => 0, step: () => {}, ...NO_TRACE };
  const { exports } = new WebAssembly.Instance(engine.module, { env });
  placeRanges(placing, { run: placing.run, exports: exports as unknown as PlacingEngine['exports'] }, areaAt);
}

/** Takes ranges until none is left. */
export function placeRanges(placing: Placing, engine: PlacingEngine, areaAt: number): void {
  const { ranges, requestAt, longestFrame, addresses, next } = placing;
  const placer = new RangePlacer(engine, areaAt, longestFrame);
  for (;;) {
    const range = ranges[Atomics.add(next, 0, 1)];
    if (range === undefined) return;
    const { to, first, count } = range;
    placer.place({ ...range, wireBytes: null }, requestAt, to, addresses.subarray(first, first + count));
  }
}
