/**
 * The scenarios' hot path: whole frames from numbers, without garbage. Hosts are 32-bit numbers in both families:
 * host h is the IPv4 address h, or the IPv6 address 2001:db8::/96 + h (documentation prefix, RFC 3849).
 */
import { pseudoHeader4, sumOf32, sumWords } from '../wire/checksum.js';
import * as h from './headers.js';
import { patternSum, putPattern } from './payload-pattern.js';

export type IpFamily = 4 | 6;

const IP6_PREFIX = Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0);
const PREFIX_SUM = sumWords(IP6_PREFIX, 0, 12);

/** Window scale that the SYNs of scenarios offer, and the window fields that go with it. */
const WINDOW_SCALE = 7;
export const SYN_WINDOW = 64240;
const SCALED_WINDOW = 502;
/** Largest segment over IPv4 on Ethernet, in bytes; the largest of all. */
export const MAX_SEGMENT_BYTES = 1460;

/** Largest TCP payload in an IP packet of 1500 bytes. */
export function segmentBytes(family: IpFamily): number {
  return family === 4 ? MAX_SEGMENT_BYTES : MAX_SEGMENT_BYTES - 20;
}

const SYN_OPTIONS_4 = synOptionsFor(segmentBytes(4));
const SYN_OPTIONS_6 = synOptionsFor(segmentBytes(6));

/** Segment size, no-operation, window scale, two no-operations, SACK permitted: what common stacks send. */
function synOptionsFor(mss: number): Uint8Array {
  return Uint8Array.of(2, 4, mss >>> 8, mss & 255, 1, 3, 3, WINDOW_SCALE, 1, 1, 4, 2);
}

/** Text bytes of an IPv6 host. */
export function host6(host: number): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(IP6_PREFIX);
  h.put32(bytes, 12, host);
  return bytes;
}

/** Who sends to whom. Hosts are 32-bit numbers. */
interface Hosts {
  readonly src: number;
  readonly dst: number;
  /** A packet of the server's side: swaps the MAC addresses only. */
  readonly backwards?: boolean;
}

/** The same with ports. */
export interface Ends extends Hosts {
  readonly srcPort: number;
  readonly dstPort: number;
}

/** What is behind the transport header. */
interface Sent {
  readonly ends: Hosts;
  /** The payload's bytes; absent or null = filler. */
  readonly content?: Uint8Array | null;
  /** Length of the payload in bytes. */
  readonly count: number;
}

/** A UDP datagram to write. */
export interface SentDatagram extends Sent {
  readonly ends: Ends;
}

/** A TCP segment to write. */
export interface SentSegment extends SentDatagram {
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  /** Absent = window and options are those of common stacks. */
  readonly window?: number;
  /** Absent or null = none, where a window is given. */
  readonly options?: Uint8Array | null;
}

/** An ICMP message to write. */
export interface SentIcmp extends Sent {
  readonly type: number;
  readonly code: number;
  /** The 32-bit word after the checksum. */
  readonly rest: number;
}

export class PacketWriter {
  /** 802.1Q VLAN id of the frames that follow; 0 leaves them untagged. */
  vlanId = 0;
  family: IpFamily = 4;
  ttl = 64;
  #ipId = 0;
  #pseudoSum = 0;

  /** Longest header in front of a payload: Ethernet, tag, IPv6, TCP with SYN options. */
  static readonly MAX_HEADERS = 14 + 4 + 40 + 20 + 12;

  /** Writes a TCP segment with a valid checksum; returns the length of the frame in bytes. */
  tcp(into: Uint8Array, at: number, segment: SentSegment): number {
    const { ends, seq, ack, flags, window, count } = segment;
    const opening = (flags & h.TCP_SYN) !== 0;
    const commonOptions = !opening ? null : this.family === 4 ? SYN_OPTIONS_4 : SYN_OPTIONS_6;
    const options = window === undefined ? commonOptions : (segment.options ?? null);
    const headerLength = h.TCP_LENGTH + (options === null ? 0 : options.length);
    const l4 = this.#ip(into, at, segment, h.PROTOCOL_TCP, headerLength + count);
    let offset = h.putTcp(into, l4, {
      srcPort: ends.srcPort,
      dstPort: ends.dstPort,
      seq,
      ack,
      dataOffset: headerLength >>> 2,
      flags,
      window: window ?? (opening ? SYN_WINDOW : SCALED_WINDOW),
      urgent: 0,
    });
    if (options !== null) offset = h.putBytes(into, offset, options);
    this.#fill(into, offset, segment);
    this.#seal(into, l4, offset, h.PROTOCOL_TCP, segment);
    return offset + count - at;
  }

  /** Writes a UDP datagram with a valid checksum; returns the length of the frame in bytes. */
  udp(into: Uint8Array, at: number, datagram: SentDatagram): number {
    const { ends, count } = datagram;
    const l4 = this.#ip(into, at, datagram, h.PROTOCOL_UDP, h.UDP_LENGTH + count);
    const offset = h.putUdp(into, l4, ends.srcPort, ends.dstPort, h.UDP_LENGTH + count);
    this.#fill(into, offset, datagram);
    this.#seal(into, l4, offset, h.PROTOCOL_UDP, datagram);
    return offset + count - at;
  }

  /** Writes an ICMP message (ICMPv6 when the family is 6) with a valid checksum; returns the length of the frame in bytes. */
  icmp(into: Uint8Array, at: number, message: SentIcmp): number {
    const { type, code, rest, count } = message;
    const protocol = this.family === 6 ? h.PROTOCOL_ICMPV6 : h.PROTOCOL_ICMP;
    const l4 = this.#ip(into, at, message, protocol, h.ICMP_LENGTH + count);
    if (protocol === h.PROTOCOL_ICMP) this.#pseudoSum = 0;
    const offset = h.putIcmp(into, l4, type, code, rest);
    this.#fill(into, offset, message);
    this.#seal(into, l4, offset, protocol, message);
    return offset + count - at;
  }

  /** Writes the headers up to the network layer's; returns where the transport header comes. */
  #ip(
    into: Uint8Array,
    at: number,
    { ends: { src, dst, backwards = false } }: Sent,
    protocol: number,
    length: number,
  ): number {
    // Locally administered MAC addresses ...:01 (clients' side) and ...:02 (servers' side).
    h.put32(into, at, 0x02000000);
    h.put16(into, at + 4, backwards ? 1 : 2);
    h.put32(into, at + 6, 0x02000000);
    h.put16(into, at + 10, backwards ? 2 : 1);
    let offset = at + 12;
    if (this.vlanId !== 0) offset = h.putVlanTag(into, offset, h.ETHERTYPE_VLAN, this.vlanId);
    if (this.family === 4) {
      h.put16(into, offset, h.ETHERTYPE_IPV4);
      this.#ipId = (this.#ipId + 1) & 0xffff;
      this.#pseudoSum = pseudoHeader4(src, dst, protocol, length);
      const total = h.IPV4_LENGTH + length;
      return h.putIpv4(into, offset + 2, {
        totalLength: total,
        id: this.#ipId,
        flagsAndOffset: h.IP_DONT_FRAGMENT,
        ttl: this.ttl,
        protocol,
        src,
        dst,
      });
    }
    h.put16(into, offset, h.ETHERTYPE_IPV6);
    offset = h.putIpv6Fixed(into, offset + 2, {
      trafficClass: 0,
      flowLabel: 0,
      payloadLength: length,
      nextHeader: protocol,
      hopLimit: this.ttl,
    });
    offset = h.putBytes(into, offset, IP6_PREFIX);
    h.put32(into, offset, src);
    offset = h.putBytes(into, offset + 4, IP6_PREFIX);
    h.put32(into, offset, dst);
    this.#pseudoSum = 2 * PREFIX_SUM + sumOf32(src) + sumOf32(dst) + protocol + length;
    return offset + 4;
  }

  #fill(into: Uint8Array, payload: number, { content = null, count }: Sent): void {
    if (content !== null) h.putBytes(into, payload, content, count);
    else putPattern(into, payload, count);
  }

  /** Fills the checksum in; that of filler is known and not computed again. */
  #seal(
    into: Uint8Array,
    l4: number,
    payload: number,
    protocol: number,
    { content = null, count }: Sent,
  ): void {
    const filler = content === null;
    const sum = this.#pseudoSum + (filler ? patternSum(count) : 0);
    h.sealUpperLayer(into, l4, filler ? payload : payload + count, protocol, sum);
  }
}
