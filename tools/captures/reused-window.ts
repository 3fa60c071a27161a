import { ByteWindow } from './byte-window.js';
import type { ChunkLedger } from './chunk-memory.js';

/** Room before the first byte, so that an Ethernet header can be put before a frame in place. */
const HEADER_ROOM_BYTES = 64;
const FIRST_CAPACITY_BYTES = 256 * 1024;

/**
 * A byte window whose memory is used over and over: what it showed holds until it is filled again, or is kept.
 *
 * A chunk that has room in front of it is shown where it lies, behind what was left of the one before; others are copied into
 * memory of the window's own.
 */
export class ReusedWindow extends ByteWindow {
  readonly #ledger: ChunkLedger;
  /** Memory of its own, which it may show. */
  #own: Buffer = Buffer.alloc(0);

  /**
   * @param chunks each holds until the one after the next is asked for
   * @param ledger of the reading
   */
  constructor(chunks: AsyncIterable<Uint8Array>, ledger: ChunkLedger) {
    super(chunks);
    this.#ledger = ledger;
  }

  override async fill(byteCount: number): Promise<boolean> {
    while (this.available < byteCount) {
      const chunk = await this.nextChunk();
      if (chunk === null) return false;
      const rest = this.end - this.start;
      if (this.#ledger.hasRoom(chunk) && rest + HEADER_ROOM_BYTES <= chunk.byteOffset) this.#show(chunk, rest);
      else this.#takeIn(chunk, rest);
    }
    return true;
  }

  /** Shows a chunk where it lies, with the rest of what came before in front of it. */
  #show(chunk: Uint8Array, rest: number): void {
    const end = chunk.byteOffset + chunk.length;
    const shown = Buffer.from(chunk.buffer, 0, end);
    const start = chunk.byteOffset - rest;
    this.buffer.copy(shown, start, this.start, this.end);
    this.buffer = shown;
    this.start = start;
    this.end = end;
  }

  #takeIn(chunk: Uint8Array, rest: number): void {
    const needed = HEADER_ROOM_BYTES + rest + chunk.length;
    let own = this.#own;
    if (this.#ledger.isKept(own)) own = Buffer.alloc(0);
    if (needed > own.length) {
      const byteCount = Math.max(needed, own.length * 2, FIRST_CAPACITY_BYTES);
      own = Buffer.from(new SharedArrayBuffer(byteCount));
    }
    // Both may be the same memory, which copy allows for.
    this.buffer.copy(own, HEADER_ROOM_BYTES, this.start, this.end);
    own.set(chunk, HEADER_ROOM_BYTES + rest);
    this.#own = own;
    this.buffer = own;
    this.start = HEADER_ROOM_BYTES;
    this.end = HEADER_ROOM_BYTES + rest + chunk.length;
  }
}
