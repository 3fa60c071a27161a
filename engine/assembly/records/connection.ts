/**
 * The connection record: one 128-byte slot of the slab, two cache lines, for connections and for their un-NAT companions alike (spec
 * §0, §7.3). The first line finds it, the second one is what a packet renews. What few connections have lies elsewhere:
 *
 *   reverse key      not stored: it is the key with its ends swapped, but for a translated connection, whose companion has it as its
 *                    own key (records/side-data.ts: reverseKeyOf)
 *   parent's tuple   in the companion of a related connection, or, where that is not translated, in a slot taken for it alone, its annex
 *   label, sequence skew, sequence of the zone's limit
 *                    in SIDE_SIZE bytes per slot beside the slab; CO_KEPT says which of them mean something
 *
 * Who writes: key, flags, NAT action, helper, peer, policy and the companion's or annex's content are written by the creating
 * thread before the record is published in the map and never again. `expiration`, protocol state, mark, label, sequence skew and
 * what of them is kept are guarded by the record's own lock; `expiration` is an atomic in some presets (expiry/rculist-sweep.ts).
 * The map node (`next`, `hash`) is written under ct_lock and read lock-free (atomics). The list link is guarded as the expiry
 * design says. `reclaimed` is an atomic test-and-set. The sequence of the zone's limit is written under ct_lock and read by the one
 * thread that removes the connection.
 *
 * Why a reader may keep using a removed record: its slot is not reused before a grace period (shm/epoch.ts), and a removed
 * record keeps its `next` and, in lists that are walked without a lock, its list `next`, so a traversal standing on it continues. A
 * connection and its companion lead to each other; they are retired together, so whoever stands on one may look at the other. The
 * word that chains retired slots (shm/slab.ts) is one that a companion and an annex have no use for.
 *
 * `generation` counts the uses of the slot, odd while it is out (shm/slab.ts), so a stale reference held across a grace
 * period (the packet's cached connection) can be distinguished from a live one.
 */
export const CO_KEY: usize = 0;
export const CO_NEXT: usize = 48; // map chain, atomic u32
export const CO_HASH: usize = 52;
export const CO_GENERATION: usize = 56; // atomic u32
/** CONN_* bits, immutable after publishing. */
export const CO_FLAGS: usize = 60; // u8
export const CO_ALG: usize = 61; // u8: HELPER_*
export const CO_NAT_ACTION: usize = 62; // u8, NAT_* bits
/** KEPT_* bits: which rarely used fields mean something. Guarded by the record's lock. */
export const CO_KEPT: usize = 63; // u8
export const CO_EXPIRATION: usize = 64; // i64 ms
export const CO_LOCK: usize = 72; // lock word, then u16 average spins
export const CO_TIMEOUT_CLASS: usize = 78; // u8: class of the last refresh
/** Old design: already removed. Guarded by the record's lock. */
export const CO_CLEANED: usize = 79; // u8
/** TCP: two peers of 12 bytes (conntrack/tcp.ts). Others and ICMP: state in the first byte. */
export const CO_PROTO_STATE: usize = 80;
/** List link: prev then next (shm/rculist.ts, shm/plain-list.ts). */
export const CO_LINK: usize = 104;
/** u32: address of the companion or annex, 0 = neither; of a companion or annex, that of its connection. */
export const CO_PEER: usize = 112;
export const CO_TP_ID: usize = 116; // u32
/** Removed (bit 0), by atomic test-and-set; what else it holds says the expiry design. */
export const CO_RECLAIMED: usize = 120; // atomic u32
export const CO_MARK: usize = 124; // u32

/** In a companion or annex: addresses and ports of the parent's tuple; the rest of a key is that of the connection's own. */
export const CO_PARENT_TUPLE: usize = 64; // 40 bytes

/** Fields of a slot beside the slab. */
export const SD_LABEL: usize = 0; // 16 bytes; KEPT_LABEL
export const SD_SEQ_SKEW: usize = 16; // i32; KEPT_SKEW
export const SD_ZONE_SEQ: usize = 20; // u32; CONN_ADMITTED_*

/** Data connection that matched an expectation: REL on every packet. */
export const CONN_ALG_RELATED: u32 = 1;
/** Un-NAT companion: found by translated tuple, never expires, invisible in dumps. */
export const CONN_UN_NAT: u32 = 2;
/** Its peer is a companion, in the map under this connection's reverse key. */
export const CONN_TRANSLATED: u32 = 4;
/** Counted by the limit of its own zone, by the default limit for all. */
export const CONN_ADMITTED_ZONE: u32 = 8;
export const CONN_ADMITTED_DEFAULT: u32 = 16;

/** Not a record but an annex: it holds a parent's tuple and is in no map. */
export const CONN_ANNEX: u32 = 32;

/** The label is not 0, or has been. */
export const KEPT_LABEL: u32 = 1;
/** There is a skew; the direction of it, 1 = reply. */
export const KEPT_SKEW: u32 = 2;
export const KEPT_SKEW_REPLY: u32 = 4;

/** Zone of the entry that governs where there is none (conntrack/zone-limits.ts). */
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
