import { createInflateRaw, type InflateRaw } from 'node:zlib';
import type { ByteWindow } from './byte-window.js';
import { CaptureError, KEEP_ADVICE } from './capture-error.js';
import { crc32 } from './crc32.js';

const OUTPUT_CHUNK_BYTES = 256 * 1024;
/**
 * Compressed bytes decompressed at a time. Deflate expands at most 1032 times, so that what a step yields, and
 * therefore memory, stays below 9 MiB even for a file made to explode; and zlib, which keeps to itself what it made
 * in the step that meets damage, keeps little.
 */
const INPUT_STEP_BYTES = 8 * 1024;
const FIXED_HEADER_BYTES = 10;
const TRAILER_BYTES = 8;
const METHOD_DEFLATE = 8;
/** Longest of the optional header fields believed, in bytes: a name or a comment. */
const MAX_TEXT_BYTES = 64 * 1024;

/** Header flags (RFC 1952, 2.3.1). */
const FLAG_HEADER_CRC = 2;
const FLAG_EXTRA = 4;
const FLAG_NAME = 8;
const FLAG_COMMENT = 16;
const FLAGS_RESERVED = 0xe0;

/**
 * Decompresses gzip (RFC 1952), of one member or several, as a stream, and checks each member's CRC and length.
 * Zero padding after the last member is ignored, as gzip does; anything else there is an error.
 * Whole members are yielded before a fault behind them is thrown, and of a damaged member all but what came of the
 * last few KiB.
 *
 * Members are taken apart here because Node's own gunzip stream stops calling back once zeros follow a member.
 * @throws CaptureError for damaged or cut data; `truncated` is set when only the end is missing
 */
export async function* gunzip(file: string, input: ByteWindow): AsyncGenerator<Uint8Array> {
  try {
    for (let member = 0; await input.fill(1); member += 1) {
      if (member > 0 && input.buffer[input.start] === 0) {
        await skipPadding(file, input);
        return;
      }
      await readHeader(file, input, member);
      yield* inflateMember(file, input);
    }
  } finally {
    await input.close();
  }
}

async function skipPadding(file: string, input: ByteWindow): Promise<void> {
  while (await input.fill(1)) {
    const nonZero = input.buffer.subarray(input.start, input.end).findIndex((byte) => byte !== 0);
    if (nonZero >= 0) throw trailingFault(file, input.streamOffset + nonZero);
    input.consume(input.available);
  }
}

async function readHeader(file: string, input: ByteWindow, member: number): Promise<void> {
  await input.fill(2);
  const { buffer, start } = input;
  if (buffer[start] !== 0x1f || (input.available > 1 && buffer[start + 1] !== 0x8b)) {
    throw trailingFault(file, input.streamOffset);
  }
  const offset = input.streamOffset;
  await need(file, input, FIXED_HEADER_BYTES, `the header of gzip member ${member + 1}`);
  const head = input.buffer.subarray(input.start, input.start + FIXED_HEADER_BYTES);
  const method = head[2] as number;
  const flags = head[3] as number;
  if (method !== METHOD_DEFLATE) throw damaged(file, offset, `the compression method is ${method}, not deflate (8)`);
  if ((flags & FLAGS_RESERVED) !== 0) throw damaged(file, offset, 'reserved bits of a gzip header are set');
  let length = FIXED_HEADER_BYTES;
  if ((flags & FLAG_EXTRA) !== 0) {
    await need(file, input, length + 2, 'a gzip header');
    length += 2 + input.buffer.readUInt16LE(input.start + length);
  }
  if ((flags & FLAG_NAME) !== 0) length = await textEnd(file, input, length);
  if ((flags & FLAG_COMMENT) !== 0) length = await textEnd(file, input, length);
  if ((flags & FLAG_HEADER_CRC) !== 0) {
    await need(file, input, length + 2, 'a gzip header');
    const at = input.start + length;
    if ((crc32(input.buffer.subarray(input.start, at)) & 0xffff) !== input.buffer.readUInt16LE(at)) {
      throw damaged(file, offset, 'the checksum of a gzip header does not match');
    }
    length += 2;
  }
  await need(file, input, length, 'a gzip header');
  input.consume(length);
}

/** The length of the header with the zero-terminated text that begins behind `length` bytes. */
async function textEnd(file: string, input: ByteWindow, length: number): Promise<number> {
  for (let wanted = length + 64; ; wanted *= 2) {
    const whole = await input.fill(wanted);
    const end = input.buffer.subarray(input.start + length, input.end).indexOf(0);
    if (end >= 0) return length + end + 1;
    if (!whole) throw cutShort(file, input, 'a gzip header');
    if (wanted > MAX_TEXT_BYTES) {
      throw damaged(file, input.streamOffset, `a text in a gzip header is longer than ${MAX_TEXT_BYTES} bytes`);
    }
  }
}

async function* inflateMember(file: string, input: ByteWindow): AsyncGenerator<Uint8Array> {
  const engine = createInflateRaw({ chunkSize: OUTPUT_CHUNK_BYTES });
  const output = new InflateOutput(engine);
  let checksum = 0;
  let length = 0;
  try {
    while (!output.ended) {
      // A trailer follows the deflate data, so that zlib always meets a byte that is not its own, and ends.
      await need(file, input, 1, 'compressed data');
      const until = Math.min(input.end, input.start + INPUT_STEP_BYTES);
      const before = engine.bytesWritten;
      await output.write(input.buffer.subarray(input.start, until));
      for (const chunk of output.take()) {
        checksum = crc32(chunk, checksum);
        length = (length + chunk.length) % 2 ** 32;
        yield chunk;
      }
      if (output.fault !== null) throw damaged(file, input.streamOffset, output.fault.message);
      input.consume(engine.bytesWritten - before);
    }
    await need(file, input, TRAILER_BYTES, 'a gzip trailer');
    const expected = input.buffer.readUInt32LE(input.start);
    if (checksum !== expected) throw damaged(file, input.streamOffset, 'the checksum of the content does not match');
    const expectedLength = input.buffer.readUInt32LE(input.start + 4);
    if (length !== expectedLength) {
      throw damaged(
        file,
        input.streamOffset + 4,
        `the content has ${length} bytes, but its trailer says ${expectedLength}`,
      );
    }
    input.consume(TRAILER_BYTES);
  } finally {
    engine.destroy();
  }
}

/** Collects what zlib yields per write, so that output precedes the error that follows it. */
class InflateOutput {
  fault: Error | null = null;
  /** True once the deflate data have ended; zlib then took nothing behind them, and calls back about no write. */
  ended = false;
  #chunks: Buffer[] = [];
  readonly #finished: Promise<void>;

  readonly #engine: InflateRaw;

  constructor(engine: InflateRaw) {
    this.#engine = engine;
    engine.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
    this.#finished = new Promise((resolve) => {
      engine.on('error', (error: Error) => {
        this.fault = error;
        resolve();
      });
      engine.on('end', () => {
        this.ended = true;
        resolve();
      });
    });
  }

  async write(step: Uint8Array): Promise<void> {
    const written = new Promise<void>((resolve) => {
      this.#engine.write(step, () => resolve());
    });
    await Promise.race([written, this.#finished]);
  }

  take(): Buffer[] {
    const taken = this.#chunks;
    this.#chunks = [];
    return taken;
  }
}

async function need(file: string, input: ByteWindow, byteCount: number, what: string): Promise<void> {
  if (!(await input.fill(byteCount))) throw cutShort(file, input, what);
}

const ADVICE = 'Check it with: gzip -t FILE; copy or compress the capture again.';

function cutShort(file: string, input: ByteWindow, what: string): CaptureError {
  const compressedBytes = input.streamOffset + input.available;
  return new CaptureError({
    file,
    truncated: true,
    reason: `the gzip data end early, inside ${what}, after ${compressedBytes} compressed bytes`,
    advice: KEEP_ADVICE,
  });
}

function damaged(file: string, offset: number, what: string): CaptureError {
  return new CaptureError({
    file,
    reason: `the gzip data are damaged near compressed byte ${offset}: ${what}`,
    advice: ADVICE,
  });
}

function trailingFault(file: string, offset: number): CaptureError {
  return new CaptureError({
    file,
    // The content before it was whole.
    truncated: true,
    reason: `what follows the end of the gzip data, at compressed byte ${offset}, is neither gzip nor zeros`,
    advice: KEEP_ADVICE,
  });
}
