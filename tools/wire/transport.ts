/** What lies behind a located IP packet: transport checksums, and the packet that an ICMP error quotes. */
import type { IpPacketPlace } from './ip-packet.js';
import {
  PROTOCOL_DCCP,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  PROTOCOL_UDP_LITE,
} from './protocols.js';

const ICMP_HEADER_BYTES = 8;
/** ICMPv4 messages that quote a packet (RFC 792). */
const ICMP_ERRORS = new Set([3, 4, 5, 11, 12]);
/** ICMPv6 messages below this are errors (RFC 4443, section 2.1), of which four are assigned. */
const ICMPV6_LAST_ERROR = 4;

/** Offset in a transport header of its checksum over the pseudo-header; null when it has none. */
export function pseudoChecksumOffset(protocol: number | null, family: 4 | 6): number | null {
  switch (protocol) {
    case PROTOCOL_TCP:
      return 16;
    case PROTOCOL_UDP:
    case PROTOCOL_UDP_LITE:
    case PROTOCOL_DCCP:
      return 6;
    case PROTOCOL_ICMPV6:
      return family === 6 ? 2 : null;
    default:
      return null;
  }
}

/** Offset of the packet that an ICMP error quotes; null when this is none. */
export function quotedPacketAt(frame: Uint8Array, { family, protocol, l4 }: IpPacketPlace): number | null {
  if (l4 === null || protocol !== (family === 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6)) return null;
  if (l4 + ICMP_HEADER_BYTES > frame.length) return null;
  const type = frame[l4] as number;
  const isError = family === 4 ? ICMP_ERRORS.has(type) : type >= 1 && type <= ICMPV6_LAST_ERROR;
  return isError ? l4 + ICMP_HEADER_BYTES : null;
}
