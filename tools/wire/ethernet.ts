/** What stands before the network layer in an Ethernet frame: addresses, VLAN tags, EtherType or LLC/SNAP. */
import { u16 } from './network-order.js';

export const ETHERNET_HEADER_BYTES = 14;
const VLAN_TAG_BYTES = 4;
export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_VLAN = 0x8100;
export const ETHERTYPE_IPV6 = 0x86dd;
export const ETHERTYPE_QINQ = 0x88a8;
/** IEEE 802 reserved value: given to packets that carry no network protocol that Ethernet could name. */
export const ETHERTYPE_NONE = 0xffff;
/** Smaller values in the type field are the length of an IEEE 802.3 frame (IEEE 802.3, 3.2.6). */
export const ETHERTYPE_MIN = 0x0600;
/** What stands for the EtherType of a frame that has none: too short, or 802.3 without SNAP. The engine's DL_TYPE_NONE. */
export const DL_TYPE_NONE = 0x05ff;

/** No such layer; the same mark as in the engine's packet descriptor. */
export const NO_OFFSET = 0xffff;

const TYPE_AT = 12;
const MAX_VLAN_TAGS = 2;
/** Bytes of LLC header (DSAP, SSAP, control), organisation and EtherType (IEEE 802-2014, 9.2.4 and 9.4; RFC 1042). */
export const SNAP_BYTES = 8;
/** All of it but the EtherType, for organisation 0. */
export const SNAP_START = Uint8Array.of(0xaa, 0xaa, 0x03, 0, 0, 0);

/** Where the network layer of an Ethernet frame starts, and what it is. */
export interface NetworkPlace {
  /** Offset of the network header from the frame's start; NO_OFFSET when the frame ends before it. */
  l3: number;
  /** EtherType behind VLAN tags and SNAP header; DL_TYPE_NONE where there is none. */
  dlType: number;
  /** VLAN tags skipped, at most two. */
  vlanTags: number;
}

/**
 * Finds the network layer as the engine does (engine/assembly/wire/locate.ts; a property test compares the two): at most
 * two VLAN tags are skipped, and a SNAP header of organisation 0 behind an 802.3 length. Never reads outside the frame.
 * @param into receives the result, so that a million packets need no million objects
 */
export function locateNetwork(frame: Uint8Array, into: NetworkPlace): void {
  into.l3 = NO_OFFSET;
  into.dlType = DL_TYPE_NONE;
  into.vlanTags = 0;
  if (frame.length < ETHERNET_HEADER_BYTES) return;
  let at = TYPE_AT;
  let type = u16(frame, at);
  while (isVlan(type) && into.vlanTags < MAX_VLAN_TAGS && frame.length - at >= VLAN_TAG_BYTES + 2) {
    at += VLAN_TAG_BYTES;
    into.vlanTags += 1;
    type = u16(frame, at);
  }
  at += 2;
  if (type < ETHERTYPE_MIN) {
    type = DL_TYPE_NONE;
    if (isSnap(frame, at)) {
      const inner = u16(frame, at + SNAP_START.length);
      at += SNAP_BYTES;
      if (inner >= ETHERTYPE_MIN) type = inner;
    }
  }
  into.l3 = at;
  into.dlType = type;
}

/** VLAN id of a tag, counted from the outermost. The frame has to have that many. */
export function vlanId(frame: Uint8Array, tag: number): number {
  return u16(frame, ETHERNET_HEADER_BYTES + tag * VLAN_TAG_BYTES) & 0x0fff;
}

function isVlan(type: number): boolean {
  return type === ETHERTYPE_VLAN || type === ETHERTYPE_QINQ;
}

function isSnap(frame: Uint8Array, at: number): boolean {
  if (frame.length - at < SNAP_BYTES) return false;
  for (let i = 0; i < SNAP_START.length; i++) if (frame[at + i] !== SNAP_START[i]) return false;
  return true;
}
