/** The walk over IPv6 extension headers: the only one of the tools. */
import { u16 } from './network-order.js';

export const IPV6_BYTES = 40;
/** Extension headers that are walked (RFC 8200 4.1; RFC 4302). */
const IP6_HOP_BY_HOP = 0;
const IP6_ROUTING = 43;
export const IP6_FRAGMENT = 44;
export const IP6_AUTHENTICATION = 51;
const IP6_DESTINATION = 60;

const EXTENSION_MIN_BYTES = 8;
const NEXT_HEADER_AT = 6;

/** Whether a packet is part of a fragmented one, and whether its start. */
export type FragmentKind = 'none' | 'first' | 'later';

/** What a walk found. */
export interface ExtensionWalk {
  /** Protocol behind the last extension header, or behind that of a later fragment; null where the headers are cut off. */
  protocol: number | null;
  /** Offset behind the last extension header walked; may lie behind the end. */
  at: number;
  fragment: FragmentKind;
  /** Whether a transport checksum covers the packet's destination (false behind a routing header with segments left). */
  finalDestination: boolean;
}

export function emptyExtensionWalk(): ExtensionWalk {
  return { protocol: null, at: 0, fragment: 'none', finalDestination: true };
}

/**
 * Walks the extension headers of the IPv6 header at `ip`, all 40 bytes of which lie before `end`. Reads nothing at or
 * behind `end`.
 * @returns whether every extension header fits before `end`
 */
export function walkExtensions(bytes: Uint8Array, ip: number, end: number, into: ExtensionWalk): boolean {
  let next = bytes[ip + NEXT_HEADER_AT] as number;
  let at = ip + IPV6_BYTES;
  into.protocol = null;
  into.fragment = 'none';
  into.finalDestination = true;
  while (isExtension(next)) {
    if (end - at < EXTENSION_MIN_BYTES) {
      into.at = at;
      return false;
    }
    const current = next;
    next = bytes[at] as number;
    if (current === IP6_FRAGMENT) {
      const word = u16(bytes, at + 2);
      at += EXTENSION_MIN_BYTES;
      if (word >> 3 !== 0) {
        // What follows is the middle of a payload, not the header that this one names.
        into.fragment = 'later';
        break;
      }
      if ((word & 1) !== 0) into.fragment = 'first';
    } else {
      // RFC 8200, section 8.1: with segments left, the pseudo-header holds the last address of the routing header.
      if (current === IP6_ROUTING && bytes[at + 3] !== 0) into.finalDestination = false;
      const units = bytes[at + 1] as number;
      // Authentication headers count in units of 4 bytes (RFC 4302, section 2.2), the others in units of 8.
      at += current === IP6_AUTHENTICATION ? (units + 2) * 4 : (units + 1) * 8;
    }
  }
  into.protocol = next;
  into.at = at;
  return at <= end;
}

function isExtension(next: number): boolean {
  return (
    next === IP6_HOP_BY_HOP ||
    next === IP6_ROUTING ||
    next === IP6_FRAGMENT ||
    next === IP6_AUTHENTICATION ||
    next === IP6_DESTINATION
  );
}
