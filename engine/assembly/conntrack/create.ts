/**
 * Creating a connection (spec §2 "create", publish order included).
 *
 * Two ways to the same result, chosen by the design at compile time: `createWide` holds ct_lock from the second look-up to the
 * end, as the original does; `createNarrow` prepares the record first (expiry/narrow-insert.ts says why). Either looks up once more than
 * the packet itself has, under the lock.
 *
 * With shards (shm/shards.ts) the narrow way holds the locks of the connection's shards instead of ct_lock, so there may be others that
 * create, in other shards. What is then shared: the zone's count and the table's, in each of which the connection takes its place by
 * compare-exchange before anything is inserted (takePlaces), so no limit is exceeded; and the slots (reserved-slots.ts).
 *
 * Returns the connection, or 0; sets the packet's ct_state. `CreateResult.lostRace` means that a live entry was found
 * under the lock: then the state is untouched.
 */
import { countReason, countWork, LC_CT, W_CREATED, W_MAP_REMOVES } from '../probe/counters';
import { TORTURE } from '../probe/flavour';
import { S_PLACE_TAKE, step } from '../probe/steps';
import {
  CO_ALG,
  CO_FLAGS,
  CO_GENERATION,
  CO_KEY,
  CO_NAT_ACTION,
  CO_PEER,
  CO_TP_ID,
  CONN_ANNEX,
  CONN_TRANSLATED,
  CONN_UN_NAT,
  NO_ZONE,
  ST_INV,
  ST_NEW,
  ST_REL,
} from '../records/connection';
import { EXEC_COMMIT, EXEC_NAT, ExecParams } from '../records/exec-params';
import { copyKey, keyHash, K_ZONE } from '../records/key';
import {
  C_CT_LOCK,
  C_N_CONN,
  C_N_CONN_LIMIT,
  CONN_SIZE,
  CONTROL,
  hashBasis,
  maxThreads,
  SHARDED,
  switches,
  SWITCH_BARE_NAT_ZERO_TUPLE,
  T_RESERVED_SLOTS,
  T_SPARE_SLOTS,
  THREAD_SIZE,
  threadBlock,
  threadsBase,
} from '../records/memory-map';
import { Packet } from '../records/packet';
import {
  admissionFlags,
  admissionSequence,
  storeAdmissionSequence,
  storeParentTuple,
} from '../records/side-data';
import {
  R_CANNOT_CREATE,
  R_CONN_LIMIT,
  R_CREATED,
  R_LOST_RACE,
  R_MAP_FULL,
  R_NAT_EXHAUSTED,
  R_SLAB_FULL,
  R_ZONE_LIMIT,
} from '../records/reasons';
import { retire } from '../shm/epoch';
import { mapInsertLocked, mapRemoveLocked } from '../shm/hash-map';
import { lock, unlock } from '../shm/mutex';
import { putSlotLocked, takeSlotLocked } from '../shm/slab';
import { helperToStore } from './alg/detect';
import { expectationParentKey, inheritExpectation } from './alg/expectations';
import { Context, contextKey, newReverseKey } from './context';
import { lockCreation, unlockCreation } from './creation-locks';
import { isCompanion, lookup, lookupConnection } from './lookup';
import { natPacket } from './nat/rewrite';
import { chooseNatTuple } from './nat/select';
import { protocolCanCreate, protocolInit } from './protocol';
import { putReservedLocked, takeReserved } from './reserved-slots';
import { admitLocked, admitWithin, governingZone, releaseZone, zoneIsFull } from './zone-limits';

/** Zeroes a slot except for its generation. */
function blank(slot: usize): void {
  memory.fill(slot, 0, CO_GENERATION);
  memory.fill(slot + CO_FLAGS, 0, CONN_SIZE - CO_FLAGS);
}

/**
 * Whether the context key still has a live entry. A companion is one (spec §6.2: re-creation by a reply creates nothing), except
 * where the packet's own look-up met nothing but the companion of a dead identity translation (spec §13).
 */
function hasLiveEntry(now: i64): bool {
  const found = lookup(contextKey(), Context.hash, now);
  if (found == 0) return false;
  if (!Context.orphanCompanion || !isCompanion(found)) return true;
  return lookupConnection(contextKey(), Context.hash, now) != 0;
}

/** Reason why the limits reject a new connection in the key's zone, or 0. */
function limitReason(governing: i32): u32 {
  if (governing != NO_ZONE && zoneIsFull(governing)) return R_ZONE_LIMIT;
  if (atomic.load<u32>(CONTROL, C_N_CONN) >= atomic.load<u32>(CONTROL, C_N_CONN_LIMIT)) return R_CONN_LIMIT;
  return 0;
}

/** Fills a slot with everything that does not depend on other connections; returns nothing yet published. */
function prepare<E>(
  conn: usize,
  p: Packet,
  params: ExecParams,
  now: i64,
  expected: bool,
  control: u32,
): void {
  blank(conn);
  store<u32>(conn, params.tpId, CO_TP_ID);
  const timeoutClass = protocolInit(conn);
  changetype<E>(0).started(conn, timeoutClass, now);
  copyKey(conn + CO_KEY, contextKey());
  store<u8>(conn, <u8>helperToStore(control, params), CO_ALG);
  if (expected) inheritExpectation(conn, params);
}

/** Whether the connection gets a translation, hence a companion; one that changes nothing gets it only with the switch. */
function isTranslated(conn: usize, params: ExecParams): bool {
  if ((params.flags & EXEC_NAT) == 0) return false;
  return load<u8>(conn, CO_NAT_ACTION) != 0 || (switches & SWITCH_BARE_NAT_ZERO_TUPLE) != 0;
}

/** Whether a translated connection, or one that knows its parent, needs a second slot: a companion, or an annex. */
// @ts-ignore: decorator
@inline
function needsPeer(translated: bool, expected: bool): bool {
  return translated || expected;
}

/**
 * Counts the connection in with its zone and with the table. Returns the reason why a limit rejects it, or 0. With shards only, where
 * several creations may test one limit: testing and counting are one step.
 */
function takePlaces(conn: usize, governing: i32): u32 {
  if (governing != NO_ZONE) {
    const sequence = admitWithin(governing);
    if (sequence < 0) return R_ZONE_LIMIT;
    storeAdmissionSequence(conn, <u32>sequence);
  }
  while (true) {
    const count = atomic.load<u32>(CONTROL, C_N_CONN);
    if (count >= atomic.load<u32>(CONTROL, C_N_CONN_LIMIT)) break;
    if (TORTURE) step(S_PLACE_TAKE);
    if (atomic.cmpxchg<u32>(CONTROL + C_N_CONN, count, count + 1) == count) return 0;
  }
  if (governing != NO_ZONE) releaseZone(governing, admissionSequence(conn));
  return R_CONN_LIMIT;
}

/** Undoes takePlaces for a connection that found no room in the map. */
function givePlacesBack(conn: usize, governing: i32): void {
  if (governing != NO_ZONE) releaseZone(governing, admissionSequence(conn));
  atomic.sub<u32>(CONTROL + C_N_CONN, 1);
}

/** Results of publishLocked. */
const PUBLISHED: u32 = 0;
/** The map has no room; no thread could see either record. */
const NO_ROOM: u32 = 1;
/** The map has no room for the connection, but had for its companion: others may still look at that one, and by it at the connection. */
const NO_ROOM_BESIDE_COMPANION: u32 = 2;

/** Makes `peer` the companion or annex of a connection. Nobody sees either yet. */
function join(conn: usize, peer: usize, translated: bool, expected: bool): void {
  blank(peer);
  store<u32>(peer, <u32>conn, CO_PEER);
  if (expected) storeParentTuple(peer, expectationParentKey());
  if (translated) {
    copyKey(peer + CO_KEY, newReverseKey());
    store<u8>(peer, <u8>CONN_UN_NAT, CO_FLAGS);
    store<u8>(conn, load<u8>(conn, CO_FLAGS) | (<u8>CONN_TRANSLATED), CO_FLAGS);
  } else {
    store<u8>(peer, <u8>CONN_ANNEX, CO_FLAGS);
  }
  store<u32>(conn, <u32>peer, CO_PEER);
}

/**
 * Publishes: companion, main entry, expiration list; then the counts. Precondition: ct_lock is held. `peer` is a slot, or 0; `translated`
 * makes it a companion. When the map has no room nothing is left in it. With shards: the locks of both shards are held, and it has taken its
 * places.
 */
function publishLocked<E>(conn: usize, peer: usize, translated: bool, expected: bool, governing: i32): u32 {
  store<u8>(conn, load<u8>(conn, CO_FLAGS) | (<u8>admissionFlags(governing)), CO_FLAGS);
  if (peer != 0) {
    join(conn, peer, translated, expected);
    if (translated && !mapInsertLocked(peer, keyHash(peer + CO_KEY, hashBasis))) return NO_ROOM;
  }
  if (!mapInsertLocked(conn, Context.hash)) {
    if (!translated) return NO_ROOM;
    mapRemoveLocked(peer);
    countWork(W_MAP_REMOVES, 1);
    return NO_ROOM_BESIDE_COMPANION;
  }
  if (!SHARDED && governing != NO_ZONE) storeAdmissionSequence(conn, admitLocked(governing));
  changetype<E>(0).published(conn);
  if (!SHARDED) atomic.add<u32>(CONTROL + C_N_CONN, 1);
  countWork(W_CREATED, 1);
  countReason(R_CREATED);
  return PUBLISHED;
}

function reject(p: Packet, reason: u32): usize {
  p.reason = <u8>reason;
  return 0;
}

/** The original's way: everything under ct_lock. */
export function createWide<E>(p: Packet, params: ExecParams, now: i64, expected: bool, control: u32): usize {
  lock(CONTROL + C_CT_LOCK, LC_CT);
  let conn: usize = 0;
  if (hasLiveEntry(now)) {
    p.reason = <u8>R_LOST_RACE;
  } else {
    conn = createLocked<E>(p, params, now, expected, control);
  }
  unlock(CONTROL + C_CT_LOCK, LC_CT);
  return conn;
}

function createLocked<E>(p: Packet, params: ExecParams, now: i64, expected: bool, control: u32): usize {
  if (!protocolCanCreate()) {
    p.ctState = ST_INV;
    return reject(p, R_CANNOT_CREATE);
  }
  p.ctState = expected ? ST_NEW | ST_REL : ST_NEW;
  if ((params.flags & EXEC_COMMIT) == 0) return 0;
  const governing = governingZone(<i32>load<u16>(contextKey(), K_ZONE));
  const limited = limitReason(governing);
  if (limited != 0) return reject(p, limited);
  const conn = takeSlotLocked();
  if (conn == 0) return reject(p, R_SLAB_FULL);
  prepare<E>(conn, p, params, now, expected, control);
  let peer: usize = 0;
  let reason: u32 = 0;
  if (params.flags & EXEC_NAT && !expected) {
    store<u8>(conn, <u8>params.natAction, CO_NAT_ACTION);
    if (!chooseNatTuple(conn, params, now)) reason = R_NAT_EXHAUSTED;
  }
  const translated = reason == 0 && isTranslated(conn, params);
  if (reason == 0 && needsPeer(translated, expected)) {
    peer = takeSlotLocked();
    if (peer == 0) reason = R_SLAB_FULL;
  }
  let outcome = PUBLISHED;
  if (reason == 0) {
    outcome = publishLocked<E>(conn, peer, translated, expected, governing);
    if (outcome != PUBLISHED) reason = R_MAP_FULL;
  }
  if (reason != 0) {
    changetype<E>(0).abandoned(conn);
    // As the original: what nobody could reach is free at once. Only a record that was seen, or led to, waits for a grace period.
    if (outcome == NO_ROOM_BESIDE_COMPANION) {
      retire(conn);
      retire(peer);
    } else {
      putSlotLocked(conn);
      if (peer != 0) putSlotLocked(peer);
    }
    return reject(p, reason);
  }
  if (translated) natPacket(p, conn, false, Context.icmpRelated);
  return conn;
}

/**
 * The narrow way: test and prepare unlocked, then lock, look up again, re-check, choose, insert. `missed` says that the packet's own
 * look-up was for the context key and met nothing: then it is not repeated before the lock is taken. It is after a connection was
 * found and ended (reopened TCP, force), as a companion or a newer connection may answer to the key, and for a translated packet,
 * which was looked up by its reverse.
 */
export function createNarrow<E>(
  p: Packet,
  params: ExecParams,
  now: i64,
  expected: bool,
  control: u32,
  missed: bool,
): usize {
  if (!missed && hasLiveEntry(now)) return reject(p, R_LOST_RACE);
  if (!protocolCanCreate()) {
    p.ctState = ST_INV;
    return reject(p, R_CANNOT_CREATE);
  }
  const state: u32 = expected ? ST_NEW | ST_REL : ST_NEW;
  if ((params.flags & EXEC_COMMIT) == 0) {
    p.ctState = state;
    return 0;
  }
  const governing = governingZone(<i32>load<u16>(contextKey(), K_ZONE));
  let reason = limitReason(governing);
  if (reason != 0) {
    p.ctState = state;
    return reject(p, reason);
  }
  const wantsNat = (params.flags & EXEC_NAT) != 0;
  if (!fillSpares(needsPeer(wantsNat, expected))) {
    p.ctState = state;
    return reject(p, R_SLAB_FULL);
  }
  const conn = <usize>load<u32>(threadBlock, T_SPARE_SLOTS);
  prepare<E>(conn, p, params, now, expected, control);
  if (wantsNat && !expected) store<u8>(conn, <u8>params.natAction, CO_NAT_ACTION);

  const wantsTuple = wantsNat && !expected;
  let hasTuple = true;
  if (SHARDED && wantsNat) hasTuple = lockWithTuple(conn, params, now, wantsTuple);
  else lockCreation(Context.hash, Context.hash);
  if (hasLiveEntry(now)) {
    unlockCreation();
    return reject(p, R_LOST_RACE);
  }
  const governingNow = governingZone(<i32>load<u16>(contextKey(), K_ZONE));
  reason = limitReason(governingNow);
  let translated = false;
  if (reason == 0) {
    if (!SHARDED && wantsTuple) hasTuple = chooseNatTuple(conn, params, now);
    if (hasTuple) translated = isTranslated(conn, params);
    else reason = R_NAT_EXHAUSTED;
  }
  if (SHARDED && reason == 0) reason = takePlaces(conn, governingNow);
  if (reason == 0) reason = publishSparesLocked<E>(conn, translated, expected, governingNow);
  unlockCreation();
  p.ctState = state;
  if (reason != 0) return reject(p, reason);
  if (translated) natPacket(p, conn, false, Context.icmpRelated);
  return conn;
}

/**
 * With shards: takes the locks for inserting `conn`, once the tuple is chosen, which decides what they are. Returns false, with the lock
 * of its own shard, when there is no tuple for it.
 */
function lockWithTuple(conn: usize, params: ExecParams, now: i64, wantsTuple: bool): bool {
  if (!wantsTuple) {
    // Its reverse key is the one that an expectation has given it.
    lockCreation(Context.hash, keyHash(newReverseKey(), hashBasis));
    return true;
  }
  if (chooseNatTuple(conn, params, now)) return true;
  lockCreation(Context.hash, Context.hash);
  return false;
}

/** The spare slots have been used. Precondition: the locks of the creation are held. */
// @ts-ignore: decorator
@inline
function replaceSpares(withPeer: bool): void {
  // Under ct_lock the next ones are taken while it is held anyway.
  store<u32>(threadBlock, SHARDED ? 0 : <u32>takeSlotLocked(), T_SPARE_SLOTS);
  if (withPeer) store<u32>(threadBlock, SHARDED ? 0 : <u32>takeSlotLocked(), T_SPARE_SLOTS + 4);
}

/** A slot for a spare. Precondition: ct_lock is held, or with shards no lock. */
// @ts-ignore: decorator
@inline
function takeSpare(): u32 {
  return <u32>(SHARDED ? takeReserved() : takeSlotLocked());
}

/** Publishes the connection prepared in a spare slot, and takes the next spares. Returns the reason why not, or 0. */
// @ts-ignore: decorator
@inline
function publishSparesLocked<E>(conn: usize, translated: bool, expected: bool, governing: i32): u32 {
  const spares = threadBlock + T_SPARE_SLOTS;
  const peer = needsPeer(translated, expected) ? <usize>load<u32>(spares, 4) : 0;
  const outcome = publishLocked<E>(conn, peer, translated, expected, governing);
  if (outcome == PUBLISHED) {
    replaceSpares(peer != 0);
    return 0;
  }
  if (SHARDED) givePlacesBack(conn, governing);
  // What nobody could reach stays a spare.
  if (outcome == NO_ROOM_BESIDE_COMPANION) {
    store<u64>(spares, 0);
    retire(conn);
    retire(peer);
  }
  return R_MAP_FULL;
}

/** Makes sure this thread has the spare slots a creation may use. Returns false when the slab is full. */
function fillSpares(withPeer: bool): bool {
  const spares = threadBlock + T_SPARE_SLOTS;
  const missing = load<u32>(spares) == 0 || (withPeer && load<u32>(spares, 4) == 0);
  if (!missing) return true;
  if (!SHARDED) lock(CONTROL + C_CT_LOCK, LC_CT);
  if (load<u32>(spares) == 0) store<u32>(spares, takeSpare());
  if (load<u32>(spares) == 0 && !withPeer) {
    // The last slot there is serves whatever needs it.
    store<u32>(spares, load<u32>(spares, 4));
    store<u32>(spares, 0, 4);
  }
  if (withPeer && load<u32>(spares, 4) == 0) store<u32>(spares, takeSpare(), 4);
  if (!SHARDED) unlock(CONTROL + C_CT_LOCK, LC_CT);
  return load<u32>(spares) != 0 && (!withPeer || load<u32>(spares, 4) != 0);
}

/** Gives this thread's spare slots back, so that an idle table has every slot free. */
export function releaseSpares(): void {
  const spares = threadBlock + T_SPARE_SLOTS;
  const reserved: u32 = SHARDED ? load<u32>(threadBlock, T_RESERVED_SLOTS) : 0;
  if ((load<u32>(spares) | load<u32>(spares, 4) | reserved) == 0) return;
  lock(CONTROL + C_CT_LOCK, LC_CT);
  for (let i: usize = 0; i < 8; i += 4) {
    const slot = <usize>load<u32>(spares + i);
    if (slot != 0) putSlotLocked(slot);
    store<u32>(spares + i, 0);
  }
  if (SHARDED) putReservedLocked();
  unlock(CONTROL + C_CT_LOCK, LC_CT);
}

/** Forgets the spare slots of every thread; the slab is emptied with them. Precondition: no other thread runs. */
export function sparesInit(): void {
  for (let i: u32 = 0; i < maxThreads; i++) {
    const block = threadsBase + <usize>i * THREAD_SIZE;
    store<u64>(block, 0, T_SPARE_SLOTS);
    if (SHARDED) store<u32>(block, 0, T_RESERVED_SLOTS);
  }
}
