/**
 * A seeded permutation of 0..size-1 that is computed, not stored: distinct "random" addresses and ports for
 * millions of flows in no memory. A four-round Feistel network on the smallest power of two that holds `size`;
 * results outside are walked on (cycle walking, less than two steps on average).
 */
import { mixInt32 } from './random.js';
import type { Random } from './random.js';

export class Permutation {
  readonly #leftBits: number;
  readonly #rightBits: number;
  readonly #leftMask: number;
  readonly #rightMask: number;
  readonly #key0: number;
  readonly #key1: number;
  readonly #key2: number;
  readonly #key3: number;

  readonly size: number;

  /** @param size 1 to 2^32 */
  constructor(size: number, random: Random) {
    this.size = size;
    if (!Number.isInteger(size) || size < 1 || size > 2 ** 32) {
      throw new RangeError(`a permutation of ${size} numbers is not of 1 to 2^32`);
    }
    const bits = Math.max(2, Math.ceil(Math.log2(size)));
    this.#leftBits = bits >>> 1;
    this.#rightBits = bits - this.#leftBits;
    this.#leftMask = 2 ** this.#leftBits - 1;
    this.#rightMask = 2 ** this.#rightBits - 1;
    this.#key0 = random.u32() | 0;
    this.#key1 = random.u32() | 0;
    this.#key2 = random.u32() | 0;
    this.#key3 = random.u32() | 0;
  }

  /** The image of `index`, 0 <= index < size. Distinct indexes have distinct images. */
  at(index: number): number {
    let value = index;
    do value = this.#shuffle(value);
    while (value >= this.size);
    return value;
  }

  #shuffle(value: number): number {
    // Unbalanced halves keep their widths: each round changes one half by a function of the other only.
    let right = value & this.#rightMask;
    let left = (value >>> this.#rightBits) & this.#leftMask;
    left = (left ^ mixInt32(right ^ this.#key0)) & this.#leftMask;
    right = (right ^ mixInt32(left ^ this.#key1)) & this.#rightMask;
    left = (left ^ mixInt32(right ^ this.#key2)) & this.#leftMask;
    right = (right ^ mixInt32(left ^ this.#key3)) & this.#rightMask;
    return ((left << this.#rightBits) | right) >>> 0;
  }
}
