/**
 * Seeded pseudo-random numbers: xoshiro128** (Blackman and Vigna, 2018), its state filled by splitmix32.
 *
 * Everything random in a scenario comes from here, so that one seed gives one sequence of packets on every
 * machine. Nothing in this file reads a clock or `Math.random`.
 */

/** One step of splitmix32: a bijective, well-mixed function of a 32-bit number. Used as a stateless hash. */
export function mix32(value: number): number {
  return mixInt32(value) >>> 0;
}

/** {@link mix32} as a signed number, which stays a machine integer where results are only masked. */
export function mixInt32(value: number): number {
  let z = (value + 0x9e3779b9) | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return z ^ (z >>> 15);
}

/** 32-bit hash of two 32-bit numbers (order matters). */
export function mixPair32(a: number, b: number): number {
  return mix32(mixInt32(a) ^ Math.imul(b, 0x85ebca6b));
}

function hashLabel32(label: string): number {
  // FNV-1a over UTF-16 code units.
  let hash = 0x811c9dc5;
  for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/**
 * A seeded generator. `seed` is any integer of at most 53 bits; its high and low halves both count.
 *
 * @throws RangeError when the seed is not a safe non-negative integer.
 */
export class Random {
  readonly seed: number;
  #s0: number;
  #s1: number;
  #s2: number;
  #s3: number;

  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new RangeError(`seed ${seed} is not an integer from 0 to ${Number.MAX_SAFE_INTEGER}`);
    }
    this.seed = seed;
    const low = seed >>> 0;
    const high = Math.floor(seed / 2 ** 32) >>> 0;
    const start = mixPair32(high, low);
    // splitmix32 is a bijection of a counter, so the four words are distinct and never all zero.
    this.#s0 = mix32(start);
    this.#s1 = mix32((start + 0x9e3779b9) | 0);
    this.#s2 = mix32((start + 0x3c6ef372) | 0);
    this.#s3 = mix32((start + 0xdaa66d2b) | 0);
  }

  /**
   * An independent generator for a named purpose. It depends on the seed and the label only, not on how much
   * was drawn before, so adding a draw in one place does not change the packets of another.
   */
  derive(label: string): Random {
    const high = mixPair32(hashLabel32(label), Math.floor(this.seed / 2 ** 32)) & 0x1fffff;
    const low = mixPair32(this.seed >>> 0, hashLabel32(label));
    return new Random(high * 2 ** 32 + low);
  }

  /** Uniform 32-bit unsigned integer. */
  u32(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#s1, 5), 7), 9) >>> 0;
    const t = this.#s1 << 9;
    this.#s2 ^= this.#s0;
    this.#s3 ^= this.#s1;
    this.#s1 ^= this.#s2;
    this.#s0 ^= this.#s3;
    this.#s2 ^= t;
    this.#s3 = rotateLeft(this.#s3, 11);
    return result;
  }

  /**
   * Uniform integer from 0 to `bound - 1`, `1 <= bound <= 2^32`. Scaled, not rejected: the bias is below
   * `bound / 2^32`, and the number of draws never depends on the values drawn.
   */
  below(bound: number): number {
    return Math.floor((this.u32() / 2 ** 32) * bound);
  }

  /** Uniform integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** Uniform real in [0, 1), 32 bits of it. */
  real(): number {
    return this.u32() / 2 ** 32;
  }

  /** True with probability `share`. 0 is never, 1 is always. */
  chance(share: number): boolean {
    return this.real() < share;
  }

  /** Fills `into` with random bytes. */
  bytes(into: Uint8Array): Uint8Array {
    for (let i = 0; i < into.length; i++) into[i] = this.u32() >>> 24;
    return into;
  }
}

function rotateLeft(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k));
}
