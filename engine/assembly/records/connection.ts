/**
 * The connection record: one 256-byte slot of the slab (four cache lines), for connections and for their un-NAT
 * companions alike (spec §0, §7.3). The first two lines hold what every lookup and refresh touches.
 *
 * Who writes: `key`, `rev_key`, `parent_key`, NAT action, alg, tp_id, zone admission are written by the creating thread
 * before the record is published in the map and never again. `expiration`, protocol state, mark, label and sequence
 * skew are guarded by the record's own lock. The map node (`next`, `hash`) is written under ct_lock and read
 * lock-free (atomics). The list link is guarded as the expiry design says. `reclaimed` is an atomic test-and-set.
 *
 * Why a reader may keep using a removed record: its slot is not reused before a grace period (shm/epoch.ts), and a removed
 * record keeps its `next` and, in lists that are walked without a lock, its list `next`, so a traversal standing on it continues.
 *
 * `generation` counts the uses of the slot, odd while it is out (shm/slab.ts), so a stale reference held across a grace
 * period (the packet's cached connection) can be distinguished from a live one.
 */
export const CO_KEY: usize = 0;
export const CO_NEXT: usize = 48; // map chain, atomic u32
export const CO_HASH: usize = 52;
export const CO_GENERATION: usize = 56; // atomic u32
/** CONN_* bits, immutable after publishing. */
export const CO_FLAGS: usize = 60;
export const CO_REV_KEY: usize = 64;
export const CO_EXPIRATION: usize = 112; // i64 ms
export const CO_LOCK: usize = 120; // lock word, then u16 average spins
export const CO_TIMEOUT_CLASS: usize = 126; // u8: class of the last refresh
/** Old design: already removed. Guarded by the record's lock. */
export const CO_CLEANED: usize = 127; // u8
/** TCP: two peers of 12 bytes (conntrack/tcp.ts). Others and ICMP: state in the first byte. */
export const CO_PROTO_STATE: usize = 128;
export const CO_MARK: usize = 152; // u32
export const CO_SEQ_SKEW: usize = 156; // i32
export const CO_LABEL: usize = 160; // 16 bytes
export const CO_COMPANION: usize = 176; // u32, address of the un-NAT companion, 0 = none
/** List link: prev then next (shm/rculist.ts, shm/plain-list.ts). */
export const CO_LINK: usize = 180;
export const CO_TP_ID: usize = 188; // u32
export const CO_PARENT_KEY: usize = 192;
export const CO_ADMIT_ZONE: usize = 240; // i32: zone whose limit counts it; NO_ZONE = none
export const CO_ZONE_SEQ: usize = 244; // u32
export const CO_NAT_ACTION: usize = 248; // u16, NAT_* bits
export const CO_ALG: usize = 250; // u8: HELPER_*
export const CO_SKEW_REPLY: usize = 251; // u8: direction of the skew, 1 = reply
/** Removed (bit 0), by atomic test-and-set; what else it holds says the expiry design. */
export const CO_RECLAIMED: usize = 252; // atomic u32

/** Data connection that matched an expectation: REL on every packet. */
export const CONN_ALG_RELATED: u32 = 1;
/** Un-NAT companion: found by translated tuple, never expires, invisible in dumps. */
export const CONN_UN_NAT: u32 = 2;

/** CO_ADMIT_ZONE when no limit entry applied at creation. */
export const NO_ZONE: i32 = -2;

export const HELPER_NONE: u8 = 0;
export const HELPER_FTP: u8 = 1;
export const HELPER_TFTP: u8 = 2;

export const NAT_SRC: u32 = 1;
export const NAT_SRC_PORT: u32 = 2;
export const NAT_DST: u32 = 4;
export const NAT_DST_PORT: u32 = 8;

/** ct_state bits (spec §2). */
export const ST_NEW: u32 = 0x01;
export const ST_EST: u32 = 0x02;
export const ST_REL: u32 = 0x04;
export const ST_RPL: u32 = 0x08;
export const ST_INV: u32 = 0x10;
export const ST_TRK: u32 = 0x20;
export const ST_SNAT: u32 = 0x40;
export const ST_DNAT: u32 = 0x80;

/** Result of a protocol update (spec §2 update_state). */
export const UPDATE_INVALID: u32 = 0;
export const UPDATE_VALID: u32 = 1;
export const UPDATE_VALID_NEW: u32 = 2;
export const UPDATE_NEW: u32 = 3;

/** Timeout classes, in list order (spec §5). */
export const TM_TCP_FIRST_PACKET: u32 = 0;
export const TM_TCP_OPENING: u32 = 1;
export const TM_TCP_ESTABLISHED: u32 = 2;
export const TM_TCP_CLOSING: u32 = 3;
export const TM_TCP_FIN_WAIT: u32 = 4;
export const TM_TCP_CLOSED: u32 = 5;
export const TM_OTHER_FIRST: u32 = 6;
export const TM_OTHER_MULTIPLE: u32 = 7;
export const TM_OTHER_BIDIR: u32 = 8;
export const TM_ICMP_FIRST: u32 = 9;
export const TM_ICMP_REPLY: u32 = 10;
export const N_TIMEOUT_CLASSES: u32 = 11;
/** A protocol update that refreshes nothing. */
export const TM_NONE: u32 = 255;
