/** Reading the packets that a request names, once, in order: captures or what a scenario makes, edited, up to the limit. */
import { openCapture, readingNotes, requireRecords, type CaptureReading } from '../captures/reader.js';
import { RecordBlock } from '../captures/record-block.js';
import { openScenario } from '../synth/registry.js';
import type { PacketGenerator } from '../synth/scenario.js';
import { makeEditor } from './edit-block.js';
import { eventLoopTurn } from './event-loop.js';
import type { TimedRange } from './frame-range.js';
import type { PacketRequest } from './packet-source.js';

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
 * Shows the packets, many at a time. Times are nanoseconds since the first packet. A later file's times are moved so that its first packet
 * follows the last one of the file before by the mean gap of that file: the gap between two recordings is not part of either. Packets
 * of link types that are not tracked are left out.
 * @param visit its range holds until the next one; returning false ends the reading
 * @param observe when given, files are hashed while they are read: what is a pipe can be read only once
 * @throws CaptureError for files that cannot be read, are empty, or have no packet of a supported link type; ScenarioError, FilterError
 */
export async function readRanges(
  { origin, edits, limit }: PacketRequest,
  visit: (range: TimedRange) => boolean,
  observe: CaptureObserver | null = null,
): Promise<void> {
  const edit = makeEditor(edits);
  let left = limit ?? Number.POSITIVE_INFINITY;
  const take: Taker = (block) => {
    const packets = edit(block, left);
    left -= block.count;
    const wanted = block.count === 0 || visit(block);
    return { packets, more: wanted && left > 0 };
  };
  if (origin.type === 'capture') await followCaptures(origin.files, origin.reading ?? {}, observe, take);
  else await followScenario(openScenario(origin.name, origin.parameters, origin.seed).source, take);
}

/** Takes the packets of a block, which it may change. */
type Taker = (block: RecordBlock) => {
  /** Packets of it that were taken or left out, up to the last one that was wanted. */
  readonly packets: number;
  readonly more: boolean;
};

async function followCaptures(
  files: readonly string[],
  reading: CaptureReading,
  observe: CaptureObserver | null,
  take: Taker,
): Promise<void> {
  let baseNs = 0;
  for (const file of files) {
    const follow = new Followed(baseNs, take);
    await readRecords(file, follow, reading, observe);
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

/** Packets that a scenario makes between two turns of the event loop, and the memory for them. */
const MADE_PACKETS = 16_384;
const MADE_BYTES = 1024 ** 2;

async function followScenario(generator: PacketGenerator, take: Taker): Promise<void> {
  const block = new RecordBlock();
  block.bytes = new Uint8Array(Math.max(MADE_BYTES, generator.maxFrameLength));
  for (;;) {
    makePackets(generator, block);
    if (block.count === 0 || !take(block).more) return;
    await eventLoopTurn();
  }
}

/** Fills a block with the next packets of a scenario: none after the last. */
function makePackets(generator: PacketGenerator, block: RecordBlock): void {
  const { bytes, starts, lengths, wireBytes, timesNs } = block;
  const lastPlace = bytes.length - generator.maxFrameLength;
  block.clear();
  for (let at = 0; block.count < MADE_PACKETS && at <= lastPlace; block.count++) {
    const length = generator.next(bytes, at);
    if (length === 0) return;
    starts[block.count] = at;
    lengths[block.count] = length;
    wireBytes[block.count] = length;
    timesNs[block.count] = generator.timestampNs;
    at += length;
  }
}
