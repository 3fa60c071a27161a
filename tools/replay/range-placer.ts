/**
 * Placing the packets of ranges in the engine's memory, many at a time: a piece of a range is copied into an area there as it lies, and the
 * engine does what is to be done for each packet (engine/assembly/wire/place.ts).
 *
 * The area lies behind the packets, and belongs to one thread.
 */
import type { EngineRun } from '../../engine/host/run-memory.js';
import type { EngineExports } from '../../engine/host/thread.js';
import type { FrameRange } from './frame-range.js';
import { alignLine, headBytes, PlaceWriter } from './packet-place.js';

/** Frames of one piece, and bytes of one where no frame is longer: what is copied has to stay in a core's own cache until it is placed. */
const PIECE_FRAMES = 4096;
const PIECE_BYTES = 256 * 1024;
/** Arrays of words that the engine is given: where frames start, how long they are, their requests. */
const TABLE_ARRAYS = 3;
const WORD_BYTES = 4;
const TABLE_BYTES = TABLE_ARRAYS * WORD_BYTES * PIECE_FRAMES;

/** Bytes of the area for frames up to this length. */
export function placingAreaBytes(longestFrame: number): number {
  return TABLE_BYTES + alignLine(Math.max(PIECE_BYTES, longestFrame));
}

/** The first packets of a range, as many as one call places. */
interface Piece {
  readonly end: number;
  /** Bytes of the range that hold them. */
  readonly from: number;
  readonly to: number;
}

/** What of an engine places packets. It touches the packets alone, so that the thread need not be attached. */
export interface PlacingEngine {
  readonly run: EngineRun;
  readonly exports: Pick<EngineExports, 'placeFrames' | 'locatePacket' | 'locatePlaced'>;
}

/** Places ranges, one behind the other. */
export class RangePlacer {
  readonly #engine: PlacingEngine;
  readonly #bytes: Uint8Array;
  readonly #tableAt: number;
  readonly #bytesAt: number;
  readonly #pieceBytes: number;
  readonly #table: Uint32Array;

  /** @param areaAt where the area begins, a multiple of 64 */
  constructor(engine: PlacingEngine, areaAt: number, longestFrame: number) {
    const { buffer } = engine.run.memory;
    this.#engine = engine;
    this.#bytes = new Uint8Array(buffer);
    this.#tableAt = areaAt;
    this.#bytesAt = areaAt + TABLE_BYTES;
    this.#pieceBytes = placingAreaBytes(longestFrame) - TABLE_BYTES;
    this.#table = new Uint32Array(buffer, areaAt, TABLE_ARRAYS * PIECE_FRAMES);
  }

  /**
   * Places the packets of a range.
   * @param requestAt address of each one's request, or of that of all
   * @param to where the first place begins; for engines of earlier revisions in memory that nobody has written to
   * @param addresses filled with the addresses of their places
   * @returns where the next place begins
   */
  place(range: FrameRange, requestAt: Uint32Array | number, to: number, addresses: Uint32Array): number {
    const { placeFrames } = this.#engine.exports;
    if (placeFrames === undefined) return this.#placeSingly(range, requestAt, to, addresses);
    let at = to;
    for (let first = 0; first < range.count;) {
      const piece = this.#pieceFrom(range, first);
      const count = piece.end - first;
      this.#bring(range, piece, first, requestAt);
      at = placeFrames(this.#tableAt, count, at) >>> 0;
      addresses.set(this.#table.subarray(0, count), first);
      first = piece.end;
    }
    return at;
  }

  /** Frames mostly lie one behind the other, but nothing says so. */
  #pieceFrom({ count, starts, lengths }: FrameRange, first: number): Piece {
    let from = starts[first] as number;
    let to = from + (lengths[first] as number);
    let end = first + 1;
    for (const last = Math.min(count, first + PIECE_FRAMES); end < last; end++) {
      const start = starts[end] as number;
      const lower = Math.min(from, start);
      const upper = Math.max(to, start + (lengths[end] as number));
      if (upper - lower > this.#pieceBytes) break;
      from = lower;
      to = upper;
    }
    return { end, from, to };
  }

  /** Copies a piece and its table into the area. */
  #bring(
    { bytes, starts, lengths }: FrameRange,
    piece: Piece,
    first: number,
    requestAt: Uint32Array | number,
  ): void {
    const { end, from, to } = piece;
    const count = end - first;
    const table = this.#table;
    this.#bytes.set(bytes.subarray(from, to), this.#bytesAt);
    const shift = this.#bytesAt - from;
    for (let index = 0; index < count; index++) table[index] = (starts[first + index] as number) + shift;
    table.set(lengths.subarray(first, end), count);
    if (typeof requestAt === 'number') table.fill(requestAt, 2 * count, 3 * count);
    else table.set(requestAt.subarray(first, end), 2 * count);
  }

  /** As engines do it that cannot place many. */
  #placeSingly(
    range: FrameRange,
    requestAt: Uint32Array | number,
    to: number,
    addresses: Uint32Array,
  ): number {
    const { run, exports } = this.#engine;
    const writer = new PlaceWriter(run, exports);
    const head = headBytes(run.engine.constants);
    writer.open(range);
    let at = to;
    for (let index = 0; index < range.count; index++) {
      writer.write(at, index, typeof requestAt === 'number' ? requestAt : (requestAt[index] as number));
      addresses[index] = at;
      at += alignLine(head + (range.lengths[index] as number));
    }
    return at;
  }
}
