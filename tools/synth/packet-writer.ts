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
export const WINDOW_SCALE = 7;
export const SYN_WINDOW = 64240;
export const SCALED_WINDOW = 502;
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

/** Options of the scenarios' SYNs. */
export function synOptions(family: IpFamily): Uint8Array {
  return family === 4 ? SYN_OPTIONS_4 : SYN_OPTIONS_6;
}

/** Text bytes of an IPv6 host. */
export function host6(host: number): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(IP6_PREFIX);
  h.put32(bytes, 12, host);
  return bytes;
}

export class PacketWriter {
  /** 802.1Q VLAN id of the frames that follow; 0 leaves them untagged. */
  vlanId = 0;
  family: IpFamily = 4;
  ttl = 64;
  private ipId = 0;
  private pseudoSum = 0;

  /** Longest header in front of a payload: Ethernet, tag, IPv6, TCP with SYN options. */
  static readonly MAX_HEADERS = 14 + 4 + 40 + 20 + 12;

  /**
   * A TCP segment with a valid checksum.
   *
   * @param content the payload's bytes, or null for filler
   * @param count length of the payload in bytes
   * @param backwards true for packets of the server's side (swaps the MAC addresses only)
   * @returns length of the frame in bytes
   */
  tcp(
    into: Uint8Array,
    at: number,
    src: number,
    dst: number,
    srcPort: number,
    dstPort: number,
    seq: number,
    ack: number,
    flags: number,
    window: number,
    options: Uint8Array | null,
    content: Uint8Array | null,
    count: number,
    backwards: boolean,
  ): number {
    const headerLength = h.TCP_LENGTH + (options === null ? 0 : options.length);
    const l4 = this.ip(into, at, src, dst, h.PROTOCOL_TCP, headerLength + count, backwards);
    let offset = h.putTcp(into, l4, srcPort, dstPort, seq, ack, headerLength >>> 2, flags, window, 0);
    if (options !== null) offset = h.putBytes(into, offset, options);
    this.seal(into, l4, offset, h.PROTOCOL_TCP, content, count);
    return offset + count - at;
  }

  /** A UDP datagram with a valid checksum; arguments as for {@link tcp}. */
  udp(
    into: Uint8Array,
    at: number,
    src: number,
    dst: number,
    srcPort: number,
    dstPort: number,
    content: Uint8Array | null,
    count: number,
    backwards: boolean,
  ): number {
    const l4 = this.ip(into, at, src, dst, h.PROTOCOL_UDP, h.UDP_LENGTH + count, backwards);
    const offset = h.putUdp(into, l4, srcPort, dstPort, h.UDP_LENGTH + count);
    this.seal(into, l4, offset, h.PROTOCOL_UDP, content, count);
    return offset + count - at;
  }

  /** An ICMP message (ICMPv6 when the family is 6) with a valid checksum; `rest` is the word after it. */
  icmp(
    into: Uint8Array,
    at: number,
    src: number,
    dst: number,
    type: number,
    code: number,
    rest: number,
    content: Uint8Array | null,
    count: number,
    backwards: boolean,
  ): number {
    const protocol = this.family === 6 ? h.PROTOCOL_ICMPV6 : h.PROTOCOL_ICMP;
    const l4 = this.ip(into, at, src, dst, protocol, h.ICMP_LENGTH + count, backwards);
    if (protocol === h.PROTOCOL_ICMP) this.pseudoSum = 0;
    const offset = h.putIcmp(into, l4, type, code, rest);
    this.seal(into, l4, offset, protocol, content, count);
    return offset + count - at;
  }

  private ip(
    into: Uint8Array,
    at: number,
    src: number,
    dst: number,
    protocol: number,
    length: number,
    backwards: boolean,
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
      this.ipId = (this.ipId + 1) & 0xffff;
      this.pseudoSum = pseudoHeader4(src, dst, protocol, length);
      const total = h.IPV4_LENGTH + length;
      return h.putIpv4(into, offset + 2, total, this.ipId, h.IP_DONT_FRAGMENT, this.ttl, protocol, src, dst);
    }
    h.put16(into, offset, h.ETHERTYPE_IPV6);
    offset = h.putIpv6Fixed(into, offset + 2, 0, 0, length, protocol, this.ttl);
    offset = h.putBytes(into, offset, IP6_PREFIX);
    h.put32(into, offset, src);
    offset = h.putBytes(into, offset + 4, IP6_PREFIX);
    h.put32(into, offset, dst);
    this.pseudoSum = 2 * PREFIX_SUM + sumOf32(src) + sumOf32(dst) + protocol + length;
    return offset + 4;
  }

  private seal(
    into: Uint8Array,
    l4: number,
    payload: number,
    protocol: number,
    content: Uint8Array | null,
    count: number,
  ): void {
    if (count > 0 && content === null) {
      putPattern(into, payload, count);
      h.sealUpperLayer(into, l4, payload, protocol, this.pseudoSum + patternSum(count));
      return;
    }
    if (content !== null) h.putBytes(into, payload, content, count);
    h.sealUpperLayer(into, l4, payload + count, protocol, this.pseudoSum);
  }
}
