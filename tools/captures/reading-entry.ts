/**
 * The thread that reads a file, hashes and decompresses it (reading-thread.ts is its other end). What came out is copied into buffers
 * that are handed over and come back: there are few of them, so that a reader that is slower holds this thread up.
 */
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { RawBytes } from './byte-source.js';
import { ReusedWindow } from './reused-window.js';
import { CaptureError } from './capture-error.js';
import { errorDetail, HANDED_BYTES, HANDED_COUNT, type ReadingMessage, type ReadingRequest } from './reading-messages.js';
import { gunzip } from './gunzip.js';
import { unzstd } from './zstd/unzstd.js';

/** Gathers bytes and hands them over. */
class Outlet {
  readonly #port: MessagePort;
  readonly #raw: RawBytes;
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  #made = 0;
  #open: Uint8Array<ArrayBuffer> | null = null;
  #used = 0;

  constructor(port: MessagePort, raw: RawBytes) {
    this.#port = port;
    this.#raw = raw;
    port.on('message', (returned: Uint8Array<ArrayBuffer>) => this.#free.push(returned));
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      this.#open ??= await this.#buffer();
      const step = Math.min(bytes.length - done, this.#open.length - this.#used);
      this.#open.set(bytes.subarray(done, done + step), this.#used);
      this.#used += step;
      done += step;
      if (this.#used === this.#open.length) this.flush();
    }
  }

  flush(): void {
    if (this.#open === null) return;
    this.send({ bytes: this.#open, used: this.#used, byteCount: this.#raw.byteCount }, [this.#open.buffer]);
    this.#open = null;
    this.#used = 0;
  }

  send(message: ReadingMessage, transfer: readonly ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer);
  }

  async #buffer(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#made < HANDED_COUNT) {
      this.#made++;
      return new Uint8Array(HANDED_BYTES);
    }
    while (this.#free.length === 0) await once(this.#port, 'message');
    return this.#free.pop() as Uint8Array<ArrayBuffer>;
  }
}

async function readOut(port: MessagePort, { file, compression, hash }: ReadingRequest): Promise<void> {
  const raw = new RawBytes(file, Readable.from([]), hash, true);
  const outlet = new Outlet(port, raw);
  try {
    for await (const chunk of plainChunks(file, compression, raw)) await outlet.write(chunk);
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

function plainChunks(
  file: string,
  compression: ReadingRequest['compression'],
  raw: RawBytes,
): AsyncIterable<Uint8Array> {
  if (compression === 'none') return raw.chunks();
  const window = new ReusedWindow(raw.chunks());
  return compression === 'gzip' ? gunzip(file, window) : unzstd(file, window);
}

if (parentPort !== null) await readOut(parentPort, workerData as ReadingRequest);
