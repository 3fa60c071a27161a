import { randomBytes } from 'node:crypto';
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { CaptureError } from './capture-error.js';
import { markUnfinished, unmarkUnfinished } from './unfinished-files.js';

const BUFFER_BYTES = 1024 * 1024;

/**
 * A file written front to back through one buffer, which appears under its name only once it is complete:
 * it grows beside it as `FILE.RANDOM.partial`, a name that nothing had, and is renamed by `commit`, so an interrupted run never leaves half
 * a capture under the name.
 */
export class BufferedFile {
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  readonly #partialPath: string;
  readonly #fd: number;
  #used = 0;
  #flushedBytes = 0;
  #open = true;

  readonly #path: string;

  /** @throws CaptureError when the file cannot be created */
  constructor(path: string) {
    this.#path = path;
    this.#partialPath = `${path}.${randomBytes(4).toString('hex')}.partial`;
    try {
      this.#fd = openSync(this.#partialPath, 'wx');
      markUnfinished(this.#partialPath);
    } catch (cause) {
      throw this.#failure('cannot be created', cause);
    }
  }

  /** Bytes written so far, and thus the offset of the next one. */
  get length(): number {
    return this.#flushedBytes + this.#used;
  }

  /**
   * Appends bytes.
   * @throws CaptureError when the disk refuses them
   */
  write(bytes: Uint8Array): void {
    if (bytes.length > BUFFER_BYTES - this.#used) {
      this.#flush();
      if (bytes.length >= BUFFER_BYTES) {
        this.#writeAll(bytes);
        return;
      }
    }
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /**
   * Appends `byteCount` bytes of which the caller fills every one, at the returned position of the returned buffer,
   * before the next call.
   */
  reserve(byteCount: number): { buffer: Buffer; position: number } {
    if (byteCount > BUFFER_BYTES) throw new RangeError(`cannot reserve ${byteCount} bytes at once`);
    if (byteCount > BUFFER_BYTES - this.#used) this.#flush();
    const position = this.#used;
    this.#used += byteCount;
    return { buffer: this.#buffer, position };
  }

  /** Overwrites bytes written before, for headers that are known last. */
  patch(position: number, bytes: Uint8Array): void {
    this.#flush();
    this.#writeAt(bytes, position);
  }

  /**
   * Finishes the file and gives it its name.
   * @throws CaptureError when the disk refuses the last bytes, or the name, and nothing is left behind then
   */
  commit(): void {
    this.#flush();
    this.#close();
    try {
      renameSync(this.#partialPath, this.#path);
    } catch (cause) {
      rmSync(this.#partialPath, { force: true });
      throw this.#failure('cannot be put in place', cause);
    } finally {
      unmarkUnfinished(this.#partialPath);
    }
  }

  /** Drops what was written. Safe to call after `commit`, when it does nothing. */
  discard(): void {
    if (!this.#open) return;
    this.#close();
    rmSync(this.#partialPath, { force: true });
    unmarkUnfinished(this.#partialPath);
  }

  #flush(): void {
    if (this.#used === 0) return;
    const pending = this.#buffer.subarray(0, this.#used);
    this.#used = 0;
    this.#writeAll(pending);
  }

  #writeAll(bytes: Uint8Array): void {
    this.#writeAt(bytes, this.#flushedBytes);
    this.#flushedBytes += bytes.length;
  }

  #writeAt(bytes: Uint8Array, position: number): void {
    try {
      let done = 0;
      while (done < bytes.length) {
        done += writeSync(this.#fd, bytes, done, bytes.length - done, position + done);
      }
    } catch (cause) {
      throw this.#failure('cannot be written', cause);
    }
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#fd);
  }

  #failure(what: string, cause: unknown): CaptureError {
    return new CaptureError({
      file: this.#path,
      reason: `the file ${what}: ${cause instanceof Error ? cause.message : String(cause)}`,
      advice: 'Check the folder, its permissions and the free space.',
      cause,
    });
  }
}
