import { CaptureError, openCapture, requireRecords, type CaptureRecord } from '../captures/reader.js';
import type { InputPacket } from './tracker-run.js';

/** LINKTYPE_ numbers that can be given an Ethernet header (tcpdump.org/linktypes.html). */
const LINKTYPE_ETHERNET = 1;
const LINKTYPE_RAW = 101;
const LINKTYPE_LINUX_SLL = 113;
const LINKTYPE_IPV4 = 228;
const LINKTYPE_IPV6 = 229;
const SLL_HEADER_BYTES = 16;
const SLL_PROTOCOL_OFFSET = 14;

const ETHERNET_HEADER_BYTES = 14;
const ETHERTYPE_OFFSET = 12;
const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;

const NS_PER_MS = 1_000_000n;

/** What drives the trackers' time: the capture's timestamps, or nothing. */
export type ConformClock = 'capture' | 'frozen';

/**
 * Reads a capture as packets for {@link import('./ovs-run.js').runThroughOvs}: Ethernet frames, at times in whole
 * milliseconds since the first packet. A timestamp before the one before it is taken as equal to it.
 * @param limit most packets to take
 * @throws CaptureError when the capture cannot be read, is empty, or holds a link type without an Ethernet form
 */
export async function loadPackets(
  path: string,
  clock: ConformClock,
  limit = Infinity,
): Promise<InputPacket[]> {
  const reader = await openCapture(path);
  const packets: InputPacket[] = [];
  let firstNs: bigint | null = null;
  let lastMs = 0;
  try {
    for await (const record of reader) {
      if (packets.length >= limit) break;
      firstNs ??= record.timestampNs;
      lastMs = clock === 'frozen' ? 0 : Math.max(lastMs, Number((record.timestampNs - firstNs) / NS_PER_MS));
      packets.push({ frame: toEthernet(record, path), timestampMs: lastMs });
    }
    requireRecords(reader);
  } finally {
    await reader.close();
  }
  return packets;
}

function toEthernet(record: CaptureRecord, file: string): Uint8Array {
  const { frame, linkType } = record;
  switch (linkType) {
    case LINKTYPE_ETHERNET:
      return frame;
    case LINKTYPE_LINUX_SLL:
      if (frame.length < SLL_HEADER_BYTES) return frame.subarray(0, 0);
      return withHeader(
        (frame[SLL_PROTOCOL_OFFSET]! << 8) | frame[SLL_PROTOCOL_OFFSET + 1]!,
        frame.subarray(SLL_HEADER_BYTES),
      );
    case LINKTYPE_RAW:
      return withHeader((frame[0] ?? 0) >> 4 === 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4, frame);
    case LINKTYPE_IPV4:
      return withHeader(ETHERTYPE_IPV4, frame);
    case LINKTYPE_IPV6:
      return withHeader(ETHERTYPE_IPV6, frame);
    default:
      throw new CaptureError({
        file,
        recordIndex: record.recordIndex,
        offset: record.fileOffset,
        reason: `link type ${linkType} has no Ethernet form, so the packet cannot enter a switch`,
        advice: 'Give a capture of link type Ethernet (1), raw IP (101, 228, 229) or Linux cooked v1 (113).',
      });
  }
}

function withHeader(ethertype: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(ETHERNET_HEADER_BYTES + payload.length);
  new DataView(frame.buffer).setUint16(ETHERTYPE_OFFSET, ethertype);
  frame.set(payload, ETHERNET_HEADER_BYTES);
  return frame;
}
