import { EventEmitter } from 'node:events';
import { parse, type PcapPacket } from 'pcap-parser';
import type { ByteWindow } from './byte-window.js';
import { CaptureError, KEEP_ADVICE, STRAY_ADVICE } from './capture-error.js';
import {
  MAX_CAPTURED_BYTES,
  MAX_ORIGINAL_BYTES,
  type CaptureFormat,
  type CaptureInterface,
  type CaptureRecord,
} from './capture-record.js';
import type { BlockSource } from './record-source.js';
import { beyondWireText, Oddities, type OddityKind } from './oddities.js';
import {
  PCAP_FILE_HEADER_BYTES,
  PCAP_LINK_TYPE_MASK,
  PCAP_LINK_TYPE_RESERVED,
  PCAP_MAGIC_MICRO,
  PCAP_MAGIC_NANO,
  PCAP_RECORD_HEADER_BYTES,
} from './pcap-format.js';
import { takePlainRecords, type PcapRecordLayout, type PcapTimeBase } from './pcap-walk.js';
import type { RecordBlock } from './record-block.js';

/** How a file's records order their two lengths. */
type LengthOrder = 'captured-first' | 'wire-first' | 'larger-second';

/**
 * Classic pcap, both byte orders, microseconds and nanoseconds: record by record parsed by the pcap-parser package, or in blocks, for
 * which the records are walked in place (pcap-walk.ts) and the package is not asked.
 *
 * The package believes any length it reads, keeps whatever does not make a whole record for ever, and says nothing
 * about bytes left over at the end. So this class walks the record headers first and feeds the package only whole,
 * bounded records; it therefore never buffers more than one window. The package knows microsecond files only:
 * a nanosecond file's magic number is exchanged before it is fed, and the sub-second field scaled here.
 *
 * What libpcap and Wireshark read although it is odd is read as they read it, and counted: a captured length above the length on
 * the wire, a sub-second part outside of the second, versions before 2.4, records without anything.
 */
export class PcapSource implements BlockSource {
  readonly format: CaptureFormat;
  readonly interfaces: readonly CaptureInterface[];
  readonly #feed = new FeedStream();
  readonly #packets: PcapPacket[] = [];
  readonly #linkType: number;
  readonly #layout: PcapRecordLayout;
  readonly #lengthOrder: LengthOrder;
  readonly #version: string;
  #parserFault: Error | null = null;
  #recordsRead = 0;
  #timeBase: PcapTimeBase | null = null;
  #pendingFault: CaptureError | null = null;

  readonly #file: string;
  readonly #window: ByteWindow;
  readonly #littleEndian: boolean;
  readonly oddities: Oddities;

  private constructor(
    file: string,
    window: ByteWindow,
    header: PcapFileHeader,
    littleEndian: boolean,
    oddities: Oddities,
  ) {
    this.#file = file;
    this.#window = window;
    this.#littleEndian = littleEndian;
    this.oddities = oddities;
    this.#lengthOrder = header.lengthOrder;
    this.#version = header.version;
    this.format = header.nanosecond ? 'pcap-ns' : 'pcap';
    this.#linkType = header.linkType;
    this.#layout = {
      littleEndian,
      linkType: header.linkType,
      subSecondLimit: header.nanosecond ? 1_000_000_000 : 1_000_000,
      subSecondNs: header.nanosecond ? 1 : 1000,
    };
    this.interfaces = [
      {
        name: null,
        linkType: header.linkType,
        // 0 states no limit (libpcap).
        snapLength: header.snapLength === 0 ? null : header.snapLength,
        resolution: header.nanosecond ? '10^-9 s' : '10^-6 s',
      },
    ];
    const parser = parse(this.#feed);
    parser.on('packet', (packet: PcapPacket) => this.#packets.push(packet));
    parser.on('error', (error: Error) => {
      this.#parserFault = error;
    });
    this.#feed.emit('data', header.microsecondBytes);
  }

  /**
   * Reads the file header from the window.
   * @param strict refuses what is odd
   * @throws CaptureError for a truncated header or an unknown version
   */
  static async open(file: string, window: ByteWindow, strict = false): Promise<PcapSource> {
    if (!(await window.fill(PCAP_FILE_HEADER_BYTES))) {
      throw new CaptureError({
        file,
        offset: 0,
        truncated: true,
        wholeRecords: 0,
        reason: `the pcap file header is cut short: ${window.available} of ${PCAP_FILE_HEADER_BYTES} bytes`,
        advice: 'Copy or record the capture again.',
      });
    }
    const bytes = window.buffer.subarray(window.start, window.start + PCAP_FILE_HEADER_BYTES);
    const littleEndian = isPcapMagic(bytes.readUInt32LE(0));
    const header = parseFileHeader(file, bytes, littleEndian);
    window.consume(PCAP_FILE_HEADER_BYTES);
    return new PcapSource(file, window, header, littleEndian, new Oddities(file, strict));
  }

  async nextBatch(): Promise<CaptureRecord[] | null> {
    if (!(await this.#fillRecord())) return null;
    const { byteCount, recordCount } = this.#frameWholeRecords();
    if (recordCount === 0 && this.#pendingFault !== null) throw this.#pendingFault;
    const baseOffset = this.#window.streamOffset;
    let chunk = this.#window.buffer.subarray(this.#window.start, this.#window.start + byteCount);
    if (this.#lengthOrder !== 'captured-first') chunk = this.#withCapturedFirst(byteCount);
    this.#window.consume(byteCount);
    return this.#parseChunk(chunk, recordCount, baseOffset);
  }

  async fillBlock(block: RecordBlock): Promise<boolean> {
    if (!(await this.#fillRecord())) return false;
    const window = this.#window;
    let position = window.start;
    for (;;) {
      if (this.#timeBase !== null && this.#lengthOrder === 'captured-first') {
        position = takePlainRecords(window, position, this.#layout, this.#timeBase, block);
      }
      const next = this.#takeRecord(position, block);
      if (next === null) break;
      position = next;
    }
    if (block.count === 0 && this.#pendingFault !== null) throw this.#pendingFault;
    block.bytes = window.buffer;
    this.#recordsRead += block.count;
    window.consume(position - window.start);
    return true;
  }

  /** Takes one record, odd or not, into the block; null where there is none to take: what is wrong with it is kept for the next call. */
  #takeRecord(position: number, block: RecordBlock): number | null {
    const { buffer, end } = this.#window;
    if (block.isFull || end - position < PCAP_RECORD_HEADER_BYTES) return null;
    const captured = this.#checkRecordHeader(position, block.count);
    if (captured instanceof CaptureError) {
      this.#pendingFault = captured;
      return null;
    }
    const start = position + PCAP_RECORD_HEADER_BYTES;
    if (start + captured > end) return null;
    this.#pendingFault = this.#noteOddities(position, this.#recordsRead + block.count + 1);
    if (this.#pendingFault !== null) return null;
    const seconds = this.#readUint32(buffer, position);
    // Signed, as libpcap has it.
    const fractionNs = (this.#readUint32(buffer, position + 4) | 0) * this.#layout.subSecondNs;
    this.#timeBase ??= { seconds, fractionNs };
    const timestampNs = BigInt(seconds) * 1_000_000_000n + BigInt(fractionNs);
    block.add(start, captured, this.#lengthsAt(position).original, this.#linkType, timestampNs);
    return start + captured;
  }

  /** Makes the next record whole in the window; false at the end of the file. */
  async #fillRecord(): Promise<boolean> {
    if (this.#pendingFault !== null) throw this.#pendingFault;
    if (!(await this.#window.fill(PCAP_RECORD_HEADER_BYTES))) {
      if (this.#window.available > 0) throw this.#truncatedHeader();
      return false;
    }
    const first = this.#checkRecordHeader(this.#window.start, 0);
    if (first instanceof CaptureError) throw first;
    if (!(await this.#window.fill(PCAP_RECORD_HEADER_BYTES + first))) throw this.#truncatedBody(first);
    return true;
  }

  /** The two lengths of the record at a position of the window, whatever their order (libpcap, sf-pcap.c). */
  #lengthsAt(position: number): { captured: number; original: number } {
    const { buffer } = this.#window;
    const first = this.#readUint32(buffer, position + 8);
    const second = this.#readUint32(buffer, position + 12);
    const swapped =
      this.#lengthOrder === 'wire-first' || (this.#lengthOrder === 'larger-second' && first > second);
    return swapped ? { captured: second, original: first } : { captured: first, original: second };
  }

  /** A copy of the window's first bytes, whole records, with the lengths in the order of version 2.4. */
  #withCapturedFirst(byteCount: number): Buffer {
    const { buffer, start } = this.#window;
    const copy = Buffer.from(buffer.subarray(start, start + byteCount));
    for (let at = 0; at < byteCount; ) {
      const { captured, original } = this.#lengthsAt(start + at);
      this.#writeUint32(copy, at + 8, captured);
      this.#writeUint32(copy, at + 12, original);
      at += PCAP_RECORD_HEADER_BYTES + captured;
    }
    return copy;
  }

  /** Counts what is odd about a sound record; the refusal when nothing may be. */
  #noteOddities(position: number, recordIndex: number): CaptureError | null {
    const { captured, original } = this.#lengthsAt(position);
    const subSecond = this.#readUint32(this.#window.buffer, position + 4);
    const { subSecondLimit } = this.#layout;
    if (
      captured <= original &&
      subSecond < subSecondLimit &&
      this.#version === CURRENT_VERSION &&
      original !== 0
    ) {
      return null;
    }
    const offset = this.#window.streamOffset + (position - this.#window.start);
    const note = (kind: OddityKind, describe: () => string): CaptureError | null =>
      this.oddities.note({ kind, recordIndex, offset, describe });
    return (
      (this.#version === CURRENT_VERSION
        ? null
        : note('old-version', () => oldVersionText(this.#version, this.#lengthOrder))) ??
      (captured <= original ? null : note('captured-beyond-wire', () => beyondWireText(captured, original))) ??
      (subSecond < subSecondLimit
        ? null
        : note('sub-second-range', () => subSecondText(subSecond, subSecondLimit))) ??
      (this.#isEmptyRecord(position)
        ? note('empty-record', () => 'neither time nor bytes, as where a file ends in zeros')
        : null)
    );
  }

  /** Taken for a record it would have no bytes, and garbage would follow. */
  #isFileHeader(position: number): boolean {
    const { buffer } = this.#window;
    if (!isPcapMagic(this.#readUint32(buffer, position))) return false;
    const word = this.#readUint32(buffer, position + 4);
    return word === (this.#littleEndian ? CURRENT_VERSION_WORD_LE : CURRENT_VERSION_WORD_BE);
  }

  #isEmptyRecord(position: number): boolean {
    return this.#window.buffer
      .subarray(position, position + PCAP_RECORD_HEADER_BYTES)
      .every((byte) => byte === 0);
  }

  /** Measures the whole, sound records at the window's start; a fault after them is kept for the next call. */
  #frameWholeRecords(): { byteCount: number; recordCount: number } {
    const { end, start } = this.#window;
    let position = start;
    let recordCount = 0;
    while (end - position >= PCAP_RECORD_HEADER_BYTES) {
      const captured = this.#checkRecordHeader(position, recordCount);
      if (captured instanceof CaptureError) {
        this.#pendingFault = captured;
        break;
      }
      const next = position + PCAP_RECORD_HEADER_BYTES + captured;
      if (next > end) break;
      this.#pendingFault = this.#noteOddities(position, this.#recordsRead + recordCount + 1);
      if (this.#pendingFault !== null) break;
      position = next;
      recordCount += 1;
    }
    return { byteCount: position - start, recordCount };
  }

  /** The captured length of the record whose header lies at `position`, or why the header cannot be believed. */
  #checkRecordHeader(position: number, recordsBefore: number): number | CaptureError {
    const { captured, original } = this.#lengthsAt(position);
    let reason: string | null = null;
    const wholeRecords = this.#recordsRead + recordsBefore;
    let advice = 'The file is damaged from here on, or was written wrongly; record or export it again.';
    // Records longer than the file's own snap length occur in good captures (merged or cut ones): they are whole,
    // and Open vSwitch and Wireshark read them so.
    if (this.#isFileHeader(position)) {
      reason = 'the header of another pcap file lies here, as when files are joined with cat';
      advice = 'Join the files themselves with: mergecap -a -w JOINED FILE...; or name each of them.';
    } else if (captured > MAX_CAPTURED_BYTES) {
      reason = `the captured length is ${captured} bytes, and no record has more than ${MAX_CAPTURED_BYTES}`;
    } else if (original > MAX_ORIGINAL_BYTES) {
      reason = `the length on the wire is ${original} bytes, which no packet has`;
    }
    if (reason === null) return captured;
    // What comes before a stray tail is sound.
    if (wholeRecords > 0) advice += STRAY_ADVICE;
    return new CaptureError({
      file: this.#file,
      recordIndex: wholeRecords + 1,
      offset: this.#window.streamOffset + (position - this.#window.start),
      wholeRecords,
      truncated: wholeRecords > 0,
      reason,
      advice,
    });
  }

  #parseChunk(chunk: Buffer, recordCount: number, baseOffset: number): CaptureRecord[] {
    this.#packets.length = 0;
    this.#feed.emit('data', chunk);
    if (this.#parserFault !== null || this.#packets.length !== recordCount) {
      throw new CaptureError({
        file: this.#file,
        offset: baseOffset,
        recordIndex: this.#recordsRead + this.#packets.length + 1,
        wholeRecords: this.#recordsRead,
        reason:
          `pcap-parser gave ${this.#packets.length} of ${recordCount} records` +
          (this.#parserFault === null ? '' : `: ${this.#parserFault.message}`),
        advice: 'Report this as a bug, with the file.',
        cause: this.#parserFault,
      });
    }
    const subSecondNs = BigInt(this.#layout.subSecondNs);
    const records: CaptureRecord[] = Array.from({ length: recordCount });
    let fileOffset = baseOffset;
    for (let index = 0; index < recordCount; index += 1) {
      const { header, data } = this.#packets[index] as PcapPacket;
      this.#recordsRead += 1;
      records[index] = {
        recordIndex: this.#recordsRead,
        fileOffset,
        timestampNs:
          BigInt(header.timestampSeconds) * 1_000_000_000n +
          // Signed, as libpcap has it: a negative part lies before the second.
          BigInt(header.timestampMicroseconds | 0) * subSecondNs,
        frame: data,
        originalLength: header.originalLength,
        linkType: this.#linkType,
        interfaceIndex: 0,
      };
      fileOffset += PCAP_RECORD_HEADER_BYTES + header.capturedLength;
    }
    this.#packets.length = 0;
    return records;
  }

  #truncatedHeader(): CaptureError {
    return this.#truncated(
      `the file ends inside a record header: ${this.#window.available} of ${PCAP_RECORD_HEADER_BYTES} bytes`,
    );
  }

  #truncatedBody(captured: number): CaptureError {
    const present = this.#window.available - PCAP_RECORD_HEADER_BYTES;
    return this.#truncated(`the file ends inside a packet: ${present} of ${captured} bytes`);
  }

  #truncated(reason: string): CaptureError {
    return new CaptureError({
      file: this.#file,
      recordIndex: this.#recordsRead + 1,
      offset: this.#window.streamOffset,
      wholeRecords: this.#recordsRead,
      truncated: true,
      reason: `${reason}; ${this.#recordsRead} whole records come before it`,
      advice: KEEP_ADVICE,
    });
  }

  #readUint32(buffer: Buffer, position: number): number {
    return this.#littleEndian ? buffer.readUInt32LE(position) : buffer.readUInt32BE(position);
  }

  #writeUint32(buffer: Buffer, position: number, value: number): void {
    if (this.#littleEndian) buffer.writeUInt32LE(value, position);
    else buffer.writeUInt32BE(value, position);
  }
}

interface PcapFileHeader {
  readonly nanosecond: boolean;
  readonly snapLength: number;
  readonly linkType: number;
  readonly version: string;
  readonly lengthOrder: LengthOrder;
  /** The same header with the magic number of a microsecond file and the present version, for pcap-parser. */
  readonly microsecondBytes: Buffer;
}

const CURRENT_VERSION = '2.4';
/** Major 2 and minor 4 as one word, in either byte order. */
const CURRENT_VERSION_WORD_LE = 0x0004_0002;
const CURRENT_VERSION_WORD_BE = 0x0002_0004;

/**
 * Version 2.3 exchanged the two lengths, but some programs wrote 2.3 and the old order; DG/UX's tcpdump wrote 543.0 and the old
 * order (libpcap, sf-pcap.c; Wireshark, libpcap.c).
 */
const LENGTH_ORDERS: Readonly<Record<string, LengthOrder>> = {
  '2.0': 'wire-first',
  '2.1': 'wire-first',
  '2.2': 'wire-first',
  '2.3': 'larger-second',
  [CURRENT_VERSION]: 'captured-first',
  '543.0': 'wire-first',
};

function oldVersionText(version: string, order: LengthOrder): string {
  const how =
    order === 'wire-first'
      ? 'its records give the length on the wire before the captured one, and are read so'
      : 'the smaller of the two lengths of a record is taken for the captured one';
  return `the file has version ${version} of the pcap format: ${how}`;
}

function subSecondText(subSecond: number, limit: number): string {
  return (
    `the sub-second part of the time is ${subSecond | 0}, but a second has ${limit} units here; ` +
    'it is added to the second'
  );
}

function isPcapMagic(magic: number): boolean {
  return magic === PCAP_MAGIC_MICRO || magic === PCAP_MAGIC_NANO;
}

function parseFileHeader(file: string, bytes: Buffer, littleEndian: boolean): PcapFileHeader {
  const u16 = (at: number): number => (littleEndian ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  const u32 = (at: number): number => (littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const version = `${u16(4)}.${u16(6)}`;
  const lengthOrder = LENGTH_ORDERS[version];
  if (lengthOrder === undefined) {
    throw new CaptureError({
      file,
      offset: 4,
      reason: `this pcap file has version ${version}, and only 2.0 to 2.4 (and 543.0, of DG/UX) are known`,
      advice: 'The header is damaged, or the file is in a variant of the format: export it again as pcap or pcapng.',
    });
  }
  const linkWord = u32(20);
  if ((linkWord & PCAP_LINK_TYPE_RESERVED) !== 0) {
    throw new CaptureError({
      file,
      offset: 20,
      reason: `the link type field is 0x${linkWord.toString(16).padStart(8, '0')}, whose reserved bits are not zero`,
      advice: 'The header is damaged: copy or record the capture again.',
    });
  }
  const microsecondBytes = Buffer.from(bytes);
  if (littleEndian) {
    microsecondBytes.writeUInt32LE(PCAP_MAGIC_MICRO, 0);
    microsecondBytes.writeUInt32LE(CURRENT_VERSION_WORD_LE, 4);
  } else {
    microsecondBytes.writeUInt32BE(PCAP_MAGIC_MICRO, 0);
    microsecondBytes.writeUInt32BE(CURRENT_VERSION_WORD_BE, 4);
  }
  return {
    nanosecond: u32(0) === PCAP_MAGIC_NANO,
    snapLength: u32(16),
    linkType: linkWord & PCAP_LINK_TYPE_MASK,
    version,
    lengthOrder,
    microsecondBytes,
  };
}

/** The stream that pcap-parser listens to; data is pushed by hand, so pausing has no meaning. */
class FeedStream extends EventEmitter {
  pause(): this {
    return this;
  }

  resume(): this {
    return this;
  }
}
