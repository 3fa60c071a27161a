import { EngineError } from './engine-error.js';
import { byteOffset, type ByteOffset } from './quantities.js';

/** A place for one packet: descriptor first, then the frame. */
export interface PacketPlace {
  readonly descriptor: ByteOffset;
  readonly frame: ByteOffset;
  /** Bytes that the frame may grow to. */
  readonly capacity: number;
}

const SMALLEST_BYTES = 2048;
/** Room behind a frame, so that rewriting can lengthen it. */
const TAIL_ROOM_BYTES = 256;

/**
 * Hands out places for packets from one region and takes them back, in sizes that are powers of two: a place given
 * back serves the next packet of its size. One user at a time.
 *
 * Frames start two bytes past a multiple of four, so that the IP header behind an Ethernet header is aligned.
 */
export class PacketStore {
  readonly #descriptorBytes: number;
  readonly #end: number;
  readonly #free = new Map<number, PacketPlace[]>();
  #next: number;

  constructor(base: ByteOffset, sizeBytes: number, descriptorBytes: number) {
    this.#next = base;
    this.#end = base + sizeBytes;
    this.#descriptorBytes = descriptorBytes;
  }

  /**
   * A place for a frame of this length with room to grow.
   * @throws EngineError when the store is full
   */
  take(frameLength: number): PacketPlace {
    const size = this.#sizeFor(frameLength);
    const reused = this.#free.get(size)?.pop();
    if (reused !== undefined) return reused;
    const descriptor = this.#next;
    if (descriptor + size > this.#end) {
      throw new EngineError({
        reason: `the packet store has no room for a frame of ${frameLength} bytes`,
        advice: 'Give the packet store more bytes, or release packets that are done.',
      });
    }
    this.#next = descriptor + size;
    const frame = descriptor + this.#descriptorBytes + 2;
    return {
      descriptor: byteOffset(descriptor),
      frame: byteOffset(frame),
      capacity: size - this.#descriptorBytes - 2,
    };
  }

  /** Takes a place back. It must have come from `take` and not be in use. */
  give(place: PacketPlace): void {
    const size = place.capacity + this.#descriptorBytes + 2;
    const places = this.#free.get(size);
    if (places === undefined) this.#free.set(size, [place]);
    else places.push(place);
  }

  #sizeFor(frameLength: number): number {
    const wanted = frameLength + TAIL_ROOM_BYTES + this.#descriptorBytes + 2;
    return wanted <= SMALLEST_BYTES ? SMALLEST_BYTES : 2 ** Math.ceil(Math.log2(wanted));
  }
}
