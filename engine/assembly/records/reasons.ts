/**
 * What is recorded of a packet beside its ct_state: the reason for it, and the class that its times are recorded under. The host
 * reads these numbers by name.
 */
/** Why a packet has its ct_state: index into the thread's reason counts. 0 = nothing special. */
export const R_NONE: u32 = 0;
export const R_NOT_IP: u32 = 1;
export const R_NO_L3: u32 = 2;
export const R_NO_L4: u32 = 3;
export const R_IPV4_HEADER: u32 = 4;
export const R_IPV4_CHECKSUM: u32 = 5;
export const R_FRAGMENT: u32 = 6;
export const R_IPV6_HEADER: u32 = 7;
export const R_TCP_HEADER: u32 = 8;
export const R_TCP_CHECKSUM: u32 = 9;
export const R_UDP_HEADER: u32 = 10;
export const R_UDP_CHECKSUM: u32 = 11;
export const R_PORT_ZERO: u32 = 12;
export const R_ICMP_HEADER: u32 = 13;
export const R_ICMP_CHECKSUM: u32 = 14;
export const R_ICMP_TYPE: u32 = 15;
export const R_ICMP_QUOTE: u32 = 16;
export const R_TCP_FLAGS: u32 = 17;
export const R_TCP_WINDOW: u32 = 18;
export const R_CANNOT_CREATE: u32 = 19;
export const R_ZONE_LIMIT: u32 = 20;
export const R_CONN_LIMIT: u32 = 21;
export const R_SLAB_FULL: u32 = 22;
export const R_NAT_EXHAUSTED: u32 = 23;
export const R_RELATED_UNKNOWN: u32 = 24;
export const R_COMPANION_ORPHAN: u32 = 25;
export const R_LOST_RACE: u32 = 26;
export const R_ALG_MALFORMED: u32 = 27;
export const R_FRAGMENT_HELD: u32 = 28;
export const R_FRAGMENT_BAD: u32 = 29;
export const R_FRAGMENT_EXPIRED: u32 = 30;
export const R_MAP_FULL: u32 = 31;
export const R_CREATED: u32 = 32;
export const R_REOPENED: u32 = 33;
export const R_FORCED: u32 = 34;
export const R_EXPECTATIONS_FULL: u32 = 35;
export const N_REASONS: u32 = 64;

/** Class of a packet, by which its times are recorded. */
export const CLASS_NEW: u32 = 0;
export const CLASS_ESTABLISHED: u32 = 1;
export const CLASS_REPLY: u32 = 2;
export const CLASS_RELATED: u32 = 3;
export const CLASS_INVALID: u32 = 4;
export const CLASS_NAT: u32 = 5;
export const CLASS_ALG: u32 = 6;
export const N_CLASSES: u32 = 7;
