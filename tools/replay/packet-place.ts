/**
 * A packet's place in the engine's memory: descriptor on a cache line, two bytes, then the frame. Packet store, rings and scratch areas
 * are made of such places; each is written by one thread before another one is told of it.
 */
import type { EngineRun } from '../../engine/host/run-memory.js';
import type { EngineThread } from '../../engine/host/thread.js';
import type { FrameRange } from './frame-range.js';

/** What lies in the engine's memory by itself starts on a cache line. */
export const LINE_BYTES = 64;

export function alignLine(bytes: number): number {
  return Math.ceil(bytes / LINE_BYTES) * LINE_BYTES;
}

/** Bytes before a frame, so that the IP header behind an Ethernet header is 4-byte aligned. */
export const FRAME_SHIFT = 2;

/** Room for rewriting to lengthen a frame (the longest FTP address grows a message by less than 64 bytes). */
const TAIL_ROOM_BYTES = 256;

/** Bytes of one packet's place in a scratch area, for frames up to this length. */
export function scratchStride(descriptorBytes: number, longestFrame: number): number {
  return alignLine(descriptorBytes + FRAME_SHIFT + longestFrame + TAIL_ROOM_BYTES);
}

/** Longer frames are copied by a call; of shorter ones the call, and the view that it wants, would be most of the work. */
const LOOPED_BYTES = 256;

/** Writes the packets of ranges to places, without an object for each. */
export class PlaceWriter {
  readonly #locate: (packet: number) => void;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #doubles: Float64Array;
  /** Size of a descriptor, and offsets in it. */
  readonly #size: number;
  readonly #frameAt: number;
  readonly #lengthAt: number;
  readonly #capacityAt: number;
  readonly #paramsAt: number;
  #range: FrameRange | null = null;
  #source: DataView = new DataView(new ArrayBuffer(0));

  /** @param locate the engine's function that locates headers */
  constructor({ memory, engine }: EngineRun, locate: (packet: number) => void) {
    const { PACKET_SIZE, PK_FRAME, PK_LENGTH, PK_CAPACITY, PK_PARAMS } = engine.constants;
    this.#size = PACKET_SIZE;
    this.#frameAt = PK_FRAME;
    this.#lengthAt = PK_LENGTH;
    this.#capacityAt = PK_CAPACITY;
    this.#paramsAt = PK_PARAMS;
    this.#locate = locate;
    this.#view = new DataView(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
    this.#doubles = new Float64Array(memory.buffer);
  }

  /** Takes the packets of this range from now on. */
  open(range: FrameRange): void {
    this.#range = range;
    // Ranges mostly lie in the same buffer, one after the other.
    if (range.bytes.buffer !== this.#source.buffer) this.#source = new DataView(range.bytes.buffer);
  }

  /**
   * Makes the descriptor at `at` zero: the place may have had another packet. A call that fills costs more than these few words, the last
   * of which may reach into where the frame is written afterwards.
   */
  clear(at: number): void {
    const doubles = this.#doubles;
    const first = at >>> 3;
    const end = first + Math.ceil(this.#size / 8);
    for (let double = first; double < end; double++) doubles[double] = 0;
  }

  /** Writes a packet of the range to the place at `at`, whose descriptor is zero, and locates its headers. */
  write(at: number, index: number, request: number): void {
    const view = this.#view;
    const { starts, lengths } = this.#range as FrameRange;
    const length = lengths[index] as number;
    const frame = at + this.#size + FRAME_SHIFT;
    this.#copy(starts[index] as number, frame, length);
    view.setUint32(at + this.#frameAt, frame, true);
    view.setUint32(at + this.#lengthAt, length, true);
    view.setUint32(at + this.#capacityAt, length, true);
    this.#locate(at);
    view.setUint32(at + this.#paramsAt, request, true);
  }

  #copy(start: number, to: number, length: number): void {
    const { bytes } = this.#range as FrameRange;
    if (length > LOOPED_BYTES) {
      this.#bytes.set(bytes.subarray(start, start + length), to);
      return;
    }
    const source = this.#source;
    const target = this.#view;
    const from = bytes.byteOffset + start;
    const words = length - (length % 4);
    for (let at = 0; at < words; at += 4) target.setInt32(to + at, source.getInt32(from + at, true), true);
    for (let at = words; at < length; at++) target.setUint8(to + at, source.getUint8(from + at));
  }
}

/** Copies a packet to a place of `placeBytes`, where its frame may grow: the engine then leaves the original as it is. */
export function copyPacket(
  { run, view, bytes }: EngineThread,
  from: number,
  to: number,
  placeBytes: number,
): void {
  const { PACKET_SIZE, PK_FRAME, PK_LENGTH, PK_CAPACITY } = run.engine.constants;
  const frame = view.getUint32(from + PK_FRAME, true);
  const length = view.getUint32(from + PK_LENGTH, true);
  const frameTo = to + PACKET_SIZE + FRAME_SHIFT;
  bytes.copyWithin(to, from, from + PACKET_SIZE);
  bytes.copyWithin(frameTo, frame, frame + length);
  view.setUint32(to + PK_FRAME, frameTo, true);
  view.setUint32(to + PK_CAPACITY, placeBytes - PACKET_SIZE - FRAME_SHIFT, true);
}
