/**
 * The thread that reads a file, hashes and decompresses it (reading-thread.ts is its other end). What came out lies in memory of
 * which both know, and which goes to and fro by number: there is little of it, so that a reader that is slower holds this thread up.
 * Who has a number writes and reads its memory, and nobody else; the messages order the accesses.
 */
import { Readable } from 'node:stream';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { RawBytes } from './byte-source.js';
import { ReusedWindow } from './reused-window.js';
import { CaptureError } from './capture-error.js';
import { ChunkLedger, type ChunkMemory } from './chunk-memory.js';
import { errorDetail, type FreeChunk, type ReadingMessage, type ReadingRequest } from './reading-messages.js';
import { gunzip } from './gunzip.js';
import { unzstd } from './zstd/unzstd.js';

/** The memory that the other end hands out. */
class HandedChunks implements ChunkMemory {
  readonly #chunks: Uint8Array[] = [];
  readonly #numbers = new WeakMap<ArrayBufferLike, number>();
  readonly #free: number[] = [];
  #wake: () => void = () => {};

  constructor(port: MessagePort, ledger: ChunkLedger) {
    port.on('message', ({ number, memory }: FreeChunk) => {
      if (memory !== undefined) {
        this.#chunks[number] = ledger.make(memory);
        this.#numbers.set(memory, number);
      }
      this.#free.push(number);
      this.#wake();
    });
  }

  async take(): Promise<Uint8Array> {
    for (;;) {
      const number = this.#free.shift();
      if (number !== undefined) return this.#chunks[number] as Uint8Array;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** It comes back by message. */
  release(): void {}

  numberOf({ buffer }: Uint8Array): number {
    return this.#numbers.get(buffer) as number;
  }
}

/** Hands over what came out, through memory of the other end. */
class Outlet {
  readonly #port: MessagePort;
  readonly #raw: RawBytes;
  readonly #memory: HandedChunks;
  #open: Uint8Array | null = null;
  #used = 0;

  constructor(port: MessagePort, raw: RawBytes, memory: HandedChunks) {
    this.#port = port;
    this.#raw = raw;
    this.#memory = memory;
  }

  /** Hands over a copy. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      this.#open ??= await this.#memory.take();
      const step = Math.min(bytes.length - done, this.#open.length - this.#used);
      this.#open.set(bytes.subarray(done, done + step), this.#used);
      this.#used += step;
      done += step;
      if (this.#used === this.#open.length) this.flush();
    }
  }

  flush(): void {
    if (this.#open === null) return;
    this.handOver(this.#open.subarray(0, this.#used));
    this.#open = null;
    this.#used = 0;
  }

  /** Hands over a chunk that lies in memory of the other end. */
  handOver(chunk: Uint8Array): void {
    const number = this.#memory.numberOf(chunk);
    this.send({ number, used: chunk.length, byteCount: this.#raw.byteCount });
  }

  send(message: ReadingMessage): void {
    this.#port.postMessage(message, []);
  }
}

async function readOut(port: MessagePort, { file, compression, hash }: ReadingRequest): Promise<void> {
  const ledger = new ChunkLedger();
  const memory = new HandedChunks(port, ledger);
  const isPlain = compression === 'none';
  const raw = new RawBytes(file, Readable.from([]), hash, isPlain ? memory : ledger);
  const outlet = new Outlet(port, raw, memory);
  try {
    if (isPlain) for await (const chunk of raw.chunks()) outlet.handOver(chunk);
    else {
      const window = new ReusedWindow(raw.chunks(), ledger);
      const plain = compression === 'gzip' ? gunzip(file, window) : unzstd(file, window);
      for await (const chunk of plain) await outlet.write(chunk);
    }
    outlet.flush();
    outlet.send({ ended: true, byteCount: raw.byteCount, sha256: raw.sha256() });
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    outlet.flush();
    outlet.send({ error: errorDetail(error), byteCount: raw.byteCount, sha256: raw.sha256() });
  } finally {
    await raw.close();
    port.close();
  }
}

if (parentPort !== null) await readOut(parentPort, workerData as ReadingRequest);
