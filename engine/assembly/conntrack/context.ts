/**
 * What is being done with the packet in progress, and what a call asks for.
 *
 * The context is thread-local: module globals (a module instance belongs to one thread) plus some keys in the
 * thread's own block. Nothing here is shared.
 */
import { T_CONTEXT, threadBlock } from '../records/memory-map';

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
/** Reverse key of the connection in the making: a translated one's goes to its companion, nobody else keeps it. */
// @ts-ignore: decorator
@inline
export function newReverseKey(): usize {
  return threadBlock + T_CONTEXT + 128;
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
  /** The connection whose mark and label the packet has from its update already, 0 = none (a preset with one hold). */
  static metadataOf: usize = 0;
  /** Set by a protocol update: timeout class to refresh to, or TM_NONE. */
  static timeoutClass: u32 = 0;
  /** Set by a protocol update that returns UPDATE_INVALID: why, an R_* code. */
  static reason: u32 = 0;
}
