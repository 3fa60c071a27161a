import { ByteWindow } from './byte-window.js';

/** Room before the first byte, so that an Ethernet header can be put before a frame in place. */
const HEAD_ROOM_BYTES = 64;
const FIRST_CAPACITY_BYTES = 256 * 1024;

/**
 * A byte window whose memory is used over and over: what it showed holds until it is filled again. Chunks are copied in as they come,
 * so that their source may use its memory again as well.
 */
export class ReusedWindow extends ByteWindow {
  override async fill(byteCount: number): Promise<boolean> {
    while (this.available < byteCount) {
      const chunk = await this.nextChunk();
      if (chunk === null) return false;
      this.#takeIn(chunk);
    }
    return true;
  }

  #takeIn(chunk: Uint8Array): void {
    const { start, end } = this;
    const rest = end - start;
    const needed = HEAD_ROOM_BYTES + rest + chunk.length;
    if (needed > this.buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2, FIRST_CAPACITY_BYTES));
      this.buffer.copy(grown, HEAD_ROOM_BYTES, start, end);
      this.buffer = grown;
    } else {
      this.buffer.copyWithin(HEAD_ROOM_BYTES, start, end);
    }
    this.buffer.set(chunk, HEAD_ROOM_BYTES + rest);
    this.start = HEAD_ROOM_BYTES;
    this.end = HEAD_ROOM_BYTES + rest + chunk.length;
  }
}
