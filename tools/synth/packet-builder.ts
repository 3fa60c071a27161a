/**
 * Ethernet frames from a description: for tests, for captures of special cases and for the rarer packets of the
 * scenarios. Fields left out get sensible values, lengths and checksums are computed, and every computed field
 * can be overridden so that malformed packets can be asked for. The scenarios' hot path is `PacketWriter`.
 */
import { ipv4Number, ipv6Bytes, macBytes } from './addresses.js';
import type { Ipv4Address, Ipv6Address, MacAddress } from './addresses.js';
import { checksumOf, pseudoHeader4, sumWords } from '../wire/checksum.js';
import { locateNetwork, SNAP_BYTES, SNAP_START } from '../wire/ethernet.js';
import * as h from './headers.js';

/** One 802.1Q tag. `tpid` is 0x8100, or 0x88a8 for the outer of two. */
export interface VlanTag {
  id: number;
  priority?: number;
  tpid?: number;
}

export interface Ipv4Spec {
  src: Ipv4Address;
  dst: Ipv4Address;
  ttl?: number;
  /** Type-of-service byte. */
  tos?: number;
  id?: number;
  dontFragment?: boolean;
  moreFragments?: boolean;
  /** Offset of this fragment in bytes; a multiple of 8. With one, `payload` is taken as it is. */
  fragmentOffsetBytes?: number;
  /** Option bytes, padded with zero to a multiple of 4; at most 40. */
  options?: Uint8Array;
  /** Protocol number; by default that of the layer given. */
  protocol?: number;
  /** Overrides the computed total length. */
  totalLength?: number;
  /** Overrides the header length in 4-byte words. */
  headerWords?: number;
}

/** An IPv6 extension header: hop-by-hop 0, routing 43, fragment 44, authentication 51, destination 60. */
export interface Ip6Extension {
  type: number;
  /**
   * The bytes after next header and length, padded with zero to the header's unit. For 44 the first two bytes
   * hold offset and M flag, the next four the identification.
   */
  body?: Uint8Array;
}

export interface Ipv6Spec {
  src: Ipv6Address;
  dst: Ipv6Address;
  hopLimit?: number;
  trafficClass?: number;
  flowLabel?: number;
  extensions?: readonly Ip6Extension[];
  /** Protocol after the last extension; by default that of the layer given. */
  nextHeader?: number;
  /** Overrides the computed payload length. */
  payloadLength?: number;
}

export interface TcpSpec {
  srcPort: number;
  dstPort: number;
  seq?: number;
  ack?: number;
  /** Flag bits, or letters of `FSRPAU`. */
  flags?: number | string;
  window?: number;
  urgent?: number;
  /** Option bytes, padded with zero (end of options) to a multiple of 4; at most 40. */
  options?: Uint8Array;
  /** Overrides the header length in 4-byte words. */
  dataOffsetWords?: number;
  /** Overrides the computed checksum. */
  checksum?: number;
}

export interface UdpSpec {
  srcPort: number;
  dstPort: number;
  /** Overrides the computed length. */
  length?: number;
  /** Overrides the computed checksum; 0 is "none". */
  checksum?: number;
}

/** ICMP or ICMPv6. An echo has `id` and `seq`, an error has `rest` (the MTU and the like) and quotes a packet. */
export interface IcmpSpec {
  type: number;
  code?: number;
  id?: number;
  seq?: number;
  /** The 32-bit word after the checksum; overrides `id` and `seq`. */
  rest?: number;
  /** IP packet quoted by an error, see {@link quoteOf}; goes before `payload`. */
  quote?: Uint8Array;
  checksum?: number;
}

/** Checksums that can be asked to be wrong. `icmp` means ICMPv6 too. */
export type ChecksumLayer = 'ipv4' | 'tcp' | 'udp' | 'icmp';

/** A frame: at most one of `ipv4` and `ipv6`, and at most one of the layers above. */
export interface FrameSpec {
  srcMac?: MacAddress;
  dstMac?: MacAddress;
  /** Overrides the ethertype after the tags. */
  etherType?: number;
  /** IEEE 802.3: the length after the tags, then LLC and SNAP headers with the ethertype (RFC 1042). */
  snap?: boolean;
  /** 0 to 2 tags (more are written as asked); a number is its VLAN id. Two: the outer gets 0x88a8. */
  vlans?: readonly (number | VlanTag)[];
  ipv4?: Ipv4Spec;
  ipv6?: Ipv6Spec;
  tcp?: TcpSpec;
  udp?: UdpSpec;
  icmp?: IcmpSpec;
  icmpv6?: IcmpSpec;
  /** Bytes after the last header; text is UTF-8. */
  payload?: Uint8Array | string;
  /** Layer-2 padding after the IP packet. */
  trailer?: Uint8Array;
  /** Layers whose checksum shall be wrong (bit-inverted; UDP's never becomes 0). */
  badChecksums?: readonly ChecksumLayer[];
}

const DEFAULT_SRC_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x01);
const DEFAULT_DST_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x02);
const EMPTY = new Uint8Array(0);
const encoder = new TextEncoder();

/** Flag bits of `FSRPAU` letters. @throws RangeError naming an unknown letter. */
export function tcpFlags(letters: string): number {
  let flags = 0;
  for (const letter of letters) {
    const bit = 'FSRPAU'.indexOf(letter);
    if (bit < 0) throw new RangeError(`'${letter}' in TCP flags '${letters}' is none of F, S, R, P, A, U`);
    flags |= 1 << bit;
  }
  return flags;
}

/** A new array holding the frame of `spec`. @throws RangeError when a part does not fit its field. */
export function buildFrame(spec: FrameSpec): Uint8Array {
  const frame = new Uint8Array(frameLength(spec));
  writeFrame(frame, 0, spec);
  return frame;
}

/** Bytes that the frame of `spec` takes. */
export function frameLength(spec: FrameSpec): number {
  let length = h.ETHERNET_LENGTH + (spec.vlans?.length ?? 0) * h.VLAN_TAG_LENGTH;
  if (spec.snap === true) length += SNAP_BYTES;
  if (spec.ipv4) length += h.IPV4_LENGTH + padded(spec.ipv4.options, 40, 'IPv4 options').length;
  if (spec.ipv6) {
    length += h.IPV6_LENGTH;
    for (const extension of spec.ipv6.extensions ?? []) length += extensionLength(extension);
  }
  return length + upperLength(spec) + (spec.trailer?.length ?? 0);
}

/**
 * Writes the frame of `spec` into `into` at `at`.
 *
 * @returns its length in bytes
 * @throws RangeError when it does not fit, or when a part does not fit its field
 */
export function writeFrame(into: Uint8Array, at: number, spec: FrameSpec): number {
  const length = frameLength(spec);
  if (at + length > into.length) {
    throw new RangeError(`a frame of ${length} bytes at ${at} does not fit a buffer of ${into.length} bytes`);
  }
  if (spec.ipv4 && spec.ipv6) throw new RangeError('a frame has either ipv4 or ipv6, not both');
  let offset = h.putBytes(into, at, macBytes(spec.dstMac ?? DEFAULT_DST_MAC));
  offset = h.putBytes(into, offset, macBytes(spec.srcMac ?? DEFAULT_SRC_MAC));
  const end = at + length - (spec.trailer?.length ?? 0);
  offset = writeEtherTypes(into, offset, end, spec);
  let pseudoSum = 0;
  const l3 = offset;
  if (spec.ipv4) {
    offset = writeIpv4(into, l3, end, spec, spec.ipv4);
    const src = ipv4Number(spec.ipv4.src);
    pseudoSum = pseudoHeader4(src, ipv4Number(spec.ipv4.dst), protocolOf(spec), end - offset);
  } else if (spec.ipv6) {
    offset = writeIpv6(into, l3, end, spec, spec.ipv6);
    pseudoSum = sumWords(into, l3 + 8, l3 + 40, protocolOf(spec) + (end - offset));
  }
  writeUpper(into, offset, end, spec, pseudoSum);
  if (spec.trailer) into.set(spec.trailer, end);
  return length;
}

/**
 * The first bytes of a frame's IP packet, as an ICMP error quotes them.
 *
 * @param frame an Ethernet frame with 0 to 2 VLAN tags, or a SNAP header
 * @param maxBytes 28 as in RFC 792 (header and 8 bytes), up to the 1232 of RFC 4443
 */
export function quoteOf(frame: Uint8Array, maxBytes: number): Uint8Array {
  const network = { l3: 0, dlType: 0, vlanTags: 0 };
  locateNetwork(frame, network);
  const { l3 } = network;
  return frame.slice(l3, Math.min(frame.length, l3 + maxBytes));
}

function writeEtherTypes(into: Uint8Array, at: number, end: number, spec: FrameSpec): number {
  let offset = at;
  const tags = spec.vlans ?? [];
  for (const [i, given] of tags.entries()) {
    const tag: VlanTag = typeof given === 'number' ? { id: given } : given;
    if (!(tag.id >= 0 && tag.id <= 4095)) throw new RangeError(`VLAN id ${tag.id} is not 0 to 4095`);
    const tpid = tag.tpid ?? (i < tags.length - 1 ? h.ETHERTYPE_QINQ : h.ETHERTYPE_VLAN);
    offset = h.putVlanTag(into, offset, tpid, ((tag.priority ?? 0) << 13) | tag.id);
  }
  if (spec.snap === true) {
    h.put16(into, offset, end - offset - 2);
    offset = h.putBytes(into, offset + 2, SNAP_START);
  }
  const implied = spec.ipv4 ? h.ETHERTYPE_IPV4 : spec.ipv6 ? h.ETHERTYPE_IPV6 : 0x88b5;
  h.put16(into, offset, spec.etherType ?? implied);
  return offset + 2;
}

function writeIpv4(into: Uint8Array, at: number, end: number, spec: FrameSpec, ip: Ipv4Spec): number {
  const options = padded(ip.options, 40, 'IPv4 options');
  const headerLength = h.IPV4_LENGTH + options.length;
  const fragmentOffset = ip.fragmentOffsetBytes ?? 0;
  if (fragmentOffset % 8 !== 0 || fragmentOffset < 0 || fragmentOffset > 65528) {
    throw new RangeError(`fragment offset ${fragmentOffset} is not a multiple of 8 up to 65528`);
  }
  const totalLength = ip.totalLength ?? end - at;
  if (totalLength > 0xffff)
    throw new RangeError(`an IPv4 packet of ${totalLength} bytes is longer than 65535`);
  const flags = (ip.dontFragment ? h.IP_DONT_FRAGMENT : 0) | (ip.moreFragments ? h.IP_MORE_FRAGMENTS : 0);
  h.putIpv4(into, at, {
    totalLength,
    id: ip.id ?? 0,
    flagsAndOffset: flags | (fragmentOffset / 8),
    ttl: ip.ttl ?? 64,
    protocol: protocolOf(spec),
    src: ipv4Number(ip.src),
    dst: ipv4Number(ip.dst),
  });
  into[at] = 0x40 | (ip.headerWords ?? headerLength / 4);
  into[at + 1] = ip.tos ?? 0;
  h.putBytes(into, at + h.IPV4_LENGTH, options);
  h.put16(into, at + 10, 0);
  const sum = sumWords(into, at, at + headerLength);
  h.put16(into, at + 10, spoilIf(spec, 'ipv4', checksumOf(sum)));
  return at + headerLength;
}

function writeIpv6(into: Uint8Array, at: number, end: number, spec: FrameSpec, ip: Ipv6Spec): number {
  const extensions = ip.extensions ?? [];
  const payloadLength = ip.payloadLength ?? end - at - h.IPV6_LENGTH;
  if (payloadLength > 0xffff) throw new RangeError(`an IPv6 payload of ${payloadLength} bytes is over 65535`);
  const first = extensions[0]?.type ?? protocolOf(spec);
  const addresses = h.putIpv6Fixed(into, at, {
    trafficClass: ip.trafficClass ?? 0,
    flowLabel: ip.flowLabel ?? 0,
    payloadLength,
    nextHeader: first,
    hopLimit: ip.hopLimit ?? 64,
  });
  let offset = h.putBytes(into, addresses, ipv6Bytes(ip.src));
  offset = h.putBytes(into, offset, ipv6Bytes(ip.dst));
  for (const [i, extension] of extensions.entries()) {
    const length = extensionLength(extension);
    into.fill(0, offset, offset + length);
    into[offset] = extensions[i + 1]?.type ?? protocolOf(spec);
    if (extension.type === h.IP6_AUTHENTICATION) into[offset + 1] = length / 4 - 2;
    else if (extension.type !== h.IP6_FRAGMENT) into[offset + 1] = length / 8 - 1;
    h.putBytes(into, offset + 2, extension.body ?? EMPTY);
    offset += length;
  }
  return offset;
}

function extensionLength(extension: Ip6Extension): number {
  const used = 2 + (extension.body?.length ?? 0);
  // RFC 4302 counts 4-byte words but an IPv6 header stays a multiple of 8; the fixed part is 12 bytes.
  const least = extension.type === h.IP6_AUTHENTICATION ? 16 : 8;
  return Math.max(least, Math.ceil(used / 8) * 8);
}

function writeUpper(into: Uint8Array, at: number, end: number, spec: FrameSpec, pseudoSum: number): void {
  const payload = payloadBytes(spec);
  if (spec.tcp) {
    const tcp = spec.tcp;
    const options = padded(tcp.options, 40, 'TCP options');
    const words = tcp.dataOffsetWords ?? 5 + options.length / 4;
    const flags = typeof tcp.flags === 'string' ? tcpFlags(tcp.flags) : (tcp.flags ?? h.TCP_ACK);
    const { srcPort, dstPort, seq = 0, ack = 0, window = 65535, urgent = 0 } = tcp;
    let offset = h.putTcp(into, at, { srcPort, dstPort, seq, ack, dataOffset: words, flags, window, urgent });
    offset = h.putBytes(into, offset, options);
    into.set(payload, offset);
    h.sealUpperLayer(into, at, end, h.PROTOCOL_TCP, pseudoSum);
    override(into, at + 16, spec, 'tcp', tcp.checksum);
  } else if (spec.udp) {
    const { srcPort, dstPort, length = end - at, checksum } = spec.udp;
    into.set(payload, h.putUdp(into, at, srcPort, dstPort, length));
    h.sealUpperLayer(into, at, end, h.PROTOCOL_UDP, pseudoSum);
    override(into, at + 6, spec, 'udp', checksum);
  } else if (spec.icmp ?? spec.icmpv6) {
    const icmp = (spec.icmp ?? spec.icmpv6)!;
    const rest = icmp.rest ?? ((icmp.id ?? 0) << 16) | (icmp.seq ?? 0);
    let offset = h.putIcmp(into, at, icmp.type, icmp.code ?? 0, rest);
    into.set(icmp.quote ?? EMPTY, offset);
    offset += icmp.quote?.length ?? 0;
    into.set(payload, offset);
    h.sealUpperLayer(into, at, end, h.PROTOCOL_ICMP, spec.icmp ? 0 : pseudoSum);
    override(into, at + 2, spec, 'icmp', icmp.checksum);
  } else {
    into.set(payload, at);
  }
}

function override(
  into: Uint8Array,
  at: number,
  spec: FrameSpec,
  layer: ChecksumLayer,
  checksum: number | undefined,
): void {
  h.put16(into, at, spoilIf(spec, layer, checksum ?? h.get16(into, at)));
}

function spoilIf(spec: FrameSpec, layer: ChecksumLayer, checksum: number): number {
  if (!spec.badChecksums?.includes(layer)) return checksum;
  // Never zero, which for UDP would mean "none"; never the other form of the same sum either.
  return checksum === 0xffff || checksum === 0 ? 0x5555 : checksum ^ 0xffff;
}

function upperLength(spec: FrameSpec): number {
  const payload = payloadBytes(spec).length;
  if (spec.tcp) return h.TCP_LENGTH + padded(spec.tcp.options, 40, 'TCP options').length + payload;
  if (spec.udp) return h.UDP_LENGTH + payload;
  const icmp = spec.icmp ?? spec.icmpv6;
  if (icmp) return h.ICMP_LENGTH + (icmp.quote?.length ?? 0) + payload;
  return payload;
}

function payloadBytes(spec: FrameSpec): Uint8Array {
  return typeof spec.payload === 'string' ? encoder.encode(spec.payload) : (spec.payload ?? EMPTY);
}

function protocolOf(spec: FrameSpec): number {
  const given = spec.ipv4?.protocol ?? spec.ipv6?.nextHeader;
  if (given !== undefined) return given;
  if (spec.tcp) return h.PROTOCOL_TCP;
  if (spec.udp) return h.PROTOCOL_UDP;
  if (spec.icmp) return h.PROTOCOL_ICMP;
  if (spec.icmpv6) return h.PROTOCOL_ICMPV6;
  // 253 and 254 are for experiments (RFC 3692).
  return 253;
}

function padded(bytes: Uint8Array | undefined, most: number, what: string): Uint8Array {
  if (bytes === undefined) return EMPTY;
  const length = Math.ceil(bytes.length / 4) * 4;
  if (length > most) throw new RangeError(`${what} of ${bytes.length} bytes are longer than ${most}`);
  if (length === bytes.length) return bytes;
  const result = new Uint8Array(length);
  result.set(bytes);
  return result;
}
