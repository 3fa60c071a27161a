/**
 * What is being done with the packet in progress, and what a call asks for.
 *
 * The context is thread-local: module globals (a module instance belongs to one thread) plus three keys in the
 * thread's own block. Nothing here is shared.
 */
import { T_CONTEXT, threadBlock } from '../shm/memory-map';

/** Key being looked up; extraction fills it, NAT lookups may replace it. Address of KEY_SIZE bytes. */
// @ts-ignore: decorator
@inline
export function contextKey(): usize {
  return threadBlock + T_CONTEXT;
}
/** Scratch key: the reverse of the context key. */
// @ts-ignore: decorator
@inline
export function reverseScratch(): usize {
  return threadBlock + T_CONTEXT + 64;
}
/** Copy of a matched expectation (conntrack/alg/expectations.ts). */
// @ts-ignore: decorator
@inline
export function expectationCopy(): usize {
  return threadBlock + T_CONTEXT + 256;
}

/** Set by classification, read by the tracker. */
export class Context {
  /** The key came from the packet quoted in an ICMP error (spec §1.4). */
  static icmpRelated: bool = false;
  /** The look-up met only the companion of a dead translation that changed nothing: it counts as absent (spec §13). */
  static orphanCompanion: bool = false;
  /** Addresses of the network and transport header of the packet, and the transport size without L2 padding. */
  static l3: usize = 0;
  static l4: usize = 0;
  static l4Size: u32 = 0;
  /** For ICMP errors: address of the inner network and transport header. */
  static innerL3: usize = 0;
  static innerL4: usize = 0;
  /** Set by lookup: connection found (0 = none) and the direction of the packet in it. */
  static conn: usize = 0;
  static reply: bool = false;
  static hash: u32 = 0;
  /** Set by a protocol update: timeout class to refresh to, or TM_NONE. */
  static timeoutClass: u32 = 0;
  /** Set by a protocol update that returns UPDATE_INVALID: why, an R_* code. */
  static reason: u32 = 0;
}

/**
 * What a call to execute asks for (spec §2). 144 bytes, written by the host, read-only for the engine while it runs.
 */
export const PARAMS_SIZE: usize = 160;

@unmanaged
export class ExecParams {
  /** EXEC_* bits. */
  flags: u32;
  zone: u16;
  helper: u8;
  pad0: u8;
  /** Timeout policy for connections created by this call. */
  tpId: u32;
  markValue: u32;
  markMask: u32;
  tpSrc: u16;
  tpDst: u16;
  labelLow: u64;
  labelHigh: u64;
  labelMaskLow: u64;
  labelMaskHigh: u64;
  /** NAT_* bits; 0 with EXEC_NAT is the bare request. */
  natAction: u32;
  /** Port range in host order. */
  natMinPort: u16;
  natMaxPort: u16;
  /** Address range, as in a key (network order, 16 bytes each). */
  natMinLow: u64;
  natMinHigh: u64;
  natMaxLow: u64;
  natMaxHigh: u64;
}

export const EXEC_COMMIT: u32 = 1;
export const EXEC_FORCE: u32 = 2;
export const EXEC_NAT: u32 = 4;
export const EXEC_MARK: u32 = 8;
export const EXEC_LABEL: u32 = 16;

/** Why a packet got its verdict: index into the thread's reason counts. 0 = nothing special. */
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

/** Class of a packet for latency records. */
export const CLASS_NEW: u32 = 0;
export const CLASS_ESTABLISHED: u32 = 1;
export const CLASS_REPLY: u32 = 2;
export const CLASS_RELATED: u32 = 3;
export const CLASS_INVALID: u32 = 4;
export const CLASS_NAT: u32 = 5;
export const CLASS_ALG: u32 = 6;
export const N_CLASSES: u32 = 7;
