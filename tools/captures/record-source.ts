import type { CaptureFormat, CaptureInterface, CaptureRecord } from './capture-record.js';
import type { Oddities } from './oddities.js';
import type { RecordBlock } from './record-block.js';

/** A format's parser: hands out records in file order, a batch at a time. */
export interface RecordSource {
  readonly format: CaptureFormat;
  readonly interfaces: readonly CaptureInterface[];
  /** What was wrong with records that were read all the same. */
  readonly oddities: Oddities;
  /**
   * The next records (at least one), or null after the last.
   * Every record before a fault is delivered before the fault is thrown.
   * @throws CaptureError
   */
  nextBatch(): Promise<CaptureRecord[] | null>;
}

/** A parser that can hand records out where they lie, too: the same ones, with the same oddities and errors. */
export interface BlockSource extends RecordSource {
  /**
   * Fills an empty block with the next records; false after the last. A block may stay empty when its records are not wanted. Not to
   * be mixed with `nextBatch`.
   * Every record before a fault is delivered before the fault is thrown.
   * @throws CaptureError
   */
  fillBlock(block: RecordBlock): Promise<boolean>;
}
