/** Copying frames into the engine's memory, one by one. */
import type { FrameRange } from './frame-range.js';

/** Longer frames are copied by a call; of shorter ones the call, and the view that it wants, would be most of the work. */
const LOOPED_BYTES = 256;

/** Copies frames of a range into one memory, without an object for each. */
export class FrameCopy {
  readonly #target: DataView;
  readonly #targetBytes: Uint8Array;
  #bytes: Uint8Array = new Uint8Array(0);
  #source: DataView = new DataView(this.#bytes.buffer);

  /** @param memory of the engine */
  constructor(memory: ArrayBufferLike) {
    this.#target = new DataView(memory);
    this.#targetBytes = new Uint8Array(memory);
  }

  /** Takes the frames of this range from now on. */
  open({ bytes }: FrameRange): void {
    this.#bytes = bytes;
    // Ranges mostly lie in the same buffer, one after the other.
    if (bytes.buffer !== this.#source.buffer) this.#source = new DataView(bytes.buffer);
  }

  /** Copies `length` bytes of the range that start at `start` to the address `to`. */
  copy(start: number, to: number, length: number): void {
    if (length > LOOPED_BYTES) {
      this.#targetBytes.set(this.#bytes.subarray(start, start + length), to);
      return;
    }
    const source = this.#source;
    const target = this.#target;
    const from = this.#bytes.byteOffset + start;
    const words = length - (length % 4);
    for (let at = 0; at < words; at += 4) target.setInt32(to + at, source.getInt32(from + at, true), true);
    for (let at = words; at < length; at++) target.setUint8(to + at, source.getUint8(from + at));
  }
}
