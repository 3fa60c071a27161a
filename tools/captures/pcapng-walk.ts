import type { ByteWindow } from './byte-window.js';
import { MAX_CAPTURED_BYTES, MAX_ORIGINAL_BYTES } from './capture-record.js';
import { BLOCK_ENHANCED_PACKET, BLOCK_OVERHEAD_BYTES, OPTION_END, PACKET_FIXED_BYTES, paddedLength } from './pcapng-format.js';
import { BLOCK_RECORDS, EXACT_SPAN_NS, type RecordBlock } from './record-block.js';
import type { TimestampResolution } from './timestamp-resolution.js';

const PACKET_HEAD_BYTES = 8 + PACKET_FIXED_BYTES;
const LEAST_PACKET_BYTES = BLOCK_OVERHEAD_BYTES + PACKET_FIXED_BYTES;
const HIGH_WORD = 2 ** 32;
/** A time this far from both ends of 64 bits cannot leave them by an exact span. */
const WELL_INSIDE_NS = 1n << 62n;

/** A timestamp of an interface, in its units, and how long after the block's base it is: others are counted from it. */
export interface UnitClock {
  readonly high: number;
  readonly low: number;
  readonly sinceNs: number;
}

/** What of a section's interface decides how its packets are taken. */
export interface WalkedInterface {
  readonly linkType: number;
  readonly resolution: TimestampResolution;
  /** Whether its link type is tracked. */
  readonly tracked: boolean;
  /** Undefined until a packet was met; null where times have to be computed as big integers. */
  clock: UnitClock | null | undefined;
}

/** What holds for all packets of a section. */
export interface WalkedSection {
  readonly littleEndian: boolean;
  readonly interfaces: readonly WalkedInterface[];
  /** Longest block of the file to be believed. */
  readonly largestBytes: number;
  /** Base of the times. */
  readonly baseNs: bigint;
}

/** What a walk over a window took. */
export interface TakenPackets {
  /** Position of the first byte that was not taken. */
  readonly position: number;
  /** Time of the last packet taken, nanoseconds since the block's base; null when none was. */
  readonly lastNs: number | null;
}

/**
 * Takes the plain enhanced packet blocks at the window's start into the block, in place: those about which nothing is odd, which are
 * whole and name an interface of the section that is tracked. Ends at the first block of the file that is not, or where the block
 * of records is full.
 */
export function takePlainPackets(
  { buffer, start, end }: ByteWindow,
  { littleEndian, interfaces, largestBytes, baseNs }: WalkedSection,
  block: RecordBlock,
): TakenPackets {
  const { starts, lengths, wireBytes, linkTypes, timesNs } = block;
  const view = new DataView(buffer.buffer, buffer.byteOffset, end);
  let at = start;
  let count = block.count;
  while (end - at >= LEAST_PACKET_BYTES && count < BLOCK_RECORDS) {
    if (view.getUint32(at, littleEndian) !== BLOCK_ENHANCED_PACKET) break;
    const length = view.getUint32(at + 4, littleEndian);
    if (length % 4 !== 0 || length < LEAST_PACKET_BYTES || length > end - at || length > largestBytes) break;
    const trailerAt = at + length - 4;
    if (view.getUint32(trailerAt, littleEndian) !== length) break;
    const from = interfaces[view.getUint32(at + 8, littleEndian)];
    if (from === undefined || !from.tracked) break;
    const captured = view.getUint32(at + 20, littleEndian);
    const original = view.getUint32(at + 24, littleEndian);
    if (captured > original || captured > MAX_CAPTURED_BYTES || original > MAX_ORIGINAL_BYTES) break;
    const optionsAt = at + PACKET_HEAD_BYTES + paddedLength(captured);
    if (optionsAt > trailerAt || !areSoundOptions(view, optionsAt, trailerAt, littleEndian)) break;
    const sinceNs = sinceBase(
      from,
      view.getUint32(at + 12, littleEndian),
      view.getUint32(at + 16, littleEndian),
      baseNs,
    );
    if (sinceNs === null) break;
    starts[count] = at + PACKET_HEAD_BYTES;
    lengths[count] = captured;
    wireBytes[count] = original;
    linkTypes[count] = from.linkType;
    timesNs[count] = sinceNs;
    count += 1;
    at += length;
  }
  const lastNs = count === block.count ? null : (timesNs[count - 1] as number);
  block.count = count;
  return { position: at, lastNs };
}

/** The rules of `parseOptions`, without the options. */
function areSoundOptions(view: DataView, from: number, end: number, littleEndian: boolean): boolean {
  for (let at = from; at < end; ) {
    if (end - at < 4) return false;
    if (view.getUint16(at, littleEndian) === OPTION_END) return true;
    at += 4 + paddedLength(view.getUint16(at + 2, littleEndian));
    if (at > end) return false;
  }
  return true;
}

/** A timestamp in nanoseconds since the base; null where a number cannot hold it exactly. */
function sinceBase(from: WalkedInterface, high: number, low: number, baseNs: bigint): number | null {
  if (from.clock === undefined) from.clock = clockOf(from.resolution, high, low, baseNs);
  const { clock } = from;
  if (clock === null) return null;
  const units = (high - clock.high) * HIGH_WORD + (low - clock.low);
  const spanNs = units * (from.resolution.nsPerUnit as number);
  return spanNs <= EXACT_SPAN_NS && spanNs >= -EXACT_SPAN_NS ? clock.sinceNs + spanNs : null;
}

function clockOf(resolution: TimestampResolution, high: number, low: number, baseNs: bigint): UnitClock | null {
  if (resolution.nsPerUnit === null) return null;
  const timestampNs = resolution.toNs((BigInt(high) << 32n) | BigInt(low));
  if (timestampNs >= WELL_INSIDE_NS || timestampNs <= -WELL_INSIDE_NS) return null;
  const sinceNs = Number(timestampNs - baseNs);
  return Math.abs(sinceNs) <= EXACT_SPAN_NS ? { high, low, sinceNs } : null;
}
