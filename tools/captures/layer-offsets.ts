import { ETHERNET_HEADER_BYTES, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from './link-type.js';

export { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from './link-type.js';

/** No such layer; the same mark as in the engine's packet descriptor. */
export const NO_OFFSET = 0xffff;

/** Where the layers of an Ethernet frame lie. */
export interface LayerOffsets {
  /** Offset of the network header from the frame's start; NO_OFFSET when the frame ends before it. */
  l3: number;
  /** Offset of the transport header; NO_OFFSET when the IP header is unusable or there is none. */
  l4: number;
  /** Bytes behind the IP packet that are link-layer padding. */
  l2Pad: number;
  /** EtherType behind the VLAN tags; 0 when the frame ends before it. */
  dlType: number;
  /** VLAN tags skipped, at most two. */
  vlanTags: number;
}

const VLAN_TAG_BYTES = 4;
const MAX_VLAN_TAGS = 2;
const ETHERTYPE_VLAN = 0x8100;
const ETHERTYPE_QINQ = 0x88a8;
const IPV4_MIN_BYTES = 20;
const IPV6_BYTES = 40;
const EXTENSION_MIN_BYTES = 8;

/** IPv6 extension headers that are walked (RFC 8200 4.1; RFC 4302). */
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION = 60;

/**
 * Locates network and transport header as flow extraction does before a tracker sees the packet: at most two VLAN
 * tags are skipped; IPv4 needs `IHL >= 5` and `header <= total length <= available`, IPv6 `40 + payload length <=
 * available`; what lies behind the IP length is padding. Never reads outside the frame.
 *
 * @param into receives the result, so that a million packets need no million objects
 */
export function locateLayers(frame: Uint8Array, into: LayerOffsets): void {
  into.l3 = NO_OFFSET;
  into.l4 = NO_OFFSET;
  into.l2Pad = 0;
  into.dlType = 0;
  into.vlanTags = 0;
  let typeAt = ETHERNET_HEADER_BYTES - 2;
  if (frame.length < typeAt + 2) return;
  let dlType = u16(frame, typeAt);
  while (isVlan(dlType) && into.vlanTags < MAX_VLAN_TAGS && frame.length >= typeAt + VLAN_TAG_BYTES + 2) {
    typeAt += VLAN_TAG_BYTES;
    into.vlanTags += 1;
    dlType = u16(frame, typeAt);
  }
  into.dlType = dlType;
  into.l3 = typeAt + 2;
  if (dlType === ETHERTYPE_IPV4) locateIpv4(frame, into);
  else if (dlType === ETHERTYPE_IPV6) locateIpv6(frame, into);
}

export function emptyLayerOffsets(): LayerOffsets {
  return { l3: NO_OFFSET, l4: NO_OFFSET, l2Pad: 0, dlType: 0, vlanTags: 0 };
}

function locateIpv4(frame: Uint8Array, into: LayerOffsets): void {
  const available = frame.length - into.l3;
  if (available < IPV4_MIN_BYTES) return;
  const headerBytes = ((frame[into.l3] as number) & 0x0f) * 4;
  const totalBytes = u16(frame, into.l3 + 2);
  if (headerBytes < IPV4_MIN_BYTES || headerBytes > totalBytes || totalBytes > available) return;
  into.l2Pad = available - totalBytes;
  into.l4 = into.l3 + headerBytes;
}

function locateIpv6(frame: Uint8Array, into: LayerOffsets): void {
  const available = frame.length - into.l3;
  if (available < IPV6_BYTES) return;
  const payloadBytes = u16(frame, into.l3 + 4);
  if (IPV6_BYTES + payloadBytes > available) return;
  into.l2Pad = available - IPV6_BYTES - payloadBytes;
  const end = into.l3 + IPV6_BYTES + payloadBytes;
  let next = frame[into.l3 + 6] as number;
  let position = into.l3 + IPV6_BYTES;
  while (isExtension(next)) {
    if (end - position < EXTENSION_MIN_BYTES) return;
    const length = frame[position + 1] as number;
    let bytes = (length + 1) * 8;
    if (next === AUTHENTICATION) bytes = (length + 2) * 4;
    if (next === FRAGMENT) {
      bytes = EXTENSION_MIN_BYTES;
      // Behind the header of a later fragment lies payload, not the header that it names.
      if (u16(frame, position + 2) >> 3 !== 0) next = NO_NEXT_HEADER;
    }
    if (bytes > end - position) return;
    if (next !== NO_NEXT_HEADER) next = frame[position] as number;
    position += bytes;
  }
  into.l4 = position < NO_OFFSET ? position : NO_OFFSET;
}

const NO_NEXT_HEADER = 59;

function isExtension(next: number): boolean {
  return (
    next === HOP_BY_HOP ||
    next === ROUTING ||
    next === DESTINATION ||
    next === AUTHENTICATION ||
    next === FRAGMENT
  );
}

function isVlan(dlType: number): boolean {
  return dlType === ETHERTYPE_VLAN || dlType === ETHERTYPE_QINQ;
}

function u16(bytes: Uint8Array, position: number): number {
  return ((bytes[position] as number) << 8) | (bytes[position + 1] as number);
}
