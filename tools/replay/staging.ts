/**
 * Traffic read once into plain memory, before the engine's memory is laid out: how much there is decides the layout. Every
 * design then gets its copy from here, so that all of them see the same bytes.
 */
import { FramePile } from './frame-pile.js';
import {
  eachFrame,
  type FrameRange,
  type StagedRangeVisitor,
  type StagedVisitor,
  type TimedRange,
} from './frame-range.js';
import type { Traffic } from './traffic.js';

/** Bytes that a packet takes in the packet store beside its frame: its descriptor, and the line that it is rounded up to. */
const STORE_OVERHEAD_BYTES = 192;

/** Traffic of one loop in plain memory. */
export interface StagedTraffic {
  readonly name: string;
  readonly packets: number;
  /** Frame bytes in all. */
  readonly frameBytes: number;
  /** Nanoseconds since the first packet, per packet. */
  readonly timesNs: Float64Array<SharedArrayBuffer>;
  /** Visits every frame in order. */
  forEach(visit: StagedVisitor): void;
  /** As `forEach`, many frames at a time, without an object for each. */
  forEachRange(visit: StagedRangeVisitor): void;
  /** The ranges in shared memory, which can be posted to another thread as they are; absent = it lies elsewhere. */
  sharedRanges?(): readonly FrameRange[];
}

/** Raised when there is nothing to replay. */
export class EmptyTrafficError extends Error {
  /** @param reason as a clause: what left nothing over; absent = there was nothing */
  constructor(name: string, reason = 'no packet to replay') {
    super(`${name}: ${reason}. Check --filter, --limit and the file, or choose another capture.`);
    this.name = 'EmptyTrafficError';
  }
}

/** Traffic that was read once and not kept: what a run must know of it beforehand. */
export interface TrafficSurvey {
  readonly name: string;
  readonly packets: number;
  /** Frame bytes in all. */
  readonly frameBytes: number;
  /** Of the longest frame. */
  readonly longestFrame: number;
  /** Time of the last packet, nanoseconds since the first. */
  readonly lastNs: number;
  /** Longest time between two packets. */
  readonly longestGap: Gap;
}

/** Time between two packets. */
export interface Gap {
  readonly ns: number;
  /** Place in the traffic, counting from 0, of the packet behind it. */
  readonly beforeIndex: number;
}

/** The longest of the gaps between times that are shown one after the other. */
export class LongestGap {
  #previousNs: number | null = null;
  #count = 0;
  gap: Gap = { ns: 0, beforeIndex: 0 };

  add(timeNs: number): void {
    const gapNs = timeNs - (this.#previousNs ?? timeNs);
    if (gapNs > this.gap.ns) this.gap = { ns: gapNs, beforeIndex: this.#count };
    this.#previousNs = timeNs;
    this.#count++;
  }
}

/**
 * Reads traffic to its end, or to `limit` packets.
 * @throws EmptyTrafficError when there is no packet, and what the traffic throws
 */
export async function stageTraffic(traffic: Traffic, limit: number | null): Promise<StagedTraffic> {
  return (await stageOrSurvey(traffic, limit, Number.POSITIVE_INFINITY)) as StagedTraffic;
}

/** Bytes of the packet store that packets take, somewhat generously. */
export function storeBytesOf(frameBytes: number, packets: number): number {
  return frameBytes + packets * STORE_OVERHEAD_BYTES;
}

/** Whether traffic was kept. */
export function isStaged(traffic: StagedTraffic | TrafficSurvey): traffic is StagedTraffic {
  return 'forEach' in traffic;
}

/**
 * As `stageTraffic`, but traffic that would take more than `storeBytes` of the packet store is read to its end without being
 * kept. Memory in use is bounded by `storeBytes`.
 * @param onOverflow called once when it turns out not to fit; may throw to end the reading
 * @throws EmptyTrafficError when there is no packet, and what the traffic throws
 */
export async function stageOrSurvey(
  traffic: Traffic,
  limit: number | null,
  storeBytes: number,
  onOverflow: () => void = () => {},
): Promise<StagedTraffic | TrafficSurvey> {
  const reading = new Reading(storeBytes, onOverflow);
  if (traffic.forEachRange !== undefined) {
    await traffic.forEachRange(limit, (range) => {
      reading.addRange(range);
      return true;
    });
  } else {
    await traffic.forEach((frame, timeNs, wireBytes = frame.length) => {
      if (limit !== null && reading.packets >= limit) return false;
      reading.add(frame, timeNs, wireBytes);
      return limit === null || reading.packets < limit;
    });
  }
  if (reading.packets === 0) throw new EmptyTrafficError(traffic.name);
  return reading.outcome(traffic.name);
}

/** Traffic on its way in: kept as long as it fits. */
class Reading {
  readonly #storeBytes: number;
  readonly #onOverflow: () => void;
  readonly #longestGap = new LongestGap();
  #kept: { readonly pile: FramePile; readonly times: GrowingFloats } | null;
  #frameBytes = 0;
  #longestFrame = 0;
  #lastNs = 0;
  packets = 0;

  constructor(storeBytes: number, onOverflow: () => void) {
    this.#storeBytes = storeBytes;
    this.#onOverflow = onOverflow;
    this.#kept = { pile: new FramePile(), times: new GrowingFloats() };
  }

  add(frame: Uint8Array, timeNs: number, wireBytes: number): void {
    this.#count(frame.length, timeNs);
    this.#dropWhenTooLarge();
    this.#kept?.pile.add(frame, wireBytes);
    this.#kept?.times.push(timeNs);
  }

  addRange(range: TimedRange): void {
    const { count, lengths, timesNs } = range;
    for (let index = 0; index < count; index++) {
      this.#count(lengths[index] as number, timesNs[index] as number);
    }
    this.#dropWhenTooLarge();
    this.#kept?.pile.addRange(range);
    this.#kept?.times.pushAll(timesNs.subarray(0, count));
  }

  outcome(name: string): StagedTraffic | TrafficSurvey {
    const facts = { name, packets: this.packets, frameBytes: this.#frameBytes };
    if (this.#kept === null) {
      return {
        ...facts,
        longestFrame: this.#longestFrame,
        lastNs: this.#lastNs,
        longestGap: this.#longestGap.gap,
      };
    }
    const { pile, times } = this.#kept;
    return {
      ...facts,
      timesNs: times.shared(),
      forEach: (visit) => pile.forEachRange(eachFrame(visit)),
      forEachRange: (visit) => pile.forEachRange(visit),
      sharedRanges: () => pile.sharedRanges(),
    };
  }

  #count(frameBytes: number, timeNs: number): void {
    this.#longestGap.add(timeNs);
    this.packets++;
    this.#frameBytes += frameBytes;
    this.#lastNs = timeNs;
    if (frameBytes > this.#longestFrame) this.#longestFrame = frameBytes;
  }

  #dropWhenTooLarge(): void {
    if (this.#kept === null || storeBytesOf(this.#frameBytes, this.packets) <= this.#storeBytes) return;
    this.#onOverflow();
    this.#kept = null;
  }
}

/** A Float64Array that grows by doubling: a million numbers without a million objects. */
class GrowingFloats {
  #values = new Float64Array(1024);
  length = 0;

  push(value: number): void {
    this.#makeRoom(1);
    this.#values[this.length++] = value;
  }

  pushAll(values: Float64Array): void {
    this.#makeRoom(values.length);
    this.#values.set(values, this.length);
    this.length += values.length;
  }

  shared(): Float64Array<SharedArrayBuffer> {
    const shared = new Float64Array(new SharedArrayBuffer(this.length * 8));
    shared.set(this.#values.subarray(0, this.length));
    return shared;
  }

  #makeRoom(count: number): void {
    const needed = this.length + count;
    if (needed <= this.#values.length) return;
    const larger = new Float64Array(Math.max(needed, this.#values.length * 2));
    larger.set(this.#values.subarray(0, this.length));
    this.#values = larger;
  }
}
