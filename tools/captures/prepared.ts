/**
 * The prepared capture (.ctp): a capture converted once, so that later runs need not decompress it and notice any damage.
 *
 * Frames are Ethernet whatever the source was, and laid out so that the IP header is 4-byte aligned; the layers are
 * located. All numbers are little-endian, all offsets in bytes. The file is a header and then blocks:
 *
 * ```
 * file header, 128 bytes                     block header, 32 bytes (blocks start at multiples of 64)
 *    0  u8[8]  magic 89 "CTP" 0d 0a 1a 0a       0  u32  magic "CTPB"
 *    8  u16    version, 2                       4  u32  CRC-32 of bytes 8 to the first frame
 *   10  u16    header length, 128               8  u32  block length, a multiple of 64
 *   12  u32    LINKTYPE_ of frames, 1          12  u32  records in the block, at least 1
 *   16  u64    records                         16  u64  records in the blocks before
 *   24  u64    blocks                          24  u32  offset of the first frame in the block
 *   32  u64    sum of frame lengths            28  u32  CRC-32 of the frames, to the block's end
 *   40  u64    sum of lengths on the wire     then per record 32 bytes:
 *   48  i64    time of the first record, ns     0  i64  capture time, ns since 1970
 *   56  i64    time of the last record, ns      8  u32  offset of the frame in the block
 *   64  u32    longest frame                   12  u32  frame length
 *   68  u32    records cut by a snap length    16  u32  length on the wire
 *   72  u64    file length                     20  u16  l3, 22 u16 l4: offsets in the frame; 0xffff none
 *   80  u8[44] zero                            24  u32  l2Pad
 *  124  u32    CRC-32 of bytes 0 to 123        28  u16  dlType (EtherType behind tags and SNAP)
 *                                              30  u16  flags: 1 the record carries no time
 *                                             then the frames, each at an offset that puts l3 at a multiple of 4
 * ```
 *
 * A block is self-contained: its bytes can be read to any 64-byte boundary of the packet store and used there. Its table (header
 * and entries) has a checksum of its own, so that times and lengths of a whole capture can be had without reading its frames.
 */
import { endianness } from 'node:os';
import { CaptureError, STRAY_ADVICE } from './capture-error.js';
import { MAX_CAPTURED_BYTES } from './capture-record.js';
import { crc32 } from './crc32.js';
import { ETHERNET_HEADER_BYTES, NO_OFFSET } from '../wire/ethernet.js';
import { LINKTYPE_ETHERNET } from './link-type.js';
import { PREPARED_MAGIC } from './sniff.js';

const PREPARED_VERSION = 2;
export const PREPARED_HEADER_BYTES = 128;
const HEADER_CRC_AT = 124;

export const BLOCK_MAGIC = 0x4250_5443;
export const BLOCK_HEADER_BYTES = 32;
export const BLOCK_ALIGNMENT_BYTES = 64;
/** A block is closed before it would grow beyond this. */
export const BLOCK_TARGET_BYTES = 1024 * 1024;
/** No block is longer: the target, or one record of the largest size. */
export const BLOCK_MAX_BYTES = 2 * 1024 * 1024;
export const RECORD_ENTRY_BYTES = 32;
export const TABLE_CRC_AT = 4;
export const TABLE_CRC_FROM = 8;
export const FRAMES_CRC_AT = 28;
/** Longest frame: the largest captured length, plus an Ethernet header put before what had none. */
export const MAX_FRAME_BYTES = MAX_CAPTURED_BYTES + ETHERNET_HEADER_BYTES;
export const FLAG_TIMESTAMP_MISSING = 1;

/** Facts about the whole file, from its header. */
export interface PreparedSummary {
  readonly recordCount: number;
  readonly blockCount: number;
  /** Sum of the frame lengths, in bytes. */
  readonly frameBytes: number;
  /** Sum of the lengths on the wire, in bytes. */
  readonly originalBytes: number;
  readonly firstTimestampNs: bigint;
  readonly lastTimestampNs: bigint;
  readonly maxFrameLength: number;
  readonly cutRecordCount: number;
  /** Length of the file, in bytes. */
  readonly fileBytes: number;
}

/** The file header's bytes. */
export function encodePreparedHeader(summary: PreparedSummary): Buffer {
  const bytes = Buffer.alloc(PREPARED_HEADER_BYTES);
  bytes.set(PREPARED_MAGIC, 0);
  bytes.writeUInt16LE(PREPARED_VERSION, 8);
  bytes.writeUInt16LE(PREPARED_HEADER_BYTES, 10);
  bytes.writeUInt32LE(LINKTYPE_ETHERNET, 12);
  bytes.writeBigUInt64LE(BigInt(summary.recordCount), 16);
  bytes.writeBigUInt64LE(BigInt(summary.blockCount), 24);
  bytes.writeBigUInt64LE(BigInt(summary.frameBytes), 32);
  bytes.writeBigUInt64LE(BigInt(summary.originalBytes), 40);
  bytes.writeBigInt64LE(summary.firstTimestampNs, 48);
  bytes.writeBigInt64LE(summary.lastTimestampNs, 56);
  bytes.writeUInt32LE(summary.maxFrameLength, 64);
  bytes.writeUInt32LE(summary.cutRecordCount, 68);
  bytes.writeBigUInt64LE(BigInt(summary.fileBytes), 72);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, HEADER_CRC_AT)), HEADER_CRC_AT);
  return bytes;
}

/**
 * Reads the file header.
 * @param bytes at least its 128 bytes
 * @throws CaptureError for another version or a damaged header
 */
export function decodePreparedHeader(file: string, bytes: Buffer): PreparedSummary {
  if (endianness() !== 'LE') {
    throw new CaptureError({
      file,
      reason: 'prepared captures can only be read on a little-endian machine',
      advice: 'Replay the capture that it was prepared from.',
    });
  }
  const version = bytes.readUInt16LE(8);
  if (version !== PREPARED_VERSION) {
    throw new CaptureError({
      file,
      offset: 8,
      reason: `this prepared capture has version ${version}, and this program reads version ${PREPARED_VERSION}`,
      advice: PREPARE_AGAIN,
    });
  }
  if (crc32(bytes.subarray(0, HEADER_CRC_AT)) !== bytes.readUInt32LE(HEADER_CRC_AT)) {
    throw new CaptureError({
      file,
      offset: HEADER_CRC_AT,
      reason: 'the checksum of the prepared capture’s header does not match',
      advice: PREPARE_AGAIN,
    });
  }
  return {
    recordCount: Number(bytes.readBigUInt64LE(16)),
    blockCount: Number(bytes.readBigUInt64LE(24)),
    frameBytes: Number(bytes.readBigUInt64LE(32)),
    originalBytes: Number(bytes.readBigUInt64LE(40)),
    firstTimestampNs: bytes.readBigInt64LE(48),
    lastTimestampNs: bytes.readBigInt64LE(56),
    maxFrameLength: bytes.readUInt32LE(64),
    cutRecordCount: bytes.readUInt32LE(68),
    fileBytes: Number(bytes.readBigUInt64LE(72)),
  };
}

export const PREPARE_AGAIN = 'Prepare it again from its capture: ctreplay prep CAPTURE -o FILE.ctp.';

/** The records of one block, read in place. */
export class PreparedBlock {
  readonly recordCount: number;
  /** Records in the blocks before this one. */
  readonly recordsBefore: number;
  readonly #times: BigInt64Array;
  readonly #words: Uint32Array;
  readonly #halves: Uint16Array;

  readonly bytes: Uint8Array;

  /** @param bytes a block that was checked, at an 8-byte boundary of its buffer */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    const head = new DataView(bytes.buffer, bytes.byteOffset, BLOCK_HEADER_BYTES);
    this.recordCount = head.getUint32(12, true);
    this.recordsBefore = Number(head.getBigUint64(16, true));
    const at = bytes.byteOffset + BLOCK_HEADER_BYTES;
    const entryBytes = this.recordCount * RECORD_ENTRY_BYTES;
    this.#times = new BigInt64Array(bytes.buffer, at, entryBytes / 8);
    this.#words = new Uint32Array(bytes.buffer, at, entryBytes / 4);
    this.#halves = new Uint16Array(bytes.buffer, at, entryBytes / 2);
  }

  /** Capture time in nanoseconds since 1970. */
  timestampNs(index: number): bigint {
    return this.#times[index * 4] as bigint;
  }

  /**
   * Nanoseconds from `baseNs` to each record's time, without a big integer per record: exact for spans up to 2^53 ns
   * (104 days), beyond that to the precision of a number.
   * @param sinceNs receives them, as many as it has room for
   */
  timesSince(baseNs: bigint, sinceNs: Float64Array): void {
    const baseHigh = Number(baseNs >> 32n);
    const baseLow = Number(baseNs & 0xffff_ffffn);
    const count = Math.min(this.recordCount, sinceNs.length);
    for (let index = 0; index < count; index += 1) {
      const high = (this.#words[index * 8 + 1] as number) | 0;
      sinceNs[index] = (high - baseHigh) * 2 ** 32 + ((this.#words[index * 8] as number) - baseLow);
    }
  }

  /** Offset of the frame in the block. */
  frameOffset(index: number): number {
    return this.#words[index * 8 + 2] as number;
  }

  frameLength(index: number): number {
    return this.#words[index * 8 + 3] as number;
  }

  originalLength(index: number): number {
    return this.#words[index * 8 + 4] as number;
  }

  /** Offset of the network header in the frame, or NO_OFFSET. */
  l3(index: number): number {
    return this.#halves[index * 16 + 10] as number;
  }

  /** Offset of the transport header in the frame, or NO_OFFSET. */
  l4(index: number): number {
    return this.#halves[index * 16 + 11] as number;
  }

  /** Bytes of link-layer padding at the frame's end. */
  l2Pad(index: number): number {
    return this.#words[index * 8 + 6] as number;
  }

  dlType(index: number): number {
    return this.#halves[index * 16 + 14] as number;
  }

  /** True when the record carries no time of its own and repeats that of the one before. */
  timestampMissing(index: number): boolean {
    return ((this.#halves[index * 16 + 15] as number) & FLAG_TIMESTAMP_MISSING) !== 0;
  }

  /** The frame itself, not copied. */
  frame(index: number): Uint8Array {
    const from = this.frameOffset(index);
    return this.bytes.subarray(from, from + this.frameLength(index));
  }
}

/** Where a block stands in its file, for errors. */
export interface BlockPlace {
  readonly file: string;
  /** Offset of the block in the file. */
  readonly offset: number;
  readonly recordsBefore: number;
}

/**
 * The length of the block that begins with these bytes.
 * @param head at least the block's header
 * @throws CaptureError when this is no block header
 */
export function blockLength(head: Buffer, place: BlockPlace): number {
  const length = head.readUInt32LE(8);
  const recordCount = head.readUInt32LE(12);
  let reason: string | null = null;
  if (head.readUInt32LE(0) !== BLOCK_MAGIC) reason = 'no block begins where one should';
  else if (length > BLOCK_MAX_BYTES || length % BLOCK_ALIGNMENT_BYTES !== 0) {
    reason = `the block length is ${length} bytes, not a multiple of 64 up to ${BLOCK_MAX_BYTES}`;
  } else if (recordCount === 0 || recordCount > (length - BLOCK_HEADER_BYTES) / RECORD_ENTRY_BYTES) {
    reason = `a block of ${length} bytes cannot hold ${recordCount} records`;
  } else if (Number(head.readBigUInt64LE(16)) !== place.recordsBefore) {
    reason = `the block says that ${head.readBigUInt64LE(16)} records come before it, but it is ${place.recordsBefore}`;
  }
  if (reason !== null) throw blockFault(place, reason);
  return length;
}

/**
 * Verifies a block: its checksums, and that every frame lies inside it with its layers inside the frame.
 * @throws CaptureError
 */
export function checkBlock(bytes: Uint8Array, place: BlockPlace): PreparedBlock {
  const head = new DataView(bytes.buffer, bytes.byteOffset, BLOCK_HEADER_BYTES);
  const block = new PreparedBlock(bytes);
  const framesAt = BLOCK_HEADER_BYTES + block.recordCount * RECORD_ENTRY_BYTES;
  if (crc32(bytes.subarray(TABLE_CRC_FROM, framesAt)) !== head.getUint32(TABLE_CRC_AT, true)) {
    throw blockFault(place, 'the checksum of the block’s table does not match');
  }
  const blockBytes = head.getUint32(8, true);
  for (let index = 0; index < block.recordCount; index += 1) {
    const offset = block.frameOffset(index);
    const length = block.frameLength(index);
    const l3 = block.l3(index);
    const l4 = block.l4(index);
    const sound =
      offset >= framesAt &&
      offset + length <= blockBytes &&
      length <= block.originalLength(index) &&
      block.l2Pad(index) <= length &&
      (l3 === NO_OFFSET || (l3 <= length && (offset + l3) % 4 === 0)) &&
      (l4 === NO_OFFSET || (l3 !== NO_OFFSET && l4 > l3 && l4 <= length));
    if (!sound) {
      throw blockFault(place, `the entry of record ${place.recordsBefore + index + 1} points outside its frame`);
    }
  }
  if (crc32(bytes.subarray(framesAt)) !== head.getUint32(FRAMES_CRC_AT, true)) {
    throw blockFault(place, 'the checksum of the block’s frames does not match');
  }
  return block;
}

/** An error at a block. */
export function blockFault(place: BlockPlace, reason: string, truncated = false): CaptureError {
  return new CaptureError({
    file: place.file,
    recordIndex: place.recordsBefore + 1,
    offset: place.offset,
    wholeRecords: place.recordsBefore,
    truncated,
    reason,
    advice: truncated ? PREPARE_AGAIN + STRAY_ADVICE : PREPARE_AGAIN,
  });
}
