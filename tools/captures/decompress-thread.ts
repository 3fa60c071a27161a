import { statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { CaptureError } from './capture-error.js';
import { compiledFile } from './compiled-file.js';
import type { DecompressMessage, DecompressRequest } from './decompress-messages.js';

/** Smaller files are done before a thread has started. */
const LEAST_FILE_BYTES = 1024 * 1024;

/** Whether a file is one for a thread of its own: it can be opened again, and is not small. */
export function isForThread(file: string): boolean {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat !== undefined && stat.isFile() && stat.size >= LEAST_FILE_BYTES;
}

/**
 * A compressed file that is decompressed in a thread of its own (decompress-entry.ts), while what came of it is read here. Memory
 * between the two is bounded by the few buffers that go to and fro.
 */
export class DecompressThread {
  /** Bytes of the file read so far. */
  byteCount = 0;
  readonly #worker: Worker;
  readonly #file: string;
  readonly #arrived: DecompressMessage[] = [];
  /** Settled when the thread has ended, or failed. */
  #ended: Error | true | null = null;
  #sha256: string | null = null;
  #wake: () => void = () => {};

  constructor(request: DecompressRequest) {
    this.#file = request.file;
    this.#worker = new Worker(compiledFile(import.meta.url, 'decompress-entry.js'), { workerData: request });
    this.#worker.on('message', (message: DecompressMessage) => {
      this.#arrived.push(message);
      this.#wake();
    });
    this.#worker.on('error', (error) => this.#end(error instanceof Error ? error : new Error(String(error))));
    this.#worker.on('exit', () => this.#end(true));
  }

  /**
   * The decompressed bytes; a chunk holds until the next one is asked for.
   * @throws CaptureError as decompressing does, and when the thread ends without a word
   */
  async *chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const message = await this.#next();
        this.byteCount = message.byteCount;
        if ('error' in message) throw new CaptureError(message.error);
        if ('ended' in message) {
          this.#sha256 = message.sha256;
          return;
        }
        yield message.bytes.subarray(0, message.used);
        this.#worker.postMessage(message.bytes, [message.bytes.buffer]);
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

  async #next(): Promise<DecompressMessage> {
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
      reason: `the thread that decompresses it ended${ended === true ? '' : `: ${ended.message}`}`,
      advice: 'Decompress it first, and give the plain file.',
      cause: ended === true ? undefined : ended,
    });
  }
}
