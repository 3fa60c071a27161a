import { CaptureError } from './capture-error.js';
import type { CaptureRecord } from './capture-record.js';
import {
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_MIN,
  ETHERTYPE_NONE,
} from '../wire/ethernet.js';

/** LINKTYPE_ numbers that can be replayed (tcpdump.org/linktypes.html). */
export const LINKTYPE_NULL = 0;
export const LINKTYPE_ETHERNET = 1;
export const LINKTYPE_RAW = 101;
export const LINKTYPE_LOOP = 108;
export const LINKTYPE_LINUX_SLL = 113;
export const LINKTYPE_IPV4 = 228;
export const LINKTYPE_IPV6 = 229;
export const LINKTYPE_LINUX_SLL2 = 276;

const NULL_HEADER_BYTES = 4;
const SLL_HEADER_BYTES = 16;
const SLL2_HEADER_BYTES = 20;
/** Linux pseudo-protocols of cooked captures whose payload is an 802.3 frame without its header. */
const SLL_PROTOCOL_802_3 = 0x0001;
const SLL_PROTOCOL_802_2 = 0x0004;
/** ARPHRD_NETLINK: the protocol field then names a netlink family, not an ethertype. */
const ARPHRD_NETLINK = 824;
const AF_INET = 2;
/** AF_INET6 of Linux; Windows; NetBSD, OpenBSD, BSD/OS; FreeBSD, DragonFly; Darwin (tcpdump.org/linktypes.html). */
const AF_INET6 = new Set([10, 23, 24, 28, 30]);

const NAMES: Readonly<Record<number, string>> = {
  0: 'BSD loopback (null)',
  1: 'Ethernet',
  6: 'Token Ring',
  7: 'ARCNET',
  8: 'SLIP',
  9: 'PPP',
  10: 'FDDI',
  50: 'PPP in HDLC framing',
  51: 'PPPoE session',
  100: 'LLC over ATM',
  101: 'raw IP',
  104: 'Cisco HDLC',
  105: 'IEEE 802.11',
  107: 'Frame Relay',
  108: 'OpenBSD loopback (loop)',
  113: 'Linux cooked v1',
  114: 'Apple LocalTalk',
  117: 'OpenBSD pflog',
  119: 'IEEE 802.11 with Prism header',
  122: 'IP over Fibre Channel',
  127: 'IEEE 802.11 with radiotap header',
  129: 'ARCNET, Linux',
  138: 'IP over IEEE 1394',
  144: 'Linux IrDA',
  147: 'user-defined 0',
  163: 'IEEE 802.11 with AVS header',
  187: 'Bluetooth HCI H4',
  189: 'Linux USB',
  192: 'per-packet information (PPI)',
  195: 'IEEE 802.15.4',
  197: 'Endace ERF',
  203: 'LAPD',
  220: 'Linux USB, memory-mapped',
  224: 'Fibre Channel FC-2',
  227: 'SocketCAN',
  228: 'raw IPv4',
  229: 'raw IPv6',
  239: 'NFLOG',
  240: 'netANALYZER',
  247: 'InfiniBand',
  248: 'SCTP',
  249: 'USBPcap',
  251: 'Bluetooth low energy',
  253: 'netlink',
  258: 'Apple pktap',
  272: 'nRF sniffer',
  274: 'Ethernet with mPacket preamble',
  276: 'Linux cooked v2',
};

/** Link types whose records `toEthernetFrame` converts. */
export const SUPPORTED_LINK_TYPES: readonly number[] = [
  LINKTYPE_ETHERNET,
  LINKTYPE_RAW,
  LINKTYPE_IPV4,
  LINKTYPE_IPV6,
  LINKTYPE_NULL,
  LINKTYPE_LOOP,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
];

/** Name for people: `Linux cooked v2`, or `link type 1234` where none is known. */
export function linkTypeName(linkType: number): string {
  return NAMES[linkType] ?? `link type ${linkType}`;
}

/** What of a record stands for the packet: where its network layer starts and which Ethernet type names it. */
interface NetworkPart {
  readonly etherType: number;
  readonly start: number;
  /** Sender's hardware address where the link layer told it. */
  readonly source?: Uint8Array;
}

/**
 * Gives a record as the Ethernet frame that the engine takes. Ethernet frames come back as they are (the same
 * bytes, not copied); for every other link type the link header is replaced by a 14-byte Ethernet header with zero
 * addresses (the sender's where a cooked header tells it) and the network protocol as its type. A record too short
 * for its link header, or not carrying what its link type promises, gets type 0xffff, which no tracker accepts.
 * @param file name for the error
 * @throws CaptureError for a link type that cannot be replayed
 */
export function toEthernetFrame(record: CaptureRecord, file: string): Uint8Array {
  if (record.linkType === LINKTYPE_ETHERNET) return record.frame;
  const part = networkPart(record, file);
  const payload = record.frame.subarray(part.start);
  const frame = new Uint8Array(ETHERNET_HEADER_BYTES + payload.length);
  if (part.source !== undefined) frame.set(part.source, 6);
  frame[12] = part.etherType >> 8;
  frame[13] = part.etherType & 0xff;
  frame.set(payload, ETHERNET_HEADER_BYTES);
  return frame;
}

/** The length on the wire that the frame of `toEthernetFrame` would have had uncut, in bytes. */
export function ethernetOriginalLength(record: CaptureRecord, frame: Uint8Array): number {
  return record.originalLength - record.frame.length + frame.length;
}

/**
 * @throws CaptureError, naming the first record met of that kind, for a link type that cannot be replayed
 */
export function requireSupportedLinkType(record: CaptureRecord, file: string): void {
  if (!SUPPORTED_LINK_TYPES.includes(record.linkType)) throw unsupportedLinkType(record, file);
}

function networkPart(record: CaptureRecord, file: string): NetworkPart {
  const { frame } = record;
  switch (record.linkType) {
    case LINKTYPE_RAW:
      return { etherType: ipVersionType(frame), start: 0 };
    case LINKTYPE_IPV4:
      return { etherType: ETHERTYPE_IPV4, start: 0 };
    case LINKTYPE_IPV6:
      return { etherType: ETHERTYPE_IPV6, start: 0 };
    case LINKTYPE_NULL:
    case LINKTYPE_LOOP:
      return familyPart(frame);
    case LINKTYPE_LINUX_SLL:
      return cookedPart(frame, SLL_HEADER_BYTES, { protocolAt: 14, hardwareAt: 2, lengthAt: 5, addressAt: 6 });
    case LINKTYPE_LINUX_SLL2:
      return cookedPart(frame, SLL2_HEADER_BYTES, { protocolAt: 0, hardwareAt: 8, lengthAt: 11, addressAt: 12 });
    default:
      throw unsupportedLinkType(record, file);
  }
}

function ipVersionType(frame: Uint8Array): number {
  const version = (frame[0] ?? 0) >> 4;
  if (version === 4) return ETHERTYPE_IPV4;
  return version === 6 ? ETHERTYPE_IPV6 : ETHERTYPE_NONE;
}

/** BSD loopback: an address family in the byte order of the machine that captured, which the file does not tell. */
function familyPart(frame: Uint8Array): NetworkPart {
  if (frame.length < NULL_HEADER_BYTES) return { etherType: ETHERTYPE_NONE, start: frame.length };
  const big = u16(frame, 2) + u16(frame, 0) * 0x1_0000;
  const little = (frame[0] ?? 0) + (frame[1] ?? 0) * 0x100 + (frame[2] ?? 0) * 0x1_0000 + (frame[3] ?? 0) * 0x100_0000;
  // A family is a small number, so the smaller reading is the right one.
  const family = Math.min(big, little);
  if (family === AF_INET) return { etherType: ETHERTYPE_IPV4, start: NULL_HEADER_BYTES };
  if (AF_INET6.has(family)) return { etherType: ETHERTYPE_IPV6, start: NULL_HEADER_BYTES };
  return { etherType: ETHERTYPE_NONE, start: NULL_HEADER_BYTES };
}

interface CookedLayout {
  readonly protocolAt: number;
  readonly hardwareAt: number;
  readonly lengthAt: number;
  readonly addressAt: number;
}

/** Linux cooked capture (tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html and _SLL2.html). */
function cookedPart(frame: Uint8Array, headerBytes: number, layout: CookedLayout): NetworkPart {
  if (frame.length < headerBytes) return { etherType: ETHERTYPE_NONE, start: frame.length };
  const payloadBytes = frame.length - headerBytes;
  const protocol = u16(frame, layout.protocolAt);
  let etherType = protocol;
  if (u16(frame, layout.hardwareAt) === ARPHRD_NETLINK) {
    etherType = ETHERTYPE_NONE;
  } else if (protocol === SLL_PROTOCOL_802_2 || protocol === SLL_PROTOCOL_802_3) {
    // An 802.3 frame: its type field holds the payload's length.
    etherType = payloadBytes < ETHERTYPE_MIN ? payloadBytes : ETHERTYPE_NONE;
  } else if (protocol < ETHERTYPE_MIN) {
    etherType = ETHERTYPE_NONE;
  }
  const hasAddress = frame[layout.lengthAt] === 6;
  return {
    etherType,
    start: headerBytes,
    ...(hasAddress ? { source: frame.subarray(layout.addressAt, layout.addressAt + 6) } : {}),
  };
}

function u16(bytes: Uint8Array, position: number): number {
  return ((bytes[position] ?? 0) << 8) | (bytes[position + 1] ?? 0);
}

/** `link type 105 (IEEE 802.11)`, or the number alone where no name is known. */
export function linkTypeWithNumber(linkType: number): string {
  const name = NAMES[linkType];
  return name === undefined ? `link type ${linkType}` : `link type ${linkType} (${name})`;
}

/** The error for a record whose link type cannot be replayed. */
export function unsupportedLinkType(record: CaptureRecord, file: string): CaptureError {
  const supported = SUPPORTED_LINK_TYPES.map((each) => `${NAMES[each]} (${each})`).join(', ');
  return new CaptureError({
    file,
    recordIndex: record.recordIndex,
    offset: record.fileOffset,
    reason: `${linkTypeWithNumber(record.linkType)} cannot be replayed`,
    advice: `Record on an interface of one of these kinds, or export the IP packets: ${supported}.`,
  });
}
