/** What tells a flow apart beside its addresses. */
export interface FlowFields {
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Flows of different zones are different flows, 0 to 65535; undefined = 0. */
  readonly zone?: number | undefined;
}

/**
 * A set of flow identities that stays small: it keeps 64 bits of hash per flow instead of the tuple.
 *
 * Two of n flows share a hash, and are then counted once, with probability below n²/2⁶⁵: under 3 in a million for
 * ten million flows. Beyond `maxFlows` the set stops growing and says so.
 */
export class FlowSet {
  /** True once flows were no longer added; their number is then a lower bound. */
  full = false;
  #slots: Uint32Array;
  #capacity = 1024;
  #used = 0;
  readonly #key = new Uint32Array(KEY_WORDS);
  readonly #keyBytes = new Uint8Array(this.#key.buffer);

  readonly #maxFlows: number;

  constructor(maxFlows = 16_000_000) {
    this.#maxFlows = maxFlows;
    this.#slots = new Uint32Array(this.#capacity * 2);
  }

  get size(): number {
    return this.#used;
  }

  /**
   * Adds the flow between two endpoints; either direction is the same flow.
   * @param frame bytes holding the source address at `addressesAt`, the destination's right behind it
   * @param addressBytes 4 or 16
   * @returns true when the flow was new
   */
  add(
    frame: Uint8Array,
    addressesAt: number,
    addressBytes: number,
    flow: FlowFields,
  ): boolean {
    if (addressBytes === 4) return this.#addIpv4(frame, addressesAt, flow);
    const { protocol, sourcePort, destinationPort, zone = 0 } = flow;
    const swapped = this.#isSwapped(frame, addressesAt, addressBytes, sourcePort, destinationPort);
    const keyBytes = this.#keyBytes;
    const key = this.#key;
    key.fill(0);
    for (let index = 0; index < addressBytes; index += 1) {
      const source = frame[addressesAt + index] as number;
      const destination = frame[addressesAt + addressBytes + index] as number;
      keyBytes[index] = swapped ? destination : source;
      keyBytes[16 + index] = swapped ? source : destination;
    }
    key[8] = swapped ? destinationPort * 0x1_0000 + sourcePort : sourcePort * 0x1_0000 + destinationPort;
    key[9] = zone * 0x1_0000 + ((addressBytes << 8) | protocol);
    // A stored pair of zeros means an empty slot, so the low half is never 0.
    return this.#insert(hashWords(key, 0x2545_f491) | 1, hashWords(key, 0x9e37_79b9));
  }

  /** As for any addresses, without the loops: most flows are of IPv4, and there may be millions. */
  #addIpv4(
    frame: Uint8Array,
    addressesAt: number,
    { protocol, sourcePort, destinationPort, zone = 0 }: FlowFields,
  ): boolean {
    const source = u32(frame, addressesAt);
    const destination = u32(frame, addressesAt + 4);
    const swapped = source === destination ? sourcePort > destinationPort : source > destination;
    const lower = (swapped ? destination : source) | 0;
    const upper = (swapped ? source : destination) | 0;
    const ports = swapped ? (destinationPort << 16) | sourcePort : (sourcePort << 16) | destinationPort;
    const kind = (zone << 16) | (4 << 8) | protocol;
    const low = hashFour(lower, upper, ports, kind, 0x2545_f491);
    return this.#insert(low | 1, hashFour(lower, upper, ports, kind, 0x9e37_79b9));
  }

  #isSwapped(
    frame: Uint8Array,
    addressesAt: number,
    addressBytes: number,
    sourcePort: number,
    destinationPort: number,
  ): boolean {
    for (let index = 0; index < addressBytes; index += 1) {
      const source = frame[addressesAt + index] as number;
      const destination = frame[addressesAt + addressBytes + index] as number;
      if (source !== destination) return source > destination;
    }
    return sourcePort > destinationPort;
  }

  #insert(low: number, high: number): boolean {
    const lowWord = low >>> 0;
    const highWord = high >>> 0;
    const mask = this.#capacity - 1;
    let slot = highWord & mask;
    for (;;) {
      const stored = this.#slots[slot * 2] as number;
      if (stored === 0) break;
      if (stored === lowWord && this.#slots[slot * 2 + 1] === highWord) return false;
      slot = (slot + 1) & mask;
    }
    if (this.#used === this.#maxFlows) {
      this.full = true;
      return false;
    }
    this.#slots[slot * 2] = lowWord;
    this.#slots[slot * 2 + 1] = highWord;
    this.#used += 1;
    if (this.#used * 2 > this.#capacity) this.#grow();
    return true;
  }

  #grow(): void {
    const old = this.#slots;
    this.#capacity *= 2;
    this.#slots = new Uint32Array(this.#capacity * 2);
    const mask = this.#capacity - 1;
    for (let from = 0; from < old.length; from += 2) {
      const low = old[from] as number;
      if (low === 0) continue;
      const high = old[from + 1] as number;
      let slot = high & mask;
      while (this.#slots[slot * 2] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot * 2] = low;
      this.#slots[slot * 2 + 1] = high;
    }
  }
}

const KEY_WORDS = 10;

/** MurmurHash3, 32-bit variant, over whole words. */
function hashWords(words: Uint32Array, seed: number): number {
  let hash = seed;
  for (const word of words) hash = mixIn(hash, word);
  return finish(hash ^ (words.length * 4));
}

/** The same over four words. */
function hashFour(a: number, b: number, c: number, d: number, seed: number): number {
  return finish(mixIn(mixIn(mixIn(mixIn(seed, a), b), c), d) ^ 16);
}

function mixIn(hash: number, word: number): number {
  let mixed = Math.imul(word, 0xcc9e_2d51);
  mixed = (mixed << 15) | (mixed >>> 17);
  const next = hash ^ Math.imul(mixed, 0x1b87_3593);
  return (Math.imul((next << 13) | (next >>> 19), 5) + 0xe654_6b64) | 0;
}

function finish(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}

/** In network order. */
function u32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}
