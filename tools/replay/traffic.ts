/** Traffic as the replay takes it: frames with times, whatever they come from. */
import { toEthernetFrame } from '../captures/link-type.js';
import { PreparedCapture } from '../captures/prepared-reader.js';
import { openCapture, requireRecords } from '../captures/reader.js';
import type { PacketSource } from '../synth/scenario.js';
import { eventLoopTurn } from './event-loop.js';
import { isPrepared } from './prepared-staging.js';

/** Receives one Ethernet frame; the bytes may be overwritten after the call. */
export type FrameVisitor = (frame: Uint8Array, timestampNs: number) => boolean;

/**
 * A supply of frames, in order. `visit` returning false ends it early.
 * Times are nanoseconds since the first packet of the supply.
 */
export interface Traffic {
  readonly name: string;
  forEach(visit: FrameVisitor): Promise<void>;
}

/**
 * The packets of captures, one file after the other. A later file's times are moved so that its first packet follows the last one
 * of the file before by the mean gap of that file: the gap between two recordings is not part of either.
 * @throws CaptureError for files that cannot be read, are empty, or have an unsupported link type
 */
export function captureTraffic(files: readonly string[]): Traffic {
  return {
    name: files.join(', '),
    async forEach(visit) {
      let baseNs = 0;
      for (const file of files) {
        const follow = new Followed(baseNs, visit);
        if (isPrepared(file)) readPrepared(file, follow);
        else await readRecords(file, follow);
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
  #packets = 0;
  /** The visitor wants no more. */
  ended = false;

  constructor(baseNs: number, visit: FrameVisitor) {
    this.#baseNs = baseNs;
    this.#visit = visit;
  }

  /** Hands a frame on, `sinceNs` after the file's first; false when it was the last that is wanted. */
  frame(frame: Uint8Array, sinceNs: number): boolean {
    // Captures may run backwards by a little; the schedule does not.
    this.#lastNs = Math.max(this.#lastNs, sinceNs);
    this.#packets++;
    this.ended = !this.#visit(frame, this.#baseNs + this.#lastNs);
    return !this.ended;
  }

  /** Where the next file begins. */
  get endNs(): number {
    const gapNs = this.#packets > 1 ? Math.round(this.#lastNs / (this.#packets - 1)) : 1000;
    return this.#baseNs + this.#lastNs + gapNs;
  }
}

async function readRecords(file: string, follow: Followed): Promise<void> {
  const reader = await openCapture(file);
  let first: bigint | null = null;
  try {
    for await (const batch of reader.batches()) {
      for (const record of batch) {
        first ??= record.timestampNs;
        if (!follow.frame(toEthernetFrame(record, file), Number(record.timestampNs - first))) return;
      }
    }
    requireRecords(reader);
  } finally {
    await reader.close();
  }
}

/** A prepared capture block by block, without an object per packet. */
function readPrepared(file: string, follow: Followed): void {
  const capture = PreparedCapture.open(file);
  try {
    let timesNs = new Float64Array(0);
    for (const block of capture.blocks()) {
      const count = block.recordCount;
      if (timesNs.length < count) timesNs = new Float64Array(count);
      block.timesSince(capture.summary.firstTimestampNs, timesNs.subarray(0, count));
      for (let i = 0; i < count; i++) {
        if (!follow.frame(block.frame(i), timesNs[i] as number)) return;
      }
    }
  } finally {
    capture.close();
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
