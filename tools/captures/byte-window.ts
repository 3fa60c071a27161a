/**
 * A sliding view of a byte stream, for parsers that need N contiguous bytes at a time.
 *
 * Bytes once shown are never overwritten: when the window must grow it moves to a new buffer, so slices handed out
 * stay valid for as long as their holder keeps them. Memory held is one chunk plus the largest request.
 */
export class ByteWindow {
  /** The current buffer; valid bytes lie in [start, end). */
  buffer: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  /** Offset in the stream of the byte at `start`. */
  streamOffset = 0;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #ended = false;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Bytes available without reading further. */
  get available(): number {
    return this.end - this.start;
  }

  /** Makes at least `byteCount` contiguous bytes available; false when the stream ends before that. */
  async fill(byteCount: number): Promise<boolean> {
    while (this.end - this.start < byteCount) {
      const pieces: Uint8Array[] = [];
      let total = this.end - this.start;
      while (total < byteCount) {
        const chunk = await this.nextChunk();
        if (chunk === null) break;
        pieces.push(chunk);
        total += chunk.length;
      }
      if (pieces.length > 0) this.#append(pieces, total);
      if (this.#ended) break;
    }
    return this.end - this.start >= byteCount;
  }

  /** Marks `byteCount` available bytes as consumed. */
  consume(byteCount: number): void {
    this.start += byteCount;
    this.streamOffset += byteCount;
  }

  /** Consumes `byteCount` bytes without holding them; false when the stream ends first. */
  async skip(byteCount: number): Promise<boolean> {
    let left = byteCount;
    while (left > 0) {
      if (this.available === 0 && !(await this.fill(1))) return false;
      const step = Math.min(left, this.available);
      this.consume(step);
      left -= step;
    }
    return true;
  }

  /** The next chunk that holds anything; null at the end of the stream. */
  protected async nextChunk(): Promise<Uint8Array | null> {
    while (!this.#ended) {
      const next = await this.#chunks.next();
      if (next.done === true) this.#ended = true;
      else if (next.value.length > 0) return next.value;
    }
    return null;
  }

  /** Ends the stream early and releases its source. */
  async close(): Promise<void> {
    this.#ended = true;
    await this.#chunks.return?.();
  }

  #append(pieces: readonly Uint8Array[], total: number): void {
    const rest = this.buffer.subarray(this.start, this.end);
    const first = pieces[0];
    if (rest.length === 0 && pieces.length === 1 && first !== undefined) {
      this.buffer = Buffer.from(first.buffer, first.byteOffset, first.length);
    } else {
      this.buffer = Buffer.concat([rest, ...pieces], total);
    }
    this.start = 0;
    this.end = total;
  }
}
