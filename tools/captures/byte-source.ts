import { createHash, type Hash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { CaptureError } from './capture-error.js';
import { OwnChunks, type ChunkLedger, type ChunkMemory } from './chunk-memory.js';

/** Bytes asked from the file at a time: large enough that a system call costs nothing per packet. */
const FILE_CHUNK_BYTES = 1024 * 1024;
/** Devices and pipes have size 0. */
const MIN_CHUNK_BYTES = 16 * 1024;

/**
 * The raw bytes of a file, or of standard input for `-`, counted and hashed while they are read: a pipe can be read only once.
 * The source is opened on the first chunk, and once.
 */
export class RawBytes {
  /** Bytes read so far. */
  byteCount = 0;
  readonly #source: AsyncGenerator<Uint8Array>;
  readonly #hash: Hash | null;
  #ended = false;
  #digest: string | null = null;

  /**
   * @param reuse a chunk of a file holds until the one after the next is asked for, and its memory is then used again, but for what
   * the ledger keeps, or given back to where it was taken from
   */
  constructor(path: string, stdin: Readable, hash: boolean, reuse: ChunkLedger | ChunkMemory | null = null) {
    this.#source = readRawChunks(path, stdin, reuse);
    this.#hash = hash ? createHash('sha256') : null;
  }

  /**
   * The chunks, which are never reused unless that was asked for. Leaving the iteration early closes the source.
   * @throws CaptureError when the source cannot be opened or read
   */
  async *chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const chunk = await this.#next();
        if (chunk === null) return;
        yield chunk;
      }
    } finally {
      await this.close();
    }
  }

  /** SHA-256 in hexadecimal once everything has been read; null before that, or when it was not asked for. */
  sha256(): string | null {
    if (this.#hash === null || !this.#ended) return null;
    this.#digest ??= this.#hash.digest('hex');
    return this.#digest;
  }

  async close(): Promise<void> {
    await this.#source.return(undefined);
  }

  async #next(): Promise<Uint8Array | null> {
    const { done, value } = await this.#source.next();
    if (done === true) {
      this.#ended = true;
      return null;
    }
    this.byteCount += value.length;
    this.#hash?.update(value);
    return value;
  }
}

async function* readRawChunks(
  path: string,
  stdin: Readable,
  reuse: ChunkLedger | ChunkMemory | null,
): AsyncGenerator<Uint8Array> {
  if (path === '-') {
    yield* readStream(stdin);
    return;
  }
  const { file, size, isRegular } = await openFile(path);
  try {
    // A small file gets a buffer of its size (and a byte more, to see its end in the same read).
    const chunkBytes = Math.min(FILE_CHUNK_BYTES, Math.max(MIN_CHUNK_BYTES, size + 1));
    if (reuse !== null) {
      const memory = 'take' in reuse ? reuse : new OwnChunks(chunkBytes, reuse);
      yield* isRegular ? readAhead(path, file, memory) : readInTurn(path, file, memory);
      return;
    }
    for (;;) {
      // Buffer.allocUnsafeSlow: a buffer of its own, so a kept frame pins this chunk and nothing else.
      const chunk = await readChunk(path, file, Buffer.allocUnsafeSlow(chunkBytes));
      if (chunk.length === 0) return;
      yield chunk;
    }
  } finally {
    await file.close();
  }
}

/** Each chunk is read while the one before is used. Not for pipes, where a read may wait for ever. */
async function* readAhead(path: string, file: FileHandle, memory: ChunkMemory): AsyncGenerator<Uint8Array> {
  const read = async (): Promise<Uint8Array> => readChunk(path, file, await memory.take());
  const ahead = (): Promise<Uint8Array> => {
    const reading = read();
    // Heard of when it is waited for, if ever.
    reading.catch(() => {});
    return reading;
  };
  let before: Uint8Array | null = null;
  for (let reading = ahead(); ; ) {
    const chunk = await reading;
    if (chunk.length === 0) return;
    reading = ahead();
    yield chunk;
    if (before !== null) memory.release(before);
    before = chunk;
  }
}

async function* readInTurn(path: string, file: FileHandle, memory: ChunkMemory): AsyncGenerator<Uint8Array> {
  for (let before: Uint8Array | null = null; ; ) {
    const chunk = await readChunk(path, file, await memory.take());
    if (chunk.length === 0) return;
    yield chunk;
    if (before !== null) memory.release(before);
    before = chunk;
  }
}

async function* readStream(stdin: Readable): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of stdin) {
      if (!(chunk instanceof Uint8Array)) throw new TypeError('the stream yields text, not bytes');
      yield chunk;
    }
  } catch (cause) {
    throw new CaptureError({
      file: '-',
      reason: `standard input cannot be read: ${messageOf(cause)}`,
      advice: 'Pipe a capture into the command, or name a file instead of -.',
      cause,
    });
  }
}

async function openFile(path: string): Promise<{ file: FileHandle; size: number; isRegular: boolean }> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    throw unreadable(path, cause);
  }
  const stat = await file.stat();
  if (stat.isDirectory()) {
    await file.close();
    throw new CaptureError({
      file: path,
      reason: 'this is a directory, not a capture file',
      advice: 'Name the capture files themselves, for example DIR/*.pcap.',
    });
  }
  return { file, size: stat.size, isRegular: stat.isFile() };
}

/** What could be read into the memory: nothing at the end of the file. */
async function readChunk(path: string, file: FileHandle, memory: Uint8Array): Promise<Uint8Array> {
  try {
    const { bytesRead } = await file.read(memory, 0, memory.length, null);
    return memory.subarray(0, bytesRead);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): CaptureError {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') {
    return new CaptureError({ file: path, reason: 'no such file', advice: 'Check the path.', cause });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new CaptureError({
      file: path,
      reason: 'permission denied',
      advice: 'Make the file readable for this user.',
      cause,
    });
  }
  return new CaptureError({
    file: path,
    reason: `cannot be read: ${messageOf(cause)}`,
    advice: 'Check that the file is on a readable, healthy disk.',
    cause,
  });
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
