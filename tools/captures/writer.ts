/** One packet to be written. */
export interface WritableRecord {
  /** Nanoseconds since 1970-01-01 UTC. */
  readonly timestampNs: bigint;
  readonly frame: Uint8Array;
  /** Bytes on the wire where the frame was cut; default the frame's length. */
  readonly originalLength?: number;
}

/** A capture being written. Nothing appears under the file's name before `close`. */
export interface CaptureWriter {
  readonly recordCount: number;
  /**
   * Appends a record.
   * @throws RangeError for a time or length that the format cannot hold
   * @throws CaptureError when the disk refuses the bytes
   */
  write(record: WritableRecord): void;
  /** Completes the file. */
  close(): void;
  /** Gives up: removes what was written. Does nothing after `close`. */
  discard(): void;
}

/**
 * The length on the wire of a record to be written.
 * @throws RangeError when it is less than what was captured
 */
export function writtenOriginalLength(record: WritableRecord): number {
  const length = record.originalLength ?? record.frame.length;
  if (!Number.isInteger(length) || length < record.frame.length || length > 0xffff_ffff) {
    throw new RangeError(`originalLength is ${length}, but the frame has ${record.frame.length} bytes`);
  }
  return length;
}
