/**
 * Frames kept in memory: pieces of some MiB, and arrays that say where each frame lies in them. The memory is shared: it is written
 * here before any other thread knows of it, and only read from then on.
 */
import { frameAt, wireBytesAt, type FrameRange, type RangeVisitor, type TimedRange } from './frame-range.js';
import type { KeptFrames } from './packet-source.js';

/** Memory for single frames is taken in pieces that double, as long as they fill up. */
const FIRST_PIECE_BYTES = 64 * 1024;
const MOST_PIECE_BYTES = 8 * 1024 * 1024;
/** Bytes that may be kept beside each frame of a range, so that the range is copied as a whole: record headers, options. */
const MOST_BESIDE_BYTES = 128;

/** Smaller ranges are not kept as such: memory of its own for each would come to more than the frames. */
const LEAST_RANGE = 64;

/** Memory is kept as it is where a range takes at least this part of it: one in so many bytes. */
const LEAST_SHARE = 2;

/** A pile of frames in the order in which they were put there. */
export class FramePile implements KeptFrames {
  readonly #ranges: FrameRange[] = [];
  #piece: OpenPiece | null = null;
  /** Times, range by range; none once they were put together. */
  #times: Float64Array[] = [];
  #timesNs: Float64Array<SharedArrayBuffer> | null = null;

  get timesNs(): Float64Array<SharedArrayBuffer> {
    this.#timesNs ??= together(this.#times);
    this.#times = [];
    return this.#timesNs;
  }

  /**
   * Keeps a range: its memory as it is where it can be kept, else a copy, all of it at once where little else lies between the frames. Not
   * after the times were asked for.
   */
  add(range: TimedRange): void {
    const { bytes, count, starts, lengths, wireBytes, timesNs } = range;
    this.#times.push(timesNs.slice(0, count));
    let from = Number.POSITIVE_INFINITY;
    let to = 0;
    let frameBytes = 0;
    for (let index = 0; index < count; index++) {
      const start = starts[index] as number;
      const length = lengths[index] as number;
      from = Math.min(from, start);
      to = Math.max(to, start + length);
      frameBytes += length;
    }
    if (count < LEAST_RANGE || to - from > frameBytes + count * MOST_BESIDE_BYTES) {
      for (let index = 0; index < count; index++) this.#addFrame(range, index);
      return;
    }
    this.#closePiece();
    const moved = sharedWords(starts, count);
    // Otherwise little could come to hold much memory.
    const isKept = range.keep != null && (to - from) * LEAST_SHARE >= bytes.buffer.byteLength;
    if (isKept) range.keep?.();
    else for (let index = 0; index < count; index++) moved[index] = (moved[index] as number) - from;
    this.#ranges.push({
      bytes: isKept ? bytes : sharedBytes(bytes.subarray(from, to)),
      count,
      starts: moved,
      lengths: sharedWords(lengths, count),
      wireBytes: wireBytes === null ? null : differingLengths(wireBytes, lengths, count),
    });
  }

  /** All ranges, in order: their memory can be shown to other threads. */
  get ranges(): readonly FrameRange[] {
    this.#closePiece();
    return this.#ranges;
  }

  forEachRange(visit: RangeVisitor): void {
    let firstIndex = 0;
    for (const range of this.ranges) {
      visit(range, firstIndex);
      firstIndex += range.count;
    }
  }

  #addFrame(range: FrameRange, index: number): void {
    const length = range.lengths[index] as number;
    if (this.#piece === null || !this.#piece.hasRoom(length)) {
      const bytes =
        this.#piece === null ? FIRST_PIECE_BYTES : Math.min(this.#piece.capacity * 2, MOST_PIECE_BYTES);
      this.#closePiece();
      this.#piece = new OpenPiece(Math.max(bytes, length));
    }
    this.#piece.add(frameAt(range, index), wireBytesAt(range, index));
  }

  #closePiece(): void {
    if (this.#piece !== null) this.#ranges.push(this.#piece.toRange());
    this.#piece = null;
  }
}

/** In shared memory, one behind the other. */
function together(parts: readonly Float64Array[]): Float64Array<SharedArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = new Float64Array(new SharedArrayBuffer(length * 8));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function sharedBytes(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

function sharedWords(words: Uint32Array, count: number): Uint32Array {
  const copy = new Uint32Array(new SharedArrayBuffer(count * 4));
  copy.set(words.subarray(0, count));
  return copy;
}

/** The lengths on the wire, which are not kept where they are those of the frames. */
function differingLengths(wireBytes: Uint32Array, lengths: Uint32Array, count: number): Uint32Array | null {
  for (let index = 0; index < count; index++) {
    if (wireBytes[index] !== lengths[index]) return wireBytes.slice(0, count);
  }
  return null;
}

/** Memory that single frames are put into, one behind the other. */
class OpenPiece {
  readonly #bytes: Uint8Array;
  #starts = new Uint32Array(1024);
  #lengths = new Uint32Array(1024);
  #wireBytes = new Uint32Array(1024);
  #count = 0;
  #used = 0;

  constructor(capacityBytes: number) {
    this.#bytes = new Uint8Array(new SharedArrayBuffer(capacityBytes));
  }

  get capacity(): number {
    return this.#bytes.length;
  }

  hasRoom(byteCount: number): boolean {
    return byteCount <= this.#bytes.length - this.#used;
  }

  add(frame: Uint8Array, wireBytes: number): void {
    if (this.#count === this.#starts.length) this.#grow();
    this.#bytes.set(frame, this.#used);
    this.#starts[this.#count] = this.#used;
    this.#lengths[this.#count] = frame.length;
    this.#wireBytes[this.#count] = wireBytes;
    this.#used += frame.length;
    this.#count++;
  }

  toRange(): FrameRange {
    const count = this.#count;
    const lengths = sharedWords(this.#lengths, count);
    return {
      bytes: this.#bytes,
      count,
      starts: sharedWords(this.#starts, count),
      lengths,
      wireBytes: differingLengths(this.#wireBytes, lengths, count),
    };
  }

  #grow(): void {
    this.#starts = doubled(this.#starts);
    this.#lengths = doubled(this.#lengths);
    this.#wireBytes = doubled(this.#wireBytes);
  }
}

function doubled(words: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(words.length * 2);
  larger.set(words);
  return larger;
}
