/** The packet that an ICMP error quotes. */
import { dissect, emptyDissection } from '../wire/dissect.js';
import { emptyIpPacketPlace, locateIpPacket } from '../wire/ip-packet.js';
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/protocols.js';
import type { Difference } from './compare-runs.js';

const ICMP_HEADER_BYTES = 8;
const ICMP_CHECKSUM_AT = 2;
const ICMP_ERRORS = new Set([3, 4, 5, 11, 12]);
const ICMP6_ERRORS = new Set([1, 2, 3, 4]);

interface Quote {
  readonly icmpAt: number;
  /** Offset of the quoted network header. */
  readonly quoteAt: number;
  readonly ipVersion: 4 | 6;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

const layers = emptyDissection();
const quoted = emptyIpPacketPlace();

/** Where an ICMP error quotes a packet; null for any other frame. */
function findQuote(frame: Uint8Array): Quote | null {
  dissect(frame, layers);
  const { ipVersion, l4, protocol, addressesAt, addressBytes } = layers;
  if (ipVersion === null || l4 === null || protocol === null) return null;
  const [icmp, errors] = ipVersion === 4 ? [PROTOCOL_ICMP, ICMP_ERRORS] : [PROTOCOL_ICMPV6, ICMP6_ERRORS];
  const quoteAt = l4 + ICMP_HEADER_BYTES;
  if (protocol !== icmp || !errors.has(frame[l4] ?? 0)) return null;
  if (frame.length < quoteAt + (ipVersion === 4 ? 20 : 40)) return null;
  return {
    icmpAt: l4,
    quoteAt,
    ipVersion,
    source: frame.subarray(addressesAt, addressesAt + addressBytes),
    destination: frame.subarray(addressesAt + addressBytes, addressesAt + 2 * addressBytes),
  };
}

/** Offsets in the frame of everything in the quoted headers that a translation changes. */
function translatedOffsets(frame: Uint8Array, { icmpAt, quoteAt, ipVersion }: Quote): Set<number> {
  const offsets = new Set<number>();
  const add = (at: number, count: number): void => {
    for (let i = 0; i < count; i++) offsets.add(at + i);
  };
  add(icmpAt + ICMP_CHECKSUM_AT, 2);
  if (!locateIpPacket(frame, quoteAt, quoted)) return offsets;
  if (ipVersion === 4) add(quoteAt + 10, 2);
  add(quoted.addressesAt, 2 * quoted.addressBytes);
  const { l4, protocol } = quoted;
  const checksumAt = transportChecksumAt(protocol);
  if (l4 !== null && checksumAt !== null) {
    add(l4, 4);
    add(l4 + checksumAt, 2);
  }
  return offsets;
}

function transportChecksumAt(protocol: number | null | undefined): number | null {
  if (protocol === PROTOCOL_TCP) return 16;
  return protocol === PROTOCOL_UDP ? 6 : null;
}

function isTranslatedError(state: string): boolean {
  return /\brel\b/.test(state) && /\b[sd]nat\b/.test(state);
}

/**
 * Whether both sides put out the same ICMP error of the original direction, translated, and only what a translation
 * changes in the quoted packet differs; and whether in Open vSwitch's that quoted packet was sent by where the error goes
 * to and was on its way to whom the error comes from, as seen behind the translation.
 */
export function onlyQuoteDiffers({ what, outputs }: Difference): boolean {
  if (what !== 'frame' || outputs === null) return false;
  const [mine, theirs] = outputs.map(({ frame }) => frame) as [Uint8Array, Uint8Array];
  const { state } = outputs[1];
  if (!isTranslatedError(state) || /\brpl\b/.test(state)) return false;
  const quote = findQuote(theirs);
  if (quote === null || mine.length !== theirs.length) return false;
  const allowed = translatedOffsets(theirs, quote);
  if (theirs.some((byte, at) => byte !== mine[at] && !allowed.has(at))) return false;
  const bytes = quote.source.length;
  const quotedSourceAt = quote.quoteAt + (quote.ipVersion === 4 ? 12 : 8);
  const equal = (at: number, address: Uint8Array): boolean =>
    address.every((byte, index) => byte === theirs[at + index]);
  return state.includes('snat')
    ? equal(quotedSourceAt + bytes, quote.source)
    : equal(quotedSourceAt, quote.destination);
}

/**
 * Whether both sides put out the same translated ICMPv6 error, but for two bytes where the quoted protocol's checksum would be
 * if that protocol's header stood in the place of the ICMPv6 header; and whether nothing but the ICMPv6 checksum makes up for them.
 */
export function onlyMistakenChecksumDiffers({ what, outputs }: Difference): boolean {
  if (what !== 'frame' || outputs === null || !isTranslatedError(outputs[1].state)) return false;
  const [mine, theirs] = outputs.map(({ frame }) => frame) as [Uint8Array, Uint8Array];
  const quote = findQuote(theirs);
  if (quote?.ipVersion !== 6 || mine.length !== theirs.length) return false;
  const checksumAt = transportChecksumAt(theirs[quote.quoteAt + 6]);
  if (checksumAt === null) return false;
  const mistakenAt = quote.icmpAt + checksumAt;
  const checksum = quote.icmpAt + ICMP_CHECKSUM_AT;
  const allowed = new Set([mistakenAt, mistakenAt + 1, checksum, checksum + 1]);
  if (theirs.some((byte, at) => byte !== mine[at] && !allowed.has(at))) return false;
  const sum = (frame: Uint8Array): number => {
    const view = new DataView(frame.buffer, frame.byteOffset);
    const total = view.getUint16(mistakenAt) + view.getUint16(checksum);
    return (total & 0xffff) + (total >> 16);
  };
  return sum(mine) === sum(theirs);
}
