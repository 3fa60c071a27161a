import { BufferedFile } from './buffered-file.js';
import { crc32 } from './crc32.js';
import { emptyLayerOffsets, locateLayers, NO_OFFSET } from '../wire/layer-offsets.js';
import {
  BLOCK_ALIGNMENT_BYTES,
  BLOCK_HEADER_BYTES,
  BLOCK_MAGIC,
  FRAMES_CRC_AT,
  TABLE_CRC_AT,
  TABLE_CRC_FROM,
  BLOCK_MAX_BYTES,
  BLOCK_TARGET_BYTES,
  encodePreparedHeader,
  FLAG_TIMESTAMP_MISSING,
  MAX_FRAME_BYTES,
  PREPARED_HEADER_BYTES,
  RECORD_ENTRY_BYTES,
  type PreparedSummary,
} from './prepared.js';
import { writtenOriginalLength, type CaptureWriter, type WritableRecord } from './writer.js';

export interface PreparedWritableRecord extends WritableRecord {
  readonly timestampMissing?: true;
}

/** Room that a frame may need beyond its length to bring its IP header to a multiple of 4. */
const MAX_ALIGNMENT_GAP = 3;
const MAX_BLOCK_RECORDS = Math.floor(BLOCK_TARGET_BYTES / RECORD_ENTRY_BYTES);

/**
 * Writes a prepared capture (layout: prepared.ts) from Ethernet frames, holding one block at a time.
 * @throws CaptureError when the file cannot be created
 */
export class PreparedWriter implements CaptureWriter {
  recordCount = 0;
  readonly #file: BufferedFile;
  readonly #offsets = emptyLayerOffsets();
  /** Entries and frames of the block under construction; they are joined once its record count is known. */
  readonly #entries = Buffer.allocUnsafeSlow(MAX_BLOCK_RECORDS * RECORD_ENTRY_BYTES);
  readonly #frames = Buffer.alloc(BLOCK_MAX_BYTES);
  #pendingCount = 0;
  #framesEnd = 0;
  #blockCount = 0;
  #frameBytes = 0;
  #originalBytes = 0;
  #firstTimestampNs = 0n;
  #lastTimestampNs = 0n;
  #maxFrameLength = 0;
  #cutRecordCount = 0;

  constructor(path: string) {
    this.#file = new BufferedFile(path);
    // Zeros: until `close` puts the real header here, no checksum matches.
    this.#file.write(new Uint8Array(PREPARED_HEADER_BYTES));
  }

  write(record: PreparedWritableRecord): void {
    const { frame } = record;
    const originalLength = writtenOriginalLength(record);
    if (frame.length > MAX_FRAME_BYTES) {
      throw new RangeError(`a frame of ${frame.length} bytes exceeds ${MAX_FRAME_BYTES}`);
    }
    const bytes = RECORD_ENTRY_BYTES + frame.length + MAX_ALIGNMENT_GAP;
    if (this.#pendingCount > 0 && this.#pendingBytes + bytes > BLOCK_TARGET_BYTES) this.#writeBlock();
    this.#addToBlock(record, originalLength);
    if (this.recordCount === 0) this.#firstTimestampNs = record.timestampNs;
    this.#lastTimestampNs = record.timestampNs;
    this.recordCount += 1;
    this.#frameBytes += frame.length;
    this.#originalBytes += originalLength;
    this.#maxFrameLength = Math.max(this.#maxFrameLength, frame.length);
    if (frame.length < originalLength) this.#cutRecordCount += 1;
  }

  close(): void {
    if (this.#pendingCount > 0) this.#writeBlock();
    this.#file.patch(0, encodePreparedHeader(this.summary()));
    this.#file.commit();
  }

  discard(): void {
    this.#file.discard();
  }

  /** What the file's header says (so far). */
  summary(): PreparedSummary {
    return {
      recordCount: this.recordCount,
      blockCount: this.#blockCount,
      frameBytes: this.#frameBytes,
      originalBytes: this.#originalBytes,
      firstTimestampNs: this.#firstTimestampNs,
      lastTimestampNs: this.#lastTimestampNs,
      maxFrameLength: this.#maxFrameLength,
      cutRecordCount: this.#cutRecordCount,
      fileBytes: this.#file.length,
    };
  }

  get #pendingBytes(): number {
    return BLOCK_HEADER_BYTES + this.#pendingCount * RECORD_ENTRY_BYTES + this.#framesEnd;
  }

  #addToBlock(record: PreparedWritableRecord, originalLength: number): void {
    const { frame, timestampNs } = record;
    const entries = this.#entries;
    const frames = this.#frames;
    const offsets = this.#offsets;
    locateLayers(frame, offsets);
    // The frames' start is a multiple of 32 in the block, so alignment here is alignment there.
    const l3 = offsets.l3 === NO_OFFSET ? 0 : offsets.l3;
    const frameAt = this.#framesEnd + ((4 - ((this.#framesEnd + l3) % 4)) % 4);
    // Gaps are zeroed, so that they hold nothing of the block before and equal input gives equal files.
    frames.fill(0, this.#framesEnd, frameAt);
    frames.set(frame, frameAt);
    this.#framesEnd = frameAt + frame.length;
    const entryAt = this.#pendingCount * RECORD_ENTRY_BYTES;
    entries.writeBigInt64LE(timestampNs, entryAt);
    entries.writeUInt32LE(frameAt, entryAt + 8);
    entries.writeUInt32LE(frame.length, entryAt + 12);
    entries.writeUInt32LE(originalLength, entryAt + 16);
    entries.writeUInt16LE(offsets.l3, entryAt + 20);
    entries.writeUInt16LE(offsets.l4, entryAt + 22);
    entries.writeUInt32LE(offsets.l2Pad, entryAt + 24);
    entries.writeUInt16LE(offsets.dlType, entryAt + 28);
    entries.writeUInt16LE(record.timestampMissing === true ? FLAG_TIMESTAMP_MISSING : 0, entryAt + 30);
    this.#pendingCount += 1;
  }

  #writeBlock(): void {
    const framesAt = BLOCK_HEADER_BYTES + this.#pendingCount * RECORD_ENTRY_BYTES;
    const used = this.#pendingBytes;
    const block = Buffer.alloc(Math.ceil(used / BLOCK_ALIGNMENT_BYTES) * BLOCK_ALIGNMENT_BYTES);
    this.#entries.copy(block, BLOCK_HEADER_BYTES, 0, this.#pendingCount * RECORD_ENTRY_BYTES);
    this.#frames.copy(block, framesAt, 0, this.#framesEnd);
    for (let index = 0; index < this.#pendingCount; index += 1) {
      const offsetAt = BLOCK_HEADER_BYTES + index * RECORD_ENTRY_BYTES + 8;
      block.writeUInt32LE(framesAt + block.readUInt32LE(offsetAt), offsetAt);
    }
    block.writeUInt32LE(BLOCK_MAGIC, 0);
    block.writeUInt32LE(block.length, 8);
    block.writeUInt32LE(this.#pendingCount, 12);
    block.writeBigUInt64LE(BigInt(this.recordCount - this.#pendingCount), 16);
    block.writeUInt32LE(framesAt, 24);
    block.writeUInt32LE(crc32(block.subarray(framesAt)), FRAMES_CRC_AT);
    block.writeUInt32LE(crc32(block.subarray(TABLE_CRC_FROM, framesAt)), TABLE_CRC_AT);
    this.#file.write(block);
    this.#blockCount += 1;
    this.#pendingCount = 0;
    this.#framesEnd = 0;
  }
}
