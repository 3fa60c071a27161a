/** Reading fields that are in network order. Unaligned addresses are fine. */

/** The 16-bit field at `at`, as a number. */
// @ts-ignore: decorator
@inline
export function load16(at: usize): u32 {
  return swap16(<u32>load<u16>(at));
}

/** The 32-bit field at `at`, as a number. */
// @ts-ignore: decorator
@inline
export function load32(at: usize): u32 {
  return bswap<u32>(load<u32>(at));
}

/** A 16-bit value with its two bytes exchanged; upper bits of `x` must be zero. */
// @ts-ignore: decorator
@inline
export function swap16(x: u32): u32 {
  return (x >> 8) | ((x & 0xff) << 8);
}
