import type { CaptureRecord } from './capture-record.js';

/** Most records in one block: those of the longest block of a prepared capture. */
export const BLOCK_RECORDS = 65_536;

/**
 * The largest span in nanoseconds that times of a block are computed over without a big integer: sums of two of them are exact in
 * a number.
 */
export const EXACT_SPAN_NS = 4e15;

/**
 * Records as they lie in the reader's buffer: arrays that say where each frame is, in place of an object per packet. One block is
 * filled over and over; bytes and arrays hold until it is filled again.
 *
 * Times are nanoseconds since the first record of the reading that was taken in, exact as long as a number can be.
 */
export class RecordBlock {
  /** The buffer that holds the frames. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Keeps the memory of the bytes as they are now, whatever is read from then on; null where it will be used again. */
  keep: (() => void) | null = null;
  /** Records in the block. */
  count = 0;
  /** Where each frame starts in `bytes`. */
  readonly starts = new Uint32Array(BLOCK_RECORDS);
  /** Captured bytes of each frame. */
  readonly lengths = new Uint32Array(BLOCK_RECORDS);
  /** Bytes that each frame had on the wire. */
  readonly wireBytes = new Uint32Array(BLOCK_RECORDS);
  /** LINKTYPE_ number of each frame. */
  readonly linkTypes = new Uint16Array(BLOCK_RECORDS);
  readonly timesNs = new Float64Array(BLOCK_RECORDS);
  /** Time of the first record of the reading, nanoseconds since 1970; null before there was one that has a time. */
  baseNs: bigint | null = null;
  #closed = false;
  readonly #wants: (record: CaptureRecord) => boolean;

  /** @param wants asked about records of link types that may be none to take in */
  constructor(wants: (record: CaptureRecord) => boolean = () => true) {
    this.#wants = wants;
  }

  /** Whether no record is to be added. */
  get isFull(): boolean {
    return this.#closed || this.count === BLOCK_RECORDS;
  }

  /** Empties the block for the next records. The times go on. */
  clear(): void {
    this.count = 0;
    this.#closed = false;
  }

  /** Ends the block before it is full. */
  close(): void {
    this.#closed = true;
  }

  /**
   * Adds a record whose frame starts at `start` of the buffer. There must be room.
   * @param timestampNs null when no time is known yet: the record counts as of the time of the first that has one
   */
  add(start: number, length: number, wireBytes: number, linkType: number, timestampNs: bigint | null): void {
    if (timestampNs !== null) this.baseNs ??= timestampNs;
    const at = this.count++;
    this.starts[at] = start;
    this.lengths[at] = length;
    this.wireBytes[at] = wireBytes;
    this.linkTypes[at] = linkType;
    this.timesNs[at] = timestampNs === null || this.baseNs === null ? 0 : Number(timestampNs - this.baseNs);
  }

  /**
   * Adds a record that was read singly, if it is wanted. There must be room.
   * @param isTimed false when its time, and any before it, is not known yet
   */
  offer(record: CaptureRecord, buffer: Uint8Array, isTimed = true): void {
    if (!this.#wants(record)) return;
    const { frame, originalLength, linkType, timestampNs } = record;
    const start = frame.byteOffset - buffer.byteOffset;
    this.add(start, frame.length, originalLength, linkType, isTimed ? timestampNs : null);
  }
}
