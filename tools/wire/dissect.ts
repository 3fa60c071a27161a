import {
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  locateNetwork,
  NO_OFFSET,
  vlanId,
  type NetworkPlace,
} from './ethernet.js';
import { emptyIpPacketPlace, locateIpPacket } from './ip-packet.js';
import type { FragmentKind } from './ipv6-extensions.js';

/** What rules, filters and analyses want to know of an Ethernet frame, as far as its captured bytes tell. */
export interface Dissection {
  /** Length on the wire, in bytes: more than the frame's where the snap length cut it. */
  wireBytes: number;
  /** VLAN ids from the outermost tag inwards, at most two are looked at. */
  readonly vlanIds: number[];
  /**
   * EtherType behind the tags and a SNAP header; DL_TYPE_NONE (0x05ff) for 802.3 without SNAP; null when the frame ends
   * before it.
   */
  etherType: number | null;
  /** 4 or 6; null when there is no IP header (of full length). */
  ipVersion: 4 | 6 | null;
  /** Protocol number of the transport; null without IP, or where extension headers are cut off. */
  protocol: number | null;
  fragment: FragmentKind;
  /** Offset of the source address; the destination's follows it. */
  addressesAt: number;
  /** Address length in bytes: 4 or 16. */
  addressBytes: number;
  /** Offset of the transport header; null where the frame has none, or its bytes were cut off. */
  l4: number | null;
}

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

const place = { l3: 0, dlType: 0, vlanTags: 0 };
const ip = emptyIpPacketPlace();

/**
 * Reads a frame's headers leniently: unlike the tracker's classification, a packet cut by the snap length, or whose
 * lengths contradict each other, still tells its protocol as long as its headers are there. Never reads outside it.
 * @param wireBytes length on the wire where the frame was cut
 * @param network what `locateNetwork` found in it, where that has been called already
 */
export function dissect(
  frame: Uint8Array,
  into: Dissection,
  wireBytes = frame.length,
  network: NetworkPlace = networkOf(frame),
): void {
  into.wireBytes = wireBytes;
  const { l3, dlType, vlanTags } = network;
  into.vlanIds.length = 0;
  for (let tag = 0; tag < vlanTags; tag += 1) into.vlanIds.push(vlanId(frame, tag));
  into.etherType = l3 === NO_OFFSET ? null : dlType;
  into.ipVersion = null;
  into.protocol = null;
  into.fragment = 'none';
  into.l4 = null;
  if (dlType !== ETHERTYPE_IPV4 && dlType !== ETHERTYPE_IPV6) return;
  const family = dlType === ETHERTYPE_IPV4 ? 4 : 6;
  if (!locateIpPacket(frame, l3, ip) || ip.family !== family) return;
  into.ipVersion = family;
  into.protocol = ip.protocol;
  into.fragment = ip.fragment;
  into.addressesAt = ip.addressesAt;
  into.addressBytes = ip.addressBytes;
  into.l4 = ip.l4;
}

function networkOf(frame: Uint8Array): NetworkPlace {
  locateNetwork(frame, place);
  return place;
}
