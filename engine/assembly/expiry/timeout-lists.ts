/**
 * timeout-lists: the old design (spec §6.1). One doubly linked list (shm/plain-list.ts) per timeout class, ordered by refresh, all
 * under ct_lock. Every refresh takes ct_lock twice and moves the connection to the tail of its class.
 *
 * Who writes and who reads: lists, `cleaned` and removal only under ct_lock; `expiration` under ct_lock and the
 * connection's lock, so that lookups may read it under the latter alone.
 *
 * Lock order: ct_lock, then the connection's lock.
 *
 * Known flaws, kept because they are what is measured: two global-lock passes per packet; the pass stops at the first
 * live connection of a list, so with mixed timeouts expired ones hide behind it (retention); the wake-up adds 30 where
 * seconds were meant to milliseconds.
 *
 * Differs from the original: removing a connection that is already removed is ignored, where the original would free
 * it twice.
 */
import { stillMatches } from '../conntrack/lookup';
import { policyTimeoutMs } from '../conntrack/timeout-policies';
import {
  countWork,
  LC_CONN,
  LC_CT,
  W_LIST_INSERTS,
  W_LIST_MOVES,
  W_LIST_REMOVES,
  W_REFRESHES,
  W_SWEEP_CHECKED,
  W_SWEEP_CLEANED,
  W_SWEEPS,
} from '../probe/counters';
import { recordLags } from '../probe/histogram';
import {
  CO_CLEANED,
  CO_EXPIRATION,
  CO_LINK,
  CO_LOCK,
  CO_TIMEOUT_CLASS,
  CO_TP_ID,
  N_TIMEOUT_CLASSES,
} from '../records/connection';
import { C_CT_LOCK, C_N_CONN_LIMIT, CONTROL, expiryBase, sweepIntervalMs } from '../records/memory-map';
import { lock, lockTimed, unlock } from '../shm/mutex';
import { plainListInit, plainListNext, plainListPushBack, plainListRemove } from '../shm/plain-list';
import { LINK_SIZE } from '../shm/rculist';
import { CLEAN_MIN_INTERVAL_MS, LastSweep } from './expiry';
import { countRemoved, discard, noteLag, releaseAdmission, unindexLocked } from './removal';

// ---- Traits (expiry/expiry.ts) ---------------------------------------------------------------------------------------
export const TRAIT_ORDER: u32 = 1;
export const TRAIT_CT_LOCKS_PER_REFRESH: u32 = 2;
export const TRAIT_CREATES_NARROWLY: bool = false;
export const TRAIT_EXPIRE_REMOVES: bool = true;
export const TRAIT_DUMP_SHOWS_EXPIRED: bool = true;
export const TRAIT_SWEEP_LOOKS_AT_LIVING: bool = false;
export const TRAIT_HIDES_EXPIRED: bool = true;
export const TRAIT_SWEEP_INTERVAL_MS: u32 = 5000;
export const TRAIT_LAG_BOUND_MS: u32 = 5000;
export const TRAIT_DEFAULT_PRESET: u32 = 0;
export const TRAIT_RECORDED_PRESET: u32 = 0;
export const TRAIT_RECORDED_SWEEPS: u32 = 1;
/** One per timeout class. */
export const TRAIT_LISTS: u32 = 11;
export const TRAIT_LISTS_AT: u32 = 0;
export const TRAIT_LIST_IS_CLASS: bool = true;

/** Meant as 30 s, added to milliseconds: kept. */
const WAKE_AHEAD: i64 = 30;
const CLEAN_INTERVAL_MS: i64 = 5000;

// @ts-ignore: decorator
@inline
function listHead(timeoutClass: u32): usize {
  return expiryBase + <usize>timeoutClass * LINK_SIZE;
}

@unmanaged
export class TimeoutLists {
  init(): void {
    for (let c: u32 = 0; c < N_TIMEOUT_CLASSES; c++) plainListInit(listHead(c));
  }

  started(conn: usize, timeoutClass: u32, now: i64): void {
    store<i64>(conn, now + <i64>policyTimeoutMs(load<u32>(conn, CO_TP_ID), timeoutClass), CO_EXPIRATION);
    store<u8>(conn, <u8>timeoutClass, CO_TIMEOUT_CLASS);
    plainListPushBack(listHead(timeoutClass), conn + CO_LINK);
    countWork(W_LIST_INSERTS, 1);
  }

  abandoned(conn: usize): void {
    plainListRemove(conn + CO_LINK);
    countWork(W_LIST_REMOVES, 1);
  }

  // @ts-ignore: decorator
  @inline
  published(conn: usize): void {}

  refreshed(conn: usize, timeoutClass: u32, now: i64): void {
    const connLock = conn + CO_LOCK;
    // First pass: the policy is read under both locks.
    unlock(connLock, LC_CONN);
    lock(CONTROL + C_CT_LOCK, LC_CT);
    lock(connLock, LC_CONN);
    const timeoutMs = <i64>policyTimeoutMs(load<u32>(conn, CO_TP_ID), timeoutClass);
    unlock(connLock, LC_CONN);
    unlock(CONTROL + C_CT_LOCK, LC_CT);
    lock(connLock, LC_CONN);
    // Second pass: the expiration is set and the connection moved.
    unlock(connLock, LC_CONN);
    lock(CONTROL + C_CT_LOCK, LC_CT);
    lock(connLock, LC_CONN);
    if (load<u8>(conn, CO_CLEANED) == 0) {
      store<i64>(conn, now + timeoutMs, CO_EXPIRATION);
      store<u8>(conn, <u8>timeoutClass, CO_TIMEOUT_CLASS);
      plainListRemove(conn + CO_LINK);
      plainListPushBack(listHead(timeoutClass), conn + CO_LINK);
      countWork(W_LIST_MOVES, 1);
    }
    unlock(connLock, LC_CONN);
    unlock(CONTROL + C_CT_LOCK, LC_CT);
    lock(connLock, LC_CONN);
    countWork(W_REFRESHES, 1);
  }

  /** As the original: the look-up that decides is made under ct_lock. */
  expire(conn: usize, now: i64): bool {
    lock(CONTROL + C_CT_LOCK, LC_CT);
    const live = stillMatches(conn, now);
    if (live) this.removeOne(conn);
    unlock(CONTROL + C_CT_LOCK, LC_CT);
    return live;
  }

  remove(conn: usize): void {
    lock(CONTROL + C_CT_LOCK, LC_CT);
    this.removeOne(conn);
    unlock(CONTROL + C_CT_LOCK, LC_CT);
  }

  // @ts-ignore: decorator
  @inline
  removeOne(conn: usize): void {
    if (this.removeLocked(conn)) countRemoved(1);
  }

  /** Precondition: ct_lock is held. Returns whether this call removed it; the caller counts it. */
  removeLocked(conn: usize): bool {
    if (load<u8>(conn, CO_CLEANED) != 0) return false;
    unindexLocked(conn);
    releaseAdmission(conn);
    plainListRemove(conn + CO_LINK);
    store<u8>(conn, 1, CO_CLEANED);
    discard(conn);
    return true;
  }

  sweep(now: i64): i64 {
    const connLimit = atomic.load<u32>(CONTROL, C_N_CONN_LIMIT);
    const limit: u32 = connLimit > 10 ? connLimit / 10 : 1;
    let minExpiration: i64 = i64.MAX_VALUE;
    let cleaned: u32 = 0;
    let checked: u32 = 0;
    let full = false;
    // The one hold of the pass, and the pause that every worker feels.
    lockTimed(CONTROL + C_CT_LOCK, LC_CT);
    for (let c: u32 = 0; c < N_TIMEOUT_CLASSES && !full; c++) {
      const head = listHead(c);
      let link = plainListNext(head);
      while (link != head) {
        const conn = link - CO_LINK;
        link = plainListNext(link);
        checked++;
        lock(conn + CO_LOCK, LC_CONN);
        const expiration = load<i64>(conn, CO_EXPIRATION);
        unlock(conn + CO_LOCK, LC_CONN);
        if (now < expiration || cleaned >= limit) {
          minExpiration = min<i64>(minExpiration, expiration);
          full = cleaned >= limit;
          break;
        }
        noteLag(conn, cleaned, expiration, now);
        if (this.removeLocked(conn)) cleaned++;
      }
    }
    unlock(CONTROL + C_CT_LOCK, LC_CT);
    recordLags(cleaned);
    countRemoved(cleaned);
    countWork(W_SWEEPS, 1);
    countWork(W_SWEEP_CHECKED, checked);
    countWork(W_SWEEP_CLEANED, cleaned);
    LastSweep.checked = checked;
    LastSweep.cleaned = cleaned;
    LastSweep.immediate = false;
    return min<i64>(minExpiration, now + WAKE_AHEAD);
  }

  flushBegin(): void {
    lockTimed(CONTROL + C_CT_LOCK, LC_CT);
  }

  // @ts-ignore: decorator
  @inline
  flushOne(conn: usize): void {
    this.removeOne(conn);
  }

  flushEnd(): void {
    unlock(CONTROL + C_CT_LOCK, LC_CT);
  }

  wakeDelay(next: i64, now: i64): i64 {
    if (next < now) return CLEAN_MIN_INTERVAL_MS;
    if (sweepIntervalMs != 0) return <i64>sweepIntervalMs;
    return max<i64>(next - now, CLEAN_INTERVAL_MS);
  }
}
