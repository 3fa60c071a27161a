/** One packet of a range as rules, steering and the count of slots look at it. */
import { dissect, emptyDissection, type Dissection } from '../wire/dissect.js';
import {
  emptyLayerOffsets,
  locateLayers,
  locatePlainIpv4,
  type LayerOffsets,
} from '../wire/layer-offsets.js';
import { frameAt, wireBytesAt, type FrameRange } from './frame-range.js';

const NO_RANGE: FrameRange = {
  bytes: new Uint8Array(0),
  count: 0,
  starts: new Uint32Array(0),
  lengths: new Uint32Array(0),
  wireBytes: null,
};

/**
 * Its layers are located when somebody asks for them, and once. One object serves one packet after the other; what it shows holds until
 * the next is opened.
 */
export class LocatedPacket {
  readonly #layers = emptyLayerOffsets();
  readonly #headers = emptyDissection();
  #range = NO_RANGE;
  #index = 0;
  #isPlain: boolean | null = null;
  #frame: Uint8Array | null = null;
  #hasLayers = false;
  #hasHeaders = false;

  open(range: FrameRange, index: number): void {
    this.#range = range;
    this.#index = index;
    this.#isPlain = null;
    this.#frame = null;
    this.#hasLayers = false;
    this.#hasHeaders = false;
  }

  /** Memory that holds the frame. */
  get bytes(): Uint8Array {
    return this.#range.bytes;
  }

  /** Where the frame starts in it, and where it ends. */
  get start(): number {
    return this.#range.starts[this.#index] as number;
  }

  get end(): number {
    return this.start + (this.#range.lengths[this.#index] as number);
  }

  /** The frame by itself: an object, so that it is better to do without where `isPlain`. */
  get frame(): Uint8Array {
    this.#frame ??= frameAt(this.#range, this.#index);
    return this.#frame;
  }

  /** Whether it is a whole IPv4 packet right behind an Ethernet header, as most are. */
  get isPlain(): boolean {
    if (this.#isPlain === null) {
      const { start } = this;
      this.#isPlain = locatePlainIpv4(this.bytes, start, this.end - start, this.#layers);
      this.#hasLayers = this.#isPlain;
    }
    return this.#isPlain;
  }

  /** Network and transport header as a tracker finds them, relative to the frame. */
  get layers(): LayerOffsets {
    if (!this.isPlain && !this.#hasLayers) locateLayers(this.frame, this.#layers);
    this.#hasLayers = true;
    return this.#layers;
  }

  /** What a lenient look finds, also in a packet that was cut. */
  get headers(): Dissection {
    if (!this.#hasHeaders) {
      const network = this.#hasLayers ? this.#layers : undefined;
      dissect(this.frame, this.#headers, wireBytesAt(this.#range, this.#index), network);
    }
    this.#hasHeaders = true;
    return this.#headers;
  }
}
