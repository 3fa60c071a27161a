/**
 * What few connections have, and where it lies (records/connection.ts says who may write it, and under which lock). A connection that
 * has none of it touches none of these lines.
 */
import {
  CO_FLAGS,
  CO_KEPT,
  CO_KEY,
  CO_PARENT_TUPLE,
  CO_PEER,
  CONN_ADMITTED_DEFAULT,
  CONN_ADMITTED_ZONE,
  CONN_TRANSLATED,
  CONN_UN_NAT,
  KEPT_LABEL,
  KEPT_SKEW,
  KEPT_SKEW_REPLY,
  NO_ZONE,
  SD_LABEL,
  SD_SEQ_SKEW,
  SD_ZONE_SEQ,
} from './connection';
import { K_DL_TYPE, K_ZONE, reverseKey } from './key';
import { CONN_SIZE, SIDE_SIZE, sideBase, slabBase } from './memory-map';

/** Zone of the default limit entry. */
const DEFAULT_ZONE: i32 = -1;

// @ts-ignore: decorator
@inline
function sideOf(conn: usize): usize {
  return sideBase + ((conn - slabBase) / CONN_SIZE) * SIDE_SIZE;
}

/** Companion or annex of a connection, connection of a companion or annex; 0 = none. */
// @ts-ignore: decorator
@inline
export function peerOf(record: usize): usize {
  return <usize>load<u32>(record, CO_PEER);
}

/** Whether the record's reverse key is its peer's key, and not its own with the ends swapped. */
// @ts-ignore: decorator
@inline
export function reverseIsPeers(record: usize): bool {
  return (load<u8>(record, CO_FLAGS) & (<u8>(CONN_UN_NAT | CONN_TRANSLATED))) != 0;
}

/** Address of the record's reverse key: its peer's key, or made at `scratch`. */
export function reverseKeyOf(record: usize, scratch: usize): usize {
  if (reverseIsPeers(record)) return peerOf(record) + CO_KEY;
  reverseKey(scratch, record + CO_KEY);
  return scratch;
}

/** Bytes of a key that a parent's tuple has of its own. */
export const PARENT_TUPLE_SIZE: usize = K_DL_TYPE;

/** Writes the tuple of the parent of a related connection to its companion or annex, which is not published yet. */
export function storeParentTuple(peer: usize, parentKey: usize): void {
  v128.store(peer + CO_PARENT_TUPLE, v128.load(parentKey));
  v128.store(peer + CO_PARENT_TUPLE, v128.load(parentKey, 16), 16);
  store<u64>(peer + CO_PARENT_TUPLE, load<u64>(parentKey, 32), 32);
}

/** Address of the tuple of a related connection's parent: PARENT_TUPLE_SIZE bytes as in a key. */
// @ts-ignore: decorator
@inline
export function parentTupleOf(conn: usize): usize {
  return peerOf(conn) + CO_PARENT_TUPLE;
}

/** Half of the label, 0 or 1. Precondition: conn's lock is held. */
// @ts-ignore: decorator
@inline
export function labelHalf(conn: usize, half: usize): u64 {
  if ((load<u8>(conn, CO_KEPT) & (<u8>KEPT_LABEL)) == 0) return 0;
  return load<u64>(sideOf(conn) + half * 8, SD_LABEL);
}

/** Precondition: conn's lock is held, or it is not published. */
export function storeLabel(conn: usize, low: u64, high: u64): void {
  const side = sideOf(conn);
  store<u64>(side, low, SD_LABEL);
  store<u64>(side, high, SD_LABEL + 8);
  store<u8>(conn, load<u8>(conn, CO_KEPT) | (<u8>KEPT_LABEL), CO_KEPT);
}

/** By how many bytes the sequence numbers of one direction are off; 0 = none. Precondition: conn's lock is held. */
// @ts-ignore: decorator
@inline
export function skewOf(conn: usize): i32 {
  return load<u8>(conn, CO_KEPT) & (<u8>KEPT_SKEW) ? load<i32>(sideOf(conn), SD_SEQ_SKEW) : 0;
}

/** Whether that direction is the reply. Precondition: conn's lock is held. */
// @ts-ignore: decorator
@inline
export function skewsReply(conn: usize): bool {
  return (load<u8>(conn, CO_KEPT) & (<u8>KEPT_SKEW_REPLY)) != 0;
}

/** Precondition: conn's lock is held. */
export function storeSkewOf(conn: usize, skew: i32, reply: bool): void {
  store<i32>(sideOf(conn), skew, SD_SEQ_SKEW);
  const kept = (<u32>load<u8>(conn, CO_KEPT)) & ~KEPT_SKEW_REPLY;
  store<u8>(conn, <u8>(kept | KEPT_SKEW | (reply ? KEPT_SKEW_REPLY : 0)), CO_KEPT);
}

/** Flags of a connection that the limit of `governing` counts (NO_ZONE: none does). */
// @ts-ignore: decorator
@inline
export function admissionFlags(governing: i32): u32 {
  if (governing == NO_ZONE) return 0;
  return governing == DEFAULT_ZONE ? CONN_ADMITTED_DEFAULT : CONN_ADMITTED_ZONE;
}

/** Zone of the limit that counts the connection; NO_ZONE = none does. */
// @ts-ignore: decorator
@inline
export function admissionZone(conn: usize): i32 {
  const flags = <u32>load<u8>(conn, CO_FLAGS);
  if (flags & CONN_ADMITTED_ZONE) return <i32>load<u16>(conn, CO_KEY + K_ZONE);
  return flags & CONN_ADMITTED_DEFAULT ? DEFAULT_ZONE : NO_ZONE;
}

/** Sequence of that limit when it admitted the connection. */
// @ts-ignore: decorator
@inline
export function admissionSequence(conn: usize): u32 {
  return load<u32>(sideOf(conn), SD_ZONE_SEQ);
}

/** Precondition: ct_lock is held, or conn is not published. */
// @ts-ignore: decorator
@inline
export function storeAdmissionSequence(conn: usize, sequence: u32): void {
  store<u32>(sideOf(conn), sequence, SD_ZONE_SEQ);
}
