import { Worker } from 'node:worker_threads';
import { CaptureError } from './capture-error.js';
import { regularFileBytes } from './capture-files.js';
import { HEAD_ROOM_BYTES, type ChunkLedger } from './chunk-memory.js';
import { compiledFile } from './compiled-file.js';
import {
  HANDED_BYTES,
  HANDED_COUNT,
  type FreeChunk,
  type ReadingMessage,
  type ReadingRequest,
} from './reading-messages.js';

/** Smaller files are done before a thread has started: compressed ones, and plain ones, of which only the hash is work. */
const LEAST_COMPRESSED_BYTES = 1024 * 1024;
const LEAST_PLAIN_BYTES = 16 * 1024 * 1024;

/** Whether reading a file is worth a thread of its own: it can be opened again, and there is enough to do. */
export function isForThread({ file, compression, hash }: ReadingRequest): boolean {
  if (compression === 'none' && !hash) return false;
  return regularFileBytes(file) >= (compression === 'none' ? LEAST_PLAIN_BYTES : LEAST_COMPRESSED_BYTES);
}

/**
 * A file that is read, hashed and decompressed in a thread of its own (reading-entry.ts), while records are taken from its content
 * here. Memory between the two is bounded by the few chunks that go to and fro.
 */
export class ReadingThread {
  /** Bytes of the file read so far. */
  byteCount = 0;
  readonly #worker: Worker;
  readonly #file: string;
  readonly #ledger: ChunkLedger;
  /** By the numbers under which both threads know them. */
  readonly #chunks: Uint8Array[] = [];
  readonly #arrived: ReadingMessage[] = [];
  /** Settled when the thread has ended, or failed. */
  #ended: Error | true | null = null;
  #sha256: string | null = null;
  #wake: () => void = () => {};

  constructor(request: ReadingRequest, ledger: ChunkLedger) {
    this.#file = request.file;
    this.#ledger = ledger;
    this.#worker = new Worker(compiledFile('tools/captures/reading-entry.js'), { workerData: request });
    this.#worker.on('message', (message: ReadingMessage) => {
      this.#arrived.push(message);
      this.#wake();
    });
    this.#worker.on('error', (error) => this.#end(error instanceof Error ? error : new Error(String(error))));
    this.#worker.on('exit', () => this.#end(true));
    for (let number = 0; number < HANDED_COUNT; number++) this.#handOut(number);
  }

  /**
   * The content; a chunk holds until the one after the next is asked for, and longer where the ledger keeps it.
   * @throws CaptureError as reading and decompressing do, and when the thread ends without a word
   */
  async *chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (let before: number | null = null; ; ) {
        const message = await this.#next();
        this.byteCount = message.byteCount;
        if ('sha256' in message) this.#sha256 = message.sha256;
        if ('error' in message) throw new CaptureError(message.error);
        if ('ended' in message) return;
        const { number, used } = message;
        yield (this.#chunks[number] as Uint8Array).subarray(0, used);
        if (before !== null) this.#giveBack(before);
        before = number;
      }
    } finally {
      await this.close();
    }
  }

  /** SHA-256 of the file once all of it was read; null before that, or when it was not asked for. */
  sha256(): string | null {
    return this.#sha256;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  /** Hands new memory out under a number. */
  #handOut(number: number): void {
    const memory = new SharedArrayBuffer(HEAD_ROOM_BYTES + HANDED_BYTES);
    this.#chunks[number] = this.#ledger.make(memory);
    this.#worker.postMessage({ number, memory } satisfies FreeChunk, []);
  }

  #giveBack(number: number): void {
    if (this.#ledger.isKept(this.#chunks[number] as Uint8Array)) this.#handOut(number);
    else this.#worker.postMessage({ number } satisfies FreeChunk, []);
  }

  async #next(): Promise<ReadingMessage> {
    for (;;) {
      const message = this.#arrived.shift();
      if (message !== undefined) return message;
      if (this.#ended !== null) throw this.#lost(this.#ended);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #end(how: Error | true): void {
    this.#ended ??= how;
    this.#wake();
  }

  #lost(ended: Error | true): CaptureError {
    return new CaptureError({
      file: this.#file,
      reason: `the thread that reads it ended${ended === true ? '' : `: ${ended.message}`}`,
      advice: 'Run again; if it comes again, report it as a bug.',
      cause: ended === true ? undefined : ended,
    });
  }
}
