/** The 16-bit number in network order at `at`, which has to lie within `bytes`. */
export function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
