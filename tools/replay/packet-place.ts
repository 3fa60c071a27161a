/**
 * A packet's place in the engine's memory while it waits to be run: a head on a cache line, two bytes, then the frame
 * (engine/assembly/records/placed-packet.ts). Packet store and rings are made of such places; each is written by one thread before
 * another one is told of it. A batch that is run gets descriptors in an area of its worker's own.
 *
 * Engines of earlier revisions, which `regress --against` still loads, have no such heads: there the descriptor stands in its place.
 */
import type { EngineConstants } from '../../engine/host/constants.js';
import type { EngineRun } from '../../engine/host/run-memory.js';
import { MAX_BATCH, type EngineExports, type EngineThread } from '../../engine/host/thread.js';
import type { FrameRange } from './frame-range.js';

/** What lies in the engine's memory by itself starts on a cache line. */
export const LINE_BYTES = 64;

export function alignLine(bytes: number): number {
  return Math.ceil(bytes / LINE_BYTES) * LINE_BYTES;
}

/** Bytes before a frame, so that the IP header behind an Ethernet header is 4-byte aligned. */
export const FRAME_SHIFT = 2;

/** Bytes of a place in front of its frame, in engines of this revision. */
const HEAD_BYTES = 16 + FRAME_SHIFT;

/** Whether descriptors stand in the places themselves, as in engines of earlier revisions. */
export function placesDescriptors({ PLACED_SIZE }: EngineConstants): boolean {
  return PLACED_SIZE === 0;
}

/** Bytes of a place in front of its frame. */
export function headBytes(c: EngineConstants): number {
  return (placesDescriptors(c) ? c.PACKET_SIZE : c.PLACED_SIZE) + FRAME_SHIFT;
}

/** Bytes that a frame of this length takes with its head, in engines of this revision. */
export function placeBytesOf(frameBytes: number): number {
  return alignLine(HEAD_BYTES + frameBytes);
}

/** Bytes that places take at most, of packets whose places take so many bytes in engines of this revision. */
export function mostPlaceBytes(c: EngineConstants, packets: number, placeBytes: number): number {
  return placeBytes + (headBytes(c) === HEAD_BYTES ? 0 : packets * alignLine(headBytes(c)));
}

/** Where a worker's batches have their descriptors. */
export interface BatchArea {
  /** Address of the first descriptor, a multiple of 64. */
  readonly descriptorsAt: number;
  /** Bytes from one descriptor to the next. */
  readonly descriptorStride: number;
  /** Whether packets may be rewritten: each descriptor then has room behind it for a copy of the frame. */
  readonly copies: boolean;
}

/** Room for rewriting to lengthen a frame (the longest FTP address grows a message by less than 64 bytes). */
const TAIL_ROOM_BYTES = 256;

/** Bytes from one descriptor of a batch to the next. */
export function descriptorStride(
  { PACKET_SIZE }: EngineConstants,
  longestFrame: number,
  copies: boolean,
): number {
  return alignLine(copies ? PACKET_SIZE + FRAME_SHIFT + longestFrame + TAIL_ROOM_BYTES : PACKET_SIZE);
}

/** Bytes of the descriptors of one worker's batches. */
export function batchAreaBytes(stride: number): number {
  return MAX_BATCH * stride;
}

/**
 * Makes a batch ready to run: the packets at the engine's list, which are given by their places, get descriptors with nothing attached,
 * and the list has the addresses of these. Not for engines of earlier revisions.
 */
export function openBatch(
  { exports, packetsAt }: EngineThread,
  { descriptorsAt, descriptorStride: stride, copies }: BatchArea,
  count: number,
): void {
  exports.openPackets(packetsAt, count, descriptorsAt, stride, copies);
}

/** Longer frames are copied by a call; of shorter ones the call, and the view that it wants, would be most of the work. */
const LOOPED_BYTES = 256;

/** What of an engine locates the headers of a packet. */
export type Locator = Pick<EngineExports, 'locatePacket' | 'locatePlaced'>;

/** Writes the packets of ranges to places, without an object for each. */
export class PlaceWriter {
  readonly #locate: (at: number) => void;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #headBytes: number;
  readonly #lengthAt: number;
  readonly #paramsAt: number;
  /** Of engines whose places begin with a descriptor: what else is to be written there. */
  readonly #older: { readonly frameAt: number; readonly capacityAt: number } | null;
  #range: FrameRange | null = null;
  #source: DataView = new DataView(new ArrayBuffer(0));

  constructor({ memory, engine: { constants: c } }: EngineRun, { locatePacket, locatePlaced }: Locator) {
    const isOlder = placesDescriptors(c);
    this.#headBytes = headBytes(c);
    this.#lengthAt = isOlder ? c.PK_LENGTH : c.PL_LENGTH;
    this.#paramsAt = isOlder ? c.PK_PARAMS : c.PL_PARAMS;
    this.#older = isOlder ? { frameAt: c.PK_FRAME, capacityAt: c.PK_CAPACITY } : null;
    this.#locate = isOlder ? locatePacket : locatePlaced;
    this.#view = new DataView(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
  }

  /** Takes the packets of this range from now on. */
  open(range: FrameRange): void {
    this.#range = range;
    // Ranges mostly lie in the same buffer, one after the other.
    if (range.bytes.buffer !== this.#source.buffer) this.#source = new DataView(range.bytes.buffer);
  }

  /**
   * Writes a packet of the range to the place at `at`, and locates its headers. For engines of earlier revisions nobody may have written
   * there before.
   */
  write(at: number, index: number, request: number): void {
    const view = this.#view;
    const { starts, lengths } = this.#range as FrameRange;
    const length = lengths[index] as number;
    const frame = at + this.#headBytes;
    this.#copy(starts[index] as number, frame, length);
    view.setUint32(at + this.#lengthAt, length, true);
    view.setUint32(at + this.#paramsAt, request, true);
    if (this.#older !== null) {
      view.setUint32(at + this.#older.frameAt, frame, true);
      view.setUint32(at + this.#older.capacityAt, length, true);
    }
    this.#locate(at);
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
