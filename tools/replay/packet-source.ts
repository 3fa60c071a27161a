/**
 * The packets of a replay, whatever they come from: one loop of them, in order, with times.
 *
 * One of two buffers is behind a source. Traffic that fits the packet store is read once and kept in memory of its own
 * (frame-pile.ts): `frames` shows it, and each run copies it into the engine's memory (packet-store.ts). Traffic that does not fit is
 * read once to learn how much it is, and not kept: `frames` is null, and a feeder reads what `request` names again for each run and
 * loop, into rings of `storeBytes` in the engine's memory (feeder.ts).
 *
 * Who owns memory: what `frames` shows belongs to the source and is never written again once it has been read; it lives as long
 * as the source. What a reading shows (read-ranges.ts) belongs to the reader and holds until the next range.
 *
 * What is counted here is counted once, while reading, and after the edits: both buffers, the schedule and the result take it from here.
 */
import type { CaptureReading } from '../captures/reader.js';
import type { Input } from '../result/schema.js';
import type { IpMap } from '../rewrite/ip-map.js';
import type { ParameterValue } from '../synth/parameters.js';
import type { SuggestedConfig } from '../synth/scenario.js';
import type { ChecksumFigures } from './checksum-sample.js';
import type { FrameRange, RangeVisitor, TimedRange } from './frame-range.js';
import { placeBytesOf } from './packet-place.js';

/** What to change of the packets; null leaves it as it is. */
export interface PacketEdits {
  /** Packets that pass stay. */
  readonly filter: string | null;
  readonly sourceMap: IpMap | null;
  readonly destinationMap: IpMap | null;
  /** Bytes kept of each frame. */
  readonly snapLength: number | null;
  /** Whether wrong checksums are made right; absent = they are left as they are. */
  readonly checksums?: 'fix' | null;
  /** Longest time between two packets that stay, nanoseconds: longer ones are shortened to it. */
  readonly maxGapNs?: number | null;
}

/** No edits. */
export const AS_IT_IS: PacketEdits = {
  filter: null,
  sourceMap: null,
  destinationMap: null,
  snapLength: null,
};

/** Whether packets stay as they are. */
export function changesNothing(edits: PacketEdits): boolean {
  return Object.values(edits).every((edit) => edit == null);
}

/** Everything that says which packets are read, as plain data: the feeder thread reads them again. */
export interface PacketRequest {
  /** Captures, one after the other, or a scenario. */
  readonly origin:
    | { readonly type: 'capture'; readonly files: readonly string[]; readonly reading?: CaptureReading }
    | {
        readonly type: 'scenario';
        readonly name: string;
        readonly parameters: Readonly<Record<string, ParameterValue | undefined>>;
        readonly seed: number;
      };
  readonly edits: PacketEdits;
  /** Packets to stop after; null = all. */
  readonly limit: number | null;
}

/** The packets of one loop. Without `frames` it can be posted to a thread. */
export interface PacketSource extends PacketCounts {
  readonly name: string;
  readonly request: PacketRequest;
  /** What a look at the checksums found. */
  readonly checksums: ChecksumFigures;
  /** The packets themselves; null where they are streamed. */
  readonly frames: KeptFrames | null;
  /** Bytes of the packet store that they take, or of the rings of all workers together, where they are streamed. */
  readonly storeBytes: number;
}

/** What is known of the packets without looking at them again. */
export interface PacketCounts {
  readonly packets: number;
  /** Frame bytes in all. */
  readonly frameBytes: number;
  /** Bytes that the packets' places take in the packet store. */
  readonly placeBytes: number;
  /** Bits that count for a rate. */
  readonly bits: number;
  /** Of the longest frame, in bytes. */
  readonly longestFrame: number;
  /** Time of the last packet, nanoseconds since the first. */
  readonly lastNs: number;
  /** From the first packet's time to the last one's, plus one mean gap, so that loops do not run into each other. */
  readonly loopNs: number;
  readonly longestGap: Gap;
}

/** Time between two packets. */
export interface Gap {
  readonly ns: number;
  /** Place in the traffic, counting from 0, of the packet behind it. */
  readonly beforeIndex: number;
}

/** Packets that are kept. */
export interface KeptFrames {
  /** Nanoseconds since the first packet, per packet. */
  readonly timesNs: Float64Array<SharedArrayBuffer>;
  /** All of them in shared memory; absent where it is not. */
  readonly ranges?: readonly FrameRange[];
  /** Visits all frames in order, many at a time. */
  forEachRange(visit: RangeVisitor): void;
}

/** Packets, what the result says of them, and the configuration that their scenario wants; null for captures. */
export interface LoadedInput {
  readonly traffic: PacketSource;
  readonly input: Input;
  readonly suggested: SuggestedConfig | null;
}

/** Whether packets are read while they are replayed. */
export function isStreamed({ frames }: PacketSource): boolean {
  return frames === null;
}

/**
 * The packets of a source that is in memory.
 * @throws Error for one that is streamed: who calls this has it loaded without a limit of the store
 */
export function framesOf({ frames, name }: PacketSource): KeptFrames {
  if (frames === null)
    throw new Error(`${name}: its packets are not in memory. Load it with a larger store.`);
  return frames;
}

/** Raised when there is nothing to replay. */
export class EmptyTrafficError extends Error {
  /** @param reason as a clause: what left nothing over; absent = there was nothing */
  constructor(name: string, reason = 'no packet to replay') {
    super(`${name}: ${reason}. Check --filter, --limit and the file, or choose another capture.`);
    this.name = 'EmptyTrafficError';
  }
}

/** Bits that a frame counts for: the frame as on the wire without preamble, FCS and gap. */
export function frameBits(bytes: number): number {
  return bytes * 8;
}

/** Length of one loop where there is no gap to take a mean of, nanoseconds. */
const LONE_PACKET_NS = 1000;

/** Counts packets; give it every one in order. */
export class PacketCount {
  packets = 0;
  frameBytes = 0;
  placeBytes = 0;
  longestFrame = 0;
  lastNs = 0;
  longestGap: Gap = { ns: 0, beforeIndex: 0 };

  /** What was counted, as plain data. */
  get counts(): PacketCounts {
    const { packets, frameBytes, lastNs } = this;
    const loopNs = packets > 1 ? lastNs + lastNs / (packets - 1) : LONE_PACKET_NS;
    return { ...this, bits: frameBits(frameBytes), loopNs };
  }

  /** Counts a packet by the length of its frame and its time since the first packet, which never goes back. */
  add(frameBytes: number, timeNs: number): void {
    const gapNs = this.packets === 0 ? 0 : timeNs - this.lastNs;
    if (gapNs > this.longestGap.ns) this.longestGap = { ns: gapNs, beforeIndex: this.packets };
    this.packets++;
    this.frameBytes += frameBytes;
    this.placeBytes += placeBytesOf(frameBytes);
    this.lastNs = timeNs;
    if (frameBytes > this.longestFrame) this.longestFrame = frameBytes;
  }

  addRange({ count, lengths, timesNs }: TimedRange): void {
    for (let index = 0; index < count; index++) this.add(lengths[index] as number, timesNs[index] as number);
  }
}
