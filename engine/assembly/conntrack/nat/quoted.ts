/** Rewriting the packet quoted in an ICMP error back to what its sender had sent (spec §7.4, reply direction). */
import { CO_KEY } from '../../records/connection';
import { K_DPORT, K_DST, K_PROTO, K_SPORT, K_SRC } from '../../records/key';
import { finishSum, pseudoSum6, sumBytes } from '../../wire/checksum';
import { ipv4HeaderLength, IPV4_HEADER_SIZE, PROTO_ICMPV6 } from '../../wire/ipv4';
import { Ipv6Walk, IPV6_HEADER_SIZE, walkExtensions } from '../../wire/ipv6';
import { setAddress, setPorts } from './headers';

/** Bytes of an ICMP header before the quoted packet, and where its checksum is. */
const ICMP_HEADER_SIZE: u32 = 8;
const ICMP_CHECKSUM: usize = 2;

/**
 * `l3` and `l4` are the outer headers, the latter `l4Size` bytes. Source translation: the quoted source becomes the
 * connection's; destination translation: the quoted destination does, and both ports. Quoted checksums are updated as far
 * as they were quoted, then the ICMP checksum is computed anew. A quote that does not parse is left alone; extraction
 * has refused such packets already.
 */
export function rewriteQuoted(l3: usize, l4: usize, l4Size: u32, conn: usize, ipv4: bool, translatesSource: bool): void {
  if (l4Size < ICMP_HEADER_SIZE) return;
  const inner = l4 + ICMP_HEADER_SIZE;
  const end = l4 + l4Size;
  const innerL4 = ipv4 ? transportOf4(inner, end) : transportOf6(inner, end);
  if (innerL4 == 0) return;

  const key = conn + CO_KEY;
  const proto = <u32>load<u8>(key, K_PROTO);
  const innerSize = <u32>(end - innerL4);
  setAddress(inner, innerL4, innerSize, ipv4, proto, translatesSource, key + (translatesSource ? K_SRC : K_DST));
  setPorts(innerL4, innerSize, proto, true, load<u16>(key, K_SPORT), !translatesSource, load<u16>(key, K_DPORT));

  store<u16>(l4, 0, ICMP_CHECKSUM);
  const pseudo = ipv4 ? 0 : pseudoSum6(l3, PROTO_ICMPV6, l4Size);
  store<u16>(l4, <u16>finishSum(sumBytes(l4, l4Size, pseudo)), ICMP_CHECKSUM);
}

/** Transport header of a quoted IPv4 packet, or 0 when its header does not fit. */
function transportOf4(ip: usize, end: usize): usize {
  const available = <u32>(end - ip);
  if (available < IPV4_HEADER_SIZE) return 0;
  const headerLength = ipv4HeaderLength(ip);
  return headerLength < IPV4_HEADER_SIZE || headerLength > available ? 0 : ip + headerLength;
}

function transportOf6(ip: usize, end: usize): usize {
  if (<u32>(end - ip) < IPV6_HEADER_SIZE) return 0;
  return walkExtensions(ip, end) ? Ipv6Walk.l4 : 0;
}
