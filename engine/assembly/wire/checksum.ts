/**
 * The Internet checksum (RFC 1071), whole and incremental (RFC 1624).
 *
 * The sum of 16-bit words in ones' complement arithmetic does not depend on byte order, nor on how many words are
 * added at once, because 2^16 = 1 modulo 65535. So words are added as the machine loads them, 16 bytes at a time, and
 * every value here is "as loaded": the two bytes of the field read in little-endian order.
 */
import { countWork, W_BYTES_CHECKSUMMED } from '../probe/counters';
import { IPV4_SRC } from './ipv4';
import { IPV6_SRC } from './ipv6';
import { swap16 } from './network-order';

/** foldSum of data whose checksum field is right. */
export const SUM_VALID: u32 = 0xffff;

/**
 * Adds `length` bytes from `ptr` to the running sum `initial`, an odd last byte padded with zero. Precondition: `length` is
 * at most 262144, and when sums are chained all but the last have an even length.
 */
export function sumBytes(ptr: usize, length: u32, initial: u64): u64 {
  countWork(W_BYTES_CHECKSUMMED, length);
  let sum = initial;
  let at = ptr;
  const vectorsEnd = ptr + (length & ~15);
  if (at < vectorsEnd) {
    // Flipping the top bit turns an unsigned 16-bit word w into the signed word w - 32768, and the signed
    // multiply-add then adds words in pairs; the eight times 32768 that each vector lacks are put back at the end.
    const flip = i16x8.splat(-32768);
    const ones = i16x8.splat(1);
    let even = i32x4.splat(0);
    let odd = i32x4.splat(0);
    const pairsEnd = ptr + (length & ~31);
    while (at < pairsEnd) {
      even = i32x4.add(even, i32x4.dot_i16x8_s(v128.xor(v128.load(at), flip), ones));
      odd = i32x4.add(odd, i32x4.dot_i16x8_s(v128.xor(v128.load(at, 16), flip), ones));
      at += 32;
    }
    if (at < vectorsEnd) {
      even = i32x4.add(even, i32x4.dot_i16x8_s(v128.xor(v128.load(at), flip), ones));
      at += 16;
    }
    sum += <u64>(addLanes(even) + addLanes(odd) + ((<i64>(length >> 4)) << 18));
  }
  if (length & 8) {
    const word = load<u64>(at);
    sum += (word & 0xffffffff) + (word >> 32);
    at += 8;
  }
  if (length & 4) {
    sum += <u64>load<u32>(at);
    at += 4;
  }
  if (length & 2) {
    sum += <u64>load<u16>(at);
    at += 2;
  }
  if (length & 1) sum += <u64>load<u8>(at);
  return sum;
}

// @ts-ignore: decorator
@inline
function addLanes(v: v128): i64 {
  const pairs = i64x2.add(i64x2.extend_low_i32x4_s(v), i64x2.extend_high_i32x4_s(v));
  return i64x2.extract_lane(pairs, 0) + i64x2.extract_lane(pairs, 1);
}

/** The 16-bit ones' complement sum of a running sum: SUM_VALID for data with a right checksum; 0 only for a sum of 0. */
// @ts-ignore: decorator
@inline
export function foldSum(sum: u64): u32 {
  // Adding a word to itself with its halves exchanged leaves high + low + the carry between them in the upper half.
  const half = <u32>((sum + rotl<u64>(sum, 32)) >> 32);
  return (half + rotl<u32>(half, 16)) >> 16;
}

/** Checksum field, as loaded, that makes data valid whose running sum, with a field of 0, is `sum`. */
// @ts-ignore: decorator
@inline
export function finishSum(sum: u64): u32 {
  return ~foldSum(sum) & 0xffff;
}

/** Sum of an IPv4 pseudo header (RFC 768, RFC 9293 §3.1): addresses of the header at `ip`, protocol, transport length. */
// @ts-ignore: decorator
@inline
export function pseudoSum4(ip: usize, protocol: u32, l4Size: u32): u64 {
  return (
    <u64>load<u32>(ip, IPV4_SRC) +
    <u64>load<u32>(ip, IPV4_SRC + 4) +
    <u64>((protocol << 8) + swap16(l4Size & 0xffff))
  );
}

/** Sum of an IPv6 pseudo header (RFC 8200 §8.1); `protocol` is that of the transport header, not the next-header field. */
// @ts-ignore: decorator
@inline
export function pseudoSum6(ip: usize, protocol: u32, l4Size: u32): u64 {
  return (
    sumHalves(load<u64>(ip, IPV6_SRC)) +
    sumHalves(load<u64>(ip, IPV6_SRC + 8)) +
    sumHalves(load<u64>(ip, IPV6_SRC + 16)) +
    sumHalves(load<u64>(ip, IPV6_SRC + 24)) +
    <u64>((protocol << 8) + swap16(l4Size & 0xffff))
  );
}

// @ts-ignore: decorator
@inline
function sumHalves(word: u64): u64 {
  return (word & 0xffffffff) + (word >> 32);
}
