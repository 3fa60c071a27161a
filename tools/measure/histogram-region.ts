/**
 * A histogram as it lies in shared memory, written by the engine and read here.
 *
 * Layout, little endian, `byteOffset` a multiple of 64 so that no two regions share a cache line:
 *
 *     0   u64  count       values recorded
 *     8   u64  sumNs       their sum
 *     16  u64  minNs       smallest; all ones while count is 0
 *     24  u64  maxNs       largest
 *     32  u64  overflows   values above the range, counted in the last bin
 *     40  24 bytes unused
 *     64  counts           countsLength(config) bins of 4 or 8 bytes
 *
 * Why the header: the bins alone give minimum, maximum and mean only to a bin's width, which is how tools come to
 * print an average below the minimum. The header makes these three exact, and `count` against the sum of the bins
 * is a cross-check of the recorder.
 * One writer; a reader while it runs may see the header a value ahead of or behind the bins.
 */
import { countsLength, type LogLinearConfig } from './log-linear.js';

/** Bytes before the first bin. */
export const REGION_HEADER_BYTES = 64;

/** Byte offsets of the header's words within a region. */
export const REGION_OFFSETS = { count: 0, sumNs: 8, minNs: 16, maxNs: 24, overflows: 32 } as const;

/** Width of one bin: 4 bytes count to 4.29 thousand million, 8 bytes never overflow. */
export type CellBytes = 4 | 8;

/** The figures a recorder keeps exactly beside the bins. `minNs` and `maxNs` are null while `count` is 0. */
export interface ExactFigures {
  readonly count: bigint;
  readonly sumNs: bigint;
  readonly minNs: number | null;
  readonly maxNs: number | null;
  readonly overflows: bigint;
}

/** A counts array: one bin per {@link countsLength}. `Float64Array` holds merged or subtracted counts. */
export type Counts = Uint32Array | BigUint64Array | Float64Array;

/** Views on one region. */
export interface HistogramRegion {
  readonly config: LogLinearConfig;
  readonly header: BigUint64Array;
  readonly counts: Uint32Array | BigUint64Array;
}

/** Bytes that a region takes, rounded up to whole cache lines of 64 bytes. */
export function regionByteLength(config: LogLinearConfig, cellBytes: CellBytes): number {
  return Math.ceil((REGION_HEADER_BYTES + countsLength(config) * cellBytes) / 64) * 64;
}

/**
 * Views the region at `byteOffset`; nothing is copied.
 * @throws RangeError when the offset is not a multiple of 64 or the region does not lie inside the buffer
 */
export function viewRegion(
  buffer: ArrayBufferLike,
  byteOffset: number,
  config: LogLinearConfig,
  cellBytes: CellBytes,
): HistogramRegion {
  const byteLength = regionByteLength(config, cellBytes);
  if (!Number.isInteger(byteOffset) || byteOffset < 0 || byteOffset % 64 !== 0) {
    throw new RangeError(`histogram region: byte offset ${byteOffset} is not a multiple of 64`);
  }
  if (byteOffset + byteLength > buffer.byteLength) {
    throw new RangeError(
      `histogram region: ${byteLength} bytes at offset ${byteOffset} do not fit a buffer of ${buffer.byteLength} bytes`,
    );
  }
  const header = new BigUint64Array(buffer, byteOffset, REGION_HEADER_BYTES / 8);
  const length = countsLength(config);
  const at = byteOffset + REGION_HEADER_BYTES;
  const counts =
    cellBytes === 4 ? new Uint32Array(buffer, at, length) : new BigUint64Array(buffer, at, length);
  return { config, header, counts };
}

/** Zeroes a region, as before a run or after the warm-up. */
export function resetRegion(region: HistogramRegion): void {
  region.header.fill(0n);
  region.header[REGION_OFFSETS.minNs / 8] = 0xffff_ffff_ffff_ffffn;
  if (region.counts instanceof BigUint64Array) region.counts.fill(0n);
  else region.counts.fill(0);
}

/** Reads the header's exact figures. */
export function readExact(region: HistogramRegion): ExactFigures {
  const word = (offset: number): bigint => region.header[offset / 8] ?? 0n;
  const count = word(REGION_OFFSETS.count);
  return {
    count,
    sumNs: word(REGION_OFFSETS.sumNs),
    minNs: count === 0n ? null : Number(word(REGION_OFFSETS.minNs)),
    maxNs: count === 0n ? null : Number(word(REGION_OFFSETS.maxNs)),
    overflows: word(REGION_OFFSETS.overflows),
  };
}

/** The exact figures of several recorders together. */
export function mergeExact(parts: Iterable<ExactFigures>): ExactFigures {
  let merged: ExactFigures = { count: 0n, sumNs: 0n, minNs: null, maxNs: null, overflows: 0n };
  for (const part of parts) {
    merged = {
      count: merged.count + part.count,
      sumNs: merged.sumNs + part.sumNs,
      minNs: lesser(merged.minNs, part.minNs),
      maxNs: greater(merged.maxNs, part.maxNs),
      overflows: merged.overflows + part.overflows,
    };
  }
  return merged;
}

function lesser(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.min(a, b);
}

function greater(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.max(a, b);
}

/** Copies counts, so that a later read can be subtracted from them: one interval of a timeline. */
export function copyCounts(counts: Counts): Float64Array {
  const copy = new Float64Array(counts.length);
  for (let index = 0; index < copy.length; index++) copy[index] = Number(counts[index]);
  return copy;
}
