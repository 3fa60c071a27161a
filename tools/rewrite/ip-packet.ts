/** Where the addresses and checksums of an IP packet lie, in a frame or quoted in an ICMP error. */
import type { IpFamily } from '../../engine/host/addresses.js';

/** An IP packet by the offsets of what rewriting touches. */
export interface IpPacketPlace {
  family: IpFamily;
  /** Offset of the IP header. */
  headerAt: number;
  /** Offset of the source address; the destination's follows it. */
  addressesAt: number;
  /** 4 or 16. */
  addressBytes: number;
  /** Transport protocol; null where extension headers are cut off. */
  protocol: number | null;
  /** Offset of the transport header; null where there is none: a later fragment, or its bytes were cut off. */
  l4: number | null;
  /** Whether the transport header names the packet's final addresses in its checksum (not behind a routing header). */
  finalDestination: boolean;
}

const IPV4_MIN_BYTES = 20;
const IPV6_BYTES = 40;
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION_OPTIONS = 60;

export function emptyIpPacketPlace(): IpPacketPlace {
  return {
    family: 4,
    headerAt: 0,
    addressesAt: 0,
    addressBytes: 4,
    protocol: null,
    l4: null,
    finalDestination: true,
  };
}

/**
 * Locates an IP packet that starts at an offset; lengths are not believed, only the bytes that are there.
 * @returns whether there is an IP header of full length; if not, `into` is void
 */
export function locateIpPacket(bytes: Uint8Array, at: number, into: IpPacketPlace): boolean {
  const version = at < bytes.length ? (bytes[at] as number) >> 4 : 0;
  if (version === 4) return locateIpv4(bytes, at, into);
  return version === 6 && locateIpv6(bytes, at, into);
}

function locateIpv4(bytes: Uint8Array, at: number, into: IpPacketPlace): boolean {
  const headerBytes = ((bytes[at] as number) & 0x0f) * 4;
  if (headerBytes < IPV4_MIN_BYTES || at + IPV4_MIN_BYTES > bytes.length) return false;
  const isLaterFragment = (u16(bytes, at + 6) & 0x1fff) !== 0;
  into.family = 4;
  into.headerAt = at;
  into.addressesAt = at + 12;
  into.addressBytes = 4;
  into.protocol = bytes[at + 9] as number;
  into.l4 = isLaterFragment || at + headerBytes > bytes.length ? null : at + headerBytes;
  into.finalDestination = true;
  return true;
}

function locateIpv6(bytes: Uint8Array, at: number, into: IpPacketPlace): boolean {
  if (at + IPV6_BYTES > bytes.length) return false;
  into.family = 6;
  into.headerAt = at;
  into.addressesAt = at + 8;
  into.addressBytes = 16;
  into.protocol = null;
  into.l4 = null;
  into.finalDestination = true;
  let next = bytes[at + 6] as number;
  let position = at + IPV6_BYTES;
  while (isExtension(next)) {
    if (position + 8 > bytes.length) return true;
    const length = bytes[position + 1] as number;
    if (next === FRAGMENT && u16(bytes, position + 2) >> 3 !== 0) {
      into.protocol = bytes[position] as number;
      return true;
    }
    // RFC 8200, section 8.1: with segments left, the pseudo-header holds the last address of the routing header.
    if (next === ROUTING && bytes[position + 3] !== 0) into.finalDestination = false;
    const current = next;
    next = bytes[position] as number;
    position += current === FRAGMENT ? 8 : current === AUTHENTICATION ? (length + 2) * 4 : (length + 1) * 8;
  }
  into.protocol = next;
  if (position <= bytes.length) into.l4 = position;
  return true;
}

function isExtension(next: number): boolean {
  return (
    next === HOP_BY_HOP ||
    next === ROUTING ||
    next === FRAGMENT ||
    next === AUTHENTICATION ||
    next === DESTINATION_OPTIONS
  );
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
