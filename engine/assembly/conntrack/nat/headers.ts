/**
 * Changing addresses and ports in place, with the checksums that cover them updated incrementally (RFC 1624, equation 3):
 * a checksum that was wrong stays wrong. Words are summed in memory order, which one's complement arithmetic allows.
 */
import { finishSum } from '../../wire/checksum';
import { IPV4_CHECKSUM, IPV4_DST, IPV4_SRC, PROTO_ICMPV6, PROTO_TCP, PROTO_UDP } from '../../wire/ipv4';
import { IPV6_DST, IPV6_SRC } from '../../wire/ipv6';

const TCP_CHECKSUM: usize = 16;
const UDP_CHECKSUM: usize = 6;
const UDP_HEADER_SIZE: u32 = 8;
const ICMP_CHECKSUM: usize = 2;

/** Adds what replacing one 32-bit word by another changes to a one's complement sum. */
// @ts-ignore: decorator
@inline
function replaced(sum: u64, old: u32, now: u32): u64 {
  return sum + <u64>~old + <u64>now;
}

/** As `replaced`, for a 16-bit field. */
// @ts-ignore: decorator
@inline
function replaced16(sum: u64, old: u32, now: u32): u64 {
  return sum + <u64>((~old & 0xffff) + now);
}

/** Applies a change of the covered words to a checksum. */
// @ts-ignore: decorator
@inline
function applied(checksum: u32, change: u64): u32 {
  return finishSum(change + <u64>(~checksum & 0xffff));
}

/**
 * Updates the transport checksum for changed words. A part of a header too short to hold its checksum (a quoted
 * packet) is left alone, as is a UDP checksum of 0 (none); a UDP checksum that comes out as 0 is sent as 0xffff.
 */
function updateTransportChecksum(l4: usize, l4Size: u32, proto: u32, change: u64): void {
  if (proto == PROTO_TCP) {
    if (l4Size >= <u32>TCP_CHECKSUM + 2)
      store<u16>(l4, <u16>applied(load<u16>(l4, TCP_CHECKSUM), change), TCP_CHECKSUM);
  } else if (proto == PROTO_UDP) {
    if (l4Size < UDP_HEADER_SIZE) return;
    const old = <u32>load<u16>(l4, UDP_CHECKSUM);
    if (old == 0) return;
    const checksum = applied(old, change);
    store<u16>(l4, <u16>(checksum == 0 ? 0xffff : checksum), UDP_CHECKSUM);
  } else if (proto == PROTO_ICMPV6) {
    if (l4Size >= 4) store<u16>(l4, <u16>applied(load<u16>(l4, ICMP_CHECKSUM), change), ICMP_CHECKSUM);
  }
}

/** Replaces the source or destination address of the IP header at `l3` by the one at `address` (as in a key). */
export function setAddress(
  l3: usize,
  l4: usize,
  l4Size: u32,
  ipv4: bool,
  proto: u32,
  source: bool,
  address: usize,
): void {
  if (ipv4) {
    const at = l3 + (source ? IPV4_SRC : IPV4_DST);
    const change = replaced(0, load<u32>(at), load<u32>(address));
    store<u32>(at, load<u32>(address));
    store<u16>(l3, <u16>applied(load<u16>(l3, IPV4_CHECKSUM), change), IPV4_CHECKSUM);
    // ICMPv4 has no pseudo-header; protocol 58 inside IPv4 is not ICMPv6.
    if (proto != PROTO_ICMPV6) updateTransportChecksum(l4, l4Size, proto, change);
    return;
  }
  const at = l3 + (source ? IPV6_SRC : IPV6_DST);
  let change: u64 = 0;
  for (let word: usize = 0; word < 16; word += 4)
    change = replaced(change, load<u32>(at + word), load<u32>(address + word));
  v128.store(at, v128.load(address));
  updateTransportChecksum(l4, l4Size, proto, change);
}

/** Replaces the ports of a TCP or UDP header that are asked for; ports are in network order. */
export function setPorts(
  l4: usize,
  l4Size: u32,
  proto: u32,
  setsSource: bool,
  source: u32,
  setsDestination: bool,
  destination: u32,
): void {
  if ((proto != PROTO_TCP && proto != PROTO_UDP) || l4Size < 4) return;
  let change: u64 = 0;
  if (setsSource) change = setPort(l4, source, change);
  if (setsDestination) change = setPort(l4 + 2, destination, change);
  if (change != 0) updateTransportChecksum(l4, l4Size, proto, change);
}

/** Replaces one port; returns the change so far with its own added. */
// @ts-ignore: decorator
@inline
function setPort(at: usize, port: u32, change: u64): u64 {
  const old = <u32>load<u16>(at);
  if (old == port) return change;
  store<u16>(at, <u16>port);
  return replaced16(change, old, port);
}

/** Adjusts the IPv4 header checksum at `l3` for a 16-bit field that changed (memory order). */
export function adjustIpv4Checksum16(l3: usize, old: u32, now: u32): void {
  store<u16>(l3, <u16>applied(load<u16>(l3, IPV4_CHECKSUM), replaced16(0, old, now)), IPV4_CHECKSUM);
}

/** Replaces both addresses of the IPv4 header at `l3` by those of the header at `from`, with the header checksum. */
export function copyAddresses4(l3: usize, from: usize): void {
  const change = replaced(
    replaced(0, load<u32>(l3, IPV4_SRC), load<u32>(from, IPV4_SRC)),
    load<u32>(l3, IPV4_DST),
    load<u32>(from, IPV4_DST),
  );
  store<u64>(l3, load<u64>(from, IPV4_SRC), IPV4_SRC);
  store<u16>(l3, <u16>applied(load<u16>(l3, IPV4_CHECKSUM), change), IPV4_CHECKSUM);
}

/** Replaces both addresses of the IPv6 header at `l3` by those of the header at `from`. */
export function copyAddresses6(l3: usize, from: usize): void {
  v128.store(l3, v128.load(from, IPV6_SRC), IPV6_SRC);
  v128.store(l3, v128.load(from, IPV6_DST), IPV6_DST);
}
