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
 * Returns the connection, or 0; sets the packet's ct_state. `CreateResult.lostRace` tells that a live entry was found
 * under the lock: then the state is untouched.
 */
import { countReason, countWork, LC_CT, W_CREATED, W_MAP_REMOVES } from '../probe/counters';
import {
  CO_ADMIT_ZONE,
  CO_ALG,
  CO_COMPANION,
  CO_FLAGS,
  CO_GENERATION,
  CO_KEY,
  CO_NAT_ACTION,
  CO_REV_KEY,
  CO_TP_ID,
  CO_ZONE_SEQ,
  CONN_UN_NAT,
  NO_ZONE,
  ST_INV,
  ST_NEW,
  ST_REL,
} from '../records/connection';
import { EXEC_COMMIT, EXEC_NAT, ExecParams } from '../records/exec-params';
import { copyKey, keyHash, K_ZONE, reverseKey } from '../records/key';
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
  R_CANNOT_CREATE,
  R_CONN_LIMIT,
  R_CREATED,
  R_LOST_RACE,
  R_MAP_FULL,
  R_NAT_EXHAUSTED,
  R_SLAB_FULL,
  R_ZONE_LIMIT,
} from '../records/verdict';
import { retire } from '../shm/epoch';
import { mapInsertLocked, mapRemoveLocked } from '../shm/hash-map';
import { lock, unlock } from '../shm/mutex';
import { putSlotLocked, takeSlotLocked } from '../shm/slab';
import { helperToStore } from './alg/detect';
import { inheritExpectation } from './alg/expectations';
import { Context, contextKey } from './context';
import { lockCreation, unlockCreation } from './creation-locks';
import { isCompanion, lookup, lookupConnection } from './lookup';
import { natPacket } from './nat/rewrite';
import { chooseNatTuple } from './nat/select';
import { protocolCanCreate, protocolInit } from './protocol';
import { putReservedLocked, takeReserved } from './reserved-slots';
import { admitLocked, admitWithin, governingZone, releaseZone, zoneIsFull } from './zone-limits';

/** Zeroes a slot but for its generation. */
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
  reverseKey(conn + CO_REV_KEY, contextKey());
  store<u8>(conn, <u8>helperToStore(control, params), CO_ALG);
  if (expected) inheritExpectation(conn, params);
}

/** Whether the connection gets a translation, hence a companion; one that changes nothing gets it only with the switch. */
function isTranslated(conn: usize, params: ExecParams): bool {
  if ((params.flags & EXEC_NAT) == 0) return false;
  return load<u16>(conn, CO_NAT_ACTION) != 0 || (switches & SWITCH_BARE_NAT_ZERO_TUPLE) != 0;
}

/**
 * Counts the connection in with its zone and with the table. Returns the reason why a limit rejects it, or 0. With shards only, where
 * several creations may test one limit: testing and counting are one step.
 */
function takePlaces(conn: usize, governing: i32): u32 {
  store<i32>(conn, governing, CO_ADMIT_ZONE);
  if (governing != NO_ZONE) {
    const sequence = admitWithin(governing);
    if (sequence < 0) return R_ZONE_LIMIT;
    store<u32>(conn, <u32>sequence, CO_ZONE_SEQ);
  }
  while (true) {
    const count = atomic.load<u32>(CONTROL, C_N_CONN);
    if (count >= atomic.load<u32>(CONTROL, C_N_CONN_LIMIT)) break;
    if (atomic.cmpxchg<u32>(CONTROL + C_N_CONN, count, count + 1) == count) return 0;
  }
  releaseZone(governing, load<u32>(conn, CO_ZONE_SEQ));
  return R_CONN_LIMIT;
}

/** Undoes takePlaces for a connection that found no room in the map. */
function givePlacesBack(conn: usize): void {
  releaseZone(load<i32>(conn, CO_ADMIT_ZONE), load<u32>(conn, CO_ZONE_SEQ));
  atomic.sub<u32>(CONTROL + C_N_CONN, 1);
}

/** Results of publishLocked. */
const PUBLISHED: u32 = 0;
/** The map has no room; no thread could see either record. */
const NO_ROOM: u32 = 1;
/** The map has no room for the connection, but had for its companion: others may still look at that one. */
const NO_ROOM_BESIDE_COMPANION: u32 = 2;

/**
 * Publishes: companion, main entry, expiration list; then the counts. Precondition: ct_lock is held. `companion` is a slot, or 0.
 * When the map has no room nothing is left in it. With shards: the locks of both shards are held, and it has taken its places.
 */
function publishLocked<E>(conn: usize, companion: usize, governing: i32): u32 {
  if (companion != 0) {
    blank(companion);
    copyKey(companion + CO_KEY, conn + CO_REV_KEY);
    copyKey(companion + CO_REV_KEY, conn + CO_KEY);
    store<u32>(companion, CONN_UN_NAT, CO_FLAGS);
    if (!mapInsertLocked(companion, keyHash(companion + CO_KEY, hashBasis))) return NO_ROOM;
  }
  store<u32>(conn, <u32>companion, CO_COMPANION);
  store<i32>(conn, governing, CO_ADMIT_ZONE);
  if (!mapInsertLocked(conn, Context.hash)) {
    if (companion == 0) return NO_ROOM;
    mapRemoveLocked(companion);
    countWork(W_MAP_REMOVES, 1);
    return NO_ROOM_BESIDE_COMPANION;
  }
  if (!SHARDED && governing != NO_ZONE) store<u32>(conn, admitLocked(governing), CO_ZONE_SEQ);
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
  let companion: usize = 0;
  let reason: u32 = 0;
  if (params.flags & EXEC_NAT) {
    if (!expected) {
      store<u16>(conn, <u16>params.natAction, CO_NAT_ACTION);
      if (!chooseNatTuple(conn, params, now)) reason = R_NAT_EXHAUSTED;
    }
    if (reason == 0 && isTranslated(conn, params)) {
      companion = takeSlotLocked();
      if (companion == 0) reason = R_SLAB_FULL;
    }
  }
  let outcome = PUBLISHED;
  if (reason == 0) {
    outcome = publishLocked<E>(conn, companion, governing);
    if (outcome != PUBLISHED) reason = R_MAP_FULL;
  }
  if (reason != 0) {
    changetype<E>(0).abandoned(conn);
    // As the original: what nobody could reach is free at once. Only a record that was seen waits for a grace period.
    putSlotLocked(conn);
    if (outcome == NO_ROOM_BESIDE_COMPANION) retire(companion);
    else if (companion != 0) putSlotLocked(companion);
    return reject(p, reason);
  }
  if (companion != 0) natPacket(p, conn, false, Context.icmpRelated);
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
  const wantsCompanion = (params.flags & EXEC_NAT) != 0;
  if (!fillSpares(wantsCompanion)) {
    p.ctState = state;
    return reject(p, R_SLAB_FULL);
  }
  const conn = <usize>load<u32>(threadBlock, T_SPARE_SLOTS);
  prepare<E>(conn, p, params, now, expected, control);
  if (wantsCompanion && !expected) store<u16>(conn, <u16>params.natAction, CO_NAT_ACTION);

  const wantsTuple = wantsCompanion && !expected;
  let hasTuple = true;
  if (SHARDED && wantsCompanion) hasTuple = lockWithTuple(conn, params, now, wantsTuple);
  else lockCreation(Context.hash, Context.hash);
  if (hasLiveEntry(now)) {
    unlockCreation();
    return reject(p, R_LOST_RACE);
  }
  const governingNow = governingZone(<i32>load<u16>(contextKey(), K_ZONE));
  reason = limitReason(governingNow);
  let companion: usize = 0;
  if (reason == 0 && wantsCompanion) {
    if (!SHARDED && wantsTuple) hasTuple = chooseNatTuple(conn, params, now);
    if (!hasTuple) reason = R_NAT_EXHAUSTED;
    else if (isTranslated(conn, params)) companion = <usize>load<u32>(threadBlock, T_SPARE_SLOTS + 4);
  }
  if (SHARDED && reason == 0) reason = takePlaces(conn, governingNow);
  if (reason == 0) {
    const outcome = publishLocked<E>(conn, companion, governingNow);
    if (outcome == PUBLISHED) {
      replaceSpares(companion != 0);
    } else {
      // What nobody could reach stays a spare.
      reason = R_MAP_FULL;
      if (SHARDED) givePlacesBack(conn);
      if (outcome == NO_ROOM_BESIDE_COMPANION) {
        store<u32>(threadBlock, 0, T_SPARE_SLOTS + 4);
        retire(companion);
      }
    }
  }
  unlockCreation();
  p.ctState = state;
  if (reason != 0) return reject(p, reason);
  if (companion != 0) natPacket(p, conn, false, Context.icmpRelated);
  return conn;
}

/**
 * With shards: takes the locks for inserting `conn`, once the tuple is chosen, which decides what they are. Returns false, with the lock
 * of its own shard, when there is no tuple for it.
 */
function lockWithTuple(conn: usize, params: ExecParams, now: i64, wantsTuple: bool): bool {
  if (!wantsTuple) {
    // Its reverse key is what it will be: the mirrored one, or the one that an expectation gave it.
    lockCreation(Context.hash, keyHash(conn + CO_REV_KEY, hashBasis));
    return true;
  }
  if (chooseNatTuple(conn, params, now)) return true;
  lockCreation(Context.hash, Context.hash);
  return false;
}

/** The spare slots have been used. Precondition: the locks of the creation are held. */
// @ts-ignore: decorator
@inline
function replaceSpares(withCompanion: bool): void {
  // Under ct_lock the next ones are taken while it is held anyway.
  store<u32>(threadBlock, SHARDED ? 0 : <u32>takeSlotLocked(), T_SPARE_SLOTS);
  if (withCompanion) store<u32>(threadBlock, SHARDED ? 0 : <u32>takeSlotLocked(), T_SPARE_SLOTS + 4);
}

/** A slot for a spare. Precondition: ct_lock is held, or with shards no lock. */
// @ts-ignore: decorator
@inline
function takeSpare(): u32 {
  return <u32>(SHARDED ? takeReserved() : takeSlotLocked());
}

/** Makes sure this thread has the spare slots a creation may use. Returns false when the slab is full. */
function fillSpares(withCompanion: bool): bool {
  const spares = threadBlock + T_SPARE_SLOTS;
  const missing = load<u32>(spares) == 0 || (withCompanion && load<u32>(spares, 4) == 0);
  if (!missing) return true;
  if (!SHARDED) lock(CONTROL + C_CT_LOCK, LC_CT);
  if (load<u32>(spares) == 0) store<u32>(spares, takeSpare());
  if (load<u32>(spares) == 0 && !withCompanion) {
    // The last slot there is serves whatever needs it.
    store<u32>(spares, load<u32>(spares, 4));
    store<u32>(spares, 0, 4);
  }
  if (withCompanion && load<u32>(spares, 4) == 0) store<u32>(spares, takeSpare(), 4);
  if (!SHARDED) unlock(CONTROL + C_CT_LOCK, LC_CT);
  return load<u32>(spares) != 0 && (!withCompanion || load<u32>(spares, 4) != 0);
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
