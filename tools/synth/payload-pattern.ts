/** Filler for data segments: readable text whose partial checksums are known, so that it need not be summed. */

const TEXT = 'ctreplay synthetic payload 0123456789 abcdefghijklmnopqrstuvwxyz\r\n';
const SIZE = 65536;

const pattern = new Uint8Array(SIZE);
for (let i = 0; i < SIZE; i++) pattern[i] = TEXT.charCodeAt(i % TEXT.length);

/** Sum of the words before byte 2 * i. */
const sums = new Float64Array(SIZE / 2 + 1);
for (let i = 0; i < SIZE / 2; i++) sums[i + 1] = sums[i]! + ((pattern[2 * i]! << 8) | pattern[2 * i + 1]!);

/** One view per length asked for, so that copying makes no garbage. */
const views: (Uint8Array | undefined)[] = [];

/** Writes the first `count` bytes of the filler. */
export function putPattern(into: Uint8Array, at: number, count: number): void {
  into.set((views[count] ??= pattern.subarray(0, count)), at);
}

/** Partial checksum of the first `count` bytes of the filler. */
export function patternSum(count: number): number {
  const even = sums[count >>> 1]!;
  return count & 1 ? even + (pattern[count - 1]! << 8) : even;
}
