import type { ByteWindow } from './byte-window.js';
import type { CaptureInterface, CaptureRecord } from './capture-record.js';
import type { ChunkLedger } from './chunk-memory.js';
import type { BlockSource } from './record-source.js';
import { LINKTYPE_ETHERNET } from './link-type.js';
import { CaptureError } from './capture-error.js';
import { Oddities } from './oddities.js';
import {
  BLOCK_HEADER_BYTES,
  blockFault,
  blockLength,
  checkBlock,
  decodePreparedHeader,
  PREPARE_AGAIN,
  PREPARED_HEADER_BYTES,
  type BlockPlace,
  type PreparedBlock,
  type PreparedSummary,
} from './prepared.js';
import type { RecordBlock } from './record-block.js';

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
  readonly #ledger: ChunkLedger | null;
  readonly summary: PreparedSummary;
  /** Of the block that was taken last. */
  #memory: Buffer = Buffer.alloc(0);

  private constructor(
    file: string,
    window: ByteWindow,
    ledger: ChunkLedger | null,
    summary: PreparedSummary,
  ) {
    this.#file = file;
    this.#window = window;
    this.#ledger = ledger;
    this.summary = summary;
    // The writer and every block's check let nothing odd in.
    this.oddities = new Oddities(file, true);
  }

  /**
   * @param ledger says which blocks are kept; without one all are
   * @throws CaptureError for a cut or damaged header
   */
  static async open(
    file: string,
    window: ByteWindow,
    ledger: ChunkLedger | null,
  ): Promise<PreparedSource> {
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
    return new PreparedSource(file, window, ledger, summary);
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
      if (await window.fill(1)) {
        checkTotals(place, this.summary);
        throw blockFault(place, 'bytes follow the last block', this.#blocksRead > 0);
      }
      checkTotals(place, this.summary);
      return null;
    }
    if (!(await window.fill(BLOCK_HEADER_BYTES))) throw blockFault(place, 'the file ends before its last block', true);
    const length = blockLength(window.buffer.subarray(window.start, window.end), place);
    if (!(await window.fill(length))) throw blockFault(place, 'the file ends inside a block', true);
    // A copy of its own: typed views need alignment that a window does not give.
    const bytes = this.#memoryOf(length);
    window.buffer.copy(bytes, 0, window.start, window.start + length);
    window.consume(length);
    const block = checkBlock(bytes, place);
    this.#blocksRead += 1;
    return { block, offset: place.offset };
  }

  #memoryOf(byteCount: number): Buffer {
    const isFree = this.#ledger?.isKept(this.#memory) === false;
    if (!isFree || this.#memory.length < byteCount) this.#memory = Buffer.from(new SharedArrayBuffer(byteCount));
    return this.#memory.subarray(0, byteCount);
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
function takePrepared(prepared: PreparedBlock, into: RecordBlock): void {
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
