/** IPv4 header fields (RFC 791 §3.1): offsets from the header's first byte, and protocol numbers of both IP versions. */
export const IPV4_HEADER_SIZE: u32 = 20;
export const IPV4_TOTAL_LENGTH: usize = 2;
export const IPV4_ID: usize = 4;
export const IPV4_FRAGMENT: usize = 6;
export const IPV4_PROTOCOL: usize = 9;
export const IPV4_CHECKSUM: usize = 10;
export const IPV4_SRC: usize = 12;
export const IPV4_DST: usize = 16;

/** "More fragments" and the fragment offset, as the two bytes read in little-endian order. */
export const IPV4_FRAGMENT_MASK: u32 = 0xff3f;

export const PROTO_ICMP: u32 = 1;
export const PROTO_TCP: u32 = 6;
export const PROTO_UDP: u32 = 17;
export const PROTO_ICMPV6: u32 = 58;

/** Header length in bytes as the IHL field states it; may be less than IPV4_HEADER_SIZE in a bad header. */
// @ts-ignore: decorator
@inline
export function ipv4HeaderLength(ip: usize): u32 {
  return ((<u32>load<u8>(ip)) & 15) << 2;
}
