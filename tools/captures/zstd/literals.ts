import { decodeHuffmanStream, readHuffmanTable, type ByteRange, type HuffmanTable } from './huffman.js';
import { ZstdError } from './zstd-error.js';

const RAW = 0;
const RLE = 1;
const COMPRESSED = 2;
const JUMP_TABLE_BYTES = 6;

export interface LiteralsSection {
  /** Number of literals, which fill the beginning of the output. */
  readonly length: number;
  /** Offset behind the section. */
  readonly end: number;
  /** The tree for following sections that have none of their own. */
  readonly table: HuffmanTable | null;
}

/**
 * Decodes a block's literals section (RFC 8878, 3.1.1.3.1).
 * @param output room for the most literals that a block may have
 * @param previousTable tree of an earlier block of the frame
 * @throws ZstdError
 */
export function readLiterals(
  bytes: Uint8Array,
  start: number,
  end: number,
  output: Uint8Array,
  previousTable: HuffmanTable | null,
): LiteralsSection {
  if (start >= end) throw new ZstdError('a block has no literals section');
  const head = bytes[start] as number;
  const type = head & 3;
  const format = (head >> 2) & 3;
  if (type === RAW || type === RLE) {
    const headBytes = format === 1 ? 2 : format === 3 ? 3 : 1;
    const shift = headBytes === 1 ? 3 : 4;
    const length = Math.floor(littleEndian(bytes, start, headBytes, end) / 2 ** shift);
    checkLength(length, output);
    const contentAt = start + headBytes;
    const contentEnd = contentAt + (type === RAW ? length : 1);
    if (contentEnd > end) throw new ZstdError('the literals end early');
    if (type === RAW) output.set(bytes.subarray(contentAt, contentEnd));
    else output.fill(bytes[contentAt] as number, 0, length);
    return { length, end: contentEnd, table: previousTable };
  }
  const headBytes = format < 2 ? 3 : format + 2;
  const sizeBits = format < 2 ? 10 : format === 2 ? 14 : 18;
  const sizes = Math.floor(littleEndian(bytes, start, headBytes, end) / 16);
  const length = sizes % 2 ** sizeBits;
  const compressedLength = Math.floor(sizes / 2 ** sizeBits);
  checkLength(length, output);
  let contentAt = start + headBytes;
  const contentEnd = contentAt + compressedLength;
  if (contentEnd > end) throw new ZstdError('the literals end early');
  let table = previousTable;
  if (type === COMPRESSED) {
    const read = readHuffmanTable(bytes, contentAt, contentEnd);
    table = read.table;
    contentAt = read.end;
  }
  if (table === null) throw new ZstdError('literals refer to a Huffman tree that no block has given');
  const content = { bytes, start: contentAt, end: contentEnd };
  if (format === 0) decodeHuffmanStream(table, content, { bytes: output, start: 0, end: length });
  else decodeFourStreams(table, content, output, length);
  return { length, end: contentEnd, table };
}

function decodeFourStreams(
  table: HuffmanTable,
  { bytes, start, end }: ByteRange,
  output: Uint8Array,
  length: number,
): void {
  const quarter = (length + 3) >> 2;
  let streamAt = start + JUMP_TABLE_BYTES;
  if (streamAt > end || quarter * 3 > length) throw new ZstdError('the four literal streams do not fit');
  for (let index = 0; index < 4; index += 1) {
    const streamEnd = index === 3 ? end : streamAt + littleEndian(bytes, start + index * 2, 2, end);
    if (streamEnd > end) throw new ZstdError('the four literal streams do not fit');
    const outputEnd = index === 3 ? length : quarter * (index + 1);
    const stream = { bytes, start: streamAt, end: streamEnd };
    decodeHuffmanStream(table, stream, { bytes: output, start: quarter * index, end: outputEnd });
    streamAt = streamEnd;
  }
}

function checkLength(length: number, output: Uint8Array): void {
  if (length > output.length) throw new ZstdError(`a block has ${length} literals, above ${output.length}`);
}

function littleEndian(bytes: Uint8Array, start: number, byteCount: number, end: number): number {
  if (start + byteCount > end) throw new ZstdError('a header inside a block ends early');
  let value = 0;
  for (let index = byteCount - 1; index >= 0; index -= 1) value = value * 256 + (bytes[start + index] as number);
  return value;
}
