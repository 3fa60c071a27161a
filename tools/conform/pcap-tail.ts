import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { OvsFailedError } from './conform-error.js';

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const CAPTURED_LENGTH_OFFSET = 8;

/**
 * Reads a classic pcap in this machine's byte order while its writer, which flushes after each record, is still
 * adding to it. That is the form in which dummy ports write `options:tx_pcap`.
 */
export class PcapTail {
  readonly #path: string;
  readonly #fd: number;
  #position = FILE_HEADER_BYTES;
  #rest = Buffer.alloc(0);

  constructor(path: string) {
    this.#path = path;
    this.#fd = openSync(path, 'r');
  }

  /** Frames written since the last call. @throws OvsFailedError when the file is not such a pcap */
  readNew(): Uint8Array[] {
    const chunk = Buffer.alloc(1 << 18);
    for (;;) {
      const length = readSync(this.#fd, chunk, 0, chunk.length, this.#position);
      if (length === 0) break;
      this.#position += length;
      this.#rest = Buffer.concat([this.#rest, chunk.subarray(0, length)]);
    }
    const { frames, consumed } = cutRecords(this.#rest, this.#path);
    this.#rest = this.#rest.subarray(consumed);
    return frames;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** All frames of a finished file. @throws OvsFailedError when it ends inside a record */
export function readPcapFrames(path: string): Uint8Array[] {
  const data = readFileSync(path).subarray(FILE_HEADER_BYTES);
  const { frames, consumed } = cutRecords(data, path);
  if (consumed !== data.length) throw new OvsFailedError(`${path} ends inside a record`);
  return frames;
}

function cutRecords(data: Buffer, path: string): { frames: Uint8Array[]; consumed: number } {
  const frames: Uint8Array[] = [];
  let offset = 0;
  while (offset + RECORD_HEADER_BYTES <= data.length) {
    // Every machine this runs on is little-endian, and Open vSwitch writes its own byte order.
    const length = data.readUInt32LE(offset + CAPTURED_LENGTH_OFFSET);
    if (length > 1 << 18) throw new OvsFailedError(`${path} holds a record of ${length} bytes`);
    const end = offset + RECORD_HEADER_BYTES + length;
    if (end > data.length) break;
    frames.push(new Uint8Array(data.subarray(offset + RECORD_HEADER_BYTES, end)));
    offset = end;
  }
  return { frames, consumed: offset };
}
