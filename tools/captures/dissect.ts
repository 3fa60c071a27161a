import { emptyLayerOffsets, locateLayers, NO_OFFSET } from './layer-offsets.js';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from './link-type.js';

/** What an analysis wants to know of an Ethernet frame, as far as its captured bytes tell. */
export interface Dissection {
  /** Length on the wire, in bytes: more than the frame's where the snap length cut it. */
  wireBytes: number;
  /** VLAN ids from the outermost tag inwards, at most two are looked at. */
  readonly vlanIds: number[];
  /** EtherType behind the tags; null when the frame ends before it. */
  etherType: number | null;
  /** 4 or 6; null when there is no IP header (of full length). */
  ipVersion: 4 | 6 | null;
  /** Protocol number of the transport; null without IP, or where extension headers are cut off. */
  protocol: number | null;
  fragment: 'none' | 'first' | 'later';
  /** Offset of the source address; the destination's follows it. */
  addressesAt: number;
  /** Address length in bytes: 4 or 16. */
  addressBytes: number;
  /** Offset of the transport header; null where the frame has none, or its bytes were cut off. */
  l4: number | null;
}

const IPV4_MIN_BYTES = 20;
const IPV6_BYTES = 40;
const IPV6_FRAGMENT = 44;
const IPV6_AUTHENTICATION = 51;
/** Hop-by-hop, routing, fragment, authentication and destination options (RFC 8200 4.1). */
const IPV6_EXTENSIONS = new Set([0, 43, IPV6_FRAGMENT, IPV6_AUTHENTICATION, 60]);
const VLAN_TAG_BYTES = 4;
const FIRST_TAG_VALUE_AT = 14;

/** A dissection to be filled by `dissect`, over and over. */
export function emptyDissection(): Dissection {
  return {
    wireBytes: 0,
    vlanIds: [],
    etherType: null,
    ipVersion: null,
    protocol: null,
    fragment: 'none',
    addressesAt: 0,
    addressBytes: 0,
    l4: null,
  };
}

const offsets = emptyLayerOffsets();

/**
 * Reads a frame's headers leniently: unlike the tracker's classification, a packet cut by the snap length, or whose
 * lengths contradict each other, still tells its protocol as long as its headers are there. Never reads outside it.
 * @param wireBytes length on the wire where the frame was cut
 */
export function dissect(frame: Uint8Array, into: Dissection, wireBytes = frame.length): void {
  locateLayers(frame, offsets);
  into.wireBytes = wireBytes;
  into.vlanIds.length = 0;
  into.ipVersion = null;
  into.protocol = null;
  into.fragment = 'none';
  into.l4 = null;
  into.etherType = offsets.l3 === NO_OFFSET ? null : offsets.dlType;
  for (let tag = 0; tag < offsets.vlanTags; tag += 1) {
    into.vlanIds.push(u16(frame, FIRST_TAG_VALUE_AT + tag * VLAN_TAG_BYTES) & 0x0fff);
  }
  if (into.etherType === ETHERTYPE_IPV4) dissectIpv4(frame, offsets.l3, into);
  else if (into.etherType === ETHERTYPE_IPV6) dissectIpv6(frame, offsets.l3, into);
}

function dissectIpv4(frame: Uint8Array, l3: number, into: Dissection): void {
  if (frame.length - l3 < IPV4_MIN_BYTES || byte(frame, l3) >> 4 !== 4) return;
  const headerBytes = (byte(frame, l3) & 0x0f) * 4;
  if (headerBytes < IPV4_MIN_BYTES) return;
  into.ipVersion = 4;
  into.protocol = byte(frame, l3 + 9);
  into.addressesAt = l3 + 12;
  into.addressBytes = 4;
  const fragmentWord = u16(frame, l3 + 6);
  if ((fragmentWord & 0x1fff) !== 0) into.fragment = 'later';
  else if ((fragmentWord & 0x2000) !== 0) into.fragment = 'first';
  if (into.fragment !== 'later' && l3 + headerBytes <= frame.length) into.l4 = l3 + headerBytes;
}

function dissectIpv6(frame: Uint8Array, l3: number, into: Dissection): void {
  if (frame.length - l3 < IPV6_BYTES || byte(frame, l3) >> 4 !== 6) return;
  into.ipVersion = 6;
  into.addressesAt = l3 + 8;
  into.addressBytes = 16;
  let next = byte(frame, l3 + 6);
  let position = l3 + IPV6_BYTES;
  while (IPV6_EXTENSIONS.has(next)) {
    if (position + 8 > frame.length) return;
    const extension = next;
    next = byte(frame, position);
    if (extension === IPV6_FRAGMENT) {
      const fragmentWord = u16(frame, position + 2);
      position += 8;
      if (fragmentWord >> 3 !== 0) {
        into.fragment = 'later';
        break;
      }
      if ((fragmentWord & 1) !== 0) into.fragment = 'first';
    } else {
      const units = byte(frame, position + 1);
      position += extension === IPV6_AUTHENTICATION ? (units + 2) * 4 : (units + 1) * 8;
    }
  }
  into.protocol = next;
  if (into.fragment !== 'later' && position <= frame.length) into.l4 = position;
}

function byte(frame: Uint8Array, position: number): number {
  return frame[position] as number;
}

function u16(frame: Uint8Array, position: number): number {
  return (byte(frame, position) << 8) | byte(frame, position + 1);
}
