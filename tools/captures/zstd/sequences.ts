import { BackwardBits } from './backward-bits.js';
import { buildFseTable, readFseTable, singleSymbolTable, type FseTable } from './fse.js';
import type { ByteRange } from './huffman.js';
import { ZstdError } from './zstd-error.js';

/** Code tables (RFC 8878, 3.1.1.3.2.1.1): a code stands for its baseline plus that many extra bits. */
const LITERAL_EXTRA = Uint8Array.of(...zeros(16), 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
const MATCH_EXTRA = Uint8Array.of(...zeros(32), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
const LITERAL_BASE = baselines(LITERAL_EXTRA, 0);
const MATCH_BASE = baselines(MATCH_EXTRA, 3);
const MAX_LITERAL_CODE = 35;
const MAX_MATCH_CODE = 52;
const MAX_OFFSET_CODE = 31;
const OFFSET_BASE = Float64Array.from({ length: MAX_OFFSET_CODE + 1 }, (_, code) => 2 ** code);
/** Bits that can be read at once. */
const MAX_READ_BITS = 16;

/** Predefined distributions (RFC 8878, 3.1.1.3.2.2). */
const PREDEFINED: SequenceTables = {
  literals: buildFseTable(
    [
      4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1,
      -1,
    ],
    6,
  ),
  offsets: buildFseTable(
    [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
    5,
  ),
  matches: buildFseTable(
    [1, 4, 3, 2, 2, 2, 2, 2, 2, ...Array.from({ length: 37 }, () => 1), -1, -1, -1, -1, -1, -1, -1],
    6,
  ),
};

/** The three code tables of a block. */
export interface SequenceTables {
  literals: FseTable;
  offsets: FseTable;
  matches: FseTable;
}

/** What a block leaves to the next block of its frame. */
export interface SequenceState {
  tables: SequenceTables | null;
  /** The three offsets used last. */
  readonly repeatOffsets: [number, number, number];
}

export function initialSequenceState(): SequenceState {
  return { tables: null, repeatOffsets: [1, 4, 8] };
}

/** Where a block's output goes: behind the bytes that its matches may refer to. */
export interface BlockOutput {
  readonly bytes: Uint8Array;
  /** First byte of the output; history lies before it. */
  readonly start: number;
  /** The output may not go beyond. */
  readonly limit: number;
}

/**
 * Decodes a block's sequences section and carries it out (RFC 8878, 3.1.1.3.2 and 3.1.1.4).
 * Every step is checked against literals, history and the block's limit, so that damaged data cost no more time
 * than sound data.
 * @param section array with `BIT_PADDING_BYTES` behind `end`
 * @returns the end of the output
 * @throws ZstdError
 */
export function runSequences(
  { bytes, start, end }: ByteRange,
  literals: Uint8Array,
  state: SequenceState,
  output: BlockOutput,
): number {
  const { count, headEnd } = sequenceCount(bytes, start, end);
  let position = output.start;
  let literalAt = 0;
  if (count > 0) {
    const read = readTables(bytes, headEnd, end, state.tables);
    state.tables = read.tables;
    const decoder = new SequenceDecoder(read.tables, new BackwardBits(bytes, read.end, end));
    for (let index = 0; index < count; index += 1) {
      decoder.next(state.repeatOffsets, index === count - 1);
      const { literalLength, matchLength, offset } = decoder;
      const matchAt = position + literalLength;
      if (literalAt + literalLength > literals.length) throw new ZstdError('a sequence wants more literals than there are');
      if (matchAt + matchLength > output.limit) throw new ZstdError('a block grows beyond its largest size');
      if (offset > matchAt) throw new ZstdError(`a match refers ${offset} bytes back, before the data begin`);
      copyLiterals(output.bytes, position, literals, literalAt, literalLength);
      copyMatch(output.bytes, matchAt, offset, matchLength);
      literalAt += literalLength;
      position = matchAt + matchLength;
    }
    decoder.finish();
  } else if (headEnd !== end) {
    throw new ZstdError('bytes follow the last section of a block');
  }
  const rest = literals.length - literalAt;
  if (position + rest > output.limit) throw new ZstdError('a block grows beyond its largest size');
  output.bytes.set(literals.subarray(literalAt), position);
  return position + rest;
}

class SequenceDecoder {
  literalLength = 0;
  matchLength = 0;
  offset = 0;
  #literalState: number;
  #offsetState: number;
  #matchState: number;

  readonly #tables: SequenceTables;
  readonly #bits: BackwardBits;

  constructor(
    tables: SequenceTables,
    bits: BackwardBits,
  ) {
    this.#tables = tables;
    this.#bits = bits;
    this.#literalState = bits.read(tables.literals.accuracyLog);
    this.#offsetState = bits.read(tables.offsets.accuracyLog);
    this.#matchState = bits.read(tables.matches.accuracyLog);
  }

  next(repeatOffsets: [number, number, number], last: boolean): void {
    const bits = this.#bits;
    const { literals, matches, offsets } = this.#tables;
    const literalCode = literals.symbols[this.#literalState] as number;
    const matchCode = matches.symbols[this.#matchState] as number;
    const offsetCode = offsets.symbols[this.#offsetState] as number;
    let offsetBits = 0;
    if (offsetCode > MAX_READ_BITS) {
      const high = bits.read(offsetCode - MAX_READ_BITS);
      offsetBits = high * (1 << MAX_READ_BITS) + bits.read(MAX_READ_BITS);
    } else {
      offsetBits = bits.read(offsetCode);
    }
    this.matchLength = (MATCH_BASE[matchCode] as number) + bits.read(MATCH_EXTRA[matchCode] as number);
    this.literalLength = (LITERAL_BASE[literalCode] as number) + bits.read(LITERAL_EXTRA[literalCode] as number);
    this.offset = resolveOffset((OFFSET_BASE[offsetCode] as number) + offsetBits, this.literalLength, repeatOffsets);
    if (!last) {
      this.#literalState = advance(literals, this.#literalState, bits);
      this.#matchState = advance(matches, this.#matchState, bits);
      this.#offsetState = advance(offsets, this.#offsetState, bits);
    }
    if (bits.remaining < 0) throw new ZstdError('the sequences end early');
  }

  finish(): void {
    if (this.#bits.remaining !== 0) throw new ZstdError('bits are left after the last sequence');
  }
}

function advance(table: FseTable, state: number, bits: BackwardBits): number {
  return (table.baselines[state] as number) + bits.read(table.bitCounts[state] as number);
}

/** Turns an offset value into a distance, with 1 to 3 standing for recent ones (RFC 8878, 3.1.1.5). */
function resolveOffset(value: number, literalLength: number, recent: [number, number, number]): number {
  if (value > 3) {
    recent[2] = recent[1];
    recent[1] = recent[0];
    recent[0] = value - 3;
    return recent[0];
  }
  // Without literals the most recent offset would continue the last match, so the three shift by one.
  const choice = literalLength === 0 ? value : value - 1;
  if (choice === 0) return recent[0];
  const offset = choice === 3 ? recent[0] - 1 : (recent[choice] as number);
  if (offset === 0) throw new ZstdError('a match refers 0 bytes back');
  if (choice > 1) recent[2] = recent[1];
  recent[1] = recent[0];
  recent[0] = offset;
  return offset;
}

function copyLiterals(into: Uint8Array, position: number, from: Uint8Array, start: number, length: number): void {
  for (let index = 0; index < length; index += 1) into[position + index] = from[start + index] as number;
}

/** Source and target may overlap: the match then repeats what it has just written. */
function copyMatch(into: Uint8Array, position: number, offset: number, length: number): void {
  if (length > 64 && offset >= length) {
    into.copyWithin(position, position - offset, position - offset + length);
    return;
  }
  for (let index = 0; index < length; index += 1) into[position + index] = into[position - offset + index] as number;
}

function sequenceCount(bytes: Uint8Array, start: number, end: number): { count: number; headEnd: number } {
  const head = start < end ? (bytes[start] as number) : 0;
  const headBytes = head < 128 ? 1 : head < 255 ? 2 : 3;
  if (start + headBytes > end) throw new ZstdError('a block has no sequences section');
  const second = bytes[start + 1] as number;
  let count = head;
  if (headBytes === 2) count = ((head - 128) << 8) + second;
  if (headBytes === 3) count = second + ((bytes[start + 2] as number) << 8) + 0x7f00;
  return { count, headEnd: start + headBytes };
}

function readTables(
  bytes: Uint8Array,
  start: number,
  end: number,
  previous: SequenceTables | null,
): { tables: SequenceTables; end: number } {
  if (start >= end) throw new ZstdError('the sequence tables are missing');
  const modes = bytes[start] as number;
  if ((modes & 3) !== 0) throw new ZstdError('reserved bits of a sequences section are set');
  let position = start + 1;
  const table = (mode: number, key: keyof SequenceTables, maxAccuracyLog: number, maxSymbol: number): FseTable => {
    if (mode === 0) return PREDEFINED[key];
    if (mode === 3) {
      if (previous === null) throw new ZstdError('sequences refer to tables that no block has given');
      return previous[key];
    }
    if (mode === 2) {
      const read = readFseTable(bytes, position, end, maxAccuracyLog, maxSymbol);
      position = read.end;
      return read.table;
    }
    if (position >= end) throw new ZstdError('the sequence tables are missing');
    const symbol = bytes[position] as number;
    if (symbol > maxSymbol) throw new ZstdError(`a sequence code is ${symbol}, above ${maxSymbol}`);
    position += 1;
    return singleSymbolTable(symbol);
  };
  const literals = table(modes >> 6, 'literals', 9, MAX_LITERAL_CODE);
  const offsets = table((modes >> 4) & 3, 'offsets', 8, MAX_OFFSET_CODE);
  const matches = table((modes >> 2) & 3, 'matches', 9, MAX_MATCH_CODE);
  return { tables: { literals, offsets, matches }, end: position };
}

function zeros(count: number): number[] {
  return Array.from({ length: count }, () => 0);
}

function baselines(extraBits: Uint8Array, first: number): Uint32Array {
  let next = first;
  return Uint32Array.from(extraBits, (bits) => {
    const base = next;
    next += 1 << bits;
    return base;
  });
}
