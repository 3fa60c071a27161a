import { BufferedFile } from './buffered-file.js';
import { MAX_CAPTURED_BYTES } from './capture-record.js';
import { LINKTYPE_ETHERNET } from './link-type.js';
import {
  PCAP_FILE_HEADER_BYTES,
  PCAP_MAGIC_MICRO,
  PCAP_MAGIC_NANO,
  PCAP_RECORD_HEADER_BYTES,
} from './pcap-format.js';
import { writtenOriginalLength, type CaptureWriter, type WritableRecord } from './writer.js';

export interface PcapWriterOptions {
  /** Default `nano`; `micro` drops the last three digits of every time. */
  readonly resolution?: 'micro' | 'nano';
  /** LINKTYPE_ number of all frames; default Ethernet. */
  readonly linkType?: number;
  /** Snap length to state, in bytes; default 262144. */
  readonly snapLength?: number;
  /** Default `little`. */
  readonly byteOrder?: 'little' | 'big';
}

const NS_PER_SECOND = 1_000_000_000n;
const MAX_SECONDS = 0xffff_ffffn;

/**
 * Writes a classic pcap file (draft-ietf-opsawg-pcap), version 2.4.
 * @throws CaptureError when the file cannot be created
 */
export class PcapWriter implements CaptureWriter {
  recordCount = 0;
  readonly #file: BufferedFile;
  readonly #littleEndian: boolean;
  readonly #nsPerUnit: bigint;

  constructor(path: string, options: PcapWriterOptions = {}) {
    const nano = options.resolution !== 'micro';
    this.#littleEndian = options.byteOrder !== 'big';
    this.#nsPerUnit = nano ? 1n : 1000n;
    this.#file = new BufferedFile(path);
    const { buffer, position } = this.#file.reserve(PCAP_FILE_HEADER_BYTES);
    this.#u32(buffer, position, nano ? PCAP_MAGIC_NANO : PCAP_MAGIC_MICRO);
    if (this.#littleEndian) {
      buffer.writeUInt16LE(2, position + 4);
      buffer.writeUInt16LE(4, position + 6);
    } else {
      buffer.writeUInt16BE(2, position + 4);
      buffer.writeUInt16BE(4, position + 6);
    }
    this.#u32(buffer, position + 8, 0);
    this.#u32(buffer, position + 12, 0);
    this.#u32(buffer, position + 16, options.snapLength ?? MAX_CAPTURED_BYTES);
    this.#u32(buffer, position + 20, options.linkType ?? LINKTYPE_ETHERNET);
  }

  write(record: WritableRecord): void {
    const originalLength = writtenOriginalLength(record);
    if (record.frame.length > MAX_CAPTURED_BYTES) {
      throw new RangeError(`a frame of ${record.frame.length} bytes exceeds ${MAX_CAPTURED_BYTES}`);
    }
    const seconds = record.timestampNs / NS_PER_SECOND;
    if (record.timestampNs < 0n || seconds > MAX_SECONDS) {
      throw new RangeError(`timestampNs ${record.timestampNs} does not fit pcap, which spans 1970 to 2106`);
    }
    const { buffer, position } = this.#file.reserve(PCAP_RECORD_HEADER_BYTES);
    this.#u32(buffer, position, Number(seconds));
    this.#u32(buffer, position + 4, Number((record.timestampNs % NS_PER_SECOND) / this.#nsPerUnit));
    this.#u32(buffer, position + 8, record.frame.length);
    this.#u32(buffer, position + 12, originalLength);
    this.#file.write(record.frame);
    this.recordCount += 1;
  }

  close(): void {
    this.#file.commit();
  }

  discard(): void {
    this.#file.discard();
  }

  #u32(buffer: Buffer, position: number, value: number): void {
    if (this.#littleEndian) buffer.writeUInt32LE(value, position);
    else buffer.writeUInt32BE(value, position);
  }
}
