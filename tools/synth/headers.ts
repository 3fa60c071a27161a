/**
 * Writers of single headers into a caller's buffer. They allocate nothing, take numbers, and return the offset
 * after what they wrote. Checksum fields are written as zero; the `seal…` functions fill them in when the bytes
 * under them are complete.
 */
import { checksumOf, foldSum, sumWords } from '../wire/checksum.js';
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/protocols.js';

export {
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_QINQ,
  ETHERTYPE_VLAN,
} from '../wire/ethernet.js';
export {
  IP6_AUTHENTICATION,
  IP6_DESTINATION,
  IP6_FRAGMENT,
  IP6_HOP_BY_HOP,
  IP6_NO_NEXT,
  IP6_ROUTING,
} from '../wire/ipv6-extensions.js';
export {
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from '../wire/protocols.js';

export const TCP_FIN = 0x01;
export const TCP_SYN = 0x02;
export const TCP_RST = 0x04;
export const TCP_PSH = 0x08;
export const TCP_ACK = 0x10;
export const TCP_URG = 0x20;

export const IP_DONT_FRAGMENT = 0x4000;
export const IP_MORE_FRAGMENTS = 0x2000;

export const ETHERNET_LENGTH = 14;
export const VLAN_TAG_LENGTH = 4;
export const IPV4_LENGTH = 20;
export const IPV6_LENGTH = 40;
export const IP6_FRAGMENT_LENGTH = 8;
export const TCP_LENGTH = 20;
export const UDP_LENGTH = 8;
export const ICMP_LENGTH = 8;

export function put16(into: Uint8Array, at: number, value: number): void {
  into[at] = value >>> 8;
  into[at + 1] = value;
}

export function put32(into: Uint8Array, at: number, value: number): void {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
}

export function get16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

export function get32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** Copies `count` bytes without making a view. For the short fields of headers. */
export function putBytes(into: Uint8Array, at: number, from: Uint8Array, count = from.length): number {
  for (let i = 0; i < count; i++) into[at + i] = from[i]!;
  return at + count;
}

/** IEEE 802.1Q tag: its ethertype and tag control information. */
export function putVlanTag(into: Uint8Array, at: number, tpid: number, tci: number): number {
  put16(into, at, tpid);
  put16(into, at + 2, tci);
  return at + VLAN_TAG_LENGTH;
}

/** Fields of an IPv4 header without options. */
export interface Ipv4Header {
  readonly totalLength: number;
  readonly id: number;
  /** The flag bits and the fragment offset in units of 8 bytes. */
  readonly flagsAndOffset: number;
  readonly ttl: number;
  readonly protocol: number;
  /** Addresses as unsigned 32-bit numbers. */
  readonly src: number;
  readonly dst: number;
}

/** IPv4 header without options (RFC 791), its checksum included. */
export function putIpv4(into: Uint8Array, at: number, header: Ipv4Header): number {
  const { totalLength, id, flagsAndOffset, ttl, protocol, src, dst } = header;
  put16(into, at, 0x4500);
  put16(into, at + 2, totalLength);
  put16(into, at + 4, id);
  put16(into, at + 6, flagsAndOffset);
  into[at + 8] = ttl;
  into[at + 9] = protocol;
  const sum =
    0x4500 +
    totalLength +
    id +
    flagsAndOffset +
    ((ttl << 8) | protocol) +
    (src >>> 16) +
    (src & 0xffff) +
    (dst >>> 16) +
    (dst & 0xffff);
  put16(into, at + 10, checksumOf(sum));
  put32(into, at + 12, src);
  put32(into, at + 16, dst);
  return at + IPV4_LENGTH;
}

/** Fields of the fixed IPv6 header before its addresses. */
export interface Ipv6Header {
  readonly trafficClass: number;
  readonly flowLabel: number;
  readonly payloadLength: number;
  readonly nextHeader: number;
  readonly hopLimit: number;
}

/** Fixed IPv6 header up to its addresses (RFC 8200 section 3); the caller writes the 32 address bytes. */
export function putIpv6Fixed(into: Uint8Array, at: number, header: Ipv6Header): number {
  const { trafficClass, flowLabel, payloadLength, nextHeader, hopLimit } = header;
  put32(into, at, 0x60000000 | (trafficClass << 20) | flowLabel);
  put16(into, at + 4, payloadLength);
  into[at + 6] = nextHeader;
  into[at + 7] = hopLimit;
  return at + 8;
}

/** Fields of a TCP header without options. */
export interface TcpHeader {
  readonly srcPort: number;
  readonly dstPort: number;
  readonly seq: number;
  readonly ack: number;
  /** In 4-byte words. */
  readonly dataOffset: number;
  readonly flags: number;
  readonly window: number;
  readonly urgent: number;
}

/** TCP header without options (RFC 9293 section 3.1), checksum zero. */
export function putTcp(into: Uint8Array, at: number, header: TcpHeader): number {
  const { srcPort, dstPort, seq, ack, dataOffset, flags, window, urgent } = header;
  put16(into, at, srcPort);
  put16(into, at + 2, dstPort);
  put32(into, at + 4, seq);
  put32(into, at + 8, ack);
  into[at + 12] = dataOffset << 4;
  into[at + 13] = flags;
  put16(into, at + 14, window);
  put16(into, at + 16, 0);
  put16(into, at + 18, urgent);
  return at + TCP_LENGTH;
}

/** UDP header (RFC 768), checksum zero. */
export function putUdp(
  into: Uint8Array,
  at: number,
  srcPort: number,
  dstPort: number,
  length: number,
): number {
  put16(into, at, srcPort);
  put16(into, at + 2, dstPort);
  put16(into, at + 4, length);
  put16(into, at + 6, 0);
  return at + UDP_LENGTH;
}

/** First 8 bytes of an ICMP or ICMPv6 message, checksum zero; `rest` is the 32-bit word after it. */
export function putIcmp(into: Uint8Array, at: number, type: number, code: number, rest: number): number {
  into[at] = type;
  into[at + 1] = code;
  put16(into, at + 2, 0);
  put32(into, at + 4, rest);
  return at + ICMP_LENGTH;
}

/**
 * Fills in the checksum of the upper-layer message at `[l4, end)`, whose field is zero so far.
 *
 * @param pseudoSum partial sum of the pseudo-header, 0 for ICMPv4
 */
export function sealUpperLayer(
  into: Uint8Array,
  l4: number,
  end: number,
  protocol: number,
  pseudoSum: number,
): void {
  const checksum = checksumOf(sumWords(into, l4, end, pseudoSum));
  if (protocol === PROTOCOL_TCP) put16(into, l4 + 16, checksum);
  // RFC 768: a computed zero is sent as all ones, since zero means "none".
  else if (protocol === PROTOCOL_UDP) put16(into, l4 + 6, checksum === 0 ? 0xffff : checksum);
  else if (protocol === PROTOCOL_ICMP || protocol === PROTOCOL_ICMPV6) put16(into, l4 + 2, checksum);
}

/** True when the checksum over `[from, to)` with its field in place and the pseudo-header verifies. */
export function checksumVerifies(bytes: Uint8Array, from: number, to: number, pseudoSum = 0): boolean {
  return foldSum(sumWords(bytes, from, to, pseudoSum)) === 0xffff;
}
