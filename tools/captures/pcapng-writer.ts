import { BufferedFile } from './buffered-file.js';
import { MAX_CAPTURED_BYTES } from './capture-record.js';
import { LINKTYPE_ETHERNET } from './link-type.js';
import {
  BLOCK_ENHANCED_PACKET,
  BLOCK_HEAD_BYTES,
  BLOCK_INTERFACE,
  BLOCK_OVERHEAD_BYTES,
  BLOCK_SECTION_HEADER,
  BYTE_ORDER_MAGIC,
  INTERFACE_FIXED_BYTES,
  OPTION_INTERFACE_NAME,
  OPTION_TIME_RESOLUTION,
  PACKET_FIXED_BYTES,
  paddedLength,
  SECTION_FIXED_BYTES,
} from './pcapng-format.js';
import { writtenOriginalLength, type CaptureWriter, type WritableRecord } from './writer.js';

/** An interface of the file to be written. */
export interface WritableInterface {
  readonly linkType: number;
  readonly name?: string;
  /** Largest captured length in bytes; default 0, which states no limit. */
  readonly snapLength?: number;
}

export interface PcapngWriterOptions {
  /** Interfaces that records refer to by position; default one Ethernet interface. */
  readonly interfaces?: readonly WritableInterface[];
}

export interface PcapngWritableRecord extends WritableRecord {
  /** Position in `PcapngWriterOptions.interfaces`; default 0. */
  readonly interfaceIndex?: number;
}

const NANOSECONDS = 9;
const MAX_TIMESTAMP = (1n << 63n) - 1n;

/**
 * Writes pcapng (draft-ietf-opsawg-pcapng): one little-endian section, nanosecond times, enhanced packet blocks.
 * @throws CaptureError when the file cannot be created
 */
export class PcapngWriter implements CaptureWriter {
  recordCount = 0;
  readonly #file: BufferedFile;
  readonly #interfaces: readonly WritableInterface[];

  constructor(path: string, options: PcapngWriterOptions = {}) {
    this.#interfaces = options.interfaces ?? [{ linkType: LINKTYPE_ETHERNET }];
    if (this.#interfaces.length === 0) throw new RangeError('a pcapng file with packets needs an interface');
    this.#file = new BufferedFile(path);
    this.#writeSectionHeader();
    for (const each of this.#interfaces) this.#writeInterface(each);
  }

  write(record: PcapngWritableRecord): void {
    const { frame, timestampNs } = record;
    const originalLength = writtenOriginalLength(record);
    const interfaceIndex = record.interfaceIndex ?? 0;
    if (this.#interfaces[interfaceIndex] === undefined) {
      throw new RangeError(`interface ${interfaceIndex} is not one of the ${this.#interfaces.length} of this file`);
    }
    if (frame.length > MAX_CAPTURED_BYTES) {
      throw new RangeError(`a frame of ${frame.length} bytes exceeds ${MAX_CAPTURED_BYTES}`);
    }
    if (timestampNs < 0n || timestampNs > MAX_TIMESTAMP) {
      throw new RangeError(`timestampNs ${timestampNs} is not between 0 and 2^63-1`);
    }
    const padding = paddedLength(frame.length) - frame.length;
    const length = BLOCK_OVERHEAD_BYTES + PACKET_FIXED_BYTES + frame.length + padding;
    const { buffer, position } = this.#file.reserve(BLOCK_HEAD_BYTES + PACKET_FIXED_BYTES);
    buffer.writeUInt32LE(BLOCK_ENHANCED_PACKET, position);
    buffer.writeUInt32LE(length, position + 4);
    buffer.writeUInt32LE(interfaceIndex, position + 8);
    buffer.writeUInt32LE(Number(timestampNs >> 32n), position + 12);
    buffer.writeUInt32LE(Number(timestampNs & 0xffff_ffffn), position + 16);
    buffer.writeUInt32LE(frame.length, position + 20);
    buffer.writeUInt32LE(originalLength, position + 24);
    this.#file.write(frame);
    const tail = this.#file.reserve(padding + 4);
    tail.buffer.fill(0, tail.position, tail.position + padding);
    tail.buffer.writeUInt32LE(length, tail.position + padding);
    this.recordCount += 1;
  }

  close(): void {
    this.#file.commit();
  }

  discard(): void {
    this.#file.discard();
  }

  #writeSectionHeader(): void {
    const body = Buffer.alloc(SECTION_FIXED_BYTES);
    body.writeUInt32LE(BYTE_ORDER_MAGIC, 0);
    body.writeUInt16LE(1, 4);
    // A section length of -1: not stated.
    body.writeBigInt64LE(-1n, 8);
    this.#writeBlock(BLOCK_SECTION_HEADER, body);
  }

  #writeInterface(each: WritableInterface): void {
    const fixed = Buffer.alloc(INTERFACE_FIXED_BYTES);
    fixed.writeUInt16LE(each.linkType, 0);
    fixed.writeUInt32LE(each.snapLength ?? 0, 4);
    const options = [option(OPTION_TIME_RESOLUTION, Buffer.of(NANOSECONDS))];
    if (each.name !== undefined) options.unshift(option(OPTION_INTERFACE_NAME, Buffer.from(each.name, 'utf8')));
    this.#writeBlock(BLOCK_INTERFACE, Buffer.concat([fixed, ...options, Buffer.alloc(4)]));
  }

  #writeBlock(type: number, body: Buffer): void {
    const length = BLOCK_OVERHEAD_BYTES + body.length;
    const head = Buffer.alloc(BLOCK_HEAD_BYTES);
    head.writeUInt32LE(type, 0);
    head.writeUInt32LE(length, 4);
    const tail = Buffer.alloc(4);
    tail.writeUInt32LE(length, 0);
    this.#file.write(head);
    this.#file.write(body);
    this.#file.write(tail);
  }
}

function option(code: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + paddedLength(value.length));
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt16LE(value.length, 2);
  value.copy(bytes, 4);
  return bytes;
}
