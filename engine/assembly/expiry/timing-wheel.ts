/**
 * timing-wheel: a hashed wheel that is re-armed lazily (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", SOSP 1987, scheme 6;
 * VPP's and Linux' timer wheels are relatives). Time is cut into ticks of 512 ms; a slot of the wheel stands for one of the next 4096
 * ticks, about 35 minutes, and lists the connections that are looked at when that tick comes. A connection sits in the slot of the
 * earliest moment at which it is expected to expire. A packet only writes the expiration; when the slot comes round, the sweeper moves
 * on what lives and removes what does not. So nothing is done to a list per packet, a connection leaves within a tick of its time
 * whatever the others' timeouts are, and a pass touches what is due and nothing else.
 *
 * Who writes: lists, cursor, and the place word of a connection (CO_RECLAIMED: tick, and whether it is in a list) under ct_lock; a move
 * changes the tick under the connection's lock as well, so that a refresh may read it under that lock alone. The first tick is written
 * before the connection can be found, and publishing leaves it as it is.
 * `expiration` under the connection's lock. Requests, a bit per slot of the slab: set by any thread with an atomic or, taken by the
 * sweeper with an atomic exchange.
 * Who reads at the same time: nobody walks a list without ct_lock, so the lists are plain ones.
 *
 * Why the ordering holds. A slot's tick is never later than the connection's expiration but in one case: a packet shortens what is left
 * (a FIN after an established connection, a reply that moves UDP to a shorter timeout, a policy that was changed, a forced end). Such a
 * refresh sees, under the connection's lock, that the new expiration is before the old one, and before the tick, and sets the
 * connection's request bit after it has written the expiration. The sweeper takes the bit before it locks the connection and reads the
 * expiration: either it sees what the refresh wrote, or the refresh sets the bit again and the next pass sees it. Nothing but the
 * sweeper's own passes moves a connection, so the tick that a refresh has compared with is the one that counts. A bit that is out of
 * date is harmless: under ct_lock the place word says whether the connection in that slot of the slab is in a list, which a removal
 * takes back and only publishing sets; and no bit outlives `init`.
 *
 * A pass takes everything that is due into one list (`due`) in one hold of ct_lock, a few stores a tick, and moves the cursor past it;
 * whatever is put into the wheel afterwards has a later slot, or waits in `soon`. So taking the head of `due` until it is empty ends,
 * also with several sweepers. Each head is dealt with in a hold of its own. What is due within the tick of the pass, but not yet, goes
 * to `soon`, which the next pass takes up first. The first connection sets the cursor, to the tick in which it was created at the earliest.
 *
 * What it costs: a creation pushes to the tail of one list, next to the connection created before. A refresh compares two numbers of a
 * line that it writes anyway. Each connection is looked at about 30 s after its creation, and then once a timeout, or once in 35 minutes
 * where that is longer: a pass does not grow with the table. Each of these looks holds ct_lock for one connection, whose memory is loaded
 * before (touchHead). A bit a slot of memory.
 *
 * Why first after 30 s: UDP and ICMP begin with 60 s and go on with 30 s, which would be a request for every flow that is answered.
 *
 * Lock order: ct_lock, then a connection's lock. Never ct_lock while holding a connection's.
 *
 * The file is written for any number of wheels, one per shard (shm/shards.ts), for sharded-wheel: what is said here of ct_lock is then so
 * of the lock of the connection's shard. Without shards there is one of each.
 */
import { stillMatches } from '../conntrack/lookup';
import { policyTimeoutMs } from '../conntrack/timeout-policies';
import {
  countWork,
  LC_CONN,
  LC_CT,
  W_LIST_INSERTS,
  W_LIST_MOVES,
  W_REFRESHES,
  W_SWEEP_CHECKED,
  W_SWEEP_CLEANED,
  W_SWEEPS,
} from '../probe/counters';
import { TORTURE } from '../probe/flavour';
import { recordLags } from '../probe/histogram';
import { S_REQUEST_LOOK, S_REQUEST_SET, S_REQUEST_TAKE, step } from '../probe/steps';
import {
  CO_EXPIRATION,
  CO_HASH,
  CO_LINK,
  CO_LOCK,
  CO_RECLAIMED,
  CO_TIMEOUT_CLASS,
  CO_TP_ID,
} from '../records/connection';
import {
  C_CT_LOCK,
  C_N_CONN_LIMIT,
  C_SLAB_NEXT,
  CONN_SIZE,
  CONTROL,
  expiryBase,
  MOST_SHARDS,
  SHARDED,
  slabBase,
  slabEnd,
  sweepIntervalMs,
  T_TOUCH_SINK,
  threadBlock,
} from '../records/memory-map';
import { touchFirstBucket } from '../shm/hash-map';
import { lock, unlock } from '../shm/mutex';
import {
  plainListAppendAll,
  plainListInit,
  plainListNext,
  plainListPushBack,
  plainListRemove,
} from '../shm/plain-list';
import { LINK_SIZE } from '../shm/rculist';
import {
  lockShard,
  SHARD_LINE,
  shardCount,
  shardLine,
  shardOf,
  shardsInit,
  unlockShard,
  X_SHARD,
} from '../shm/shards';
import { slotWithin } from '../shm/slab';
import { EXPIRY_SIZE, IMMEDIATE, LastSweep } from './expiry';
import { countRemoved, discard, noteLag, releaseAdmission, unindexOwnLocked, unindexRest } from './removal';

// ---- Traits (expiry/expiry.ts) ---------------------------------------------------------------------------------------
export const TRAIT_ORDER: u32 = 4;
export const TRAIT_CT_LOCKS_PER_REFRESH: u32 = 0;
export const TRAIT_CREATES_NARROWLY: bool = false;
export const TRAIT_EXPIRE_REMOVES: bool = false;
export const TRAIT_DUMP_SHOWS_EXPIRED: bool = false;
export const TRAIT_SWEEP_LOOKS_AT_LIVING: bool = false;
export const TRAIT_HIDES_EXPIRED: bool = false;
export const TRAIT_SWEEP_INTERVAL_MS: u32 = 512;
export const TRAIT_LAG_BOUND_MS: u32 = 512;
export const TRAIT_DEFAULT_PRESET: u32 = 0;
export const TRAIT_RECORDED_PRESET: u32 = 0;
export const TRAIT_RECORDED_SWEEPS: u32 = 0;
/** The slots, `soon` and `due`. */
export const TRAIT_LISTS: u32 = 4098;
export const TRAIT_LISTS_AT: u32 = 256;
export const TRAIT_LIST_IS_CLASS: bool = false;
/** Requests. */
export const TRAIT_AREA_BITS_PER_SLOT: u32 = 1;

/** A tick is 2^this milliseconds. */
const TICK_SHIFT: i64 = 9;
const TICK_MS: i64 = 512;
/** Slots of a wheel, a power of two; with shards half as many, 17 minutes, as there is a wheel for each. */
const SLOTS: u32 = SHARDED ? 2048 : 4096;
const SOON: u32 = SLOTS;
const DUE: u32 = SLOTS + 1;
const N_LISTS: u32 = SLOTS + 2;
/** When a new connection is looked at for the first time, unless it expires before. */
const FIRST_LOOK_MS: i64 = 30_000;
/** Ticks of that, rounded up. */
const FIRST_LOOK_TICKS: i64 = 59;
/**
 * A pass looks at a 64th of the connection limit, as in rculist-sweep, or at this many: then the sweeper comes to a quiescent point, for
 * which removed slots wait.
 */
const LEAST_LOOKS_PER_PASS: u32 = 1024;
/** Pause after a pass that stopped there. */
const BEHIND_MS: i64 = 1;

/** Of a wheel, at `wheelAt`: the first tick that has not been taken yet, whole, since time may leap by decades (guarded by ct_lock). */
const X_CURSOR: usize = 0;
/** Not 0 once there is a cursor (guarded by ct_lock). */
const X_HAS_CURSOR: usize = 8;
/** With shards: the one where the next pass begins, so that none waits longer than others for a sweeper that is behind (atomic). */
const X_FIRST: usize = X_SHARD + 16;
const X_LISTS: usize = SHARDED ? <usize>MOST_SHARDS * SHARD_LINE : 256;
/** Bytes of the lists of all wheels, beyond EXPIRY_SIZE: TRAIT_AREA_BYTES. */
const LISTS_BEYOND: usize = SHARDED
  ? X_LISTS + <usize>MOST_SHARDS * <usize>(SLOTS + 2) * LINK_SIZE - EXPIRY_SIZE
  : 0;
/** `next` of a link (shm/plain-list.ts). */
const LINK_NEXT: usize = 4;
/** A bit per slot of the slab, in words of 64 (atomic). */
const X_REQUESTS: usize = EXPIRY_SIZE + LISTS_BEYOND;

/** The place word: the tick modulo 2^30, and these bits. Blank, as a slot is handed out, it is in no list. */
const PLACE_LISTED: u32 = 2;
/** Removed: what CO_RECLAIMED is in other designs. */
const PLACE_REMOVED: u32 = 1;

// @ts-ignore: decorator
@inline
function wheelAt(shard: u32): usize {
  return SHARDED ? shardLine(shard) + X_SHARD : expiryBase;
}

// @ts-ignore: decorator
@inline
function listHead(shard: u32, list: u32): usize {
  return expiryBase + X_LISTS + <usize>(SHARDED ? shard * N_LISTS + list : list) * LINK_SIZE;
}

// @ts-ignore: decorator
@inline
function tickOf(ms: i64): u32 {
  return <u32>(ms >> TICK_SHIFT);
}

/** Ticks from `from` to `tick`, both modulo 2^30: negative when it is before. */
// @ts-ignore: decorator
@inline
function ticksFrom(from: u32, tick: u32): i32 {
  return (<i32>((tick - from) << 2)) >> 2;
}

// @ts-ignore: decorator
@inline
function placeTick(conn: usize): u32 {
  return atomic.load<u32>(conn, CO_RECLAIMED) >> 2;
}

// @ts-ignore: decorator
@inline
function isListed(conn: usize): bool {
  return (atomic.load<u32>(conn, CO_RECLAIMED) & PLACE_LISTED) != 0;
}

/** Puts a connection into the list of a tick, or the nearest that there is. Precondition: ct_lock is held; it is in no list. */
// @ts-ignore: decorator
@inline
function putLocked(conn: usize, shard: u32, tick: u32): void {
  // Its low bits: places and lists are modulo something smaller.
  const cursor = <u32>load<i64>(wheelAt(shard), X_CURSOR);
  const ahead = ticksFrom(cursor, tick);
  let list = SOON;
  let place = tick;
  if (ahead >= 0) {
    place = cursor + min<u32>(<u32>ahead, SLOTS - 1);
    list = place & (SLOTS - 1);
  }
  atomic.store<u32>(conn, (place << 2) | PLACE_LISTED, CO_RECLAIMED);
  plainListPushBack(listHead(shard, list), conn + CO_LINK);
}

function setCursor(shard: u32, tick: i64): void {
  store<i64>(wheelAt(shard), tick, X_CURSOR);
  store<u32>(wheelAt(shard), 1, X_HAS_CURSOR);
}

/** Takes everything of a wheel that is due, and what `soon` holds, to `due`; sets the cursor behind it. Precondition: ct_lock is held. */
// @ts-ignore: decorator
@inline
function takeDueLocked(shard: u32, now: i64): void {
  const after = (now >> TICK_SHIFT) + 1;
  if (load<u32>(wheelAt(shard), X_HAS_CURSOR) == 0) setCursor(shard, after);
  const due = listHead(shard, DUE);
  plainListAppendAll(due, listHead(shard, SOON));
  const cursor = load<i64>(wheelAt(shard), X_CURSOR);
  const passed = after - cursor;
  if (passed > 0) {
    const slots = <u32>min<i64>(passed, <i64>SLOTS);
    for (let i: u32 = 0; i < slots; i++) {
      plainListAppendAll(due, listHead(shard, (<u32>cursor + i) & (SLOTS - 1)));
    }
    store<i64>(wheelAt(shard), after, X_CURSOR);
  }
}

/** takeDueLocked of every wheel. Returns the end of the slab in use. */
function takeDue(now: i64): usize {
  if (SHARDED) {
    for (let shard: u32 = 0; shard < shardCount(); shard++) {
      lockShard(shard);
      takeDueLocked(shard, now);
      unlockShard(shard);
    }
  }
  lock(CONTROL + C_CT_LOCK, LC_CT);
  if (!SHARDED) takeDueLocked(0, now);
  const end = <usize>load<u32>(CONTROL, C_SLAB_NEXT);
  unlock(CONTROL + C_CT_LOCK, LC_CT);
  return end;
}

// @ts-ignore: decorator
@inline
function requestWord(index: u32): usize {
  return expiryBase + X_REQUESTS + (((<usize>index) >> 6) << 3);
}

/** Asks the sweeper to look at the connection at its next pass. Precondition: its lock is held. */
function request(conn: usize): void {
  const index = <u32>((conn - slabBase) / CONN_SIZE);
  if (TORTURE) step(S_REQUEST_SET);
  const bit = <u64>(index & 63);
  atomic.or<u64>(requestWord(index), (<u64>1) << bit);
}

/** The expiration has come nearer: asks for a look where the wheel would have one too late. Precondition: its lock is held. */
function shortened(conn: usize, expiration: i64): void {
  if (ticksFrom(placeTick(conn), tickOf(expiration)) < 0) request(conn);
}

/**
 * Loads what dealing with the head of `due` will need, so that it does not have to come while ct_lock is held. A hint: read without the
 * lock, it may be anything; nothing but memory of the slab is read by it, and nothing depends on what is there.
 */
function touchHead(due: usize): void {
  const conn = slotWithin(<usize>load<u32>(due, LINK_NEXT) - CO_LINK);
  if (conn == 0) return;
  let sink = load<u32>(conn, CO_EXPIRATION) + load<u32>(conn, CO_RECLAIMED);
  sink += touchFirstBucket(load<u32>(conn, CO_HASH));
  const successor = slotWithin(<usize>load<u32>(conn, CO_LINK + LINK_NEXT) - CO_LINK);
  if (successor != 0) sink += load<u32>(successor, CO_LINK);
  store<u32>(threadBlock, load<u32>(threadBlock, T_TOUCH_SINK) + sink, T_TOUCH_SINK);
}

@unmanaged
export class TimingWheel {
  init(): void {
    shardsInit();
    if (!SHARDED) {
      store<i64>(expiryBase, 0, X_CURSOR);
      store<u32>(expiryBase, 0, X_HAS_CURSOR);
    }
    const lists = SHARDED ? MOST_SHARDS * N_LISTS : N_LISTS;
    for (let list: u32 = 0; list < lists; list++) plainListInit(listHead(0, list));
    const slots = <u32>((slabEnd - slabBase) / CONN_SIZE);
    memory.fill(expiryBase + X_REQUESTS, 0, requestWord(slots + 63) - (expiryBase + X_REQUESTS));
  }

  // @ts-ignore: decorator
  @inline
  started(conn: usize, timeoutClass: u32, now: i64): void {
    const timeoutMs = <i64>policyTimeoutMs(load<u32>(conn, CO_TP_ID), timeoutClass);
    store<i64>(conn, now + timeoutMs, CO_EXPIRATION);
    store<u8>(conn, <u8>timeoutClass, CO_TIMEOUT_CLASS);
    // Before it is published: a refresh compares with it as soon as others can find the connection.
    const tick = tickOf(now + min<i64>(timeoutMs, FIRST_LOOK_MS));
    atomic.store<u32>(conn, tick << 2, CO_RECLAIMED);
  }

  // @ts-ignore: decorator
  @inline
  abandoned(conn: usize): void {}

  published(conn: usize): void {
    const shard = shardOf(conn);
    const tick = placeTick(conn);
    // Of the place's tick, which lacks the high bits: a wheel that begins too early takes up what is in it at the next pass.
    if (load<u32>(wheelAt(shard), X_HAS_CURSOR) == 0) setCursor(shard, <i64>tick - FIRST_LOOK_TICKS);
    putLocked(conn, shard, tick);
    countWork(W_LIST_INSERTS, 1);
  }

  // @ts-ignore: decorator
  @inline
  refreshed(conn: usize, timeoutClass: u32, now: i64): void {
    const expiration = now + <i64>policyTimeoutMs(load<u32>(conn, CO_TP_ID), timeoutClass);
    const before = load<i64>(conn, CO_EXPIRATION);
    store<i64>(conn, expiration, CO_EXPIRATION);
    store<u8>(conn, <u8>timeoutClass, CO_TIMEOUT_CLASS);
    if (expiration < before) shortened(conn, expiration);
    countWork(W_REFRESHES, 1);
  }

  /** The dead entry keeps its map slot, its count and its companion until the next pass, which is asked to look at it. */
  expire(conn: usize, now: i64): bool {
    if (!stillMatches(conn, now)) return false;
    lock(conn + CO_LOCK, LC_CONN);
    store<i64>(conn, 0, CO_EXPIRATION);
    request(conn);
    unlock(conn + CO_LOCK, LC_CONN);
    return true;
  }

  remove(conn: usize): void {
    const shard = shardOf(conn);
    lockShard(shard);
    const listed = isListed(conn);
    if (listed) this.unlistLocked(conn);
    unlockShard(shard);
    if (!listed) return;
    unindexRest(conn);
    releaseAdmission(conn);
    discard(conn);
    countRemoved(1);
  }

  /** Takes a connection out of map and wheel, but for unindexRest. Precondition: ct_lock is held; it is in a list, hence nobody else's. */
  // @ts-ignore: decorator
  @inline
  unlistLocked(conn: usize): void {
    unindexOwnLocked(conn);
    plainListRemove(conn + CO_LINK);
    atomic.store<u32>(conn, PLACE_REMOVED, CO_RECLAIMED);
  }

  /**
   * Looks at a connection whose time may have come: moves it on while it lives, else removes it. Precondition: ct_lock is held, and
   * given back here; the connection is in a list. `asked`: it is in some list of the wheel and only moves to an earlier one.
   */
  look(conn: usize, shard: u32, now: i64, asked: bool): void {
    LastSweep.checked++;
    lock(conn + CO_LOCK, LC_CONN);
    const expiration = load<i64>(conn, CO_EXPIRATION);
    if (now < expiration) {
      const tick = tickOf(expiration);
      if (!asked || ticksFrom(placeTick(conn), tick) < 0) {
        plainListRemove(conn + CO_LINK);
        putLocked(conn, shard, tick);
        countWork(W_LIST_MOVES, 1);
      }
      unlock(conn + CO_LOCK, LC_CONN);
      unlockShard(shard);
      return;
    }
    unlock(conn + CO_LOCK, LC_CONN);
    this.unlistLocked(conn);
    unlockShard(shard);
    unindexRest(conn);
    releaseAdmission(conn);
    noteLag(conn, LastSweep.cleaned, expiration, now);
    LastSweep.cleaned++;
    discard(conn);
  }

  /** Looks at what refreshes have asked for. */
  answerRequests(end: usize, now: i64): void {
    const slots = <u32>((end - slabBase) / CONN_SIZE);
    for (let first: u32 = 0; first < slots; first += 64) {
      const word = requestWord(first);
      if (TORTURE) step(S_REQUEST_LOOK);
      if (atomic.load<u64>(word) == 0) continue;
      if (TORTURE) step(S_REQUEST_TAKE);
      for (let bits = atomic.xchg<u64>(word, 0); bits != 0; bits &= bits - 1) {
        const conn = slabBase + (<usize>first + <usize>ctz<u64>(bits)) * CONN_SIZE;
        const shard = shardOf(conn);
        lockShard(shard);
        // With a bit that is out of date the slot may have come to another shard meanwhile; what is in a list of this one stays so.
        if (isListed(conn) && (!SHARDED || shardOf(conn) == shard)) this.look(conn, shard, now, true);
        else unlockShard(shard);
      }
    }
  }

  sweep(now: i64): i64 {
    LastSweep.checked = 0;
    LastSweep.cleaned = 0;
    LastSweep.immediate = false;
    const most = max<u32>(atomic.load<u32>(CONTROL, C_N_CONN_LIMIT) / 64, LEAST_LOOKS_PER_PASS);
    const end = takeDue(now);
    this.answerRequests(end, now);
    if (SHARDED) this.emptyAllDue(now, most);
    else this.emptyDue(0, now, most);
    recordLags(LastSweep.cleaned);
    countRemoved(LastSweep.cleaned);
    countWork(W_SWEEPS, 1);
    countWork(W_SWEEP_CHECKED, LastSweep.checked);
    countWork(W_SWEEP_CLEANED, LastSweep.cleaned);
    return LastSweep.immediate ? IMMEDIATE : now + TICK_MS;
  }

  /** Looks at what is due in a wheel, until nothing is or the pass has looked at its most. */
  // @ts-ignore: decorator
  @inline
  emptyDue(shard: u32, now: i64, most: u32): void {
    const due = listHead(shard, DUE);
    while (true) {
      if (LastSweep.checked >= most) {
        LastSweep.immediate = true;
        break;
      }
      touchHead(due);
      lockShard(shard);
      const link = plainListNext(due);
      if (link == due) {
        unlockShard(shard);
        break;
      }
      this.look(link - CO_LINK, shard, now, false);
    }
  }

  /** emptyDue of every wheel, from the one on where a pass stopped. */
  emptyAllDue(now: i64, most: u32): void {
    const last = shardCount() - 1;
    let shard = atomic.load<u32>(expiryBase, X_FIRST) & last;
    for (let wheels: u32 = 0; wheels <= last; wheels++) {
      this.emptyDue(shard, now, most);
      if (LastSweep.immediate) break;
      shard = (shard + 1) & last;
    }
    atomic.store<u32>(expiryBase, shard, X_FIRST);
  }

  // @ts-ignore: decorator
  @inline
  flushBegin(): void {}

  // @ts-ignore: decorator
  @inline
  flushOne(conn: usize): void {
    this.remove(conn);
  }

  // @ts-ignore: decorator
  @inline
  flushEnd(): void {}

  wakeDelay(next: i64, now: i64): i64 {
    if (next < now) return BEHIND_MS;
    if (sweepIntervalMs != 0) return <i64>sweepIntervalMs;
    return next - now;
  }
}
