/**
 * Other addresses in a frame, with every checksum over them kept as right (or as wrong) as it was: the IPv4 header's,
 * that of TCP, UDP, UDP-Lite, DCCP and ICMPv6 through the pseudo-header, and, around a packet that an ICMP error quotes,
 * the error's own. All updates are incremental (RFC 1624), so a frame cut by the snap length is no problem.
 */
import { sumWords, updateChecksum } from '../wire/checksum.js';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, locateNetwork } from '../wire/ethernet.js';
import { emptyIpPacketPlace, locateIpPacket, type IpPacketPlace } from '../wire/ip-packet.js';
import { PROTOCOL_UDP, PROTOCOL_UDP_LITE } from '../wire/protocols.js';
import { pseudoChecksumOffset, quotedPacketAt } from '../wire/transport.js';

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

/** Applies a rule to frames, one after the other. Not to be shared between callers that interleave. */
export class AddressEditor {
  readonly #rule: AddressRule;
  readonly #network = { l3: 0, dlType: 0, vlanTags: 0 };
  readonly #outer = emptyIpPacketPlace();
  readonly #quoted = emptyIpPacketPlace();
  // Views of the right length from the start: this runs once per packet of a replay.
  readonly #pairs = { 4: new Uint8Array(8), 6: new Uint8Array(32) } as const;
  readonly #quotedPairs = { 4: new Uint8Array(8), 6: new Uint8Array(32) } as const;

  /** Sums of the 16-bit words that left and entered the packet at hand. */
  #removed = 0;
  #added = 0;

  constructor(rule: AddressRule) {
    this.#rule = rule;
  }

  /** Rewrites an Ethernet frame in place. Frames without a whole IP header are left as they are. */
  edit(frame: Uint8Array, loop: number): void {
    locateNetwork(frame, this.#network);
    const { l3, dlType } = this.#network;
    const outer = this.#outer;
    if (dlType !== ETHERTYPE_IPV4 && dlType !== ETHERTYPE_IPV6) return;
    if (!locateIpPacket(frame, l3, outer) || outer.family !== (dlType === ETHERTYPE_IPV4 ? 4 : 6)) return;
    const pair = copyPair(frame, outer, this.#pairs[outer.family]);
    const quotedAt = quotedPacketAt(frame, outer);
    const quotes =
      quotedAt !== null &&
      locateIpPacket(frame, quotedAt, this.#quoted) &&
      this.#quoted.family === outer.family;
    if (!quotes) {
      this.#rule.apply(pair, loop);
      this.#replacePair(frame, outer, pair);
      return;
    }
    const quotedPair = copyPair(frame, this.#quoted, this.#quotedPairs[outer.family]);
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
    this.#replacePair(frame, this.#quoted, quotedPair);
    // The error's own checksum covers all that changed in the quoted packet.
    this.#patchChecksum(frame, (outer.l4 as number) + 2, this.#removed, this.#added, false);
    this.#replacePair(frame, outer, pair);
  }

  /** Writes a packet's addresses, updates the checksums over them, and leaves in the sums what that changed in all. */
  #replacePair(bytes: Uint8Array, place: IpPacketPlace, pair: Uint8Array): void {
    const { addressesAt, addressBytes, family, l4 } = place;
    const length = addressBytes * 2;
    this.#removed = 0;
    this.#added = 0;
    if (sameBytes(bytes, addressesAt, pair, 0, length)) return;
    // Behind an unfinished routing header, the checksum does not cover the destination.
    const covered = place.finalDestination ? length : addressBytes;
    const pseudoRemoved = sumWords(bytes, addressesAt, addressesAt + covered);
    const pseudoAdded = sumWords(pair, 0, covered);
    const allRemoved =
      covered === length ? pseudoRemoved : sumWords(bytes, addressesAt, addressesAt + length);
    const allAdded = covered === length ? pseudoAdded : sumWords(pair, 0, length);
    for (let i = 0; i < length; i++) bytes[addressesAt + i] = pair[i] as number;
    this.#removed = allRemoved;
    this.#added = allAdded;
    if (family === 4) this.#patchChecksum(bytes, place.headerAt + 10, allRemoved, allAdded, false);
    const offset = pseudoChecksumOffset(place.protocol, family);
    if (offset !== null && l4 !== null && l4 + offset + 2 <= bytes.length) {
      const zeroIsNone = place.protocol === PROTOCOL_UDP || place.protocol === PROTOCOL_UDP_LITE;
      this.#patchChecksum(bytes, l4 + offset, pseudoRemoved, pseudoAdded, zeroIsNone);
    }
  }

  /** Updates a checksum field for words that left and entered what it covers, and adds its own change to the sums. */
  #patchChecksum(bytes: Uint8Array, at: number, removed: number, added: number, zeroIsNone: boolean): void {
    const old = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
    // RFC 768: a field of zero says that there is no checksum, so a sum of zero is sent as all ones.
    if ((zeroIsNone && old === 0) || removed === added) return;
    let updated = updateChecksum(old, removed, added);
    if (zeroIsNone && updated === 0) updated = 0xffff;
    bytes[at] = updated >> 8;
    bytes[at + 1] = updated & 0xff;
    this.#removed += old;
    this.#added += updated;
  }
}

function size(place: IpPacketPlace): number {
  return place.addressBytes;
}

function copyPair(bytes: Uint8Array, place: IpPacketPlace, into: Uint8Array): Uint8Array {
  const length = size(place) * 2;
  for (let i = 0; i < length; i++) into[i] = bytes[place.addressesAt + i] as number;
  return into;
}

function sameBytes(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aAt + i] !== b[bAt + i]) return false;
  return true;
}
