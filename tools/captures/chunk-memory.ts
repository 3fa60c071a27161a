/**
 * Memory for the chunks of a reading: used over and over, but for what somebody keeps. In front of each chunk is room that nobody uses, so
 * that the record a chunk ends in goes on in front of the next one, without the chunk being copied.
 *
 * A chunk belongs to the reader until it is released. Whoever wants what it shows for longer keeps it before that, and then
 * nobody writes to its memory any more. It is shared memory, so that other threads can be shown what is kept.
 */

/** Room in front of a chunk: for a record that is not whole, and an Ethernet header that is put before a frame in place. */
export const HEAD_ROOM_BYTES = 64 * 1024;

/** The chunks of one reading: which have room in front of them, and which are kept. */
export class ChunkLedger {
  readonly #made = new WeakSet<ArrayBufferLike>();
  readonly #kept = new WeakSet<ArrayBufferLike>();

  /** A chunk as large as the memory but for the room in front of it. */
  make(memory: ArrayBufferLike): Uint8Array {
    this.#made.add(memory);
    return new Uint8Array(memory, HEAD_ROOM_BYTES);
  }

  /** Whether there is room in front of it. */
  hasRoom({ buffer, byteOffset }: Uint8Array): boolean {
    return byteOffset === HEAD_ROOM_BYTES && this.#made.has(buffer);
  }

  /** Keeps the memory that this shows a part of. */
  keep({ buffer }: Uint8Array): void {
    this.#kept.add(buffer);
  }

  isKept({ buffer }: Uint8Array): boolean {
    return this.#kept.has(buffer);
  }
}

/** Where a reading gets memory for its chunks. */
export interface ChunkMemory {
  /** Memory for the next chunk, with room in front; waits where all of it is in use. */
  take(): Uint8Array | Promise<Uint8Array>;
  /** Nobody looks at this chunk any more, but who keeps it. */
  release(chunk: Uint8Array): void;
}

/** Memory of one thread. */
export class OwnChunks implements ChunkMemory {
  readonly #chunkBytes: number;
  readonly #ledger: ChunkLedger;
  readonly #free: Uint8Array[] = [];

  constructor(chunkBytes: number, ledger: ChunkLedger) {
    this.#chunkBytes = chunkBytes;
    this.#ledger = ledger;
  }

  take(): Uint8Array {
    const fresh = (): Uint8Array =>
      this.#ledger.make(new SharedArrayBuffer(HEAD_ROOM_BYTES + this.#chunkBytes));
    return this.#free.pop() ?? fresh();
  }

  release(chunk: Uint8Array): void {
    if (!this.#ledger.isKept(chunk)) this.#free.push(this.#ledger.make(chunk.buffer));
  }
}
