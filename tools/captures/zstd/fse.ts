import { ZstdError } from './zstd-error.js';

/** A finite state entropy decoding table (RFC 8878, 4.1.1): what each state yields and how it goes on. */
export interface FseTable {
  readonly accuracyLog: number;
  readonly symbols: Uint8Array;
  readonly bitCounts: Uint8Array;
  readonly baselines: Uint16Array;
}

/** The table in which one symbol has all the probability. */
export function singleSymbolTable(symbol: number): FseTable {
  return {
    accuracyLog: 0,
    symbols: Uint8Array.of(symbol),
    bitCounts: new Uint8Array(1),
    baselines: new Uint16Array(1),
  };
}

/**
 * Reads a table description.
 * @returns the table and the offset behind the description
 * @throws ZstdError
 */
export function readFseTable(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxAccuracyLog: number,
  maxSymbol: number,
): { table: FseTable; end: number } {
  let bitPosition = start * 8;
  const bitEnd = end * 8;
  const read = (bitCount: number): number => {
    if (bitPosition + bitCount > bitEnd) throw new ZstdError('a probability table ends early');
    const at = bitPosition >> 3;
    const window = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
    const value = (window >>> (bitPosition & 7)) & ((1 << bitCount) - 1);
    bitPosition += bitCount;
    return value;
  };
  const accuracyLog = read(4) + 5;
  if (accuracyLog > maxAccuracyLog) {
    throw new ZstdError(`a probability table has accuracy ${accuracyLog}, above ${maxAccuracyLog}`);
  }
  const probabilities: number[] = [];
  let remaining = 1 << accuracyLog;
  while (remaining > 0) {
    // Values up to remaining + 1 are coded, the small ones with one bit less (RFC 8878, 4.1.1).
    const bitCount = 32 - Math.clz32(remaining + 1);
    const lowMask = (1 << (bitCount - 1)) - 1;
    const threshold = (1 << bitCount) - 2 - remaining;
    let value = read(bitCount - 1);
    if (value >= threshold) {
      value += read(1) << (bitCount - 1);
      if (value > lowMask) value -= threshold;
    }
    const probability = value - 1;
    remaining -= Math.abs(probability);
    probabilities.push(probability);
    if (probability === 0) {
      let repeat: number;
      do {
        repeat = read(2);
        for (let zero = 0; zero < repeat; zero += 1) probabilities.push(0);
        checkSymbolCount(probabilities, maxSymbol);
      } while (repeat === 3);
    }
    checkSymbolCount(probabilities, maxSymbol);
  }
  if (remaining !== 0) throw new ZstdError('the probabilities of a table do not add up');
  return { table: buildFseTable(probabilities, accuracyLog), end: (bitPosition + 7) >> 3 };
}

function checkSymbolCount(probabilities: readonly number[], maxSymbol: number): void {
  if (probabilities.length > maxSymbol + 1) {
    throw new ZstdError(`a probability table has more than ${maxSymbol + 1} symbols`);
  }
}

/**
 * Builds the table from probabilities that add up to `1 << accuracyLog`, where -1 stands for "less than 1"
 * and takes one state.
 */
export function buildFseTable(probabilities: readonly number[], accuracyLog: number): FseTable {
  const size = 1 << accuracyLog;
  const symbols = new Uint8Array(size);
  const next = new Uint16Array(probabilities.length);
  let highThreshold = size;
  for (const [symbol, probability] of probabilities.entries()) {
    next[symbol] = Math.abs(probability);
    if (probability === -1) symbols[--highThreshold] = symbol;
  }
  const step = (size >> 1) + (size >> 3) + 3;
  let position = 0;
  for (const [symbol, probability] of probabilities.entries()) {
    for (let count = 0; count < probability; count += 1) {
      symbols[position] = symbol;
      do position = (position + step) & (size - 1);
      while (position >= highThreshold);
    }
  }
  const bitCounts = new Uint8Array(size);
  const baselines = new Uint16Array(size);
  for (let state = 0; state < size; state += 1) {
    const symbol = symbols[state] as number;
    const value = next[symbol] as number;
    next[symbol] = value + 1;
    const bitCount = accuracyLog - (31 - Math.clz32(value));
    bitCounts[state] = bitCount;
    baselines[state] = (value << bitCount) - size;
  }
  return { accuracyLog, symbols, bitCounts, baselines };
}
