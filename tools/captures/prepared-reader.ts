import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { ByteWindow } from './byte-window.js';
import { CaptureError } from './capture-error.js';
import type { CaptureInterface, CaptureRecord } from './capture-record.js';
import type { BlockSource } from './record-source.js';
import { LINKTYPE_ETHERNET } from './link-type.js';
import { Oddities } from './oddities.js';
import {
  BLOCK_HEADER_BYTES,
  BLOCK_MAX_BYTES,
  blockFault,
  blockLength,
  checkBlock,
  checkTable,
  decodePreparedHeader,
  PREPARE_AGAIN,
  PREPARED_HEADER_BYTES,
  PreparedBlock,
  tableLength,
  type BlockPlace,
  type PreparedSummary,
  type PreparedTable,
} from './prepared.js';
import type { RecordBlock } from './record-block.js';
import { PREPARED_MAGIC } from './sniff.js';

/** Bytes read from the file at a time: some blocks at once, few enough to stay in the processor's cache. */
const READ_BYTES = 2 * BLOCK_MAX_BYTES;

/**
 * A prepared capture opened for loading: the fast way, without an object per packet.
 *
 * @example
 * const capture = PreparedCapture.open('day.ctp');
 * try {
 *   for (const block of capture.blocks())
 *     for (let i = 0; i < block.recordCount; i++) use(block.frame(i), block.l3(i), block.timestampNs(i));
 * } finally {
 *   capture.close();
 * }
 */
export class PreparedCapture {
  readonly file: string;
  readonly #fd: number;
  readonly summary: PreparedSummary;

  private constructor(
    file: string,
    fd: number,
    summary: PreparedSummary,
  ) {
    this.file = file;
    this.#fd = fd;
    this.summary = summary;
  }

  /** @throws CaptureError when the file is missing, not a prepared capture, of another version, or cut short */
  static open(file: string): PreparedCapture {
    const fd = openFile(file);
    try {
      const head = Buffer.alloc(PREPARED_HEADER_BYTES);
      const headBytes = readFully(fd, head, 0, file);
      if (headBytes < PREPARED_HEADER_BYTES || !head.subarray(0, PREPARED_MAGIC.length).equals(PREPARED_MAGIC)) {
        throw new CaptureError({
          file,
          offset: 0,
          reason: 'this is not a prepared capture',
          advice: 'Open it as a capture, or prepare it: ctreplay prep CAPTURE -o FILE.ctp.',
        });
      }
      const summary = decodePreparedHeader(file, head);
      const { size } = fstatSync(fd);
      if (size !== summary.fileBytes) {
        throw new CaptureError({
          file,
          truncated: size < summary.fileBytes,
          reason: `the file has ${size} bytes, and its header says ${summary.fileBytes}`,
          advice: PREPARE_AGAIN,
        });
      }
      return new PreparedCapture(file, fd, summary);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /**
   * The tables of all blocks in order, each verified: times, lengths and layers, without reading the frames. The bytes of a
   * table are overwritten by the next one.
   * @throws CaptureError
   */
  *tables(): Generator<PreparedTable> {
    const buffer = Buffer.from(new ArrayBuffer(BLOCK_MAX_BYTES));
    let offset = PREPARED_HEADER_BYTES;
    let recordsBefore = 0;
    // A table is about as long as the one before: one read mostly has it whole.
    let guess = BLOCK_HEADER_BYTES;
    for (let blockIndex = 0; blockIndex < this.summary.blockCount; blockIndex += 1) {
      const place = { file: this.file, offset, recordsBefore };
      let have = readFully(this.#fd, buffer.subarray(0, guess), offset, this.file);
      const length = this.#wholeLength(buffer.subarray(0, have), place, this.summary.fileBytes - offset);
      const wanted = tableLength(buffer);
      if (have < wanted) have += readFully(this.#fd, buffer.subarray(have, wanted), offset + have, this.file);
      if (have < wanted) throw blockFault(place, 'the file ends inside a block', true);
      const table = checkTable(buffer.subarray(0, wanted), place);
      yield table;
      offset += length;
      recordsBefore += table.recordCount;
      guess = Math.min(wanted + wanted / 8, BLOCK_MAX_BYTES);
    }
    this.#checkEnd(offset, recordsBefore);
  }

  /**
   * Every block in order, each verified. The bytes of a block are overwritten by the next one.
   * @param framesVerified true: the checksum of the frames was looked at in an earlier pass and is not again
   * @throws CaptureError
   */
  *blocks(framesVerified = false): Generator<PreparedBlock> {
    const buffer = Buffer.from(new ArrayBuffer(READ_BYTES));
    let start = 0;
    let end = 0;
    let offset = PREPARED_HEADER_BYTES;
    let recordsBefore = 0;
    for (let blockIndex = 0; blockIndex < this.summary.blockCount; blockIndex += 1) {
      const place = { file: this.file, offset, recordsBefore };
      if (end - start < BLOCK_HEADER_BYTES || end - start < blockLength(buffer.subarray(start, end), place)) {
        buffer.copyWithin(0, start, end);
        end -= start;
        start = 0;
        end += readFully(this.#fd, buffer.subarray(end), offset + end, this.file);
      }
      const length = this.#wholeBlock(buffer.subarray(start, end), place);
      const bytes = buffer.subarray(start, start + length);
      if (framesVerified) checkTable(bytes, place);
      const block = framesVerified ? new PreparedBlock(bytes) : checkBlock(bytes, place);
      yield block;
      start += length;
      offset += length;
      recordsBefore += block.recordCount;
    }
    this.#checkEnd(offset, recordsBefore);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #wholeBlock(rest: Buffer, place: BlockPlace): number {
    return this.#wholeLength(rest, place, rest.length);
  }

  /** Length of the block that begins here, of whose bytes `available` exist. */
  #wholeLength(head: Buffer, place: BlockPlace, available: number): number {
    if (head.length >= BLOCK_HEADER_BYTES) {
      const length = blockLength(head, place);
      if (length <= available) return length;
    }
    throw blockFault(place, 'the file ends inside a block', true);
  }

  #checkEnd(offset: number, recordCount: number): void {
    checkTotals({ file: this.file, offset, recordsBefore: recordCount }, this.summary);
  }
}

/** A prepared capture as a stream of records, like any other format. */
export class PreparedSource implements BlockSource {
  readonly format = 'ctp';
  readonly oddities: Oddities;
  readonly interfaces: readonly CaptureInterface[] = [
    { name: null, linkType: LINKTYPE_ETHERNET, snapLength: null, resolution: '10^-9 s' },
  ];
  #recordsRead = 0;
  #blocksRead = 0;

  readonly #file: string;
  readonly #window: ByteWindow;
  readonly summary: PreparedSummary;

  private constructor(
    file: string,
    window: ByteWindow,
    summary: PreparedSummary,
  ) {
    this.#file = file;
    this.#window = window;
    this.summary = summary;
    // The writer and every block's check let nothing odd in.
    this.oddities = new Oddities(file, true);
  }

  /** @throws CaptureError for a cut or damaged header */
  static async open(file: string, window: ByteWindow): Promise<PreparedSource> {
    if (!(await window.fill(PREPARED_HEADER_BYTES))) {
      throw new CaptureError({
        file,
        offset: 0,
        truncated: true,
        wholeRecords: 0,
        reason: `the header of the prepared capture is cut short: ${window.available} of ${PREPARED_HEADER_BYTES} bytes`,
        advice: PREPARE_AGAIN,
      });
    }
    const summary = decodePreparedHeader(file, window.buffer.subarray(window.start, window.end));
    window.consume(PREPARED_HEADER_BYTES);
    return new PreparedSource(file, window, summary);
  }

  async nextBatch(): Promise<CaptureRecord[] | null> {
    const next = await this.#nextPrepared();
    return next === null ? null : this.#recordsOf(next.block, next.offset);
  }

  async fillBlock(into: RecordBlock): Promise<boolean> {
    const next = await this.#nextPrepared();
    if (next === null) return false;
    this.#recordsRead += next.block.recordCount;
    takePrepared(next.block, into);
    return true;
  }

  /** The next block of the file, verified, with its offset; null after the last. */
  async #nextPrepared(): Promise<{ readonly block: PreparedBlock; readonly offset: number } | null> {
    const window = this.#window;
    const place = { file: this.#file, offset: window.streamOffset, recordsBefore: this.#recordsRead };
    if (this.#blocksRead === this.summary.blockCount) {
      if (await window.fill(1)) throw blockFault(place, 'bytes follow the last block');
      checkTotals(place, this.summary);
      return null;
    }
    if (!(await window.fill(BLOCK_HEADER_BYTES))) throw blockFault(place, 'the file ends before its last block', true);
    const length = blockLength(window.buffer.subarray(window.start, window.end), place);
    if (!(await window.fill(length))) throw blockFault(place, 'the file ends inside a block', true);
    // A copy of its own: typed views need alignment that a window does not give.
    const bytes = Buffer.from(new ArrayBuffer(length));
    window.buffer.copy(bytes, 0, window.start, window.start + length);
    window.consume(length);
    const block = checkBlock(bytes, place);
    this.#blocksRead += 1;
    return { block, offset: place.offset };
  }

  #recordsOf(block: PreparedBlock, blockOffset: number): CaptureRecord[] {
    const records: CaptureRecord[] = [];
    for (let index = 0; index < block.recordCount; index += 1) {
      this.#recordsRead += 1;
      records.push({
        recordIndex: this.#recordsRead,
        fileOffset: blockOffset + block.frameOffset(index),
        timestampNs: block.timestampNs(index),
        ...(block.timestampMissing(index) ? { timestampMissing: true } : {}),
        frame: block.frame(index),
        originalLength: block.originalLength(index),
        linkType: LINKTYPE_ETHERNET,
        interfaceIndex: 0,
      });
    }
    return records;
  }
}

/** Fills an empty block with the records of a prepared one, in place. */
export function takePrepared(prepared: PreparedBlock, into: RecordBlock): void {
  const { starts, lengths, wireBytes, timesNs } = into;
  const count = prepared.recordCount;
  into.baseNs ??= prepared.timestampNs(0);
  prepared.timesSince(into.baseNs, timesNs);
  for (let index = 0; index < count; index += 1) {
    starts[index] = prepared.frameOffset(index);
    lengths[index] = prepared.frameLength(index);
    wireBytes[index] = prepared.originalLength(index);
  }
  into.linkTypes.fill(LINKTYPE_ETHERNET, 0, count);
  into.count = count;
  into.bytes = prepared.bytes;
}

function checkTotals(end: BlockPlace, summary: PreparedSummary): void {
  if (end.offset !== summary.fileBytes || end.recordsBefore !== summary.recordCount) {
    throw blockFault(
      end,
      `the blocks hold ${end.recordsBefore} records and end at ${end.offset}, ` +
        `but the header says ${summary.recordCount} and ${summary.fileBytes}`,
    );
  }
}

function openFile(file: string): number {
  try {
    return openSync(file, 'r');
  } catch (cause) {
    throw new CaptureError({
      file,
      reason: `cannot be opened: ${cause instanceof Error ? cause.message : String(cause)}`,
      advice: 'Check the path and its permissions.',
      cause,
    });
  }
}

/** Reads until the buffer is full or the file ends. */
function readFully(fd: number, into: Uint8Array, position: number, file: string): number {
  let done = 0;
  try {
    while (done < into.length) {
      const read = readSync(fd, into, done, into.length - done, position + done);
      if (read === 0) break;
      done += read;
    }
  } catch (cause) {
    throw new CaptureError({
      file,
      offset: position + done,
      reason: `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      advice: 'Check that the file is on a readable, healthy disk.',
      cause,
    });
  }
  return done;
}
