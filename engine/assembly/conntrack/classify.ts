/**
 * Classification: from a located frame to the connection key (spec §1.2-1.4), with the validation that decides whether a
 * packet can be tracked at all. The order of the checks is that of spec §1.3.
 *
 * Every read is bounded by the end of the datagram, which is bounded by the frame, so no input can make it read elsewhere.
 */
import { countWork, W_BYTES_CHECKSUMMED } from '../probe/counters';
import { endpointWordsOf, hashTuple, keyHash, typeZoneProtocol } from '../records/key';
import { hashBasis, switches, SWITCH_CHECKSUMS_IGNORED } from '../records/memory-map';
import { NO_OFFSET, Packet } from '../records/packet';
import {
  R_FRAGMENT,
  R_ICMP_CHECKSUM,
  R_ICMP_HEADER,
  R_IPV4_CHECKSUM,
  R_IPV4_HEADER,
  R_IPV6_HEADER,
  R_NO_L3,
  R_NO_L4,
  R_NONE,
  R_NOT_IP,
  R_PORT_ZERO,
  R_TCP_CHECKSUM,
  R_TCP_HEADER,
  R_UDP_CHECKSUM,
  R_UDP_HEADER,
} from '../records/reasons';
import { foldSum, pseudoSum4, pseudoSum6, sumBytes, SUM_VALID } from '../wire/checksum';
import { IPV4_HEADER_SIZE, PROTO_ICMP, PROTO_ICMPV6, PROTO_TCP, PROTO_UDP } from '../wire/ipv4';
import {
  IPV6_DST,
  IPV6_HEADER_SIZE,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SRC,
  Ipv6Walk,
  isExtension,
  walkExtensions,
} from '../wire/ipv6';
import { DL_TYPE_IPV4, DL_TYPE_IPV6 } from '../wire/locate';
import { load16, swap16 } from '../wire/network-order';
import { extractIcmp4, extractIcmp6 } from './classify-icmp';
import { Context, contextKey } from './context';

const TCP_HEADER_SIZE: u32 = 20;
const UDP_HEADER_SIZE: u32 = 8;
const ICMP_HEADER_SIZE: u32 = 8;
/** Bytes 4-7 of an IPv4 header as loaded: "more fragments" and offset. */
const FRAGMENT_BITS: u64 = 0xff3f0000;

/**
 * Fills contextKey() and Context from a located packet (wire/locate.ts): key, hash, header addresses, whether it is an ICMP
 * error about another connection. Returns false, with the reason in `p.reason`, when the packet is invalid.
 */
export function extractKey(p: Packet, zone: u32): bool {
  const l4At = <u32>p.l4;
  const type = <u32>p.dlType;
  if (l4At == NO_OFFSET || p.l2Pad + l4At > p.length) return fail(p, reasonNotLocated(p));
  const frame = <usize>p.frame;
  Context.l3 = frame + p.l3;
  Context.l4 = frame + l4At;
  Context.l4Size = p.length - p.l2Pad - l4At;
  Context.icmpRelated = false;
  if (type == DL_TYPE_IPV4) return extractIpv4(p, zone);
  if (type == DL_TYPE_IPV6) return extractIpv6(p, zone);
  return fail(p, R_NOT_IP);
}

function fail(p: Packet, reason: u32): bool {
  p.reason = <u8>reason;
  return false;
}

/** Why a packet has no usable transport header. */
function reasonNotLocated(p: Packet): u32 {
  if (<u32>p.l3 == NO_OFFSET) return R_NO_L3;
  if (<u32>p.dlType == DL_TYPE_IPV4) return R_IPV4_HEADER;
  if (<u32>p.dlType != DL_TYPE_IPV6) return R_NOT_IP;
  const at = <u32>p.l3;
  if (at + IPV6_HEADER_SIZE > p.length) return R_IPV6_HEADER;
  const payload = load16(<usize>p.frame + at + IPV6_PAYLOAD_LENGTH);
  return at + IPV6_HEADER_SIZE + payload > p.length ? R_IPV6_HEADER : R_NO_L4;
}

/** Bytes from the network header to the end of the datagram; 0 when that is not ahead. */
// @ts-ignore: decorator
@inline
function l3Size(): u32 {
  const end = Context.l4 + Context.l4Size;
  return end > Context.l3 ? <u32>(end - Context.l3) : 0;
}

// @ts-ignore: decorator
@inline
function extractIpv4(p: Packet, zone: u32): bool {
  const ip = Context.l3;
  const available = l3Size();
  if (available < IPV4_HEADER_SIZE) return fail(p, R_IPV4_HEADER);
  const w0 = <u64>load<u32>(ip);
  const w1 = <u64>load<u32>(ip, 4);
  const w2 = <u64>load<u32>(ip, 8);
  const src = <u64>load<u32>(ip, 12);
  const dst = <u64>load<u32>(ip, 16);
  let sum = w0 + w1 + w2 + src + dst;
  countWork(W_BYTES_CHECKSUMMED, IPV4_HEADER_SIZE);
  const headerLength = ((<u32>w0) & 15) << 2;
  if (headerLength != IPV4_HEADER_SIZE) {
    if (headerLength < IPV4_HEADER_SIZE || headerLength > available) return fail(p, R_IPV4_HEADER);
    sum = sumBytes(ip + IPV4_HEADER_SIZE, headerLength - IPV4_HEADER_SIZE, sum);
  }
  if (w1 & FRAGMENT_BITS) return fail(p, R_FRAGMENT);
  if (foldSum(sum) != SUM_VALID && !checksumsIgnored()) return fail(p, R_IPV4_CHECKSUM);

  const protocol = ((<u32>w2) >> 8) & 0xff;
  let ports: u32 = 0;
  if (protocol == PROTO_UDP || protocol == PROTO_TCP) {
    const reason = protocol == PROTO_UDP ? checkUdp(true) : checkTcp(true);
    if (reason != R_NONE) return fail(p, reason);
    ports = load<u32>(Context.l4);
    if ((ports & 0xffff) == 0 || ports >> 16 == 0) return fail(p, R_PORT_ZERO);
  } else if (protocol == PROTO_ICMP) {
    setKey(src, 0, dst, 0, 0, DL_TYPE_IPV4, zone, protocol);
    return finishIcmp(p, true);
  } else if (protocol == PROTO_ICMPV6 && Context.l4Size == 0) {
    // The state machine of this protocol number needs the message type, here as in IPv6 (spec §13).
    return fail(p, R_ICMP_HEADER);
  }
  setKey(src, 0, dst, 0, ports, DL_TYPE_IPV4, zone, protocol);
  return true;
}

function extractIpv6(p: Packet, zone: u32): bool {
  const ip = Context.l3;
  const available = l3Size();
  if (available < IPV6_HEADER_SIZE) return fail(p, R_IPV6_HEADER);
  let protocol = <u32>load<u8>(ip, IPV6_NEXT_HEADER);
  if (isExtension(protocol)) {
    if (!walkExtensions(ip, ip + available)) return fail(p, R_IPV6_HEADER);
    if (Ipv6Walk.fragmented) return fail(p, R_FRAGMENT);
    protocol = Ipv6Walk.protocol;
  }
  const srcLow = load<u64>(ip, IPV6_SRC);
  const srcHigh = load<u64>(ip, IPV6_SRC + 8);
  const dstLow = load<u64>(ip, IPV6_DST);
  const dstHigh = load<u64>(ip, IPV6_DST + 8);
  let ports: u32 = 0;
  if (protocol == PROTO_UDP || protocol == PROTO_TCP) {
    const reason = protocol == PROTO_UDP ? checkUdp(false) : checkTcp(false);
    if (reason != R_NONE) return fail(p, reason);
    ports = load<u32>(Context.l4);
    if ((ports & 0xffff) == 0 || ports >> 16 == 0) return fail(p, R_PORT_ZERO);
  } else if (protocol == PROTO_ICMPV6) {
    setKey(srcLow, srcHigh, dstLow, dstHigh, 0, DL_TYPE_IPV6, zone, protocol);
    return finishIcmp(p, false);
  } else if (protocol == PROTO_ICMP && Context.l4Size == 0) {
    return fail(p, R_ICMP_HEADER);
  }
  setKey(srcLow, srcHigh, dstLow, dstHigh, ports, DL_TYPE_IPV6, zone, protocol);
  return true;
}

/** Writes the context key and its hash; `ports` are the first four transport bytes as loaded. */
// @ts-ignore: decorator
@inline
function setKey(
  srcLow: u64,
  srcHigh: u64,
  dstLow: u64,
  dstHigh: u64,
  ports: u32,
  dlType: u32,
  zone: u32,
  protocol: u32,
): void {
  const key = contextKey();
  const endpointWords = endpointWordsOf(ports);
  const rest = typeZoneProtocol(dlType, zone, protocol);
  // Whole vectors, because the comparison loads whole vectors: a load that spans two recent stores would stall.
  v128.store(key, i64x2.replace_lane(i64x2.splat(srcLow), 1, srcHigh));
  v128.store(key, i64x2.replace_lane(i64x2.splat(dstLow), 1, dstHigh), 16);
  v128.store(key, i64x2.replace_lane(i64x2.splat(endpointWords), 1, rest), 32);
  Context.hash = hashTuple(srcLow, srcHigh, dstLow, dstHigh, endpointWords, rest, hashBasis);
}

// @ts-ignore: decorator
@inline
function checksumsIgnored(): bool {
  return (switches & SWITCH_CHECKSUMS_IGNORED) != 0;
}

/** Whether the checksum over the transport header and payload, with pseudo header, is right. */
// @ts-ignore: decorator
@inline
function transportSumValid(ipv4: bool, protocol: u32): bool {
  if (checksumsIgnored()) return true;
  const size = Context.l4Size;
  const pseudo = ipv4 ? pseudoSum4(Context.l3, protocol, size) : pseudoSum6(Context.l3, protocol, size);
  return foldSum(sumBytes(Context.l4, size, pseudo)) == SUM_VALID;
}

/** R_NONE, or what is wrong with the UDP header or checksum (spec §1.3.2). */
// @ts-ignore: decorator
@inline
function checkUdp(ipv4: bool): u32 {
  const size = Context.l4Size;
  if (size < UDP_HEADER_SIZE) return R_UDP_HEADER;
  const lengthAndSum = load<u32>(Context.l4, 4);
  const udpLength = swap16(lengthAndSum & 0xffff);
  if (udpLength < UDP_HEADER_SIZE || udpLength > size) return R_UDP_HEADER;
  // Over IPv4 a checksum of 0 means "none" (RFC 768); over IPv6 it is an error (RFC 8200 §8.1).
  if (ipv4 && lengthAndSum >> 16 == 0) return R_NONE;
  return transportSumValid(ipv4, PROTO_UDP) ? R_NONE : R_UDP_CHECKSUM;
}

/** R_NONE, or what is wrong with the TCP header or checksum (spec §1.3.2). */
// @ts-ignore: decorator
@inline
function checkTcp(ipv4: bool): u32 {
  const size = Context.l4Size;
  if (size < TCP_HEADER_SIZE) return R_TCP_HEADER;
  const headerLength = ((<u32>load<u8>(Context.l4, 12)) >> 4) << 2;
  if (headerLength < TCP_HEADER_SIZE || headerLength > size) return R_TCP_HEADER;
  return transportSumValid(ipv4, PROTO_TCP) ? R_NONE : R_TCP_CHECKSUM;
}

/** Checks an ICMP message of the packet's own IP version and completes the context key, which has the addresses. */
function finishIcmp(p: Packet, ipv4: bool): bool {
  const size = Context.l4Size;
  if (size < ICMP_HEADER_SIZE) return fail(p, R_ICMP_HEADER);
  const valid = ipv4
    ? checksumsIgnored() || foldSum(sumBytes(Context.l4, size, 0)) == SUM_VALID
    : transportSumValid(false, PROTO_ICMPV6);
  if (!valid) return fail(p, R_ICMP_CHECKSUM);
  const reason = ipv4 ? extractIcmp4(contextKey()) : extractIcmp6(contextKey());
  if (reason != R_NONE) return fail(p, reason);
  Context.hash = keyHash(contextKey(), hashBasis);
  return true;
}
