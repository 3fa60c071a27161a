/**
 * IPv6 header fields (RFC 8200 §3) and the walk over extension headers.
 *
 * The walk knows hop-by-hop options, routing, destination options, authentication and fragment headers; any other next
 * header ends it (spec §1.3.1). It reads nothing at or behind `end`.
 */
import { load16 } from './network-order';

export const IPV6_HEADER_SIZE: u32 = 40;
export const IPV6_PAYLOAD_LENGTH: usize = 4;
export const IPV6_NEXT_HEADER: usize = 6;
export const IPV6_SRC: usize = 8;
export const IPV6_DST: usize = 24;

const NEXT_HOP_BY_HOP: u32 = 0;
const NEXT_ROUTING: u32 = 43;
const NEXT_FRAGMENT: u32 = 44;
const NEXT_AUTHENTICATION: u32 = 51;
const NEXT_DESTINATION: u32 = 60;
/** Every extension header is at least this long, and the walk's reads lie within. */
const EXTENSION_MIN_SIZE: u32 = 8;

/** Fragment offset, in units of 8 bytes, in the upper 13 bits of the field at byte 2 of a fragment header. */
export const IPV6_FRAGMENT_OFFSET_MASK: u32 = 0xfff8;

/** What the last walk of this thread found. */
export class Ipv6Walk {
  /** Address behind the last extension header. */
  static l4: usize = 0;
  /** Protocol found there; NEXT_FRAGMENT when a later fragment ends the walk. */
  static protocol: u32 = 0;
  /** Address of the last fragment header, 0 = none. */
  static fragmentHeader: usize = 0;
  /** A fragment header with any bit of offset, reserved or "more" set: part of a fragmented packet. */
  static fragmented: bool = false;
}

// @ts-ignore: decorator
@inline
export function isExtension(nextHeader: u32): bool {
  return (
    nextHeader == NEXT_HOP_BY_HOP ||
    nextHeader == NEXT_ROUTING ||
    nextHeader == NEXT_FRAGMENT ||
    nextHeader == NEXT_AUTHENTICATION ||
    nextHeader == NEXT_DESTINATION
  );
}

/**
 * Walks the extension headers of the IPv6 header at `ip` (all 40 bytes of it before `end`) into Ipv6Walk. Returns false
 * when one of them does not fit before `end`.
 */
export function walkExtensions(ip: usize, end: usize): bool {
  let at = ip + IPV6_HEADER_SIZE;
  let next = <u32>load<u8>(ip, IPV6_NEXT_HEADER);
  Ipv6Walk.fragmentHeader = 0;
  Ipv6Walk.fragmented = false;
  while (isExtension(next)) {
    const left = <u32>(end - at);
    if (left < EXTENSION_MIN_SIZE) return false;
    const current = next;
    next = load<u8>(at);
    if (current == NEXT_FRAGMENT) {
      Ipv6Walk.fragmentHeader = at;
      const field = load16(at + 2);
      at += EXTENSION_MIN_SIZE;
      if (field != 0) Ipv6Walk.fragmented = true;
      if (field & IPV6_FRAGMENT_OFFSET_MASK) {
        // What follows is the middle of a payload, not a header.
        next = NEXT_FRAGMENT;
        break;
      }
    } else {
      // Authentication headers count in units of 4 bytes (RFC 4302 §2.2), the others in units of 8.
      const units = <u32>load<u8>(at, 1);
      const size = current == NEXT_AUTHENTICATION ? (units + 2) << 2 : (units + 1) << 3;
      if (size > left) return false;
      at += size;
    }
  }
  Ipv6Walk.l4 = at;
  Ipv6Walk.protocol = next;
  return true;
}
