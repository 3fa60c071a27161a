/**
 * rculist-sweep: the new design (spec §6.2, §6.3). A hundred rculists; a new connection goes to the front of the next
 * one in turn and never moves. A refresh only stores the expiration under the connection's own lock. The sweeper walks
 * the lists without a lock and takes ct_lock for each connection it removes.
 *
 * Who writes: lists and the list counter under ct_lock (preset v6 chooses the list with an atomic counter instead); `expiration`
 * under the connection's lock (in presets 4 and 5 atomically, and expire() without it); `reclaimed` by atomic test-and-set: whoever
 * sets it removes. The sweep cursor belongs to the one thread that sweeps.
 * Who reads at the same time: the sweeper walks the lists while workers push in front: it misses the newest.
 *
 * Why the ordering holds: see shm/rculist.ts for the walk; a connection removed under the sweeper's feet keeps its `next` and
 * its slot until the sweeper has quiesced.
 *
 * Lock order: ct_lock, then a connection's lock (lookups during creation). Never ct_lock while holding a connection's.
 *
 * Presets: 1 = v6 (30 s between passes, list by atomic counter, zone count given back inside ct_lock), 2 = v7 (20 s),
 * 3 or 0 = v7-fixed (the limit is tested before a list is swept, so no list is swept twice or starves the rest).
 * 4 = upstream-main: as v7-fixed, and a connection's lock is taken where Open vSwitch takes it at revision d6a632a9b (main, June
 *   2026): per established packet twice, for the update and for mark and label, where the merged revision (3d9c1b855) took it a third
 *   time to see whether the connection is expired (atomic since 78387e88b, in 3.0.0 and later). Only its locking is followed; what
 *   else changed since is not (docs/differences.md).
 * 5 = one-hold: as upstream-main, and mark and label are read while the lock is held for the update, so that an established packet takes
 *   it once. No revision of Open vSwitch does that.
 *
 * Why the ordering holds with atomic expirations (4 and 5):
 *   - Look-ups, sweeper and dump read `expiration` in one 64-bit atomic load, packets write it in one atomic store, so nobody sees a half
 *     of one value beside a half of another.
 *   - Which of two packets refreshes last is decided by the connection's lock, which they still hold; who holds it may therefore leave
 *     out a store of what is there already. The one store made without the lock is expire()'s 0. Coming between the look and a store left
 *     out it stays, as if it had come after that refresh; before a store that is made it is overwritten, as with the lock it is by a
 *     refresh that gets the lock later.
 *   - A look-up that reads an old expiration decides as it would have under the lock a moment earlier. Between the check and the update
 *     the lock was always free, so a sweeper could take the connection out there before as well: the packet keeps its verdict, the
 *     entry goes, and its slot outlives the packet (shm/epoch.ts).
 *   - Nothing else is published by `expiration`: a new connection's is written before the map's atomics publish the record.
 *   - one-hold: mark and label come from one hold, as before; what another packet sets between the update and the metadata is not seen,
 *     as if this packet's metadata had been read a moment earlier.
 */
import { isExpired, stillMatches } from '../conntrack/lookup';
import { policyTimeoutMs } from '../conntrack/timeout-policies';
import {
  countWork,
  LC_CONN,
  LC_CT,
  W_LIST_INSERTS,
  W_REFRESHES,
  W_SWEEP_CHECKED,
  W_SWEEP_CLEANED,
  W_SWEEPS,
} from '../probe/counters';
import { TORTURE } from '../probe/flavour';
import { recordLags } from '../probe/histogram';
import { S_EXPIRATION_END, S_EXPIRATION_READ, S_EXPIRATION_SET, S_RECLAIM, step } from '../probe/steps';
import {
  CO_EXPIRATION,
  CO_LINK,
  CO_LOCK,
  CO_RECLAIMED,
  CO_TIMEOUT_CLASS,
  CO_TP_ID,
} from '../records/connection';
import {
  C_CT_LOCK,
  C_N_CONN_LIMIT,
  CONTROL,
  expiryBase,
  hasAtomicExpiry,
  preset,
  sweepIntervalMs,
} from '../records/memory-map';
import { lock, unlock } from '../shm/mutex';
import { LINK_SIZE, listInit, listNext, listPushFront, listRemove } from '../shm/rculist';
import { CLEAN_MIN_INTERVAL_MS, IMMEDIATE, LastSweep } from './expiry';
import { countRemoved, discard, noteLag, releaseAdmission, unindexLocked } from './removal';

export const N_EXP_LISTS: u32 = 100;
export const PRESET_V6: u32 = 1;
export const PRESET_V7: u32 = 2;
export const PRESET_V7_FIXED: u32 = 3;
export const PRESET_UPSTREAM_MAIN: u32 = 4;
export const PRESET_ONE_HOLD: u32 = 5;

// ---- Traits (expiry/expiry.ts) ---------------------------------------------------------------------------------------
export const TRAIT_ORDER: u32 = 2;
export const TRAIT_CT_LOCKS_PER_REFRESH: u32 = 0;
export const TRAIT_CREATES_NARROWLY: bool = false;
export const TRAIT_EXPIRE_REMOVES: bool = false;
export const TRAIT_DUMP_SHOWS_EXPIRED: bool = false;
export const TRAIT_SWEEP_LOOKS_AT_LIVING: bool = true;
export const TRAIT_HIDES_EXPIRED: bool = false;
export const TRAIT_SWEEP_INTERVAL_MS: u32 = 20_000;
export const TRAIT_LAG_BOUND_MS: u32 = 20_000;
export const TRAIT_DEFAULT_PRESET: u32 = PRESET_V7_FIXED;
export const TRAIT_ATOMIC_EXPIRY_PRESET: u32 = PRESET_UPSTREAM_MAIN;
export const TRAIT_ONE_HOLD_PRESET: u32 = PRESET_ONE_HOLD;
export const TRAIT_RECORDED_PRESET: u32 = PRESET_V7;
export const TRAIT_RECORDED_SWEEPS: u32 = 2;
/** N_EXP_LISTS, at X_LISTS. */
export const TRAIT_LISTS: u32 = 100;
export const TRAIT_LISTS_AT: u32 = 256;
export const TRAIT_LIST_IS_CLASS: bool = false;

const INTERVAL_V6_MS: i64 = 30_000;
const INTERVAL_MS: i64 = 20_000;

/** Counter that picks the list of the next connection. */
const X_NEXT_LIST: usize = 0;
/** List where the next pass starts. */
export const X_NEXT_SWEEP: usize = 128;
export const X_LISTS: usize = 256;

// @ts-ignore: decorator
@inline
export function listHead(list: u32): usize {
  return expiryBase + X_LISTS + <usize>list * LINK_SIZE;
}

/**
 * Stores an atomic expiration, under the connection's lock. WebAssembly has only sequentially consistent stores, which cost a locked
 * instruction; packets of one millisecond store the same, and all but the first of them need none.
 */
// @ts-ignore: decorator
@inline
function renew(conn: usize, expiration: i64): void {
  if (TORTURE) step(S_EXPIRATION_READ);
  if (atomic.load<i64>(conn, CO_EXPIRATION) == expiration) return;
  if (TORTURE) step(S_EXPIRATION_SET);
  atomic.store<i64>(conn, expiration, CO_EXPIRATION);
}

@unmanaged
export class RculistSweep {
  init(): void {
    store<u32>(expiryBase, 0, X_NEXT_LIST);
    store<u32>(expiryBase, 0, X_NEXT_SWEEP);
    for (let list: u32 = 0; list < N_EXP_LISTS; list++) listInit(listHead(list));
  }

  // @ts-ignore: decorator
  @inline
  started(conn: usize, timeoutClass: u32, now: i64): void {
    store<i64>(conn, now + <i64>policyTimeoutMs(load<u32>(conn, CO_TP_ID), timeoutClass), CO_EXPIRATION);
    store<u8>(conn, <u8>timeoutClass, CO_TIMEOUT_CLASS);
  }

  // @ts-ignore: decorator
  @inline
  abandoned(conn: usize): void {}

  published(conn: usize): void {
    let list: u32;
    if (preset == PRESET_V6) {
      list = atomic.add<u32>(expiryBase + X_NEXT_LIST, 1) % N_EXP_LISTS;
    } else {
      list = load<u32>(expiryBase, X_NEXT_LIST);
      store<u32>(expiryBase, (list + 1) % N_EXP_LISTS, X_NEXT_LIST);
    }
    listPushFront(listHead(list), conn + CO_LINK);
    countWork(W_LIST_INSERTS, 1);
  }

  // @ts-ignore: decorator
  @inline
  refreshed(conn: usize, timeoutClass: u32, now: i64): void {
    const expiration = now + <i64>policyTimeoutMs(load<u32>(conn, CO_TP_ID), timeoutClass);
    if (hasAtomicExpiry()) renew(conn, expiration);
    else store<i64>(conn, expiration, CO_EXPIRATION);
    store<u8>(conn, <u8>timeoutClass, CO_TIMEOUT_CLASS);
    countWork(W_REFRESHES, 1);
  }

  /** The dead entry keeps its map slot, its count and its companion until the sweep: the original's behaviour. */
  expire(conn: usize, now: i64): bool {
    if (!stillMatches(conn, now)) return false;
    if (hasAtomicExpiry()) {
      if (TORTURE) step(S_EXPIRATION_END);
      atomic.store<i64>(conn, 0, CO_EXPIRATION);
      return true;
    }
    lock(conn + CO_LOCK, LC_CONN);
    store<i64>(conn, 0, CO_EXPIRATION);
    unlock(conn + CO_LOCK, LC_CONN);
    return true;
  }

  remove(conn: usize): void {
    if (this.clean(conn)) countRemoved(1);
  }

  /** Returns whether this call removed it; the caller counts it. */
  clean(conn: usize): bool {
    if (TORTURE) step(S_RECLAIM);
    if (atomic.xchg<u32>(conn + CO_RECLAIMED, 1) != 0) return false;
    lock(CONTROL + C_CT_LOCK, LC_CT);
    unindexLocked(conn);
    listRemove(conn + CO_LINK);
    if (preset == PRESET_V6) releaseAdmission(conn);
    unlock(CONTROL + C_CT_LOCK, LC_CT);
    if (preset != PRESET_V6) releaseAdmission(conn);
    discard(conn);
    return true;
  }

  /** Walks one list; returns how many connections it saw, which is what the pass's limit counts. */
  sweepList(list: u32, now: i64): u32 {
    const head = listHead(list);
    let seen: u32 = 0;
    let cleaned = LastSweep.cleaned;
    for (let link = listNext(head); link != head; link = listNext(link)) {
      const conn = link - CO_LINK;
      if (isExpired(conn, now)) {
        const expiration = hasAtomicExpiry()
          ? atomic.load<i64>(conn, CO_EXPIRATION)
          : load<i64>(conn, CO_EXPIRATION);
        // A flush may be quicker; then this pass removed nothing.
        if (this.clean(conn)) {
          noteLag(conn, cleaned, expiration, now);
          cleaned++;
        }
      }
      seen++;
    }
    LastSweep.checked += seen;
    LastSweep.cleaned = cleaned;
    return seen;
  }

  sweep(now: i64): i64 {
    const cleanEnd = atomic.load<u32>(CONTROL, C_N_CONN_LIMIT) / 64;
    let next = now + (preset == PRESET_V6 ? INTERVAL_V6_MS : INTERVAL_MS);
    LastSweep.checked = 0;
    LastSweep.cleaned = 0;
    LastSweep.immediate = false;
    const testsFirst = preset == 0 || preset >= PRESET_V7_FIXED;
    let seen: u32 = 0;
    let list = load<u32>(expiryBase, X_NEXT_SWEEP);
    for (; list < N_EXP_LISTS; list++) {
      if (testsFirst && seen > cleanEnd) {
        LastSweep.immediate = true;
        break;
      }
      seen += this.sweepList(list, now);
      if (!testsFirst && seen > cleanEnd) {
        LastSweep.immediate = true;
        break;
      }
    }
    if (LastSweep.immediate) next = IMMEDIATE;
    store<u32>(expiryBase, list < N_EXP_LISTS ? list : 0, X_NEXT_SWEEP);
    recordLags(LastSweep.cleaned);
    countRemoved(LastSweep.cleaned);
    countWork(W_SWEEPS, 1);
    countWork(W_SWEEP_CHECKED, LastSweep.checked);
    countWork(W_SWEEP_CLEANED, LastSweep.cleaned);
    return next;
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
    if (next < now) return CLEAN_MIN_INTERVAL_MS;
    if (sweepIntervalMs != 0) return <i64>sweepIntervalMs;
    return next - now;
  }
}
