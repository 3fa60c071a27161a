/** The address of a translation: which one of the requested range a connection gets (spec §7.2). */
import { ExecParams } from '../../records/exec-params';
import { K_DL_TYPE, K_PROTO, K_SPORT, K_ZONE } from '../../records/key';
import { hashBasis } from '../../records/memory-map';
import { DL_TYPE_IPV4 } from '../../wire/locate';

/** An IPv6 range counts at most this many addresses beyond its first. */
const MAX_SPAN6: u64 = 0xfffffffe;

// @ts-ignore: decorator
@inline
function mix(hash: u64, word: u64): u64 {
  const x = (hash ^ word) * 0x9e3779b97f4a7c15;
  return x ^ (x >> 29);
}

/**
 * Hash over the requested range and every field of the key: the same request and flow always get the same
 * address and the same first port. Unlike the key's own hash it is not symmetric.
 */
export function rangeHash(key: usize, params: ExecParams): u32 {
  let h = mix(hashBasis, params.natMinLow);
  h = mix(h, params.natMinHigh);
  h = mix(h, params.natMaxLow);
  h = mix(h, params.natMaxHigh);
  h = mix(h, (<u64>params.natMaxPort << 16) | <u64>params.natMinPort);
  for (let at: usize = 0; at < K_SPORT; at += 8) h = mix(h, load<u64>(key + at));
  h = mix(h, load<u64>(key, K_SPORT));
  h = mix(h, (<u64>load<u16>(key, K_DL_TYPE) << 32) | (<u64>load<u8>(key, K_PROTO) << 16) | <u64>load<u16>(key, K_ZONE));
  h = mix(h, h >> 32);
  return <u32>(h >> 16);
}

/** Writes the chosen address (16 bytes, as in a key) to `to`. An all-zero minimum keeps the address at `original`. */
export function addressInRange(to: usize, original: usize, key: usize, params: ExecParams, hash: u32): void {
  if ((params.natMinLow | params.natMinHigh) == 0) {
    v128.store(to, v128.load(original));
  } else if (<u32>load<u16>(key, K_DL_TYPE) == DL_TYPE_IPV4) {
    const min = bswap<u32>(<u32>params.natMinLow);
    const missing = (params.natMaxLow | params.natMaxHigh) == 0;
    const count = (missing ? min : bswap<u32>(<u32>params.natMaxLow)) - min + 1;
    // A count of 0 is 2^32: the offset is the hash itself.
    const offset = count == 0 ? hash : hash % count;
    store<u64>(to, <u64>bswap<u32>(min + offset));
    store<u64>(to, 0, 8);
  } else {
    address6InRange(to, params, hash);
  }
}

function address6InRange(to: usize, params: ExecParams, hash: u32): void {
  const minHigh = bswap<u64>(params.natMinLow);
  const minLow = bswap<u64>(params.natMinHigh);
  const missing = (params.natMaxLow | params.natMaxHigh) == 0;
  const span = missing ? 0 : span6(minHigh, minLow, bswap<u64>(params.natMaxLow), bswap<u64>(params.natMaxHigh));
  const offset = <u64>hash % (span + 1);
  const low = minLow + offset;
  const high = minHigh + u64(low < minLow);
  store<u64>(to, bswap<u64>(high));
  store<u64>(to, bswap<u64>(low), 8);
}

/** Addresses of an IPv6 range beyond its first, capped. */
function span6(minHigh: u64, minLow: u64, maxHigh: u64, maxLow: u64): u64 {
  const adjacent = minHigh == maxHigh ? minLow <= maxLow : minHigh + 1 == maxHigh && minLow > maxLow;
  // In both shapes the difference of the low halves, modulo 2^64, is the distance.
  const span = adjacent ? maxLow - minLow : MAX_SPAN6;
  return span > MAX_SPAN6 ? MAX_SPAN6 : span;
}
