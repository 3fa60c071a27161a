/** Layout of the classic pcap file (draft-ietf-opsawg-pcap, section 4 and 5). */
export const PCAP_FILE_HEADER_BYTES = 24;
export const PCAP_RECORD_HEADER_BYTES = 16;

/** Magic numbers in the writer's byte order. */
export const PCAP_MAGIC_MICRO = 0xa1b2c3d4;
export const PCAP_MAGIC_NANO = 0xa1b23c4d;

/** The link type is the low half of the last header word; the FCS length and its flag are the top six bits. */
export const PCAP_LINK_TYPE_MASK = 0xffff;
/** Bits between them, which are zero in every sound file. */
export const PCAP_LINK_TYPE_RESERVED = 0x03ff_0000;
