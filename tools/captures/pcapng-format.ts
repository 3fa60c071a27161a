/** Layout of pcapng (draft-ietf-opsawg-pcapng): block types, option codes and fixed lengths. */
export const BLOCK_SECTION_HEADER = 0x0a0d0d0a;
export const BLOCK_INTERFACE = 1;
/** Obsolete packet block, still found in old files. */
export const BLOCK_PACKET = 2;
export const BLOCK_SIMPLE_PACKET = 3;
export const BLOCK_ENHANCED_PACKET = 6;

export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** Type and total length before a block's body, total length again after it. */
export const BLOCK_HEAD_BYTES = 8;
export const BLOCK_OVERHEAD_BYTES = 12;

/** Fixed part of a block's body, before packet data and options. */
export const SECTION_FIXED_BYTES = 16;
export const INTERFACE_FIXED_BYTES = 8;
export const PACKET_FIXED_BYTES = 20;
export const SIMPLE_PACKET_FIXED_BYTES = 4;

export const OPTION_END = 0;
export const OPTION_INTERFACE_NAME = 2;
export const OPTION_TIME_RESOLUTION = 9;
export const OPTION_TIME_OFFSET = 14;

/** Bytes that a field of `byteCount` takes in the file: padded to a multiple of 4. */
export function paddedLength(byteCount: number): number {
  return (byteCount + 3) & ~3;
}
