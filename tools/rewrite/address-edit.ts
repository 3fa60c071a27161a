/**
 * Other addresses in a frame, with every checksum over them kept as right (or as wrong) as it was: the IPv4 header's,
 * that of TCP, UDP, UDP-Lite, DCCP and ICMPv6 through the pseudo-header, and, around a packet that an ICMP error quotes,
 * the error's own. All updates are incremental (RFC 1624), so a frame cut by the snap length is no problem.
 */
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../captures/link-type.js';
import { emptyLayerOffsets, locateLayers, NO_OFFSET } from '../captures/layer-offsets.js';
import { sumWords, updateChecksum } from '../synth/checksum.js';
import { emptyIpPacketPlace, locateIpPacket, type IpPacketPlace } from './ip-packet.js';

/** Which addresses a packet gets. */
export interface AddressRule {
  /**
   * Changes a packet's addresses in place.
   * @param pair source, then destination: 8 bytes for IPv4, 32 for IPv6
   */
  apply(pair: Uint8Array, loop: number): void;
  /**
   * True when an address's new value depends on the other end: then an ICMP error takes its addresses from the packet
   * that it quotes, so that it still reaches the sender of that packet.
   */
  readonly pairwise: boolean;
}

/** Sums of 16-bit words that left and entered a stretch of bytes. */
interface Delta {
  removed: number;
  added: number;
}

const ICMP = 1;
const TCP = 6;
const UDP = 17;
const DCCP = 33;
const ICMPV6 = 58;
const UDP_LITE = 136;
const ICMP_HEADER_BYTES = 8;
/** ICMPv4 messages that quote a packet (RFC 792). */
const ICMP_ERRORS = new Set([3, 4, 5, 11, 12]);
/** ICMPv6 messages below this are errors (RFC 4443, section 2.1), of which four are assigned. */
const ICMPV6_LAST_ERROR = 4;

/** Applies a rule to frames, one after the other. Not to be shared between callers that interleave. */
export class AddressEditor {
  readonly #rule: AddressRule;
  readonly #layers = emptyLayerOffsets();
  readonly #outer = emptyIpPacketPlace();
  readonly #quoted = emptyIpPacketPlace();
  readonly #pair = new Uint8Array(32);
  readonly #quotedPair = new Uint8Array(32);

  constructor(rule: AddressRule) {
    this.#rule = rule;
  }

  /** Rewrites an Ethernet frame in place. Frames without a whole IP header are left as they are. */
  edit(frame: Uint8Array, loop: number): void {
    locateLayers(frame, this.#layers);
    const { l3, dlType } = this.#layers;
    const outer = this.#outer;
    if (l3 === NO_OFFSET || (dlType !== ETHERTYPE_IPV4 && dlType !== ETHERTYPE_IPV6)) return;
    if (!locateIpPacket(frame, l3, outer) || outer.family !== (dlType === ETHERTYPE_IPV4 ? 4 : 6)) return;
    const pair = copyPair(frame, outer, this.#pair);
    const quotedAt = quotedPacketAt(frame, outer);
    const quotes =
      quotedAt !== null &&
      locateIpPacket(frame, quotedAt, this.#quoted) &&
      this.#quoted.family === outer.family;
    if (!quotes) {
      this.#rule.apply(pair, loop);
      replacePair(frame, outer, pair);
      return;
    }
    const quotedPair = copyPair(frame, this.#quoted, this.#quotedPair);
    const followed = this.#rule.pairwise && sameBytes(pair, size(outer), quotedPair, 0, size(outer));
    if (followed) {
      const fromDestination = sameBytes(pair, 0, quotedPair, size(outer), size(outer));
      this.#rule.apply(quotedPair, loop);
      pair.set(quotedPair.subarray(0, size(outer)), size(outer));
      if (fromDestination) pair.set(quotedPair.subarray(size(outer)), 0);
    } else {
      this.#rule.apply(quotedPair, loop);
      this.#rule.apply(pair, loop);
    }
    const delta = replacePair(frame, this.#quoted, quotedPair);
    const checksumAt = (outer.l4 as number) + 2;
    if (delta.removed !== delta.added) patchChecksum(frame, checksumAt, delta, false);
    replacePair(frame, outer, pair);
  }
}

/** Offset of the packet that an ICMP error quotes; null when this is none. */
function quotedPacketAt(frame: Uint8Array, { family, protocol, l4 }: IpPacketPlace): number | null {
  if (l4 === null || protocol !== (family === 4 ? ICMP : ICMPV6)) return null;
  if (l4 + ICMP_HEADER_BYTES > frame.length) return null;
  const type = frame[l4] as number;
  const isError = family === 4 ? ICMP_ERRORS.has(type) : type >= 1 && type <= ICMPV6_LAST_ERROR;
  return isError ? l4 + ICMP_HEADER_BYTES : null;
}

/**
 * Writes a packet's addresses and updates the checksums over them.
 * @returns what that changed in the packet as a whole, for a checksum around it
 */
function replacePair(bytes: Uint8Array, place: IpPacketPlace, pair: Uint8Array): Delta {
  const { addressesAt, family, l4 } = place;
  const length = size(place) * 2;
  const delta: Delta = { removed: 0, added: 0 };
  if (sameBytes(bytes, addressesAt, pair, 0, length)) return delta;
  const half = size(place);
  // Behind an unfinished routing header, the checksum does not cover the destination.
  const covered = place.finalDestination ? length : half;
  const pseudo: Delta = {
    removed: sumWords(bytes, addressesAt, addressesAt + covered),
    added: sumWords(pair, 0, covered),
  };
  delta.removed += sumWords(bytes, addressesAt, addressesAt + length);
  delta.added += sumWords(pair, 0, length);
  bytes.set(pair.subarray(0, length), addressesAt);
  if (family === 4) {
    const header: Delta = { removed: delta.removed, added: delta.added };
    noteChange(delta, patchChecksum(bytes, place.headerAt + 10, header, false));
  }
  const checksum = transportChecksum(place);
  if (checksum !== null && l4 !== null && l4 + checksum.at + 2 <= bytes.length) {
    noteChange(delta, patchChecksum(bytes, l4 + checksum.at, pseudo, checksum.zeroIsNone));
  }
  return delta;
}

/** Where a transport header keeps a checksum over the pseudo-header; null when it has none. */
function transportChecksum(place: IpPacketPlace): { at: number; zeroIsNone: boolean } | null {
  switch (place.protocol) {
    case TCP:
      return { at: 16, zeroIsNone: false };
    case UDP:
    case UDP_LITE:
      return { at: 6, zeroIsNone: true };
    case DCCP:
      return { at: 6, zeroIsNone: false };
    case ICMPV6:
      return place.family === 6 ? { at: 2, zeroIsNone: false } : null;
    default:
      return null;
  }
}

/** Updates a checksum field and returns what that changed. */
function patchChecksum(bytes: Uint8Array, at: number, { removed, added }: Delta, zeroIsNone: boolean): Delta {
  const old = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  // RFC 768: a field of zero says that there is no checksum, so a sum of zero is sent as all ones.
  if ((zeroIsNone && old === 0) || removed === added) return { removed: 0, added: 0 };
  let updated = updateChecksum(old, removed, added);
  if (zeroIsNone && updated === 0) updated = 0xffff;
  bytes[at] = updated >> 8;
  bytes[at + 1] = updated & 0xff;
  return { removed: old, added: updated };
}

function noteChange(into: Delta, change: Delta): void {
  into.removed += change.removed;
  into.added += change.added;
}

function size(place: IpPacketPlace): number {
  return place.addressBytes;
}

function copyPair(bytes: Uint8Array, place: IpPacketPlace, into: Uint8Array): Uint8Array {
  const length = size(place) * 2;
  for (let i = 0; i < length; i++) into[i] = bytes[place.addressesAt + i] as number;
  return into.subarray(0, length);
}

function sameBytes(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aAt + i] !== b[bAt + i]) return false;
  return true;
}
