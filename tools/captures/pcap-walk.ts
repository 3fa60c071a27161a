import type { ByteWindow } from './byte-window.js';
import { MAX_CAPTURED_BYTES, MAX_ORIGINAL_BYTES } from './capture-record.js';
import { PCAP_MAGIC_MICRO, PCAP_MAGIC_NANO, PCAP_RECORD_HEADER_BYTES } from './pcap-format.js';
import { BLOCK_RECORDS, EXACT_SPAN_NS, type RecordBlock } from './record-block.js';

/** How the records of a classic pcap file are laid out. */
export interface PcapRecordLayout {
  readonly littleEndian: boolean;
  readonly linkType: number;
  /** Units of the sub-second field in a second, and nanoseconds in one of them. */
  readonly subSecondLimit: number;
  readonly subSecondNs: number;
}

/** Time of the first record, as its two fields have it: what the times of a block count from. */
export interface PcapTimeBase {
  readonly seconds: number;
  /** Nanoseconds behind the second; negative where the file says so. */
  readonly fractionNs: number;
}

/** Records whose seconds lie further from the base are left to the exact way. */
const EXACT_SECONDS = EXACT_SPAN_NS / 1e9;

/**
 * Takes the plain records of version 2.4 from `position` of the window on into the block, in place: those about which nothing is
 * odd, and which are whole. Ends at the first record that is not, or where the block is full.
 * @returns the position of the first record that was not taken
 */
export function takePlainRecords(
  { buffer, end }: ByteWindow,
  position: number,
  layout: PcapRecordLayout,
  base: PcapTimeBase,
  block: RecordBlock,
): number {
  const { littleEndian, linkType, subSecondLimit, subSecondNs } = layout;
  const { starts, lengths, wireBytes, linkTypes, timesNs } = block;
  const view = new DataView(buffer.buffer, buffer.byteOffset, end);
  const last = end - PCAP_RECORD_HEADER_BYTES;
  let at = position;
  let count = block.count;
  while (at <= last && count < BLOCK_RECORDS) {
    const seconds = view.getUint32(at, littleEndian);
    const subSecond = view.getUint32(at + 4, littleEndian);
    const captured = view.getUint32(at + 8, littleEndian);
    const original = view.getUint32(at + 12, littleEndian);
    const start = at + PCAP_RECORD_HEADER_BYTES;
    const next = start + captured;
    const span = seconds - base.seconds;
    const isPlain =
      next <= end &&
      captured <= original &&
      original !== 0 &&
      captured <= MAX_CAPTURED_BYTES &&
      original <= MAX_ORIGINAL_BYTES &&
      subSecond < subSecondLimit &&
      // The header of another file may begin so.
      seconds !== PCAP_MAGIC_MICRO &&
      seconds !== PCAP_MAGIC_NANO &&
      span <= EXACT_SECONDS &&
      span >= -EXACT_SECONDS;
    if (!isPlain) break;
    starts[count] = start;
    lengths[count] = captured;
    wireBytes[count] = original;
    linkTypes[count] = linkType;
    timesNs[count] = span * 1e9 + (subSecond * subSecondNs - base.fractionNs);
    count += 1;
    at = next;
  }
  block.count = count;
  return at;
}
