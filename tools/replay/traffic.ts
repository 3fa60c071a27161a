/** Traffic as the replay takes it: frames with times, whatever they come from. */
import { ethernetOriginalLength, toEthernetFrame } from '../captures/link-type.js';
import { PreparedCapture } from '../captures/prepared-reader.js';
import {
  openCapture,
  readingNotes,
  requireRecords,
  type CaptureReader,
  type CaptureReading,
} from '../captures/reader.js';
import type { PacketSource } from '../synth/scenario.js';
import { eventLoopTurn } from './event-loop.js';
import { isPrepared } from './prepared-staging.js';

/**
 * Receives one Ethernet frame; the bytes may be overwritten after the call. `wireBytes` is its length on the wire; absent = the
 * frame's.
 */
export type FrameVisitor = (frame: Uint8Array, timestampNs: number, wireBytes?: number) => boolean;

/**
 * A supply of frames, in order. `visit` returning false ends it early.
 * Times are nanoseconds since the first packet of the supply.
 */
export interface Traffic {
  readonly name: string;
  forEach(visit: FrameVisitor): Promise<void>;
}

/** What was found out about a capture while it was read. */
export interface CaptureFacts {
  readonly file: string;
  /** Packets handed out, before filters. */
  readonly packets: number;
  /** Bytes of the file, compressed or not; null when not all of it was read, or it was not read as a stream. */
  readonly bytes: number | null;
  /** SHA-256 of these bytes; null with them. */
  readonly sha256: string | null;
  /** What was odd about it, as sentences. */
  readonly notes: readonly string[];
}

/** Told about each capture once it has been read. */
export type CaptureObserver = (facts: CaptureFacts) => void;

/**
 * The packets of captures, one file after the other. A later file's times are moved so that its first packet follows the last one
 * of the file before by the mean gap of that file: the gap between two recordings is not part of either. Packets of link types that
 * are not tracked are left out.
 * @param observe when given, files are hashed while they are read: what is a pipe can be read only once
 * @throws CaptureError for files that cannot be read, are empty, or have no packet of a supported link type
 */
export function captureTraffic(
  files: readonly string[],
  reading: CaptureReading = {},
  observe: CaptureObserver | null = null,
): Traffic {
  return {
    name: files.join(', '),
    async forEach(visit) {
      let baseNs = 0;
      for (const file of files) {
        const follow = new Followed(baseNs, visit);
        if (isPrepared(file)) readPrepared(file, follow, observe);
        else await readRecords(file, follow, reading, observe);
        if (follow.ended) return;
        baseNs = follow.endNs;
      }
    },
  };
}

/** Moves the times of one file behind those of the files before. */
class Followed {
  readonly #baseNs: number;
  readonly #visit: FrameVisitor;
  #lastNs = 0;
  /** Packets handed on. */
  packets = 0;
  /** The visitor wants no more. */
  ended = false;

  constructor(baseNs: number, visit: FrameVisitor) {
    this.#baseNs = baseNs;
    this.#visit = visit;
  }

  /** Hands a frame on, `sinceNs` after the file's first; false when it was the last that is wanted. */
  frame(frame: Uint8Array, sinceNs: number, wireBytes: number): boolean {
    // Captures may run backwards by a little; the schedule does not.
    this.#lastNs = Math.max(this.#lastNs, sinceNs);
    this.packets++;
    this.ended = !this.#visit(frame, this.#baseNs + this.#lastNs, wireBytes);
    return !this.ended;
  }

  /** Where the next file begins. */
  get endNs(): number {
    const gapNs = this.packets > 1 ? Math.round(this.#lastNs / (this.packets - 1)) : 1000;
    return this.#baseNs + this.#lastNs + gapNs;
  }
}

async function readRecords(
  file: string,
  follow: Followed,
  reading: CaptureReading,
  observe: CaptureObserver | null,
): Promise<void> {
  const reader = await openCapture(file, { ...reading, trackable: true, hash: observe !== null });
  try {
    await followRecords(reader, follow);
    if (!follow.ended) requireRecords(reader);
  } finally {
    await reader.close();
    const sha256 = reader.sha256();
    observe?.({
      file,
      packets: follow.packets,
      bytes: sha256 === null ? null : reader.fileBytesRead,
      sha256,
      notes: readingNotes(reader),
    });
  }
}

async function followRecords(reader: CaptureReader, follow: Followed): Promise<void> {
  let first: bigint | null = null;
  for await (const batch of reader.batches()) {
    for (const record of batch) {
      first ??= record.timestampNs;
      const frame = toEthernetFrame(record, reader.file);
      const wireBytes = ethernetOriginalLength(record, frame);
      if (!follow.frame(frame, Number(record.timestampNs - first), wireBytes)) return;
    }
  }
}

/** A prepared capture block by block, without an object per packet. */
function readPrepared(file: string, follow: Followed, observe: CaptureObserver | null): void {
  const capture = PreparedCapture.open(file);
  try {
    followBlocks(capture, follow);
  } finally {
    capture.close();
    observe?.({ file, packets: follow.packets, bytes: null, sha256: null, notes: [] });
  }
}

function followBlocks(capture: PreparedCapture, follow: Followed): void {
  let timesNs = new Float64Array(0);
  for (const block of capture.blocks()) {
    const count = block.recordCount;
    if (timesNs.length < count) timesNs = new Float64Array(count);
    block.timesSince(capture.summary.firstTimestampNs, timesNs.subarray(0, count));
    for (let i = 0; i < count; i++) {
      if (!follow.frame(block.frame(i), timesNs[i] as number, block.originalLength(i))) return;
    }
  }
}

/** Packets made between two turns of the event loop. */
const PACKETS_A_TURN = 16_384;

/** The packets of a scenario. */
export function scenarioTraffic(name: string, source: PacketSource): Traffic {
  return {
    name,
    async forEach(visit) {
      const buffer = new Uint8Array(source.maxFrameLength);
      for (let packets = 1; ; packets++) {
        const length = source.next(buffer, 0);
        if (length === 0 || !visit(buffer.subarray(0, length), source.timestampNs)) return;
        if (packets % PACKETS_A_TURN === 0) await eventLoopTurn();
      }
    },
  };
}
