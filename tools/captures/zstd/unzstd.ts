/**
 * Zstandard decompression (RFC 8878) as a stream.
 *
 * Written for captures from anywhere: every length is checked before it is used, memory grows with what is really
 * decompressed and never beyond the frame's window (128 MiB at most, as in the zstd program), time is bounded by the
 * input, and the content checksum is verified. The packages at hand do not give that: fzstd 0.1.1 goes round for ever
 * in a damaged Huffman header, allocates whatever window a header names, and checks no checksum.
 */
import type { ByteWindow } from '../byte-window.js';
import { CaptureError, KEEP_ADVICE } from '../capture-error.js';
import { BIT_PADDING_BYTES } from './backward-bits.js';
import type { HuffmanTable } from './huffman.js';
import { readLiterals } from './literals.js';
import { initialSequenceState, runSequences } from './sequences.js';
import { Xxh64 } from './xxh64.js';
import { ZstdError } from './zstd-error.js';

const FRAME_MAGIC = 0xfd2f_b528;
const SKIPPABLE_MAGIC = 0x184d_2a50;
const SKIPPABLE_MASK = 0xffff_fff0;
const MAX_WINDOW_BYTES = 128 * 1024 * 1024;
const MAX_BLOCK_BYTES = 128 * 1024;
/** Output kept beyond the window before old bytes are moved out, so that moving costs little per byte. */
const MAX_SLACK_BYTES = 4 * 1024 * 1024;
const RAW_BLOCK = 0;
const RLE_BLOCK = 1;
const COMPRESSED_BLOCK = 2;

interface FrameHeader {
  readonly windowBytes: number;
  readonly contentBytes: number | null;
  readonly hasChecksum: boolean;
}

/** Bytes that have to be in the window before it goes on. */
interface Wanted {
  readonly byteCount: number;
  /** What they are, for the error. */
  readonly what: string;
}

/** What decompression comes to: a piece of the content, or a wish. */
type Step = Uint8Array | Wanted;

/**
 * Decompresses frames, skippable ones included, until the stream ends. Everything that could be decompressed is
 * yielded before a fault is thrown; a frame's last bytes are yielded before its checksum is known.
 * @throws CaptureError for damaged or cut data; `truncated` is set when only the end is missing, or something that is not zstd follows whole
 * frames
 */
export async function* unzstd(file: string, input: ByteWindow): AsyncGenerator<Uint8Array> {
  try {
    for (let wholeFrames = 0; await input.fill(1); ) {
      if (!(await input.fill(4))) throw cutShort(file, input.streamOffset, 'a frame header');
      const magic = input.buffer.readUInt32LE(input.start);
      if (isSkippable(magic)) {
        const offset = input.streamOffset;
        if (!(await input.fill(8))) throw cutShort(file, offset, 'a skippable frame');
        const length = input.buffer.readUInt32LE(input.start + 4);
        if (!(await input.skip(8 + length))) throw cutShort(file, offset, 'a skippable frame');
        continue;
      }
      if (magic !== FRAME_MAGIC && wholeFrames > 0) throw trailingFault(file, input.streamOffset);
      for (const step of frameSteps(input)) {
        if (step instanceof Uint8Array) yield step;
        else if (!(await input.fill(step.byteCount))) throw cutShort(file, input.streamOffset, step.what);
      }
      wholeFrames += 1;
    }
  } catch (error) {
    if (!(error instanceof ZstdError)) throw error;
    throw new CaptureError({
      file,
      reason: `the zstd data are damaged near compressed byte ${input.streamOffset}: ${error.message}`,
      advice: 'Check it with: zstd -t FILE; copy or compress the capture again.',
      cause: error,
    });
  } finally {
    await input.close();
  }
}

/**
 * The first bytes of what zstd data hold, as far as the data at hand give them: to see what is inside without reading all of it.
 * @param input a window that shows the data at hand
 * @param byteCount as many are wanted
 * @returns as many or more, or all there are; null where the data end before that, or are damaged
 */
export function zstdBeginning(input: ByteWindow, byteCount: number): Buffer | null {
  const parts: Uint8Array[] = [];
  let total = 0;
  try {
    while (input.available > 0) {
      if (input.available >= 8 && isSkippable(input.buffer.readUInt32LE(input.start))) {
        const length = 8 + input.buffer.readUInt32LE(input.start + 4);
        if (length > input.available) return null;
        input.consume(length);
        continue;
      }
      for (const step of frameSteps(input)) {
        if (!(step instanceof Uint8Array)) return null;
        parts.push(step);
        total += step.length;
        if (total >= byteCount) return Buffer.concat(parts);
      }
    }
  } catch (error) {
    if (!(error instanceof ZstdError)) throw error;
    return null;
  }
  return Buffer.concat(parts);
}

function isSkippable(magic: number): boolean {
  return (magic & SKIPPABLE_MASK) >>> 0 === SKIPPABLE_MAGIC;
}

/** The frame at the window's start, to its end. A wish is yielded only where the bytes are not there, and has to be granted. */
function* frameSteps(input: ByteWindow): Generator<Step, void> {
  yield* need(input, 4, 'a frame header');
  if (input.buffer.readUInt32LE(input.start) !== FRAME_MAGIC) throw new ZstdError('the bytes here are not zstd');
  const header = yield* readFrameHeader(input);
  yield* new Frame(input, header).decompress();
}

function* readFrameHeader(input: ByteWindow): Generator<Wanted, FrameHeader> {
  yield* need(input, 5, 'a frame header');
  const descriptor = input.buffer[input.start + 4] as number;
  if ((descriptor & 0x08) !== 0) throw new ZstdError('a reserved bit of the frame header is set');
  const singleSegment = (descriptor & 0x20) !== 0;
  const windowAt = 5;
  const dictionaryAt = windowAt + (singleSegment ? 0 : 1);
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number;
  const contentAt = dictionaryAt + dictionaryBytes;
  const contentFlag = descriptor >> 6;
  const contentBytes = contentFlag === 0 ? (singleSegment ? 1 : 0) : 1 << contentFlag;
  const length = contentAt + contentBytes;
  yield* need(input, length, 'a frame header');
  const head = input.buffer.subarray(input.start, input.start + length);
  if (head.subarray(dictionaryAt, contentAt).some((byte) => byte !== 0)) {
    throw new ZstdError('the frame needs a dictionary, which captures have none of');
  }
  const content = contentBytes === 0 ? null : littleEndian(head, contentAt, contentBytes) + (contentFlag === 1 ? 256 : 0);
  let windowBytes = content ?? 0;
  if (!singleSegment) {
    const window = head[windowAt] as number;
    const base = 2 ** (10 + (window >> 3));
    windowBytes = base + (base / 8) * (window & 7);
  }
  if (windowBytes > MAX_WINDOW_BYTES) {
    throw new ZstdError(
      `the frame wants ${windowBytes} bytes of window, above ${MAX_WINDOW_BYTES}; decompress it with: zstd -dc --long=31 FILE`,
    );
  }
  input.consume(length);
  return { windowBytes, contentBytes: content, hasChecksum: (descriptor & 4) !== 0 };
}

/** One frame being decompressed. */
class Frame {
  readonly #blockLimit: number;
  readonly #capacity: number;
  /** Decompressed bytes: up to a window of history, then the newest. */
  #output: Uint8Array;
  #outputLength = 0;
  #totalLength = 0;
  readonly #sequences = initialSequenceState();
  readonly #literals: Uint8Array;
  #huffman: HuffmanTable | null = null;
  readonly #block: Uint8Array;
  readonly #checksum: Xxh64 | null;

  readonly #input: ByteWindow;
  readonly #header: FrameHeader;

  constructor(input: ByteWindow, header: FrameHeader) {
    this.#input = input;
    this.#header = header;
    const { windowBytes } = header;
    this.#blockLimit = Math.min(MAX_BLOCK_BYTES, windowBytes);
    const slack = Math.min(MAX_SLACK_BYTES, windowBytes);
    this.#capacity = windowBytes + Math.max(slack, this.#blockLimit);
    this.#output = new Uint8Array(Math.min(this.#capacity, 2 * MAX_BLOCK_BYTES));
    this.#literals = new Uint8Array(this.#blockLimit);
    this.#block = new Uint8Array(this.#blockLimit + BIT_PADDING_BYTES);
    this.#checksum = header.hasChecksum ? new Xxh64() : null;
  }

  *decompress(): Generator<Step, void> {
    const input = this.#input;
    for (let last = false; !last; ) {
      yield* need(input, 3, 'a block header');
      const head = input.buffer.readUIntLE(input.start, 3);
      last = (head & 1) === 1;
      const type = (head >> 1) & 3;
      const size = head >> 3;
      if (size > this.#blockLimit) throw new ZstdError(`a block has ${size} bytes, above ${this.#blockLimit}`);
      const stored = type === RLE_BLOCK ? 1 : size;
      yield* need(input, 3 + stored, 'a block');
      const content = input.buffer.subarray(input.start + 3, input.start + 3 + stored);
      const start = this.#makeRoom();
      this.#outputLength = this.#decodeBlock(type, size, content, start);
      this.#totalLength += this.#outputLength - start;
      if (this.#header.contentBytes !== null && this.#totalLength > this.#header.contentBytes) {
        throw new ZstdError(`the frame holds more than the ${this.#header.contentBytes} bytes that its header says`);
      }
      input.consume(3 + stored);
      // A copy: this buffer's bytes move, and readers keep what they are given.
      const produced = this.#output.slice(start, this.#outputLength);
      this.#checksum?.update(produced);
      if (produced.length > 0) yield produced;
    }
    yield* this.#checkEnd();
  }

  #decodeBlock(type: number, size: number, content: Uint8Array, start: number): number {
    if (type === RAW_BLOCK) {
      this.#output.set(content, start);
      return start + size;
    }
    if (type === RLE_BLOCK) {
      this.#output.fill(content[0] as number, start, start + size);
      return start + size;
    }
    if (type !== COMPRESSED_BLOCK) throw new ZstdError('a block is of the reserved type');
    this.#block.set(content);
    this.#block.fill(0, size, size + BIT_PADDING_BYTES);
    const section = readLiterals(this.#block, 0, size, this.#literals, this.#huffman);
    this.#huffman = section.table;
    return runSequences(
      { bytes: this.#block, start: section.end, end: size },
      this.#literals.subarray(0, section.length),
      this.#sequences,
      { bytes: this.#output, start, limit: start + this.#blockLimit },
    );
  }

  /** Makes sure that a block fits behind the history, and returns where it begins. */
  #makeRoom(): number {
    const needed = this.#outputLength + this.#blockLimit;
    if (needed <= this.#output.length) return this.#outputLength;
    if (this.#output.length < this.#capacity) {
      const grown = new Uint8Array(Math.min(this.#capacity, Math.max(needed, this.#output.length * 2)));
      grown.set(this.#output.subarray(0, this.#outputLength));
      this.#output = grown;
      if (needed <= grown.length) return this.#outputLength;
    }
    this.#output.copyWithin(0, this.#outputLength - this.#header.windowBytes, this.#outputLength);
    this.#outputLength = this.#header.windowBytes;
    return this.#outputLength;
  }

  *#checkEnd(): Generator<Wanted, void> {
    const { contentBytes } = this.#header;
    if (contentBytes !== null && this.#totalLength !== contentBytes) {
      throw new ZstdError(`the frame holds ${this.#totalLength} bytes, but its header says ${contentBytes}`);
    }
    if (this.#checksum === null) return;
    yield* need(this.#input, 4, 'a checksum');
    const expected = this.#input.buffer.readUInt32LE(this.#input.start);
    if (Number(this.#checksum.digest() & 0xffff_ffffn) !== expected) {
      throw new ZstdError('the checksum of the content does not match');
    }
    this.#input.consume(4);
  }
}

function* need(input: ByteWindow, byteCount: number, what: string): Generator<Wanted, void> {
  if (input.available < byteCount) yield { byteCount, what };
}

function cutShort(file: string, offset: number, what: string): CaptureError {
  return new CaptureError({
    file,
    truncated: true,
    reason: `the zstd data end inside ${what} that begins at compressed byte ${offset}`,
    advice: KEEP_ADVICE,
  });
}

function trailingFault(file: string, offset: number): CaptureError {
  return new CaptureError({
    file,
    // The content before it was whole.
    truncated: true,
    reason: `what follows the end of the zstd data, at compressed byte ${offset}, is not zstd`,
    advice: KEEP_ADVICE,
  });
}

function littleEndian(bytes: Uint8Array, start: number, byteCount: number): number {
  let value = 0;
  for (let index = byteCount - 1; index >= 0; index -= 1) value = value * 256 + (bytes[start + index] as number);
  return value;
}
