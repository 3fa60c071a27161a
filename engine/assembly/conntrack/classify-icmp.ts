/**
 * Keys of ICMP and ICMPv6 messages (spec §1.3.3, §1.3.4): queries are connections of their own, errors belong to the
 * connection of the packet they quote (spec §1.4). Messages have their checksum and 8-byte header checked already.
 */
import { K_DPORT, K_DST, K_PROTO, K_SPORT, K_SRC } from '../records/key';
import { R_ICMP_QUOTE, R_ICMP_TYPE, R_NONE } from '../records/reasons';
import {
  IPV4_FRAGMENT,
  IPV4_FRAGMENT_MASK,
  IPV4_HEADER_SIZE,
  IPV4_PROTOCOL,
  IPV4_SRC,
  ipv4HeaderLength,
  PROTO_ICMP,
  PROTO_ICMPV6,
  PROTO_TCP,
  PROTO_UDP,
} from '../wire/ipv4';
import { IPV6_DST, IPV6_HEADER_SIZE, IPV6_SRC, Ipv6Walk, walkExtensions } from '../wire/ipv6';
import { Context } from './context';

const ECHO_REPLY: u32 = 0;
const UNREACHABLE: u32 = 3;
const SOURCE_QUENCH: u32 = 4;
const REDIRECT: u32 = 5;
const ECHO_REQUEST: u32 = 8;
const TIME_EXCEEDED: u32 = 11;
const PARAMETER_PROBLEM: u32 = 12;
const TIMESTAMP: u32 = 13;
const TIMESTAMP_REPLY: u32 = 14;
const INFORMATION_REQUEST: u32 = 15;
const INFORMATION_REPLY: u32 = 16;

/** ICMPv6 (RFC 4443): 1 unreachable, 2 too big, 3 time exceeded, 4 parameter problem. */
const ERROR6_FIRST: u32 = 1;
const ERROR6_LAST: u32 = 4;
const ECHO6_REQUEST: u32 = 128;
const ECHO6_REPLY: u32 = 129;

const QUOTE_AT: usize = 8;
const TCP_HEADER_SIZE: u32 = 20;
const L4_MIN_SIZE: u32 = 8;
/** No such pairing. */
export const NO_TYPE: u32 = 256;

/** Completes `key`, which holds the outer addresses, for the ICMPv4 message at Context.l4. Returns R_NONE or the reason. */
export function extractIcmp4(key: usize): u32 {
  switch (<u32>load<u8>(Context.l4)) {
    case UNREACHABLE:
    case SOURCE_QUENCH:
    case REDIRECT:
    case TIME_EXCEEDED:
    case PARAMETER_PROBLEM:
      return extractQuote4(key);
    default:
      return extractQuery(key, Context.l4, true);
  }
}

/** As extractIcmp4, for ICMPv6. */
export function extractIcmp6(key: usize): u32 {
  const type = <u32>load<u8>(Context.l4);
  if (type >= ERROR6_FIRST && type <= ERROR6_LAST) return extractQuote6(key);
  return extractQuery(key, Context.l4, false);
}

/** Type that answers a query type, or that it answers; NO_TYPE for anything else. */
export function pairedType(type: u32, ipv4: bool): u32 {
  if (!ipv4) {
    if (type == ECHO6_REQUEST) return ECHO6_REPLY;
    return type == ECHO6_REPLY ? ECHO6_REQUEST : NO_TYPE;
  }
  switch (type) {
    case ECHO_REQUEST:
      return ECHO_REPLY;
    case ECHO_REPLY:
      return ECHO_REQUEST;
    case TIMESTAMP:
      return TIMESTAMP_REPLY;
    case TIMESTAMP_REPLY:
      return TIMESTAMP;
    case INFORMATION_REQUEST:
      return INFORMATION_REPLY;
    case INFORMATION_REPLY:
      return INFORMATION_REQUEST;
    default:
      return NO_TYPE;
  }
}

/** A query or its answer at `icmp` (8 bytes): id in both endpoints, each with its own type. */
function extractQuery(key: usize, icmp: usize, ipv4: bool): u32 {
  const type = <u32>load<u8>(icmp);
  const paired = pairedType(type, ipv4);
  if (paired == NO_TYPE || load<u8>(icmp, 1) != 0) return R_ICMP_TYPE;
  const id = <u32>load<u16>(icmp, 4);
  store<u32>(key, id | (type << 16), K_SPORT);
  store<u32>(key, id | (paired << 16), K_DPORT);
  return R_NONE;
}

/**
 * An error that quotes an IPv4 packet. The quoted header's checksum is not looked at, as the router may have changed
 * the header; what is left of its transport header must hold the ports.
 */
function extractQuote4(key: usize): u32 {
  const ip = Context.l4 + QUOTE_AT;
  const available = Context.l4Size - <u32>QUOTE_AT;
  if (available < IPV4_HEADER_SIZE) return R_ICMP_QUOTE;
  const headerLength = ipv4HeaderLength(ip);
  if (headerLength < IPV4_HEADER_SIZE || headerLength > available) return R_ICMP_QUOTE;
  if ((<u32>load<u16>(ip, IPV4_FRAGMENT)) & IPV4_FRAGMENT_MASK) return R_ICMP_QUOTE;
  const source = load<u32>(ip, IPV4_SRC);
  if (source != load<u32>(key, K_DST)) return R_ICMP_QUOTE;

  const proto = <u32>load<u8>(ip, IPV4_PROTOCOL);
  const l4 = ip + headerLength;
  const size = available - headerLength;
  // The key is the quoted packet's, reversed.
  store<u32>(key, load<u32>(ip, IPV4_SRC + 4), K_SRC);
  store<u32>(key, source, K_DST);
  store<u8>(key, <u8>proto, K_PROTO);
  return extractQuoted(key, ip, l4, size, proto, true, L4_MIN_SIZE);
}

/** An error that quotes an IPv6 packet. A quoted TCP header must be there in full. */
function extractQuote6(key: usize): u32 {
  const ip = Context.l4 + QUOTE_AT;
  const available = Context.l4Size - <u32>QUOTE_AT;
  if (available < IPV6_HEADER_SIZE) return R_ICMP_QUOTE;
  if (!walkExtensions(ip, ip + available)) return R_ICMP_QUOTE;
  if (Ipv6Walk.fragmented) return R_ICMP_QUOTE;
  const sourceLow = load<u64>(ip, IPV6_SRC);
  const sourceHigh = load<u64>(ip, IPV6_SRC + 8);
  if (sourceLow != load<u64>(key, K_DST) || sourceHigh != load<u64>(key, K_DST + 8)) return R_ICMP_QUOTE;

  const proto = Ipv6Walk.protocol;
  const l4 = Ipv6Walk.l4;
  const size = <u32>(ip + available - l4);
  store<u64>(key, load<u64>(ip, IPV6_DST), K_SRC);
  store<u64>(key, load<u64>(ip, IPV6_DST + 8), K_SRC + 8);
  store<u64>(key, sourceLow, K_DST);
  store<u64>(key, sourceHigh, K_DST + 8);
  store<u8>(key, <u8>proto, K_PROTO);
  return extractQuoted(key, ip, l4, size, proto, false, TCP_HEADER_SIZE);
}

/** Endpoint words of the reversed key from the quoted transport header, of which `size` bytes are there. */
function extractQuoted(
  key: usize,
  ip: usize,
  l4: usize,
  size: u32,
  proto: u32,
  ipv4: bool,
  tcpMinSize: u32,
): u32 {
  if (proto == PROTO_TCP || proto == PROTO_UDP) {
    if (size < (proto == PROTO_TCP ? tcpMinSize : L4_MIN_SIZE)) return R_ICMP_QUOTE;
    const ports = load<u32>(l4);
    if ((ports & 0xffff) == 0 || ports >> 16 == 0) return R_ICMP_QUOTE;
    store<u32>(key, ports >> 16, K_SPORT);
    store<u32>(key, ports & 0xffff, K_DPORT);
  } else if (proto == (ipv4 ? PROTO_ICMP : PROTO_ICMPV6)) {
    if (size < L4_MIN_SIZE || extractQuery(key, l4, ipv4) != R_NONE) return R_ICMP_QUOTE;
    store<u64>(key, rotl<u64>(load<u64>(key, K_SPORT), 32), K_SPORT);
  }
  Context.icmpRelated = true;
  Context.innerL3 = ip;
  Context.innerL4 = l4;
  return R_NONE;
}
