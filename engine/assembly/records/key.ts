/**
 * Connection key (spec §1.2): 48 bytes, so that three 16-byte vector compares decide equality and no padding holds
 * garbage. Offsets from the key's address:
 *
 *   0  source address, 16 bytes; IPv4 in the first 4, the rest zero (network order)
 *  16  destination address, likewise
 *  32  source endpoint word:  port << 0 (network order u16) + 0, or ICMP id (u16), type (u8), code (u8)
 *  36  destination endpoint word
 *  40  dl_type, host order u16
 *  42  zone, host order u16
 *  44  nw_proto u8, then three zero bytes
 *
 * Reverse = swap the two endpoints, nothing else.
 */
export const KEY_SIZE: usize = 48;
export const K_SRC: usize = 0;
export const K_DST: usize = 16;
/** Source port, network order u16; for ICMP the id. */
export const K_SPORT: usize = 32;
/** ICMP type and code of the source endpoint. */
export const K_STYPE: usize = 34;
export const K_SCODE: usize = 35;
export const K_DPORT: usize = 36;
export const K_DTYPE: usize = 38;
export const K_DCODE: usize = 39;
export const K_DL_TYPE: usize = 40;
export const K_ZONE: usize = 42;
export const K_PROTO: usize = 44;

// @ts-ignore: decorator
@inline
export function keyEquals(a: usize, b: usize): bool {
  // The first vector that differs decides; for different flows that is nearly always one of the first two.
  const d0 = v128.xor(v128.load(a), v128.load(b));
  const d1 = v128.xor(v128.load(a, 16), v128.load(b, 16));
  const d2 = v128.xor(v128.load(a, 32), v128.load(b, 32));
  return !v128.any_true(v128.or(v128.or(d0, d1), d2));
}

/** Whether `b` is the reverse of `a`. */
// @ts-ignore: decorator
@inline
export function keyIsReverse(a: usize, b: usize): bool {
  const d0 = v128.xor(v128.load(a), v128.load(b, 16));
  const d1 = v128.xor(v128.load(a, 16), v128.load(b));
  // The two endpoint words change places, the rest stays.
  const last = v128.load(b, 32);
  const d2 = v128.xor(v128.load(a, 32), v128.shuffle<u32>(last, last, 1, 0, 2, 3));
  return !v128.any_true(v128.or(v128.or(d0, d1), d2));
}

// @ts-ignore: decorator
@inline
export function copyKey(to: usize, from: usize): void {
  v128.store(to, v128.load(from));
  v128.store(to, v128.load(from, 16), 16);
  v128.store(to, v128.load(from, 32), 32);
}

/** Writes the reverse of `from` to `to`; the two must not overlap. */
// @ts-ignore: decorator
@inline
export function reverseKey(to: usize, from: usize): void {
  v128.store(to, v128.load(from, 16));
  v128.store(to, v128.load(from), 16);
  // The endpoint words sit side by side in one 64-bit word: rotating by half swaps them.
  store<u64>(to, rotl<u64>(load<u64>(from, 32), 32), 32);
  store<u64>(to, load<u64>(from, 40), 40);
}

/** Finalizer of a 64-bit multiply-xorshift mix. */
// @ts-ignore: decorator
@inline
function finish(x: u64): u64 {
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93;
  x ^= x >> 32;
  return x;
}

// @ts-ignore: decorator
@inline
function hashEndpoint(low: u64, high: u64, word: u64, basis: u64): u64 {
  return finish(
    (low ^ basis) * 0x9e3779b97f4a7c15 + rotl<u64>(high * 0xc2b2ae3d27d4eb4f, 31) + word * 0x165667b19e3779f9,
  );
}

/**
 * Symmetric hash: a key and its reverse hash alike (spec §1.2), since each endpoint is hashed on its own from the
 * same basis and the two are joined by XOR before type, zone and protocol are mixed in.
 */
// @ts-ignore: decorator
@inline
export function keyHash(key: usize, basis: u32): u32 {
  return hashTuple(
    load<u64>(key),
    load<u64>(key, 8),
    load<u64>(key, 16),
    load<u64>(key, 24),
    load<u64>(key, 32),
    load<u64>(key, 40),
    basis,
  );
}

/** Both endpoint words of a key as one, from the first four bytes of a transport header as loaded; 0 without ports. */
// @ts-ignore: decorator
@inline
export function endpointWordsOf(ports: u32): u64 {
  return (<u64>(ports & 0xffff)) | ((<u64>(ports >> 16)) << 32);
}

/** The last eight bytes of a key as one word. */
// @ts-ignore: decorator
@inline
export function typeZoneProtocol(dlType: u32, zone: u32, protocol: u32): u64 {
  return (<u64>(dlType | (zone << 16))) | ((<u64>protocol) << 32);
}

/** keyHash of the key made of these six words, for callers that have them in registers. */
// @ts-ignore: decorator
@inline
export function hashTuple(
  srcLow: u64,
  srcHigh: u64,
  dstLow: u64,
  dstHigh: u64,
  endpointWords: u64,
  rest: u64,
  basis: u32,
): u32 {
  const joined =
    hashEndpoint(srcLow, srcHigh, endpointWords & 0xffffffff, basis) ^
    hashEndpoint(dstLow, dstHigh, endpointWords >> 32, basis);
  const mixed = finish(joined + rest * 0x27d4eb2f165667c5);
  return <u32>(mixed ^ (mixed >> 29));
}
