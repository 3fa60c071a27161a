/**
 * The numbers the host needs: layouts, sizes and codes. A design exports them all, so each compiled module carries its
 * own layout and the host repeats none of it (engine/host/constants.ts reads them and checks that none is missing).
 */
import { ExecParams } from '../records/exec-params';
import { Packet } from '../records/packet';
import { PlacedPacket } from '../records/placed-packet';

export {
  COARSE_BYTES,
  FINE_BYTES,
  H_INTERVAL,
  H_KEY,
  H_LAG,
  H_LAG_POLICIES,
  H_LAG_ZONES,
  H_LOCK_HOLD,
  H_LOCK_WAIT,
  H_NAT_CANDIDATES,
  H_NAT_SERVICE,
  H_RESPONSE,
  H_SERVICE,
  HISTOGRAMS_SIZE,
  KEY_OTHERS,
  N_LAG_GROUPS,
} from '../probe/histogram';
export {
  C_ABORT,
  C_BUCKET_MASK,
  C_BUCKETS_BASE,
  C_BUFFERS_BASE,
  C_CT_LOCK,
  C_EPOCH,
  C_EXPECT_BASE,
  C_EXPECT_SLOTS,
  C_EXPIRY_BASE,
  C_FRAGMENT_LOCK,
  C_FRAGMENT_SETTINGS,
  C_FRAGMENT_SLOTS,
  C_FRAGMENTS_BASE,
  C_GRACE_PENDING,
  C_HASH_BASIS,
  C_LAG_GROUPS,
  C_MUTEX_POLICY,
  C_HISTOGRAMS_BASE,
  C_HISTOGRAMS_STRIDE,
  C_MAGIC,
  C_MAX_THREADS,
  C_N_CONN,
  C_N_CONN_LIMIT,
  C_N_EXPECTATIONS,
  C_ORPHANS,
  C_POLICIES_BASE,
  C_PRESET,
  C_RANDOM,
  C_RESOURCES_LOCK,
  C_SEED,
  C_SIDE_BASE,
  C_SLAB_BASE,
  C_SLAB_IN_USE,
  C_SLAB_NEXT,
  C_SLAB_SLOTS,
  C_SWEEP_INTERVAL_MS,
  C_SWEEPING,
  C_SWITCHES,
  C_TCP_SEQ_CHECK,
  C_THREADS_BASE,
  C_TOUCH_AHEAD,
  C_ZONES_BASE,
  CONN_SIZE,
  SIDE_SIZE,
  BUCKET_SIZE,
  CONTROL,
  CONTROL_SIZE,
  LOCK_STATS_SIZE,
  MAGIC,
  SWITCH_BARE_NAT_ZERO_TUPLE,
  SWITCH_CHECKSUMS_IGNORED,
  SWITCH_DEFAULT_LIMIT_PER_ZONE,
  MUTEX_BACKOFF,
  MUTEX_GLIBC,
  SWITCH_EST_AFTER_REPLY,
  SWITCH_FTP_IPV4_EXTENDED,
  T_BATCHES,
  T_BATCHES_TOUCHED,
  T_CLASSES,
  T_EPOCH_SEEN,
  T_HOLD_INTERVAL,
  T_INTERVAL_HISTOGRAM,
  T_LOCK_STATS,
  T_LOCKS_HELD,
  T_PACKET_INDEX,
  T_REASONS,
  T_SCRATCH,
  T_VERDICTS,
  T_WORK,
  THREAD_SIZE,
  TOUCH_AHEAD_AUTO,
  TOUCH_AHEAD_OFF,
  TOUCH_AHEAD_ON,
} from '../records/memory-map';
export {
  EX_ACTION,
  EX_KEY,
  EX_PARENT_KEY,
  EX_REPLACEMENT,
  EXPECTATION_SIZE,
} from '../conntrack/alg/expectations';
export { BUFFER_SIZE } from '../conntrack/fragments/recognise';
export { FRAGMENT_SLOT_SIZE } from '../conntrack/fragments/store';
export { SLOTS_PER_BUCKET } from '../shm/bucket';
export { SHARD_LINE } from '../shm/shards';
export { TOUCH_AHEAD_CONNECTIONS } from '../conntrack/touch-ahead';
export {
  CO_ALG,
  CO_EXPIRATION,
  CO_FLAGS,
  CO_GENERATION,
  CO_HASH,
  CO_KEY,
  CO_LOCK,
  CO_MARK,
  CO_KEPT,
  CO_PARENT_TUPLE,
  CO_PEER,
  CO_PROTO_STATE,
  CO_TIMEOUT_CLASS,
  CO_TP_ID,
  CONN_ALG_RELATED,
  CONN_ANNEX,
  CONN_TRANSLATED,
  CONN_UN_NAT,
  HELPER_FTP,
  HELPER_NONE,
  HELPER_TFTP,
  NAT_DST,
  NAT_DST_PORT,
  NAT_SRC,
  NAT_SRC_PORT,
  ST_DNAT,
  ST_EST,
  ST_INV,
  ST_NEW,
  ST_REL,
  ST_RPL,
  ST_SNAT,
  ST_TRK,
  KEPT_LABEL,
  SD_LABEL,
} from '../records/connection';
export { PARENT_TUPLE_SIZE } from '../records/side-data';
export {
  K_DL_TYPE,
  K_DPORT,
  K_DST,
  K_DCODE,
  K_DTYPE,
  K_PROTO,
  K_SCODE,
  K_SPORT,
  K_SRC,
  K_STYPE,
  K_ZONE,
  KEY_SIZE,
} from '../records/key';
export {
  EXEC_COMMIT,
  EXEC_FORCE,
  EXEC_LABEL,
  EXEC_MARK,
  EXEC_NAT,
  PARAMS_SIZE,
} from '../records/exec-params';
export {
  CLASS_ALG,
  CLASS_ESTABLISHED,
  CLASS_INVALID,
  CLASS_NAT,
  CLASS_NEW,
  CLASS_RELATED,
  CLASS_REPLY,
  N_CLASSES,
  N_REASONS,
  R_ALG_MALFORMED,
  R_CANNOT_CREATE,
  R_COMPANION_ORPHAN,
  R_CONN_LIMIT,
  R_CREATED,
  R_EXPECTATIONS_FULL,
  R_FORCED,
  R_FRAGMENT,
  R_FRAGMENT_BAD,
  R_FRAGMENT_EXPIRED,
  R_FRAGMENT_HELD,
  R_ICMP_CHECKSUM,
  R_ICMP_HEADER,
  R_ICMP_QUOTE,
  R_ICMP_TYPE,
  R_IPV4_CHECKSUM,
  R_IPV4_HEADER,
  R_IPV6_HEADER,
  R_LOST_RACE,
  R_MAP_FULL,
  R_NAT_EXHAUSTED,
  R_NO_L3,
  R_NO_L4,
  R_NONE,
  R_NOT_IP,
  R_PORT_ZERO,
  R_RELATED_UNKNOWN,
  R_REOPENED,
  R_SLAB_FULL,
  R_TCP_CHECKSUM,
  R_TCP_FLAGS,
  R_TCP_HEADER,
  R_TCP_WINDOW,
  R_UDP_CHECKSUM,
  R_UDP_HEADER,
  R_ZONE_LIMIT,
} from '../records/reasons';
export {
  PEER_SIZE,
  PEER_STATE,
  PEER_WSCALE,
  WSCALE_KNOWN,
  WSCALE_MASK,
  WSCALE_UNKNOWN,
} from '../conntrack/tcp';
export { POLICY_SIZE, POLICY_SLOTS } from '../conntrack/timeout-policies';
export { ZONE_ENTRIES, ZONE_ENTRY_SIZE } from '../conntrack/zone-limits';
export { EXPIRY_SIZE } from '../expiry/expiry';
export {
  LC_CONN,
  LC_CT,
  LC_FRAGMENT,
  LC_RESOURCES,
  LS_ACQUISITIONS,
  LS_CONTENDED,
  LS_FUTEX_WAITS,
  LS_HOLD_MAX,
  LS_HOLD_MIN,
  LS_HOLD_SAMPLES,
  LS_HOLD_TOTAL,
  LS_LEFT,
  LS_PERIOD,
  LS_SINGLE_SAMPLES,
  LS_SINGLE_TOTAL,
  LS_SPINS,
  LS_WAIT_MAX,
  LS_WAIT_MIN,
  LS_WAIT_TOTAL,
  W_ALG_REWRITES,
  W_BUCKET_PROBES,
  W_BYTES_CHECKSUMMED,
  W_BYTES_COPIED,
  W_CREATED,
  W_EPOCH_ADVANCES,
  W_EXPECTATIONS,
  W_FRAGMENTS,
  W_KEY_COMPARES,
  W_LIST_INSERTS,
  W_LIST_MOVES,
  W_LIST_REMOVES,
  W_LOOKUPS,
  W_MAP_DISPLACEMENTS,
  W_MAP_INSERTS,
  W_MAP_REMOVES,
  W_NAT_ALLOCATIONS,
  W_NAT_CANDIDATES,
  W_NAT_FAILURES,
  W_PACKETS,
  W_POLICY_LOOKUPS,
  W_REFRESHES,
  W_REMOVED,
  W_SLOTS_RETURNED,
  W_SWEEP_CHECKED,
  W_SWEEP_CLEANED,
  W_SWEEPS,
} from '../probe/counters';
export { NO_OFFSET, PACKET_SIZE } from '../records/packet';
export { PLACED_SIZE } from '../records/placed-packet';

// Fields of the packet descriptor.
export const PK_FRAME: usize = offsetof<Packet>('frame');
export const PK_LENGTH: usize = offsetof<Packet>('length');
export const PK_CAPACITY: usize = offsetof<Packet>('capacity');
export const PK_L3: usize = offsetof<Packet>('l3');
export const PK_L4: usize = offsetof<Packet>('l4');
export const PK_L2_PAD: usize = offsetof<Packet>('l2Pad');
export const PK_DL_TYPE: usize = offsetof<Packet>('dlType');
export const PK_CT_STATE: usize = offsetof<Packet>('ctState');
export const PK_CT_MARK: usize = offsetof<Packet>('ctMark');
export const PK_CT_ZONE: usize = offsetof<Packet>('ctZone');
export const PK_REASON: usize = offsetof<Packet>('reason');
export const PK_CONN: usize = offsetof<Packet>('conn');
export const PK_CONN_GENERATION: usize = offsetof<Packet>('connGeneration');
export const PK_PARAMS: usize = offsetof<Packet>('params');
export const PK_LABEL_LOW: usize = offsetof<Packet>('labelLow');
export const PK_LABEL_HIGH: usize = offsetof<Packet>('labelHigh');
export const PK_ORIG_SRC: usize = offsetof<Packet>('origSrcLow');
export const PK_ORIG_DST: usize = offsetof<Packet>('origDstLow');
export const PK_ORIG_SRC_PORT: usize = offsetof<Packet>('origSrcPort');
export const PK_ORIG_DST_PORT: usize = offsetof<Packet>('origDstPort');
export const PK_ORIG_PROTO: usize = offsetof<Packet>('origProto');
export const PK_ORIG_FAMILY: usize = offsetof<Packet>('origFamily');
export const PK_RECIRC: usize = offsetof<Packet>('recirc');
export const PK_CONSUMED: usize = offsetof<Packet>('consumed');
export const PK_USER: usize = offsetof<Packet>('user');
export const PL_LENGTH: usize = offsetof<PlacedPacket>('length');
export const PL_PARAMS: usize = offsetof<PlacedPacket>('params');

// Fields of a call's parameters.
export const EP_FLAGS: usize = offsetof<ExecParams>('flags');
export const EP_ZONE: usize = offsetof<ExecParams>('zone');
export const EP_HELPER: usize = offsetof<ExecParams>('helper');
export const EP_TP_ID: usize = offsetof<ExecParams>('tpId');
export const EP_MARK_VALUE: usize = offsetof<ExecParams>('markValue');
export const EP_MARK_MASK: usize = offsetof<ExecParams>('markMask');
export const EP_TP_SRC: usize = offsetof<ExecParams>('tpSrc');
export const EP_TP_DST: usize = offsetof<ExecParams>('tpDst');
export const EP_LABEL: usize = offsetof<ExecParams>('labelLow');
export const EP_LABEL_MASK: usize = offsetof<ExecParams>('labelMaskLow');
export const EP_NAT_ACTION: usize = offsetof<ExecParams>('natAction');
export const EP_NAT_MIN_PORT: usize = offsetof<ExecParams>('natMinPort');
export const EP_NAT_MAX_PORT: usize = offsetof<ExecParams>('natMaxPort');
export const EP_NAT_MIN_ADDRESS: usize = offsetof<ExecParams>('natMinLow');
export const EP_NAT_MAX_ADDRESS: usize = offsetof<ExecParams>('natMaxLow');
