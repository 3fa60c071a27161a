/**
 * The tracker: what happens to one packet (spec §2). Generic over the expiry design `E` (expiry/expiry.ts), compiled once
 * per design.
 */
import { countReason, countState, countWork, LC_CONN, W_PACKETS } from '../probe/counters';
import {
  CO_FLAGS,
  CO_GENERATION,
  CO_KEY,
  CO_LOCK,
  CO_NAT_ACTION,
  CONN_ALG_RELATED,
  HELPER_FTP,
  HELPER_NONE,
  ST_DNAT,
  ST_EST,
  ST_INV,
  ST_NEW,
  ST_REL,
  ST_RPL,
  ST_SNAT,
  TM_NONE,
  UPDATE_INVALID,
  UPDATE_NEW,
  UPDATE_VALID,
} from '../records/connection';
import { EXEC_FORCE, EXEC_LABEL, EXEC_MARK, EXEC_NAT, ExecParams } from '../records/exec-params';
import { copyKey, K_ZONE, keyHash, reverseKey } from '../records/key';
import { hashBasis, hasOneHold } from '../records/memory-map';
import { Packet } from '../records/packet';
import { peerOf, reverseKeyOf, skewsReply } from '../records/side-data';
import {
  CLASS_ALG,
  CLASS_ESTABLISHED,
  CLASS_INVALID,
  CLASS_NAT,
  CLASS_NEW,
  CLASS_RELATED,
  CLASS_REPLY,
  R_COMPANION_ORPHAN,
  R_FORCED,
  R_LOST_RACE,
  R_RELATED_UNKNOWN,
  R_REOPENED,
} from '../records/reasons';
import { lock, unlock } from '../shm/mutex';
import { adjustFtpSequence, handleAlgControl } from './alg/control';
import { algControl } from './alg/detect';
import { findExpectation } from './alg/expectations';
import { extractKey } from './classify';
import { Context, contextKey, reverseScratch } from './context';
import { createNarrow, createWide } from './create';
import { isCompanion, isIdentityCompanion, lookup, lookupConnection } from './lookup';
import { copyMarkAndLabel, setMarkAndLabel, writeMetadata, writeNoTuple } from './metadata';
import { natPacket } from './nat/rewrite';
import { protocolUpdate } from './protocol';
import { findByRecordedTuple } from './recorded-tuple';

const NATTED: u32 = ST_SNAT | ST_DNAT;
const CACHED_REPLY: u32 = 1;
const CACHED_RELATED: u32 = 2;

/** Runs one packet through the tracker and counts its ct_state, which is the answer. */
// @ts-ignore: decorator
@inline
export function processPacket<E>(p: Packet, params: ExecParams, now: i64): void {
  if (p.ctState == ST_INV) {
    // Found invalid before it came here; the reason stays with it.
    writeNoTuple(p, params.zone);
  } else {
    p.reason = 0;
    if (p.conn != 0 && runCached(p, params)) {
      // The cached connection answered.
    } else if (!extractKey(p, params.zone)) {
      p.ctState = ST_INV;
      writeNoTuple(p, params.zone);
    } else {
      track<E>(p, params, now);
    }
  }
  countWork(W_PACKETS, 1);
  countState(p.ctState);
  if (p.reason != 0) countReason(p.reason);
}

/**
 * Fast path (spec §2 step 3): a packet that carries its connection from an earlier pass in the same zone. No state
 * update, no refresh, no expiry check. Returns false when it does not apply.
 */
function runCached(p: Packet, params: ExecParams): bool {
  const conn = <usize>p.conn;
  // A slot that was given up since may be somebody else's by now; an equal generation cannot be overtaken (shm/slab.ts).
  if (atomic.load<u32>(conn, CO_GENERATION) != p.connGeneration) return false;
  if (load<u16>(conn, CO_KEY + K_ZONE) != params.zone || params.flags & EXEC_FORCE) return false;
  if (algControl(p, params) != HELPER_NONE) return false;
  if (params.flags & EXEC_NAT) {
    translate(p, conn, params.zone, (p.connFlags & CACHED_REPLY) != 0, (p.connFlags & CACHED_RELATED) != 0);
    p.conn = 0;
  }
  p.ctZone = params.zone;
  lock(conn + CO_LOCK, LC_CONN);
  copyMarkAndLabel(p, conn);
  unlock(conn + CO_LOCK, LC_CONN);
  if (params.flags & (EXEC_MARK | EXEC_LABEL)) setMarkAndLabel(p, conn, params);
  return true;
}

function track<E>(p: Packet, params: ExecParams, now: i64): void {
  const zone: u32 = params.zone;
  const flags = params.flags;
  if (p.ctState != 0 && <u32>p.ctZone != zone) p.ctState = 0;
  const natted = (p.ctState & NATTED) != 0;
  let conn = natted ? lookupTranslated(now) : lookup(contextKey(), Context.hash, now);
  const missed = conn == 0 && !natted;

  Context.orphanCompanion = false;
  if (hasOneHold()) Context.metadataOf = 0;
  if (flags & EXEC_FORCE) conn = forceDirection<E>(p, conn, now);
  if (conn != 0 && isCompanion(conn)) {
    const identity = isIdentityCompanion(conn, reverseScratch());
    conn = lookupConnection(contextKey(), keyHash(peerOf(conn) + CO_KEY, hashBasis), now);
    if (conn == 0 && !identity) {
      p.ctState |= ST_INV;
      p.reason = <u8>R_COMPANION_ORPHAN;
      writeNoTuple(p, zone);
      return;
    }
    Context.orphanCompanion = conn == 0;
  }
  if (conn == 0) Context.reply = false;

  const control = algControl(p, params);
  const nat = (flags & EXEC_NAT) != 0;
  let createPending = false;
  if (conn != 0) {
    const reply = Context.reply;
    createPending =
      control == HELPER_FTP ? updateFtpControl<E>(p, conn, nat, now) : updateState<E>(p, conn, now);
    if (nat && !createPending) translate(p, conn, zone, reply, Context.icmpRelated);
  } else {
    if (natted && !nat) conn = findByRecordedTuple(p, now);
    if (conn != 0) {
      createPending = updateState<E>(p, conn, now);
    } else if (Context.icmpRelated) {
      p.ctState = ST_INV;
      p.reason = <u8>R_RELATED_UNKNOWN;
    } else {
      createPending = true;
    }
  }

  let expected = false;
  if (createPending) {
    expected = findExpectation(contextKey());
    // With a connection already found (reopened TCP), a lost race leaves that connection as the packet's.
    const previous = conn;
    const reply = Context.reply;
    conn = changetype<E>(0).insertsNarrowly()
      ? createNarrow<E>(p, params, now, expected, control, missed)
      : createWide<E>(p, params, now, expected, control);
    if (conn == 0 && <u32>p.reason == R_LOST_RACE) conn = previous;
    Context.reply = reply; // the look-ups of creation do not speak for this packet
  }

  writeMetadata(p, zone, conn, contextKey(), expected);
  if (conn != 0 && flags & (EXEC_MARK | EXEC_LABEL)) setMarkAndLabel(p, conn, params);
  if (control != HELPER_NONE) handleAlgControl(p, conn, control, params, now, nat);
  // An even generation: another thread removed the connection meanwhile.
  const generation = conn == 0 ? 0 : atomic.load<u32>(conn, CO_GENERATION);
  if (nat || (generation & 1) == 0) {
    p.conn = 0;
  } else {
    p.conn = <u32>conn;
    p.connGeneration = generation;
    p.connFlags = (Context.reply ? CACHED_REPLY : 0) | (Context.icmpRelated ? CACHED_RELATED : 0);
  }
}

/**
 * A packet translated earlier in this zone is found by its reverse (same hash); then the key becomes the connection's own
 * for that direction (spec §2 step b).
 */
function lookupTranslated(now: i64): usize {
  const key = contextKey();
  const original = reverseScratch();
  copyKey(original, key);
  reverseKey(key, original);
  const conn = lookup(key, Context.hash, now);
  if (conn == 0) {
    copyKey(key, original);
    return 0;
  }
  Context.reply = !Context.reply;
  copyKey(key, Context.reply ? reverseKeyOf(conn, original) : conn + CO_KEY);
  Context.hash = keyHash(key, hashBasis);
  return conn;
}

/** `force` on a reply: the connection goes, and the packet is treated as not found (spec §2 step c, §13). */
function forceDirection<E>(p: Packet, found: usize, now: i64): usize {
  let conn = found;
  if (conn != 0 && Context.reply && isCompanion(conn))
    conn = lookupConnection(contextKey(), Context.hash, now);
  if (conn == 0 || !Context.reply) return conn;
  if (changetype<E>(0).expire(conn, now)) countReason(R_FORCED);
  Context.reply = false;
  return 0;
}

/** Protocol update and the state bits that follow (spec §2 update_state). Returns whether a new connection is due. */
// @ts-ignore: decorator
@inline
function updateState<E>(p: Packet, conn: usize, now: i64): bool {
  const reply = Context.reply;
  if (Context.icmpRelated) {
    p.ctState |= reply ? ST_REL | ST_RPL : ST_REL;
    return false;
  }
  if (load<u8>(conn, CO_FLAGS) & (<u8>CONN_ALG_RELATED)) p.ctState |= ST_REL;
  lock(conn + CO_LOCK, LC_CONN);
  const result = protocolUpdate(conn, reply);
  if (Context.timeoutClass != TM_NONE) changetype<E>(0).refreshed(conn, Context.timeoutClass, now);
  if (hasOneHold()) {
    copyMarkAndLabel(p, conn);
    Context.metadataOf = conn;
  }
  unlock(conn + CO_LOCK, LC_CONN);
  if (result == UPDATE_VALID) {
    p.ctState = ((p.ctState | ST_EST) & ~ST_NEW) | (reply ? ST_RPL : 0);
    return false;
  }
  if (result == UPDATE_INVALID) {
    p.ctState = ST_INV;
    p.reason = <u8>Context.reason;
    return false;
  }
  if (result == UPDATE_NEW) {
    reopen<E>(conn, now);
    return true;
  }
  p.ctState |= ST_NEW;
  return false;
}

/** TCP reuse: the old connection stops matching. */
function reopen<E>(conn: usize, now: i64): void {
  const reply = Context.reply;
  if (changetype<E>(0).expire(conn, now)) countReason(R_REOPENED);
  Context.reply = reply; // the look-up of expiry does not speak for this packet
}

/** FTP control packets: sequence adjustment before or after the update, by direction (spec §8.4). */
function updateFtpControl<E>(p: Packet, conn: usize, nat: bool, now: i64): bool {
  const reply = Context.reply;
  lock(conn + CO_LOCK, LC_CONN);
  const skewReply = skewsReply(conn);
  unlock(conn + CO_LOCK, LC_CONN);
  if (reply != skewReply) {
    adjustFtpSequence(p, conn, reply, nat);
    return updateState<E>(p, conn, now);
  }
  const createPending = updateState<E>(p, conn, now);
  if (!createPending) adjustFtpSequence(p, conn, reply, nat);
  return createPending;
}

/** Translation of a packet of a known connection (spec §7.4), once per zone. */
function translate(p: Packet, conn: usize, zone: u32, reply: bool, related: bool): void {
  if (load<u8>(conn, CO_NAT_ACTION) == 0) return;
  if (p.ctState & NATTED) {
    if (<u32>p.ctZone == zone) return;
    p.ctState &= ~NATTED;
  }
  natPacket(p, conn, reply, related);
}

/** Class of the packet just tracked, for latency records. */
export function packetClass(p: Packet, params: ExecParams): u32 {
  const state = p.ctState;
  if (state & ST_INV) return CLASS_INVALID;
  if (params.helper != HELPER_NONE && algControl(p, params) != HELPER_NONE) return CLASS_ALG;
  if (state & ST_REL) return CLASS_RELATED;
  if (state & NATTED) return CLASS_NAT;
  if (state & ST_NEW) return CLASS_NEW;
  return state & ST_RPL ? CLASS_REPLY : CLASS_ESTABLISHED;
}
