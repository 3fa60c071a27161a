/** Traffic as the replay takes it: frames with times, whatever they come from. */
import { PreparedCapture, takePrepared } from '../captures/prepared-reader.js';
import { openCapture, readingNotes, requireRecords, type CaptureReading } from '../captures/reader.js';
import { RecordBlock } from '../captures/record-block.js';
import type { PacketGenerator } from '../synth/scenario.js';
import { eventLoopTurn } from './event-loop.js';
import { firstOf, frameAt, type TimedRange } from './frame-range.js';
import { isPrepared } from '../captures/prepared-file.js';

/**
 * Receives one Ethernet frame; the bytes may be overwritten after the call. `wireBytes` is its length on the wire; absent = the
 * frame's.
 */
export type FrameVisitor = (frame: Uint8Array, timestampNs: number, wireBytes?: number) => boolean;

/** Receives packets that lie in one piece of memory, which may be overwritten after the call. Returning false ends the supply early. */
export type RangeVisitor = (range: TimedRange) => boolean;

/**
 * A supply of frames, in order. `visit` returning false ends it early.
 * Times are nanoseconds since the first packet of the supply.
 */
export interface Traffic {
  readonly name: string;
  forEach(visit: FrameVisitor): Promise<void>;
  /**
   * As `forEach`, many packets at a time: the fast way, of traffic that has it.
   * @param limit packets to end after; null = all
   */
  forEachRange?(limit: number | null, visit: RangeVisitor): Promise<void>;
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
  const follow = (take: Taker): Promise<void> => followCaptures(files, reading, observe, take);
  return {
    name: files.join(', '),
    forEach: (visit) => follow((range) => takeFrames(range, visit)),
    forEachRange: (limit, visit) => follow(upTo(limit, visit)),
  };
}

/** What became of a range. */
interface Taken {
  /** Packets of it that were taken. */
  readonly packets: number;
  readonly more: boolean;
}

type Taker = (range: TimedRange) => Taken;

function takeFrames(range: TimedRange, visit: FrameVisitor): Taken {
  const { count, timesNs, lengths } = range;
  const wireBytes = range.wireBytes ?? lengths;
  for (let index = 0; index < count; index++) {
    if (!visit(frameAt(range, index), timesNs[index] as number, wireBytes[index] as number)) {
      return { packets: index + 1, more: false };
    }
  }
  return { packets: count, more: true };
}

function upTo(limit: number | null, visit: RangeVisitor): Taker {
  let left = limit ?? Number.POSITIVE_INFINITY;
  return (range) => {
    const packets = Math.min(range.count, left);
    left -= packets;
    const wanted = packets === 0 || visit(firstOf(range, packets));
    return { packets, more: wanted && left > 0 };
  };
}

async function followCaptures(
  files: readonly string[],
  reading: CaptureReading,
  observe: CaptureObserver | null,
  take: Taker,
): Promise<void> {
  let baseNs = 0;
  for (const file of files) {
    const follow = new Followed(baseNs, take);
    if (isPrepared(file)) readPrepared(file, follow, observe);
    else await readRecords(file, follow, reading, observe);
    if (follow.ended) return;
    baseNs = follow.endNs;
  }
}

/** Moves the times of one file behind those of the files before. */
class Followed {
  readonly #baseNs: number;
  readonly #take: Taker;
  #lastNs = 0;
  /** Packets handed on. */
  packets = 0;
  /** The visitor wants no more. */
  ended = false;

  constructor(baseNs: number, take: Taker) {
    this.#baseNs = baseNs;
    this.#take = take;
  }

  /** Hands records on, whose times count from the file's first; false when no more is wanted. */
  block(block: RecordBlock): boolean {
    const { timesNs, count } = block;
    let lastNs = this.#lastNs;
    for (let index = 0; index < count; index++) {
      // Captures may run backwards by a little; the schedule does not.
      lastNs = Math.max(lastNs, timesNs[index] as number);
      timesNs[index] = this.#baseNs + lastNs;
    }
    this.#lastNs = lastNs;
    const { packets, more } = this.#take(block);
    this.packets += packets;
    this.ended = !more;
    return more;
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
  const reader = await openCapture(file, { ...reading, blocks: true, hash: observe !== null });
  try {
    for await (const block of reader.blocks()) if (!follow.block(block)) break;
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

/** A prepared capture block by block, without an object per packet. */
function readPrepared(file: string, follow: Followed, observe: CaptureObserver | null): void {
  const capture = PreparedCapture.open(file);
  try {
    const block = new RecordBlock();
    for (const prepared of capture.blocks()) {
      takePrepared(prepared, block);
      if (!follow.block(block)) break;
    }
  } finally {
    capture.close();
    observe?.({ file, packets: follow.packets, bytes: null, sha256: null, notes: [] });
  }
}

/** Packets made between two turns of the event loop. */
const PACKETS_A_TURN = 16_384;

/** The packets of a scenario. */
export function scenarioTraffic(name: string, source: PacketGenerator): Traffic {
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
