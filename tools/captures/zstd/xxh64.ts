/** XXH64's primes (xxHash specification), as 32-bit halves and, for the finish, whole. */
const P1 = 0x9e37_79b1_85eb_ca87n;
const P2 = 0xc2b2_ae3d_27d4_eb4fn;
const P3 = 0x1656_67b1_9e37_79f9n;
const P4 = 0x85eb_ca77_c2b2_ae63n;
const P5 = 0x27d4_eb2f_1656_67c5n;
const P1_LOW = Number(P1 & 0xffff_ffffn);
const P1_HIGH = Number(P1 >> 32n);
const P2_LOW = Number(P2 & 0xffff_ffffn);
const P2_HIGH = Number(P2 >> 32n);
const STRIPE_BYTES = 32;

/**
 * XXH64 with seed 0, of which Zstandard frames carry the low half.
 * Stripes are worked off with 32-bit arithmetic, since big integers are an order of magnitude slower.
 */
export class Xxh64 {
  /** Four accumulators, each as low and high half. */
  readonly #lanes = new Int32Array(8);
  readonly #pending = new Uint8Array(STRIPE_BYTES);
  #pendingLength = 0;
  #totalLength = 0;

  constructor() {
    for (const [lane, value] of [P1 + P2, P2, 0n, -P1].entries()) {
      this.#lanes[lane * 2] = Number(BigInt.asIntN(32, value));
      this.#lanes[lane * 2 + 1] = Number(BigInt.asIntN(32, value >> 32n));
    }
  }

  update(bytes: Uint8Array): void {
    this.#totalLength += bytes.length;
    let position = 0;
    if (this.#pendingLength > 0) {
      position = Math.min(bytes.length, STRIPE_BYTES - this.#pendingLength);
      this.#pending.set(bytes.subarray(0, position), this.#pendingLength);
      this.#pendingLength += position;
      if (this.#pendingLength < STRIPE_BYTES) return;
      this.#stripe(this.#pending, 0);
      this.#pendingLength = 0;
    }
    for (; position + STRIPE_BYTES <= bytes.length; position += STRIPE_BYTES) this.#stripe(bytes, position);
    this.#pending.set(bytes.subarray(position));
    this.#pendingLength = bytes.length - position;
  }

  digest(): bigint {
    let hash = this.#totalLength < STRIPE_BYTES ? P5 : this.#mergeLanes();
    hash = u64(hash + BigInt(this.#totalLength));
    const tail = new DataView(this.#pending.buffer, 0, this.#pendingLength);
    let position = 0;
    for (; position + 8 <= this.#pendingLength; position += 8) {
      hash ^= round(0n, tail.getBigUint64(position, true));
      hash = u64(rotate(hash, 27n) * P1 + P4);
    }
    if (position + 4 <= this.#pendingLength) {
      hash ^= u64(BigInt(tail.getUint32(position, true)) * P1);
      hash = u64(rotate(hash, 23n) * P2 + P3);
      position += 4;
    }
    for (; position < this.#pendingLength; position += 1) {
      hash ^= u64(BigInt(tail.getUint8(position)) * P5);
      hash = u64(rotate(hash, 11n) * P1);
    }
    hash = u64((hash ^ (hash >> 33n)) * P2);
    hash = u64((hash ^ (hash >> 29n)) * P3);
    return hash ^ (hash >> 32n);
  }

  #mergeLanes(): bigint {
    const lanes = [0, 1, 2, 3].map((lane) => this.#lane(lane));
    const rotations = [1n, 7n, 12n, 18n];
    let hash = u64(lanes.reduce((sum, value, lane) => sum + rotate(value, rotations[lane] as bigint), 0n));
    for (const value of lanes) hash = u64((hash ^ round(0n, value)) * P1 + P4);
    return hash;
  }

  #lane(index: number): bigint {
    const low = BigInt((this.#lanes[index * 2] as number) >>> 0);
    const high = BigInt((this.#lanes[index * 2 + 1] as number) >>> 0);
    return (high << 32n) | low;
  }

  #stripe(bytes: Uint8Array, start: number): void {
    const lanes = this.#lanes;
    for (let lane = 0; lane < 8; lane += 2) {
      const at = start + lane * 4;
      const inputLow =
        (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24);
      const inputHigh =
        (bytes[at + 4] as number) |
        ((bytes[at + 5] as number) << 8) |
        ((bytes[at + 6] as number) << 16) |
        ((bytes[at + 7] as number) << 24);
      const productLow = Math.imul(inputLow, P2_LOW);
      const productHigh = multiplyHigh(inputLow, P2_LOW) + Math.imul(inputLow, P2_HIGH) + Math.imul(inputHigh, P2_LOW);
      const sumLow = ((lanes[lane] as number) + productLow) | 0;
      const carry = sumLow >>> 0 < productLow >>> 0 ? 1 : 0;
      const sumHigh = ((lanes[lane + 1] as number) + productHigh + carry) | 0;
      const turnedLow = (sumLow << 31) | (sumHigh >>> 1);
      const turnedHigh = (sumHigh << 31) | (sumLow >>> 1);
      lanes[lane] = Math.imul(turnedLow, P1_LOW);
      lanes[lane + 1] =
        multiplyHigh(turnedLow, P1_LOW) + Math.imul(turnedLow, P1_HIGH) + Math.imul(turnedHigh, P1_LOW);
    }
  }
}

/** The upper 32 bits of the product of two unsigned 32-bit numbers. */
function multiplyHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const middle = (Math.imul(a1, b0) >>> 0) + (Math.imul(a0, b0) >>> 16);
  const lower = (Math.imul(a0, b1) >>> 0) + (middle & 0xffff);
  return (Math.imul(a1, b1) + Math.floor(middle / 0x1_0000) + Math.floor(lower / 0x1_0000)) | 0;
}

function round(lane: bigint, input: bigint): bigint {
  return u64(rotate(u64(lane + input * P2), 31n) * P1);
}

function rotate(value: bigint, bits: bigint): bigint {
  return u64((value << bits) | (value >> (64n - bits)));
}

function u64(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}
