/**
 * The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
 *
 * Partial sums are plain numbers that are folded late. The 2^15 words of the longest IP packet sum to less than 2^31,
 * so a partial sum, its pseudo-header included, always fits 32 bits.
 */

/** Sum of the big-endian 16-bit words of `bytes[from..to)`; an odd last byte is padded with zero. */
export function sumWords(bytes: Uint8Array, from: number, to: number, initial = 0): number {
  let sum = initial;
  let i = from;
  for (const last = to - 1; i < last; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  if (i < to) sum += bytes[i]! << 8;
  return sum;
}

/** Folds a partial sum (below 2^32) to 16 bits with end-around carry. */
export function foldSum(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

/** The checksum field for a partial sum: its folded one's complement, 0..0xffff. */
export function checksumOf(sum: number): number {
  return ~foldSum(sum) & 0xffff;
}

/** Partial sum of a 32-bit number, as an IPv4 address in a pseudo-header. */
export function sumOf32(value: number): number {
  return (value >>> 16) + (value & 0xffff);
}

/** Partial sum of the IPv4 pseudo-header (RFC 9293 section 3.1): addresses, protocol, upper-layer length. */
export function pseudoHeader4(src: number, dst: number, protocol: number, lengthBytes: number): number {
  return sumOf32(src) + sumOf32(dst) + protocol + lengthBytes;
}

/**
 * The checksum after data under it changed (RFC 1624 equation 3): `~(~old + ~removed + added)`.
 *
 * @param checksum the field as it was, 0..0xffff
 * @param removed partial sum of the words taken out
 * @param added partial sum of the words put in
 */
export function updateChecksum(checksum: number, removed: number, added: number): number {
  const complement = foldSum(removed) ^ 0xffff;
  return checksumOf((checksum ^ 0xffff) + complement + added);
}
