/** Network and transport header by the lengths that the packet states: what a tracker is given. */
import {
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  locateNetwork,
  NO_OFFSET,
  DL_TYPE_NONE,
} from './ethernet.js';
import type { NetworkPlace } from './ethernet.js';
import { emptyExtensionWalk, IPV6_BYTES, walkExtensions } from './ipv6-extensions.js';
import { u16 } from './network-order.js';

export { NO_OFFSET } from './ethernet.js';

/** Where the layers of an Ethernet frame lie. */
export interface LayerOffsets extends NetworkPlace {
  /** Offset of the transport header; NO_OFFSET when the IP header is unusable or there is none. */
  l4: number;
  /** Bytes behind the IP packet that are link-layer padding. */
  l2Pad: number;
}

const IPV4_MIN_BYTES = 20;
/** Padding that the engine's 16-bit field cannot hold. */
const PADDING_LIMIT = 0x1_0000;

const walk = emptyExtensionWalk();

/**
 * Locates network and transport header as the engine does (engine/assembly/wire/locate.ts; a property test compares the
 * two): IPv4 needs `IHL >= 5` and `header <= total length <= available`, IPv6 `40 + payload length <= available`; what
 * lies behind the IP length is padding. Never reads outside the frame.
 *
 * @param into receives the result, so that a million packets need no million objects
 */
export function locateLayers(frame: Uint8Array, into: LayerOffsets): void {
  into.l4 = NO_OFFSET;
  into.l2Pad = 0;
  locateNetwork(frame, into);
  if (into.dlType === ETHERTYPE_IPV4) locateIpv4(frame, into);
  else if (into.dlType === ETHERTYPE_IPV6) locateIpv6(frame, into);
}

/**
 * The same for the most common frames, wherever they lie: whole IPv4 packets right behind an Ethernet header.
 * @param bytes hold the frame from `at` on
 * @returns false for any other frame, of which nothing is said; else `into` is what `locateLayers` gives, relative to the frame
 */
export function locatePlainIpv4(bytes: Uint8Array, at: number, length: number, into: LayerOffsets): boolean {
  const ip = at + ETHERNET_HEADER_BYTES;
  const available = length - ETHERNET_HEADER_BYTES;
  if (available < IPV4_MIN_BYTES || u16(bytes, ip - 2) !== ETHERTYPE_IPV4) return false;
  const headerBytes = ((bytes[ip] as number) & 0x0f) * 4;
  const totalBytes = u16(bytes, ip + 2);
  if (headerBytes < IPV4_MIN_BYTES || headerBytes > totalBytes || totalBytes > available) return false;
  if (available - totalBytes >= PADDING_LIMIT) return false;
  into.l3 = ETHERNET_HEADER_BYTES;
  into.l4 = ETHERNET_HEADER_BYTES + headerBytes;
  into.l2Pad = available - totalBytes;
  into.dlType = ETHERTYPE_IPV4;
  into.vlanTags = 0;
  return true;
}

export function emptyLayerOffsets(): LayerOffsets {
  return { l3: NO_OFFSET, l4: NO_OFFSET, l2Pad: 0, dlType: DL_TYPE_NONE, vlanTags: 0 };
}

function locateIpv4(frame: Uint8Array, into: LayerOffsets): void {
  const available = frame.length - into.l3;
  if (available < IPV4_MIN_BYTES) return;
  const headerBytes = ((frame[into.l3] as number) & 0x0f) * 4;
  const totalBytes = u16(frame, into.l3 + 2);
  if (headerBytes < IPV4_MIN_BYTES || headerBytes > totalBytes || totalBytes > available) return;
  setTransport(into, into.l3 + headerBytes, available - totalBytes);
}

function locateIpv6(frame: Uint8Array, into: LayerOffsets): void {
  const available = frame.length - into.l3;
  if (available < IPV6_BYTES) return;
  const packetBytes = IPV6_BYTES + u16(frame, into.l3 + 4);
  if (packetBytes > available) return;
  if (walkExtensions(frame, into.l3, into.l3 + packetBytes, walk)) {
    setTransport(into, walk.at, available - packetBytes);
  }
}

/** Offsets and padding are 16-bit fields of the engine's packet; a frame that needs more has no usable transport header. */
function setTransport(into: LayerOffsets, l4: number, padding: number): void {
  if (l4 >= NO_OFFSET || padding >= PADDING_LIMIT) return;
  into.l4 = l4;
  into.l2Pad = padding;
}
