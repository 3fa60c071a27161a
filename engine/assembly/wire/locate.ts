/**
 * Finding the network and transport headers of a frame (spec §1.1). Done once per frame at load time, and again only when
 * a frame was rewritten to another layout; the tracker relies on the offsets.
 */
import { Layers, layersOf, NO_OFFSET, Packet } from '../records/packet';
import { ipv4HeaderLength, IPV4_HEADER_SIZE, IPV4_TOTAL_LENGTH } from './ipv4';
import { Ipv6Walk, IPV6_HEADER_SIZE, IPV6_PAYLOAD_LENGTH, walkExtensions } from './ipv6';
import { load16 } from './network-order';

export const DL_TYPE_IPV4: u32 = 0x0800;
export const DL_TYPE_IPV6: u32 = 0x86dd;
/** dlType of frames without an EtherType: too short, or IEEE 802.3 without a SNAP header. */
const DL_TYPE_NONE: u32 = 0x05ff;

const ETHERNET_HEADER_SIZE: u32 = 14;
const TYPE_AT: u32 = 12;
/** Smaller values in the type field are lengths (IEEE 802.3 §3.2.6). */
const DL_TYPE_MIN: u32 = 0x0600;
const VLAN_TAG_SIZE: u32 = 4;
const VLAN_CUSTOMER: u32 = 0x8100;
const VLAN_SERVICE: u32 = 0x88a8;
const VLAN_LIMIT: u32 = 2;
const SNAP_SIZE: u32 = 8;
/** DSAP aa, SSAP aa, control 03, first byte of the organisation, in memory order. */
const SNAP_START: u32 = 0x0003aaaa;

/** Sets the layers of a packet from its frame. */
export function locate(p: Packet): void {
  locateLayers(<usize>p.frame, p.length, layersOf(p));
}

/**
 * Finds the layers of a frame; NO_OFFSET for what is not there or does not fit the lengths that the IP header states. At most two
 * VLAN tags are skipped.
 */
export function locateLayers(frame: usize, length: u32, layers: Layers): void {
  layers.l3 = <u16>NO_OFFSET;
  layers.l4 = <u16>NO_OFFSET;
  layers.l2Pad = 0;
  layers.dlType = <u16>DL_TYPE_NONE;
  if (length < ETHERNET_HEADER_SIZE) return;

  let at: u32 = TYPE_AT;
  let type = load16(frame + at);
  for (let tags: u32 = 0; tags < VLAN_LIMIT && isVlan(type) && length - at >= VLAN_TAG_SIZE + 2; tags++) {
    at += VLAN_TAG_SIZE;
    type = load16(frame + at);
  }
  at += 2;
  if (type < DL_TYPE_MIN) {
    type = DL_TYPE_NONE;
    if (isSnap(frame + at, length - at)) {
      const inner = load16(frame + at + 6);
      at += SNAP_SIZE;
      if (inner >= DL_TYPE_MIN) type = inner;
    }
  }
  layers.l3 = <u16>at;
  layers.dlType = <u16>type;
  if (type == DL_TYPE_IPV4) locateIpv4(layers, frame, at, length - at);
  else if (type == DL_TYPE_IPV6) locateIpv6(layers, frame, at, length - at);
}

function isVlan(type: u32): bool {
  return type == VLAN_CUSTOMER || type == VLAN_SERVICE;
}

function isSnap(at: usize, available: u32): bool {
  return available >= SNAP_SIZE && load<u32>(at) == SNAP_START && load<u16>(at, 4) == 0;
}

/** `available`: bytes of the frame from the IP header on. */
function locateIpv4(layers: Layers, frame: usize, at: u32, available: u32): void {
  const ip = frame + at;
  if (available < IPV4_HEADER_SIZE) return;
  const headerLength = ipv4HeaderLength(ip);
  const totalLength = load16(ip + IPV4_TOTAL_LENGTH);
  if (headerLength < IPV4_HEADER_SIZE || headerLength > totalLength || totalLength > available) return;
  setTransport(layers, at + headerLength, available - totalLength);
}

function locateIpv6(layers: Layers, frame: usize, at: u32, available: u32): void {
  const ip = frame + at;
  if (available < IPV6_HEADER_SIZE) return;
  const datagram = load16(ip + IPV6_PAYLOAD_LENGTH) + IPV6_HEADER_SIZE;
  if (datagram > available) return;
  if (walkExtensions(ip, ip + datagram))
    setTransport(layers, <u32>(Ipv6Walk.l4 - frame), available - datagram);
}

/** Offsets and padding are 16-bit fields of the packet; a frame that needs more has no usable transport header. */
function setTransport(layers: Layers, offset: u32, padding: u32): void {
  if (offset >= NO_OFFSET || padding > 0xffff) return;
  layers.l4 = <u16>offset;
  layers.l2Pad = <u16>padding;
}
