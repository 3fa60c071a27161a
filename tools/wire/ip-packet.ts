/** Where the parts of an IP packet lie, in a frame or quoted in an ICMP error, as far as its bytes tell. */
import type { IpFamily } from '../../engine/host/addresses.js';
import { emptyExtensionWalk, IPV6_BYTES, walkExtensions, type FragmentKind } from './ipv6-extensions.js';
import { u16 } from './network-order.js';

/** An IP packet by its offsets. */
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
  fragment: FragmentKind;
  /** Offset of the transport header; null where there is none: a later fragment, or its bytes were cut off. */
  l4: number | null;
  /** Whether the transport header names the packet's final addresses in its checksum (not behind a routing header). */
  finalDestination: boolean;
}

const IPV4_MIN_BYTES = 20;
const OFFSET_MASK = 0x1fff;
const MORE_FRAGMENTS = 0x2000;

export function emptyIpPacketPlace(): IpPacketPlace {
  return {
    family: 4,
    headerAt: 0,
    addressesAt: 0,
    addressBytes: 4,
    protocol: null,
    fragment: 'none',
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
  const fragmentWord = u16(bytes, at + 6);
  into.family = 4;
  into.headerAt = at;
  into.addressesAt = at + 12;
  into.addressBytes = 4;
  into.protocol = bytes[at + 9] as number;
  into.fragment = 'none';
  if ((fragmentWord & OFFSET_MASK) !== 0) into.fragment = 'later';
  else if ((fragmentWord & MORE_FRAGMENTS) !== 0) into.fragment = 'first';
  into.l4 = into.fragment === 'later' || at + headerBytes > bytes.length ? null : at + headerBytes;
  into.finalDestination = true;
  return true;
}

const walk = emptyExtensionWalk();

function locateIpv6(bytes: Uint8Array, at: number, into: IpPacketPlace): boolean {
  if (at + IPV6_BYTES > bytes.length) return false;
  const whole = walkExtensions(bytes, at, bytes.length, walk);
  into.family = 6;
  into.headerAt = at;
  into.addressesAt = at + 8;
  into.addressBytes = 16;
  into.protocol = walk.protocol;
  into.fragment = walk.fragment;
  into.l4 = whole && walk.fragment !== 'later' ? walk.at : null;
  into.finalDestination = walk.finalDestination;
  return true;
}
