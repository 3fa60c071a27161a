/** Layout of the classic pcap file (draft-ietf-opsawg-pcap, section 4 and 5). */
export const PCAP_FILE_HEADER_BYTES = 24;
export const PCAP_RECORD_HEADER_BYTES = 16;

/** Magic numbers in the writer's byte order. */
export const PCAP_MAGIC_MICRO = 0xa1b2c3d4;
export const PCAP_MAGIC_NANO = 0xa1b23c4d;

/** The link type is the low 26 bits of the last header word; above it lie the FCS length and its flag. */
export const PCAP_LINK_TYPE_MASK = 0x03ff_ffff;
