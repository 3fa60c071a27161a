/**
 * The checksums that a tracker looks at in a frame: whether they are right, and making them so. Captures taken where packets are
 * sent, or on loopback, hold what the network card was still to fill in: TCP and UDP checksums over the pseudo-header only, an
 * IPv4 header checksum of 0, an IP length of 0 for a segment that is still to be cut up.
 */
import { checksumOf, foldSum, sumWords } from './checksum.js';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, locateNetwork } from './ethernet.js';
import { emptyIpPacketPlace, locateIpPacket } from './ip-packet.js';
import { IPV6_BYTES } from './ipv6-extensions.js';
import { u16 } from './network-order.js';
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from './protocols.js';

/** `none`: not IP. An IP packet without anything that could be looked at (cut, a fragment, another protocol) is `right`. */
export type ChecksumState = 'right' | 'wrong' | 'none';

const VALID = 0xffff;
const LONGEST_LENGTH = 0xffff;
const MINIMUM_TRANSPORT_BYTES = {
  [PROTOCOL_TCP]: 20,
  [PROTOCOL_UDP]: 8,
  [PROTOCOL_ICMP]: 8,
  [PROTOCOL_ICMPV6]: 8,
};

const network = { l3: 0, dlType: 0, vlanTags: 0 };
const ip = emptyIpPacketPlace();

/** Where the checksums of the frame at hand are. */
const place = {
  l3: 0,
  family: 4 as 4 | 6,
  /** Offset behind the IPv4 header; 0 for IPv6. */
  headerEnd: 0,
  /** Offset of the IP length field, and the length that it should say; 0 when it says what there is. */
  lengthAt: 0,
  missingLength: 0,
  /** Offset of the transport header, its end and the field in it; 0 when there is none to look at. */
  l4: 0,
  end: 0,
  fieldAt: 0,
  protocol: 0,
};

/**
 * Whether the checksums of a frame are right: of the IPv4 header, of TCP, UDP, ICMP and ICMPv6. Never reads outside it.
 * @param wireBytes its length on the wire; more than its own = it was cut
 */
export function checksumState(frame: Uint8Array, wireBytes = frame.length): ChecksumState {
  if (!locate(frame, wireBytes)) return 'none';
  if (place.missingLength !== 0 || !headerIsRight(frame)) return 'wrong';
  return place.l4 === 0 || transportIsRight(frame) ? 'right' : 'wrong';
}

/**
 * Makes the checksums of a frame right, in place, and an IP length of 0 that of the frame. Right ones stay as they are, a UDP
 * checksum of 0 over IPv4 (none) included, and so do those that cannot be computed: of fragments, and of frames that were cut.
 * @param wireBytes its length on the wire; more than its own = it was cut
 * @returns whether anything changed
 */
export function fixChecksums(frame: Uint8Array, wireBytes = frame.length): boolean {
  if (!locate(frame, wireBytes)) return false;
  let changed = false;
  if (place.missingLength !== 0) {
    put(frame, place.lengthAt, place.missingLength);
    changed = true;
  }
  if (!headerIsRight(frame)) {
    put(frame, place.l3 + 10, 0);
    put(frame, place.l3 + 10, checksumOf(sumWords(frame, place.l3, place.headerEnd)));
    changed = true;
  }
  if (place.l4 === 0 || transportIsRight(frame)) return changed;
  put(frame, place.fieldAt, 0);
  const computed = checksumOf(sumWords(frame, place.l4, place.end, pseudoSum(frame)));
  // RFC 768: a computed zero is sent as all ones.
  put(frame, place.fieldAt, place.protocol === PROTOCOL_UDP && computed === 0 ? VALID : computed);
  return true;
}

/** Fills `place`; false when there is no IP header to look at. */
function locate(frame: Uint8Array, wireBytes: number): boolean {
  locateNetwork(frame, network);
  const { l3, dlType } = network;
  if (dlType !== ETHERTYPE_IPV4 && dlType !== ETHERTYPE_IPV6) return false;
  if (!locateIpPacket(frame, l3, ip) || ip.family !== (dlType === ETHERTYPE_IPV4 ? 4 : 6)) return false;
  const { family } = ip;
  const headerEnd = family === 4 ? l3 + ((frame[l3] as number) & 0x0f) * 4 : 0;
  if (headerEnd > frame.length) return false;
  place.l3 = l3;
  place.family = family;
  place.headerEnd = headerEnd;
  place.l4 = 0;
  const before = family === 4 ? 0 : IPV6_BYTES;
  place.lengthAt = l3 + (family === 4 ? 2 : 4);
  const stated = u16(frame, place.lengthAt);
  const isWhole = wireBytes <= frame.length;
  place.missingLength = stated === 0 && isWhole ? lengthLeftOut(frame, frame.length - l3 - before) : 0;
  locateTransport(frame, l3 + before + (place.missingLength === 0 ? stated : place.missingLength));
  return true;
}

/** Length that an IP header with a length of 0 should say; 0 when that is unknown, or the packet has nothing in it. */
function lengthLeftOut(frame: Uint8Array, available: number): number {
  // Only segments of TCP and UDP are sent so, and what they hold is no padding.
  const isSegment = ip.protocol === PROTOCOL_TCP || ip.protocol === PROTOCOL_UDP;
  if (!isSegment || ip.l4 === null || available > LONGEST_LENGTH) return 0;
  return frame.length - ip.l4 >= (MINIMUM_TRANSPORT_BYTES[ip.protocol as 6 | 17] ?? 0) ? available : 0;
}

function locateTransport(frame: Uint8Array, end: number): void {
  const { protocol, l4, fragment, family, finalDestination } = ip;
  if (protocol === null || l4 === null || fragment !== 'none' || !finalDestination) return;
  if (end > frame.length || protocol === (family === 4 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP)) return;
  const least = MINIMUM_TRANSPORT_BYTES[protocol as keyof typeof MINIMUM_TRANSPORT_BYTES];
  if (least === undefined || end - l4 < least) return;
  place.fieldAt = l4 + (protocol === PROTOCOL_TCP ? 16 : protocol === PROTOCOL_UDP ? 6 : 2);
  place.l4 = l4;
  place.end = end;
  place.protocol = protocol;
}

function headerIsRight(frame: Uint8Array): boolean {
  return place.family === 6 || foldSum(sumWords(frame, place.l3, place.headerEnd)) === VALID;
}

function transportIsRight(frame: Uint8Array): boolean {
  const { protocol, family, fieldAt, l4, end } = place;
  if (protocol === PROTOCOL_UDP && u16(frame, fieldAt) === 0) return family === 4;
  return foldSum(sumWords(frame, l4, end, pseudoSum(frame))) === VALID;
}

/** Partial sum of the pseudo-header (RFC 9293 3.1, RFC 8200 8.1); 0 for ICMPv4, which has none. */
function pseudoSum(frame: Uint8Array): number {
  if (place.protocol === PROTOCOL_ICMP) return 0;
  const { addressesAt, addressBytes } = ip;
  return sumWords(
    frame,
    addressesAt,
    addressesAt + 2 * addressBytes,
    place.protocol + (place.end - place.l4),
  );
}

function put(frame: Uint8Array, at: number, value: number): void {
  frame[at] = value >> 8;
  frame[at + 1] = value & 0xff;
}
