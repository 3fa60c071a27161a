import { BackwardBits } from './backward-bits.js';
import { readFseTable } from './fse.js';
import { ZstdError } from './zstd-error.js';

const MAX_CODE_BITS = 11;
const MAX_WEIGHTS = 255;
const WEIGHT_ACCURACY_LOG = 6;
const MAX_WEIGHT = 11;

/** A Huffman decoding table: indexed by the next `maxBits` bits. */
export interface HuffmanTable {
  readonly maxBits: number;
  readonly symbols: Uint8Array;
  readonly bitCounts: Uint8Array;
}

/**
 * Reads a tree description (RFC 8878, 4.2.1).
 * @param bytes array with `BIT_PADDING_BYTES` behind `end`
 * @returns the table and the offset behind the description
 * @throws ZstdError
 */
export function readHuffmanTable(
  bytes: Uint8Array,
  start: number,
  end: number,
): { table: HuffmanTable; end: number } {
  if (start >= end) throw new ZstdError('the Huffman tree is missing');
  const head = bytes[start] as number;
  const weightsAt = start + 1;
  const length = head < 128 ? head : (head - 127 + 1) >> 1;
  const weightsEnd = weightsAt + length;
  if (weightsEnd > end) throw new ZstdError('the Huffman tree ends early');
  const weights = head < 128 ? codedWeights(bytes, weightsAt, weightsEnd) : plainWeights(bytes, weightsAt, head - 127);
  return { table: buildHuffmanTable(weights), end: weightsEnd };
}

function plainWeights(bytes: Uint8Array, start: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => {
    const pair = bytes[start + (index >> 1)] as number;
    return index % 2 === 0 ? pair >> 4 : pair & 15;
  });
}

/** Two FSE states take turns until the bits run out; the last state of each yields one more weight. */
function codedWeights(bytes: Uint8Array, start: number, end: number): number[] {
  const { table, end: bitsAt } = readFseTable(bytes, start, end, WEIGHT_ACCURACY_LOG, MAX_WEIGHT);
  const bits = new BackwardBits(bytes, bitsAt, end);
  let current = bits.read(table.accuracyLog);
  let other = bits.read(table.accuracyLog);
  if (bits.remaining < 0) throw new ZstdError('the Huffman weights end early');
  const weights: number[] = [];
  for (;;) {
    weights.push(table.symbols[current] as number);
    current = (table.baselines[current] as number) + bits.read(table.bitCounts[current] as number);
    if (bits.remaining < 0) {
      weights.push(table.symbols[other] as number);
      if (weights.length > MAX_WEIGHTS) break;
      return weights;
    }
    // A table whose only symbol takes no bits would go on for ever.
    if (weights.length > MAX_WEIGHTS) break;
    [current, other] = [other, current];
  }
  throw new ZstdError(`there are more than ${MAX_WEIGHTS} Huffman weights`);
}

function buildHuffmanTable(weights: number[]): HuffmanTable {
  let sum = 0;
  for (const weight of weights) {
    if (weight > MAX_WEIGHT) throw new ZstdError(`a Huffman weight is ${weight}, above ${MAX_WEIGHT}`);
    if (weight > 0) sum += 1 << (weight - 1);
  }
  if (sum === 0) throw new ZstdError('all Huffman weights are 0');
  const maxBits = 32 - Math.clz32(sum);
  if (maxBits > MAX_CODE_BITS) throw new ZstdError(`Huffman codes have ${maxBits} bits, above ${MAX_CODE_BITS}`);
  // The last weight is not stored: it fills the tree.
  const rest = (1 << maxBits) - sum;
  if ((rest & (rest - 1)) !== 0) throw new ZstdError('the Huffman weights do not form a tree');
  weights.push(32 - Math.clz32(rest));
  const size = 1 << maxBits;
  const symbols = new Uint8Array(size);
  const bitCounts = new Uint8Array(size);
  let position = 0;
  for (let weight = 1; weight <= maxBits; weight += 1) {
    for (const [symbol, of] of weights.entries()) {
      if (of !== weight) continue;
      const next = position + (1 << (weight - 1));
      symbols.fill(symbol, position, next);
      bitCounts.fill(maxBits + 1 - weight, position, next);
      position = next;
    }
  }
  return { maxBits, symbols, bitCounts };
}

/** Bytes of an array, from `start` up to `end`. */
export interface ByteRange {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/**
 * Decodes one Huffman stream (RFC 8878, 4.2.2) and checks that it ends exactly where the output does.
 * @throws ZstdError
 */
export function decodeHuffmanStream(
  table: HuffmanTable,
  { bytes, start, end }: ByteRange,
  output: ByteRange,
): void {
  const { maxBits, symbols, bitCounts } = table;
  const mask = (1 << maxBits) - 1;
  let remaining = new BackwardBits(bytes, start, end).remaining;
  for (let position = output.start; position < output.end; position += 1) {
    if (remaining <= 0) throw new ZstdError('a Huffman stream ends early');
    let index: number;
    const at = remaining - maxBits;
    if (at >= 0) {
      const byteAt = start + (at >> 3);
      const window =
        (bytes[byteAt] as number) | ((bytes[byteAt + 1] as number) << 8) | ((bytes[byteAt + 2] as number) << 16);
      index = (window >>> (at & 7)) & mask;
    } else {
      // Fewer bits than the longest code are left: the missing ones read as zeros.
      const window = (bytes[start] as number) | ((bytes[start + 1] as number) << 8);
      index = ((window & ((1 << remaining) - 1)) << -at) & mask;
    }
    output.bytes[position] = symbols[index] as number;
    remaining -= bitCounts[index] as number;
  }
  if (remaining !== 0) throw new ZstdError('a Huffman stream does not end with its literals');
}
