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
const LINKTYPE_NULL = 0;
export const LINKTYPE_ETHERNET = 1;
const LINKTYPE_RAW = 101;
const LINKTYPE_LOOP = 108;
const LINKTYPE_LINUX_SLL = 113;
const LINKTYPE_IPV4 = 228;
const LINKTYPE_IPV6 = 229;
const LINKTYPE_LINUX_SLL2 = 276;

const NULL_HEADER_BYTES = 4;
/** Of a hardware address. */
const ADDRESS_BYTES = 6;
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
export interface NetworkPart {
  etherType: number;
  /** Position of the network layer. */
  start: number;
  /** Position of the sender's hardware address where the link layer has it; -1 elsewhere. */
  sourceAt: number;
}

/** A part to be filled over and over. */
export function emptyNetworkPart(): NetworkPart {
  return { etherType: ETHERTYPE_NONE, start: 0, sourceAt: -1 };
}

const part = emptyNetworkPart();

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
  const bytes = record.frame;
  if (!locateNetworkPart(record.linkType, bytes, 0, bytes.length, part)) throw unsupportedLinkType(record, file);
  const payload = bytes.subarray(part.start);
  const frame = new Uint8Array(ETHERNET_HEADER_BYTES + payload.length);
  if (part.sourceAt >= 0) frame.set(bytes.subarray(part.sourceAt, part.sourceAt + ADDRESS_BYTES), ADDRESS_BYTES);
  frame[12] = part.etherType >> 8;
  frame[13] = part.etherType & 0xff;
  frame.set(payload, ETHERNET_HEADER_BYTES);
  return frame;
}

/** The length on the wire that the frame of `toEthernetFrame` would have had uncut, in bytes; 0 where the record says even less. */
export function ethernetOriginalLength(record: CaptureRecord, frame: Uint8Array): number {
  return Math.max(record.originalLength - record.frame.length + frame.length, 0);
}

/**
 * Finds the network layer of a record that lies in `bytes` from `at` on, whatever its link type but Ethernet. Never looks beyond its
 * `length`.
 * @returns false for a link type that cannot be replayed
 */
export function locateNetworkPart(
  linkType: number,
  bytes: Uint8Array,
  at: number,
  length: number,
  into: NetworkPart,
): boolean {
  into.sourceAt = -1;
  into.start = at;
  switch (linkType) {
    case LINKTYPE_RAW:
      into.etherType = length === 0 ? ETHERTYPE_NONE : ipVersionType(bytes[at] as number);
      return true;
    case LINKTYPE_IPV4:
      into.etherType = ETHERTYPE_IPV4;
      return true;
    case LINKTYPE_IPV6:
      into.etherType = ETHERTYPE_IPV6;
      return true;
    case LINKTYPE_NULL:
    case LINKTYPE_LOOP:
      locateByFamily(bytes, at, length, into);
      return true;
    case LINKTYPE_LINUX_SLL:
      locateCooked(bytes, at, length, SLL, into);
      return true;
    case LINKTYPE_LINUX_SLL2:
      locateCooked(bytes, at, length, SLL2, into);
      return true;
    default:
      return false;
  }
}

function ipVersionType(firstByte: number): number {
  const version = firstByte >> 4;
  if (version === 4) return ETHERTYPE_IPV4;
  return version === 6 ? ETHERTYPE_IPV6 : ETHERTYPE_NONE;
}

/** BSD loopback: an address family in the byte order of the machine that captured, which the file does not hold. */
function locateByFamily(bytes: Uint8Array, at: number, length: number, into: NetworkPart): void {
  into.etherType = ETHERTYPE_NONE;
  into.start = at + Math.min(length, NULL_HEADER_BYTES);
  if (length < NULL_HEADER_BYTES) return;
  const high = u16(bytes, at);
  const low = u16(bytes, at + 2);
  const big = low + high * 0x1_0000;
  const little = swapped(high) + swapped(low) * 0x1_0000;
  // A family is a small number, so the smaller reading is the right one.
  const family = Math.min(big, little);
  if (family === AF_INET) into.etherType = ETHERTYPE_IPV4;
  else if (AF_INET6.has(family)) into.etherType = ETHERTYPE_IPV6;
}

interface CookedLayout {
  readonly headerBytes: number;
  readonly protocolAt: number;
  readonly hardwareAt: number;
  readonly lengthAt: number;
  readonly addressAt: number;
}

const SLL: CookedLayout = { headerBytes: 16, protocolAt: 14, hardwareAt: 2, lengthAt: 5, addressAt: 6 };
const SLL2: CookedLayout = { headerBytes: 20, protocolAt: 0, hardwareAt: 8, lengthAt: 11, addressAt: 12 };

/** Linux cooked capture (tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html and _SLL2.html). */
function locateCooked(
  bytes: Uint8Array,
  at: number,
  length: number,
  { headerBytes, protocolAt, hardwareAt, lengthAt, addressAt }: CookedLayout,
  into: NetworkPart,
): void {
  into.etherType = ETHERTYPE_NONE;
  into.start = at + Math.min(length, headerBytes);
  if (length < headerBytes) return;
  const payloadBytes = length - headerBytes;
  const protocol = u16(bytes, at + protocolAt);
  if (u16(bytes, at + hardwareAt) === ARPHRD_NETLINK) {
    into.etherType = ETHERTYPE_NONE;
  } else if (protocol === SLL_PROTOCOL_802_2 || protocol === SLL_PROTOCOL_802_3) {
    // An 802.3 frame: its type field holds the payload's length.
    into.etherType = payloadBytes < ETHERTYPE_MIN ? payloadBytes : ETHERTYPE_NONE;
  } else if (protocol >= ETHERTYPE_MIN) {
    into.etherType = protocol;
  }
  if (bytes[at + lengthAt] === ADDRESS_BYTES) into.sourceAt = at + addressAt;
}

/** The bytes of a 16-bit number exchanged. */
function swapped(value: number): number {
  return (value >> 8) + (value & 0xff) * 0x100;
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
