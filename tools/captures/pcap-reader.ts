import { EventEmitter } from 'node:events';
import { parse, type PcapPacket } from 'pcap-parser';
import type { ByteWindow } from './byte-window.js';
import { CaptureError } from './capture-error.js';
import {
  MAX_CAPTURED_BYTES,
  MAX_ORIGINAL_BYTES,
  type CaptureFormat,
  type CaptureInterface,
  type CaptureRecord,
  type RecordSource,
} from './capture-record.js';
import {
  PCAP_FILE_HEADER_BYTES,
  PCAP_LINK_TYPE_MASK,
  PCAP_LINK_TYPE_RESERVED,
  PCAP_MAGIC_MICRO,
  PCAP_MAGIC_NANO,
  PCAP_RECORD_HEADER_BYTES,
} from './pcap-format.js';

/**
 * Classic pcap, both byte orders, microseconds and nanoseconds, parsed by the pcap-parser package.
 *
 * The package believes any length it reads, keeps whatever does not make a whole record for ever, and says nothing
 * about bytes left over at the end. So this class walks the record headers first and feeds the package only whole,
 * bounded records; it therefore never buffers more than one window. The package knows microsecond files only:
 * a nanosecond file's magic number is exchanged before it is fed, and the sub-second field scaled here.
 */
export class PcapSource implements RecordSource {
  readonly format: CaptureFormat;
  readonly interfaces: readonly CaptureInterface[];
  private readonly feed = new FeedStream();
  private readonly packets: PcapPacket[] = [];
  private readonly linkType: number;
  private readonly subSecondNs: bigint;
  private readonly subSecondLimit: number;
  private parserFault: Error | null = null;
  private recordsRead = 0;
  private pendingFault: CaptureError | null = null;

  private constructor(
    private readonly file: string,
    private readonly window: ByteWindow,
    header: PcapFileHeader,
    private readonly littleEndian: boolean,
  ) {
    this.format = header.nanosecond ? 'pcap-ns' : 'pcap';
    this.linkType = header.linkType;
    this.subSecondNs = header.nanosecond ? 1n : 1000n;
    this.subSecondLimit = header.nanosecond ? 1_000_000_000 : 1_000_000;
    this.interfaces = [
      {
        name: null,
        linkType: header.linkType,
        // 0 states no limit (libpcap).
        snapLength: header.snapLength === 0 ? null : header.snapLength,
        resolution: header.nanosecond ? '10^-9 s' : '10^-6 s',
      },
    ];
    const parser = parse(this.feed);
    parser.on('packet', (packet: PcapPacket) => this.packets.push(packet));
    parser.on('error', (error: Error) => {
      this.parserFault = error;
    });
    this.feed.emit('data', header.microsecondBytes);
  }

  /**
   * Reads the file header from the window.
   * @throws CaptureError for a truncated header or a version other than 2.4
   */
  static async open(file: string, window: ByteWindow): Promise<PcapSource> {
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
    return new PcapSource(file, window, header, littleEndian);
  }

  async nextBatch(): Promise<CaptureRecord[] | null> {
    if (this.pendingFault !== null) throw this.pendingFault;
    if (!(await this.window.fill(PCAP_RECORD_HEADER_BYTES))) {
      if (this.window.available > 0) throw this.truncatedHeader();
      return null;
    }
    const first = this.checkRecordHeader(this.window.start, 0);
    if (first instanceof CaptureError) throw first;
    if (!(await this.window.fill(PCAP_RECORD_HEADER_BYTES + first))) throw this.truncatedBody(first);

    const { byteCount, recordCount } = this.frameWholeRecords();
    const baseOffset = this.window.streamOffset;
    const chunk = this.window.buffer.subarray(this.window.start, this.window.start + byteCount);
    this.window.consume(byteCount);
    return this.parseChunk(chunk, recordCount, baseOffset);
  }

  /** Measures the whole, sound records at the window's start; a fault after them is kept for the next call. */
  private frameWholeRecords(): { byteCount: number; recordCount: number } {
    const { end, start } = this.window;
    let position = start;
    let recordCount = 0;
    while (end - position >= PCAP_RECORD_HEADER_BYTES) {
      const captured = this.checkRecordHeader(position, recordCount);
      if (captured instanceof CaptureError) {
        this.pendingFault = captured;
        break;
      }
      const next = position + PCAP_RECORD_HEADER_BYTES + captured;
      if (next > end) break;
      position = next;
      recordCount += 1;
    }
    return { byteCount: position - start, recordCount };
  }

  /** The captured length of the record whose header lies at `position`, or why the header cannot be believed. */
  private checkRecordHeader(position: number, recordsBefore: number): number | CaptureError {
    const { buffer } = this.window;
    const captured = this.readUint32(buffer, position + 8);
    const original = this.readUint32(buffer, position + 12);
    const subSecond = this.readUint32(buffer, position + 4);
    let reason: string | null = null;
    // Records longer than the file's own snap length occur in good captures (merged or cut ones): they are whole,
    // and Open vSwitch and Wireshark read them so.
    if (captured > MAX_CAPTURED_BYTES) {
      reason = `the captured length is ${captured} bytes, and no record has more than ${MAX_CAPTURED_BYTES}`;
    } else if (captured > original) {
      reason = `the captured length, ${captured} bytes, is more than the length on the wire, ${original} bytes`;
    } else if (original > MAX_ORIGINAL_BYTES) {
      reason = `the length on the wire is ${original} bytes, which no packet has`;
    } else if (subSecond >= this.subSecondLimit) {
      reason = `the sub-second part of the time is ${subSecond}, but a second has ${this.subSecondLimit} units here`;
    }
    if (reason === null) return captured;
    return new CaptureError({
      file: this.file,
      recordIndex: this.recordsRead + recordsBefore + 1,
      offset: this.window.streamOffset + (position - this.window.start),
      wholeRecords: this.recordsRead + recordsBefore,
      reason,
      advice: 'The file is damaged from here on, or was written wrongly; record or export it again.',
    });
  }

  private parseChunk(chunk: Buffer, recordCount: number, baseOffset: number): CaptureRecord[] {
    this.packets.length = 0;
    this.feed.emit('data', chunk);
    if (this.parserFault !== null || this.packets.length !== recordCount) {
      throw new CaptureError({
        file: this.file,
        offset: baseOffset,
        recordIndex: this.recordsRead + this.packets.length + 1,
        wholeRecords: this.recordsRead,
        reason:
          `pcap-parser gave ${this.packets.length} of ${recordCount} records` +
          (this.parserFault === null ? '' : `: ${this.parserFault.message}`),
        advice: 'Report this as a bug, with the file.',
        cause: this.parserFault,
      });
    }
    const records: CaptureRecord[] = Array.from({ length: recordCount });
    let fileOffset = baseOffset;
    for (let index = 0; index < recordCount; index += 1) {
      const { header, data } = this.packets[index] as PcapPacket;
      this.recordsRead += 1;
      records[index] = {
        recordIndex: this.recordsRead,
        fileOffset,
        timestampNs:
          BigInt(header.timestampSeconds) * 1_000_000_000n +
          BigInt(header.timestampMicroseconds) * this.subSecondNs,
        frame: data,
        originalLength: header.originalLength,
        linkType: this.linkType,
        interfaceIndex: 0,
      };
      fileOffset += PCAP_RECORD_HEADER_BYTES + header.capturedLength;
    }
    this.packets.length = 0;
    return records;
  }

  private truncatedHeader(): CaptureError {
    return this.truncated(
      `the file ends inside a record header: ${this.window.available} of ${PCAP_RECORD_HEADER_BYTES} bytes`,
    );
  }

  private truncatedBody(captured: number): CaptureError {
    const present = this.window.available - PCAP_RECORD_HEADER_BYTES;
    return this.truncated(`the file ends inside a packet: ${present} of ${captured} bytes`);
  }

  private truncated(reason: string): CaptureError {
    return new CaptureError({
      file: this.file,
      recordIndex: this.recordsRead + 1,
      offset: this.window.streamOffset,
      wholeRecords: this.recordsRead,
      truncated: true,
      reason: `${reason}; ${this.recordsRead} whole records come before it`,
      advice: 'Copy or record the capture again, or repair it with: editcap FILE REPAIRED.',
    });
  }

  private readUint32(buffer: Buffer, position: number): number {
    return this.littleEndian ? buffer.readUInt32LE(position) : buffer.readUInt32BE(position);
  }
}

interface PcapFileHeader {
  readonly nanosecond: boolean;
  readonly snapLength: number;
  readonly linkType: number;
  /** The same header with the magic number of a microsecond file, for pcap-parser. */
  readonly microsecondBytes: Buffer;
}

function isPcapMagic(magic: number): boolean {
  return magic === PCAP_MAGIC_MICRO || magic === PCAP_MAGIC_NANO;
}

function parseFileHeader(file: string, bytes: Buffer, littleEndian: boolean): PcapFileHeader {
  const u16 = (at: number): number => (littleEndian ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  const u32 = (at: number): number => (littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const version = `${u16(4)}.${u16(6)}`;
  if (version !== '2.4') {
    throw new CaptureError({
      file,
      offset: 4,
      reason: `this pcap file has version ${version}, and only 2.4 is known`,
      advice: 'Convert it with: editcap -F pcap FILE CONVERTED.',
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
  if (littleEndian) microsecondBytes.writeUInt32LE(PCAP_MAGIC_MICRO, 0);
  else microsecondBytes.writeUInt32BE(PCAP_MAGIC_MICRO, 0);
  return {
    nanosecond: u32(0) === PCAP_MAGIC_NANO,
    snapLength: u32(16),
    linkType: linkWord & PCAP_LINK_TYPE_MASK,
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
