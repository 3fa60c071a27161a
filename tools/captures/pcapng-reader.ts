import type { ByteWindow } from './byte-window.js';
import { CaptureError, KEEP_ADVICE, STRAY_ADVICE } from './capture-error.js';
import {
  MAX_CAPTURED_BYTES,
  MAX_ORIGINAL_BYTES,
  type CaptureInterface,
  type CaptureRecord,
} from './capture-record.js';
import type { BlockSource } from './record-source.js';
import {
  BLOCK_ENHANCED_PACKET,
  BLOCK_HEAD_BYTES,
  BLOCK_INTERFACE,
  BLOCK_OVERHEAD_BYTES,
  BLOCK_PACKET,
  BLOCK_SECTION_HEADER,
  BLOCK_SIMPLE_PACKET,
  BYTE_ORDER_MAGIC,
  INTERFACE_FIXED_BYTES,
  OPTION_INTERFACE_NAME,
  OPTION_TIME_OFFSET,
  OPTION_TIME_RESOLUTION,
  PACKET_FIXED_BYTES,
  paddedLength,
  SECTION_FIXED_BYTES,
  SIMPLE_PACKET_FIXED_BYTES,
} from './pcapng-format.js';
import { beyondWireText, Oddities } from './oddities.js';
import { SUPPORTED_LINK_TYPES } from './link-type.js';
import { parseOptions } from './pcapng-options.js';
import { takePlainPackets, type WalkedInterface } from './pcapng-walk.js';
import type { RecordBlock } from './record-block.js';
import { timestampResolution } from './timestamp-resolution.js';

/** Largest block that is held in memory, in bytes; larger packet blocks are refused, other blocks skipped unread. */
const MAX_BLOCK_BYTES = 16 * 1024 * 1024;
/** Largest length that, padded, still fits its 32-bit field. */
const MAX_BLOCK_LENGTH = 0xffff_fffc;
/** An interface costs memory, so a file cannot have them without end. */
const MAX_INTERFACES = 65_536;
const MICROSECONDS = 6;
/**
 * How far behind the first packet without a time one that has a time is looked for, in bytes of the file: as long as that, the packets are
 * held. Beyond, the time is taken for unknown, 1970.
 */
const MAX_UNTIMED_BYTES = 4 * 1024 * 1024;
/** Nanosecond times beyond this do not fit the 64-bit fields that files and the engine use. */
const MAX_ABSOLUTE_NS = 1n << 63n;

const DAMAGED_ADVICE =
  'The file is damaged from here on, or was written wrongly; record it again or rewrite it with: editcap FILE REWRITTEN.';

interface SectionInterface extends WalkedInterface {
  readonly index: number;
  readonly snapLength: number;
}

/**
 * pcapng with any number of sections (each in its own byte order) and interfaces (each with its own link type,
 * timestamp resolution and offset). Enhanced, simple and obsolete packet blocks give records; other blocks are
 * skipped, whatever their size, without being held. Block lengths are checked at both ends. A simple packet block has no time: it gets
 * that of the packet before it, or, where none before it has one, of the first that does.
 *
 * What Wireshark reads although it is odd is read as it reads it, and counted: a captured length above the length on the wire, and
 * a block length that leaves the padding out.
 */
export class PcapngSource implements BlockSource {
  readonly format = 'pcapng';
  readonly interfaces: CaptureInterface[] = [];
  #littleEndian = true;
  #section: SectionInterface[] = [];
  #recordsRead = 0;
  /** Time of the last packet that had one; null before the first, whose time those before it get. */
  #lastTimestampNs: bigint | null = null;
  /** Where the first packet without a time lies, of those that come before any time; null when there was none. */
  #firstUntimedAt: number | null = null;
  /** Whether one of them was taken into a block: then its time is what the block's times count from. */
  #isUntimedTaken = false;
  #fault: CaptureError | null = null;
  #batch: CaptureRecord[] = [];

  readonly #file: string;
  readonly #window: ByteWindow;
  readonly oddities: Oddities;

  private constructor(
    file: string,
    window: ByteWindow,
    oddities: Oddities,
  ) {
    this.#file = file;
    this.#window = window;
    this.oddities = oddities;
  }

  /**
   * Reads the first section header.
   * @param strict refuses what is odd
   * @throws CaptureError when it is damaged or cut short
   */
  static async open(file: string, window: ByteWindow, strict = false): Promise<PcapngSource> {
    const source = new PcapngSource(file, window, new Oddities(file, strict));
    await source.#readBlock();
    return source;
  }

  async nextBatch(): Promise<CaptureRecord[] | null> {
    if (this.#fault !== null) throw this.#fault;
    this.#batch = [];
    try {
      // A batch ends where more bytes would have to be waited for, so that a live pipe delivers what it has; but not before a time is known.
      for (;;) {
        while (this.#takeBufferedBlock());
        if (this.#batch.length > 0 && this.#lastTimestampNs !== null) break;
        if (!(await this.#readBlock())) break;
      }
    } catch (error) {
      if (!(error instanceof CaptureError) || this.#batch.length === 0) throw error;
      this.#fault = error;
    }
    return this.#batch.length === 0 ? null : this.#batch;
  }

  async fillBlock(block: RecordBlock): Promise<boolean> {
    if (this.#fault !== null) throw this.#fault;
    const window = this.#window;
    try {
      for (;;) {
        while (!block.isFull && this.#takeInto(block));
        if (block.count > 0 || block.isFull) return true;
        this.#batch = [];
        if (!(await this.#readBlock())) return false;
        this.#offerBatch(block);
      }
    } catch (error) {
      if (!(error instanceof CaptureError) || block.count === 0) throw error;
      this.#fault = error;
      return true;
    } finally {
      block.bytes = window.buffer;
    }
  }

  /** Takes what is plain in the window, and one block in any case, into the block; false where that one is not whole yet. */
  #takeInto(block: RecordBlock): boolean {
    const window = this.#window;
    if (block.baseNs !== null) {
      const before = block.count;
      const { baseNs } = block;
      const section = {
        littleEndian: this.#littleEndian,
        interfaces: this.#section,
        largestBytes: MAX_BLOCK_BYTES,
        baseNs,
      };
      const taken = takePlainPackets(window, section, block);
      window.consume(taken.position - window.start);
      this.#recordsRead += block.count - before;
      if (taken.lastNs !== null) this.#lastTimestampNs = baseNs + BigInt(taken.lastNs);
      if (block.isFull) return true;
    }
    this.#batch = [];
    const isWhole = this.#takeBufferedBlock();
    this.#offerBatch(block);
    return isWhole;
  }

  /** Offers what was read singly to the block: one record at most. */
  #offerBatch(block: RecordBlock): void {
    const { buffer } = this.#window;
    for (const record of this.#batch) {
      if (this.#lastTimestampNs === null) {
        const before = block.count;
        block.offer(record, buffer, false);
        if (block.count > before) this.#isUntimedTaken = true;
      } else {
        // Also where the first packet with a time is not wanted.
        if (this.#isUntimedTaken) block.baseNs ??= this.#lastTimestampNs;
        block.offer(record, buffer);
      }
    }
  }

  /** Consumes one block, waiting for its bytes; false at the end of the file. */
  async #readBlock(): Promise<boolean> {
    const window = this.#window;
    if (!(await window.fill(BLOCK_OVERHEAD_BYTES))) {
      if (window.available === 0) return false;
      throw this.#truncated(BLOCK_OVERHEAD_BYTES, 'a block header');
    }
    if (this.#takeBufferedBlock()) return true;
    const { type, length, stated } = this.#blockHead();
    if (!holdsContent(type)) {
      await this.#skipBlock(length, stated);
      return true;
    }
    if (!(await window.fill(length))) throw this.#truncated(length, 'a block');
    return this.#takeBufferedBlock();
  }

  /** Consumes one block if the window holds all of it. */
  #takeBufferedBlock(): boolean {
    const window = this.#window;
    if (window.available < BLOCK_OVERHEAD_BYTES) return false;
    const { type, length, stated } = this.#blockHead();
    if (length > window.available) return false;
    const offset = window.streamOffset;
    const block = window.buffer.subarray(window.start, window.start + length);
    this.#checkTrailer(offset, { length, stated }, this.#u32(block, length - 4));
    const body = block.subarray(BLOCK_HEAD_BYTES, length - 4);
    if (type === BLOCK_ENHANCED_PACKET) this.#readPacket(offset, body, false);
    else if (type === BLOCK_PACKET) this.#readPacket(offset, body, true);
    else if (type === BLOCK_SIMPLE_PACKET) this.#readSimplePacket(offset, body);
    else if (type === BLOCK_INTERFACE) this.#readInterface(offset, body);
    else if (type === BLOCK_SECTION_HEADER) this.#readSection(offset, body);
    window.consume(length);
    return true;
  }

  /** Type and believable length of the block at the window's start: padded, and as stated. */
  #blockHead(): { type: number; length: number; stated: number } {
    const { buffer, start, streamOffset } = this.#window;
    // A section's type reads the same in both byte orders; its magic tells how to read its length.
    if (buffer.readUInt32BE(start) === BLOCK_SECTION_HEADER) this.#readByteOrder(streamOffset);
    const type = this.#u32(buffer, start);
    const stated = this.#u32(buffer, start + 4);
    if (stated === 0 && type === 0) throw this.#zeroTail();
    if (stated < BLOCK_OVERHEAD_BYTES || stated > MAX_BLOCK_LENGTH) {
      throw this.#damaged(streamOffset + 4, `the block length is ${stated}, not a multiple of 4 of at least 12`);
    }
    const length = Math.ceil(stated / 4) * 4;
    if (length > MAX_BLOCK_BYTES && holdsContent(type)) {
      throw this.#damaged(
        streamOffset + 4,
        `the block length is ${length} bytes, and at most ${MAX_BLOCK_BYTES} are read`,
      );
    }
    return { type, length, stated };
  }

  async #skipBlock(length: number, stated: number): Promise<void> {
    const offset = this.#window.streamOffset;
    const bodyEnd = length - 4;
    if (!(await this.#window.skip(bodyEnd)) || !(await this.#window.fill(4))) {
      throw this.#truncated(length, 'a block', offset);
    }
    this.#checkTrailer(offset, { length, stated }, this.#u32(this.#window.buffer, this.#window.start));
    this.#window.consume(4);
  }

  #readByteOrder(offset: number): void {
    const { buffer, start } = this.#window;
    if (buffer.readUInt32LE(start + 8) === BYTE_ORDER_MAGIC) this.#littleEndian = true;
    else if (buffer.readUInt32BE(start + 8) === BYTE_ORDER_MAGIC) this.#littleEndian = false;
    else throw this.#damaged(offset + 8, 'the section header has no byte-order magic');
  }

  #readSection(offset: number, body: Buffer): void {
    if (body.length < SECTION_FIXED_BYTES) throw this.#damaged(offset, 'the section header block is too short');
    const major = this.#u16(body, 4);
    const minor = this.#u16(body, 6);
    // 1.2 was written by some tools for what is 1.0 (draft-ietf-opsawg-pcapng, section 4.1).
    if (major !== 1 || (minor !== 0 && minor !== 2)) {
      throw this.#damaged(offset + 12, `the section has pcapng version ${major}.${minor}, and only 1.0 is known`);
    }
    this.#options(offset, body.subarray(SECTION_FIXED_BYTES));
    this.#section = [];
  }

  #readInterface(offset: number, body: Buffer): void {
    if (body.length < INTERFACE_FIXED_BYTES) throw this.#damaged(offset, 'the interface block is too short');
    if (this.interfaces.length === MAX_INTERFACES) {
      throw this.#damaged(offset, `the file describes more than ${MAX_INTERFACES} interfaces`);
    }
    let name: string | null = null;
    let resolutionCode = MICROSECONDS;
    let offsetSeconds = 0n;
    for (const { code, value } of this.#options(offset, body.subarray(INTERFACE_FIXED_BYTES))) {
      if (code === OPTION_INTERFACE_NAME) {
        name = value.toString('utf8');
      } else if (code === OPTION_TIME_RESOLUTION) {
        if (value.length !== 1) throw this.#damaged(offset, `if_tsresol has ${value.length} bytes instead of 1`);
        resolutionCode = value.readUInt8(0);
      } else if (code === OPTION_TIME_OFFSET) {
        if (value.length !== 8) throw this.#damaged(offset, `if_tsoffset has ${value.length} bytes instead of 8`);
        offsetSeconds = this.#littleEndian ? value.readBigInt64LE(0) : value.readBigInt64BE(0);
      }
    }
    const resolution = timestampResolution(resolutionCode, offsetSeconds);
    if (resolution === null) {
      throw this.#damaged(offset, `the timestamp resolution code 0x${resolutionCode.toString(16)} is out of range`);
    }
    const linkType = this.#u16(body, 0);
    const snapLength = this.#u32(body, 4);
    const tracked = SUPPORTED_LINK_TYPES.includes(linkType);
    this.#section.push({ index: this.interfaces.length, linkType, snapLength, resolution, tracked, clock: undefined });
    this.interfaces.push({
      name,
      linkType,
      snapLength: snapLength === 0 ? null : snapLength,
      resolution: resolution.text,
    });
  }

  #readPacket(offset: number, body: Buffer, obsolete: boolean): void {
    if (body.length < PACKET_FIXED_BYTES) throw this.#damaged(offset, 'the packet block is too short');
    // The obsolete block has a 16-bit interface number and a drop count where the enhanced one has 32 bits.
    const interfaceNumber = obsolete ? this.#u16(body, 0) : this.#u32(body, 0);
    const from = this.#interfaceAt(offset, interfaceNumber);
    const units = (BigInt(this.#u32(body, 4)) << 32n) | BigInt(this.#u32(body, 8));
    const captured = this.#u32(body, 12);
    const original = this.#u32(body, 16);
    this.#checkLengths(offset, captured, original);
    if (captured > original) this.#noteBeyondWire(offset, captured, original);
    const optionsAt = PACKET_FIXED_BYTES + paddedLength(captured);
    if (optionsAt > body.length) {
      throw this.#damaged(offset + 20, `the captured length, ${captured} bytes, does not fit in its block`);
    }
    this.#options(offset, body.subarray(optionsAt));
    const timestampNs = from.resolution.toNs(units);
    if (timestampNs >= MAX_ABSOLUTE_NS || timestampNs < -MAX_ABSOLUTE_NS) {
      throw this.#damaged(offset + 12, `the time is ${timestampNs} ns since 1970, beyond what 64 bits hold`);
    }
    if (this.#lastTimestampNs === null) this.#batch = this.#batch.map((record) => ({ ...record, timestampNs }));
    this.#lastTimestampNs = timestampNs;
    this.#recordsRead += 1;
    this.#batch.push({
      recordIndex: this.#recordsRead,
      fileOffset: offset,
      timestampNs,
      frame: body.subarray(PACKET_FIXED_BYTES, PACKET_FIXED_BYTES + captured),
      originalLength: original,
      linkType: from.linkType,
      interfaceIndex: from.index,
    });
  }

  #readSimplePacket(offset: number, body: Buffer): void {
    if (body.length < SIMPLE_PACKET_FIXED_BYTES) throw this.#damaged(offset, 'the packet block is too short');
    const from = this.#interfaceAt(offset, 0);
    const original = this.#u32(body, 0);
    const captured = from.snapLength === 0 ? original : Math.min(original, from.snapLength);
    this.#checkLengths(offset, captured, original);
    if (SIMPLE_PACKET_FIXED_BYTES + paddedLength(captured) !== body.length) {
      throw this.#damaged(
        offset + 8,
        `the packet has ${captured} bytes by its length, which do not fill its block of ${body.length - 4}`,
      );
    }
    if (this.#lastTimestampNs === null) {
      this.#firstUntimedAt ??= offset;
      if (offset - this.#firstUntimedAt > MAX_UNTIMED_BYTES) this.#lastTimestampNs = 0n;
    }
    this.#recordsRead += 1;
    this.#batch.push({
      recordIndex: this.#recordsRead,
      fileOffset: offset,
      timestampNs: this.#lastTimestampNs ?? 0n,
      timestampMissing: true,
      frame: body.subarray(SIMPLE_PACKET_FIXED_BYTES, SIMPLE_PACKET_FIXED_BYTES + captured),
      originalLength: original,
      linkType: from.linkType,
      interfaceIndex: from.index,
    });
  }

  #interfaceAt(offset: number, interfaceNumber: number): SectionInterface {
    const found = this.#section[interfaceNumber];
    if (found !== undefined) return found;
    throw this.#damaged(
      offset + 8,
      `the packet names interface ${interfaceNumber}, but its section has described ${this.#section.length} so far`,
    );
  }

  #checkLengths(offset: number, captured: number, original: number): void {
    if (captured > MAX_CAPTURED_BYTES) {
      throw this.#damaged(
        offset,
        `the captured length is ${captured} bytes, and no record has more than ${MAX_CAPTURED_BYTES}`,
      );
    }
    if (original > MAX_ORIGINAL_BYTES) {
      throw this.#damaged(offset, `the length on the wire is ${original} bytes, which no packet has`);
    }
  }

  #options(offset: number, bytes: Buffer): readonly { code: number; value: Buffer }[] {
    if (bytes.length === 0) return [];
    const parsed = parseOptions(bytes, this.#littleEndian);
    if (typeof parsed === 'string') throw this.#damaged(offset, `the block's options are damaged: ${parsed}`);
    return parsed;
  }

  /** A length that leaves the padding out may do so at both ends; anything else that differs is damage. */
  #checkTrailer(offset: number, block: { length: number; stated: number }, trailer: number): void {
    const { length, stated } = block;
    if (trailer !== stated && trailer !== length) {
      throw this.#damaged(
        offset + length - 4,
        `the block length is ${stated} at the block's start and ${trailer} at its end`,
      );
    }
    if (stated === length) return;
    const refusal = this.oddities.note({
      kind: 'block-length',
      recordIndex: this.#recordsRead + 1,
      offset: offset + 4,
      describe: () => `the block length is ${stated}, no multiple of 4: the padding is left out of it`,
    });
    if (refusal !== null) throw refusal;
  }

  #noteBeyondWire(offset: number, captured: number, original: number): void {
    const refusal = this.oddities.note({
      kind: 'captured-beyond-wire',
      recordIndex: this.#recordsRead + 1,
      offset,
      describe: () => beyondWireText(captured, original),
    });
    if (refusal !== null) throw refusal;
  }

  /** A file that was given its size beforehand, and whose end was never written: everything before it is sound. */
  #zeroTail(): CaptureError {
    return new CaptureError({
      file: this.#file,
      recordIndex: this.#recordsRead + 1,
      offset: this.#window.streamOffset,
      wholeRecords: this.#recordsRead,
      truncated: true,
      reason: `zeros follow in place of a block; ${this.#recordsRead} whole records come before them`,
      advice: KEEP_ADVICE,
    });
  }

  #damaged(offset: number, reason: string): CaptureError {
    return new CaptureError({
      file: this.#file,
      recordIndex: this.#recordsRead + 1,
      offset,
      wholeRecords: this.#recordsRead,
      // What comes before a stray tail is sound.
      truncated: this.#recordsRead > 0,
      reason,
      advice: this.#recordsRead > 0 ? DAMAGED_ADVICE + STRAY_ADVICE : DAMAGED_ADVICE,
    });
  }

  #truncated(needed: number, what: string, from = this.#window.streamOffset): CaptureError {
    const present = this.#window.streamOffset + this.#window.available - from;
    return new CaptureError({
      file: this.#file,
      recordIndex: this.#recordsRead + 1,
      offset: from,
      wholeRecords: this.#recordsRead,
      truncated: true,
      reason:
        `the file ends inside ${what}: ${present} of ${needed} bytes; ` +
        `${this.#recordsRead} whole records come before it`,
      advice: KEEP_ADVICE,
    });
  }

  #u16(bytes: Buffer, position: number): number {
    return this.#littleEndian ? bytes.readUInt16LE(position) : bytes.readUInt16BE(position);
  }

  #u32(bytes: Buffer, position: number): number {
    return this.#littleEndian ? bytes.readUInt32LE(position) : bytes.readUInt32BE(position);
  }
}

function holdsContent(type: number): boolean {
  return (
    type === BLOCK_SECTION_HEADER ||
    type === BLOCK_INTERFACE ||
    type === BLOCK_PACKET ||
    type === BLOCK_SIMPLE_PACKET ||
    type === BLOCK_ENHANCED_PACKET
  );
}
