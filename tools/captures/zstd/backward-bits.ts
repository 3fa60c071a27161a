import { ZstdError } from './zstd-error.js';

/** Zero bytes that must follow the data of every bit stream, so that a read near its end stays inside the array. */
export const BIT_PADDING_BYTES = 8;

/**
 * A Zstandard bit stream, which is written forwards and read backwards from its last bit
 * (RFC 8878, 4.1): a set bit in the last byte marks where it ends.
 */
export class BackwardBits {
  /** Bits left before the reading position; below 0 more was read than there was. */
  remaining: number;

  readonly bytes: Uint8Array;
  readonly start: number;

  /**
   * @param bytes array with at least `BIT_PADDING_BYTES` behind `end`
   * @throws ZstdError when the end mark is missing
   */
  constructor(
    bytes: Uint8Array,
    start: number,
    end: number,
  ) {
    this.bytes = bytes;
    this.start = start;
    const last = end > start ? (bytes[end - 1] as number) : 0;
    if (last === 0) throw new ZstdError('a bit stream has no end mark');
    this.remaining = (end - start) * 8 - (Math.clz32(last) - 24) - 1;
  }

  /** Reads up to 24 bits; past the beginning it reads zeros and `remaining` goes below 0. */
  read(bitCount: number): number {
    this.remaining -= bitCount;
    const at = this.remaining;
    if (at < 0) {
      const present = at + bitCount;
      if (present <= 0) return 0;
      return (this.#window(0) & ((1 << present) - 1)) << -at;
    }
    return (this.#window(at >> 3) >>> (at & 7)) & ((1 << bitCount) - 1);
  }

  #window(byteIndex: number): number {
    const { bytes } = this;
    const at = this.start + byteIndex;
    return (
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    );
  }
}
