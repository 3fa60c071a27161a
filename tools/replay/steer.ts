/**
 * Steering: which worker gets a packet, decided while loading.
 *
 * `rss` is receive-side scaling as NICs do it: the Toeplitz hash of the tuple picks the queue. With the usual key the
 * two directions of a connection land on different queues; with a key that repeats every 16 bits the hash is symmetric
 * (Woo and Park, "Scalable TCP Session Monitoring with Symmetric Receive-side Scaling", 2012), which is what connection
 * trackers want and the default here.
 */
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, NO_OFFSET } from '../wire/ethernet.js';
import type { LayerOffsets } from '../wire/layer-offsets.js';

export const STEER_MODES = ['rss', 'rss-asymmetric', 'round-robin', 'flow', 'zone', 'single'] as const;
export type SteerMode = (typeof STEER_MODES)[number];

/** Key of the symmetric hash: 0x6d5a over and over. */
const SYMMETRIC_KEY = Uint8Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 0x6d : 0x5a));
/** The verification key of the RSS specification, which most NIC drivers load by default. */
const STANDARD_KEY = Uint8Array.of(
  0x6d,
  0x5a,
  0x56,
  0xda,
  0x25,
  0x5b,
  0x0e,
  0xc2,
  0x41,
  0x67,
  0x25,
  0x3d,
  0x43,
  0xa3,
  0x8f,
  0xb0,
  0xd0,
  0xca,
  0x2b,
  0xcb,
  0xae,
  0x7b,
  0x30,
  0xb4,
  0x77,
  0xcb,
  0x2d,
  0xa3,
  0x80,
  0x30,
  0xf2,
  0x0c,
  0x6a,
  0x42,
  0xb7,
  0x3b,
  0xbe,
  0xac,
  0x01,
  0xfa,
);

/** A Toeplitz hash with its key unrolled into 256 words per input byte, one behind the other. */
export class Toeplitz {
  readonly #words: Int32Array;

  /** @param key 40 bytes: enough for two IPv6 addresses and two ports */
  constructor(key: Uint8Array) {
    const positions = key.length - 4;
    this.#words = new Int32Array(positions * 256);
    for (let position = 0; position < positions; position++) {
      for (let value = 0; value < 256; value++) {
        let hash = 0;
        for (let bit = 0; bit < 8; bit++) {
          if (value & (0x80 >> bit)) hash ^= keyWindow(key, position * 8 + bit);
        }
        this.#words[position * 256 + value] = hash;
      }
    }
  }

  /** Goes on from `hash` with `count` bytes; the first of them is input byte `position`. */
  update(hash: number, position: number, bytes: Uint8Array, at: number, count: number): number {
    const words = this.#words;
    let result = hash | 0;
    for (let i = 0, first = position * 256; i < count; i++, first += 256) {
      result ^= words[first + (bytes[at + i] as number)] as number;
    }
    return result >>> 0;
  }
}

/** The 32 bits of the key that start at `bit`. */
function keyWindow(key: Uint8Array, bit: number): number {
  let window = 0;
  for (let i = 0; i < 32; i++) {
    const at = bit + i;
    const set = ((key[at >> 3] as number) >> (7 - (at & 7))) & 1;
    window = (window << 1) | set;
  }
  return window >>> 0;
}

/** Decides the worker of each packet in turn. */
export interface Steering {
  /**
   * @param frame bytes that hold the frame at `at`
   * @param layers where its headers are, relative to the frame
   * @param zone of the packet
   * @param end of the frame; absent = that of the bytes
   */
  workerOf(frame: Uint8Array, at: number, layers: LayerOffsets, zone: number, end?: number): number;
  /** Whether `zone` matters. */
  readonly needsZone: boolean;
  /** Whether frame and layers matter; absent = yes. */
  readonly needsLayers?: boolean;
}

/** Steering of `mode` over `workers` workers. */
export function makeSteering(mode: SteerMode, workers: number): Steering {
  if (mode === 'single' || workers === 1) {
    return { workerOf: () => 0, needsZone: false, needsLayers: false };
  }
  if (mode === 'round-robin') {
    let next = 0;
    return {
      needsZone: false,
      needsLayers: false,
      workerOf: () => {
        const worker = next;
        next = next + 1 === workers ? 0 : next + 1;
        return worker;
      },
    };
  }
  if (mode === 'zone') {
    return { workerOf: (_frame, _at, _layers, zone) => zone % workers, needsZone: true, needsLayers: false };
  }
  const hash = new TupleHash(mode === 'rss-asymmetric' ? STANDARD_KEY : SYMMETRIC_KEY, mode === 'flow');
  return {
    workerOf: (frame, at, layers, _zone, end) => hash.of(frame, at, layers, end) % workers,
    needsZone: false,
  };
}

/** Toeplitz over addresses, and over ports too where the packet has them and is no fragment (or `withPorts`, by flow). */
class TupleHash {
  readonly #toeplitz: Toeplitz;
  readonly #protocolMixed: boolean;

  constructor(key: Uint8Array, protocolMixed: boolean) {
    this.#toeplitz = new Toeplitz(key);
    this.#protocolMixed = protocolMixed;
  }

  of(frame: Uint8Array, at: number, layers: LayerOffsets, end = frame.length): number {
    const { l3, l4, dlType } = layers;
    if (l3 === NO_OFFSET) return 0;
    const header = at + l3;
    let hash = 0;
    let used = 0;
    let protocol: number;
    let fragment = false;
    if (dlType === ETHERTYPE_IPV4) {
      hash = this.#toeplitz.update(0, 0, frame, header + 12, 8);
      used = 8;
      protocol = frame[header + 9] as number;
      fragment = ((((frame[header + 6] as number) << 8) | (frame[header + 7] as number)) & 0x3fff) !== 0;
    } else if (dlType === ETHERTYPE_IPV6) {
      hash = this.#toeplitz.update(0, 0, frame, header + 8, 32);
      used = 32;
      protocol = frame[header + 6] as number;
      fragment = protocol === 44;
    } else {
      return 0;
    }
    const hasPorts = protocol === 6 || protocol === 17;
    // All fragments of a datagram must meet, and only the first has ports.
    if (hasPorts && !fragment && l4 !== NO_OFFSET && at + l4 + 4 <= end) {
      hash = this.#toeplitz.update(hash, used, frame, at + l4, 4);
    }
    if (this.#protocolMixed) hash = Math.imul(hash ^ protocol, 0x9e3779b1) >>> 0;
    // NICs take low bits through an indirection table. Multiplying spreads hashes whose low bits coincide; XOR of the halves
    // would not do, since a key of period 16 makes them equal.
    return Math.imul(hash, 0x9e3779b1) >>> 16;
  }
}

/** The symmetric and the standard Toeplitz, for tests against published values. */
export const RSS_KEYS = { symmetric: SYMMETRIC_KEY, standard: STANDARD_KEY } as const;
