/**
 * Traffic read once into plain memory, before the engine's memory is laid out: how much there is decides the layout. Every
 * design then gets its copy from here, so that all of them see the same bytes.
 */
import type { Traffic } from './traffic.js';

const CHUNK_BYTES = 8 * 1024 * 1024;
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
  /** Visits every frame in order, with its length on the wire; the bytes may be overwritten after the call. */
  forEach(visit: (frame: Uint8Array, packetIndex: number, wireBytes: number) => void): void;
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
  let chunks: Uint8Array[] = [];
  let chunk = new Uint8Array(0);
  let used = 0;
  let frameBytes = 0;
  let packets = 0;
  let longestFrame = 0;
  let lastNs = 0;
  let kept = true;
  let places = new GrowingFloats();
  let lengths = new GrowingFloats();
  let times = new GrowingFloats();
  let wires = new WireLengths();
  const longestGap = new LongestGap();
  await traffic.forEach((frame, timestampNs, wireBytes = frame.length) => {
    if (limit !== null && packets >= limit) return false;
    longestGap.add(timestampNs);
    packets++;
    frameBytes += frame.length;
    lastNs = timestampNs;
    if (frame.length > longestFrame) longestFrame = frame.length;
    if (!kept) return limit === null || packets < limit;
    if (storeBytesOf(frameBytes, packets) > storeBytes) {
      onOverflow();
      kept = false;
      chunks = [];
      wires = new WireLengths();
      chunk = new Uint8Array(0);
      places = lengths = times = new GrowingFloats();
      return limit === null || packets < limit;
    }
    if (used + frame.length > chunk.length) {
      chunk = new Uint8Array(Math.max(CHUNK_BYTES, frame.length));
      chunks.push(chunk);
      used = 0;
    }
    chunk.set(frame, used);
    places.push((chunks.length - 1) * 2 ** 32 + used);
    lengths.push(frame.length);
    times.push(timestampNs);
    wires.push(wireBytes, frame.length);
    used += frame.length;
    return limit === null || packets < limit;
  });
  if (packets === 0) throw new EmptyTrafficError(traffic.name);
  if (!kept)
    return { name: traffic.name, packets, frameBytes, longestFrame, lastNs, longestGap: longestGap.gap };
  return {
    name: traffic.name,
    packets: times.length,
    frameBytes,
    timesNs: times.shared(),
    forEach(visit) {
      for (let i = 0; i < times.length; i++) {
        const place = places.at(i);
        const start = place % 2 ** 32;
        const holder = chunks[Math.floor(place / 2 ** 32)] as Uint8Array;
        const length = lengths.at(i);
        visit(holder.subarray(start, start + length), i, wires.at(i) ?? length);
      }
    },
  };
}

/** Lengths on the wire, which take no memory as long as they are those of the frames. */
class WireLengths {
  #same = 0;
  #values: GrowingFloats | null = null;

  push(wireBytes: number, frameBytes: number): void {
    if (this.#values === null && wireBytes === frameBytes) {
      this.#same++;
      return;
    }
    this.#values ??= new GrowingFloats();
    this.#values.push(wireBytes);
  }

  /** Of the packet at this place; null when it is the frame's. */
  at(index: number): number | null {
    return this.#values === null || index < this.#same ? null : this.#values.at(index - this.#same);
  }
}

/** A Float64Array that grows by doubling: a million numbers without a million objects. */
class GrowingFloats {
  #values = new Float64Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Float64Array(this.#values.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  at(index: number): number {
    return this.#values[index] as number;
  }

  shared(): Float64Array<SharedArrayBuffer> {
    const shared = new Float64Array(new SharedArrayBuffer(this.length * 8));
    shared.set(this.#values.subarray(0, this.length));
    return shared;
  }
}
