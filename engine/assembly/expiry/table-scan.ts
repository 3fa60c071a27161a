/**
 * table-scan: no list of connections at all. The sweeper walks the buckets of the map, some of them a pass, and paces itself by what it
 * finds: the more time those it meets have left, the later it comes back. So does Linux' nf_conntrack since 2016 (net/netfilter/
 * nf_conntrack_core.c, gc_worker; the mean of the remaining times since 5.19, 2022).
 *
 * Who writes: the map under ct_lock; `expiration` under the connection's lock; `reclaimed` by atomic test-and-set: whoever sets it
 * removes. Where the walk stands belongs to the one thread that sweeps.
 * Who reads at the same time: the sweeper walks the map while workers change it.
 *
 * Why the ordering holds: see shm/hash-map.ts for chains that change under a walk. An entry that is moved from a bucket ahead of the walk
 * to one behind it is missed in this round, and met in the next: nothing depends on meeting each. A connection removed under the
 * sweeper's feet keeps its place in the chain and its slot until the sweeper has quiesced.
 *
 * What it costs: nothing per packet and nothing but the map per creation, 8 bytes a connection less to write. A round looks at every
 * bucket and at every connection, those that live too; and a connection is late by up to a round, a minute where most have long to live.
 *
 * The pace: a round begins a mean of the remaining times after the one before, each taken as 1 s at least and 300 s at most, the mean as
 * 1 s to 60 s: Linux' constants. Expired connections count as nothing left. A table without connections waits for the most.
 *
 * Differs from Linux: a pass ends after so many buckets and connections instead of after 10 ms, since the engine reads no clock here;
 * a packet that meets an expired entry does not remove it, as in the other designs.
 *
 * Lock order: as rculist-sweep.
 */
import { stillMatches } from '../conntrack/lookup';
import { policyTimeoutMs } from '../conntrack/timeout-policies';
import {
  countWork,
  LC_CONN,
  LC_CT,
  W_MAP_REMOVES,
  W_REFRESHES,
  W_REMOVED,
  W_SWEEP_CHECKED,
  W_SWEEP_CLEANED,
  W_SWEEPS,
} from '../probe/counters';
import { TORTURE } from '../probe/flavour';
import { recordLags } from '../probe/histogram';
import { S_RECLAIM, step } from '../probe/steps';
import {
  CO_EXPIRATION,
  CO_FLAGS,
  CO_LOCK,
  CO_RECLAIMED,
  CO_TIMEOUT_CLASS,
  CO_TP_ID,
  CONN_UN_NAT,
} from '../records/connection';
import { C_CT_LOCK, C_N_CONN_LIMIT, CONTROL, expiryBase, sweepIntervalMs } from '../records/memory-map';
import { SLOTS_PER_BUCKET } from '../shm/bucket';
import { mapBucketCount, mapNext, mapSlotHead } from '../shm/hash-map';
import { lock, unlock } from '../shm/mutex';
import { IMMEDIATE, LastSweep } from './expiry';
import { discard, noteLag, releaseAdmission, unindexLocked } from './removal';

// ---- Traits (expiry/expiry.ts) ---------------------------------------------------------------------------------------
export const TRAIT_ORDER: u32 = 5;
export const TRAIT_CT_LOCKS_PER_REFRESH: u32 = 0;
export const TRAIT_CREATES_NARROWLY: bool = false;
export const TRAIT_EXPIRE_REMOVES: bool = false;
export const TRAIT_DUMP_SHOWS_EXPIRED: bool = false;
export const TRAIT_SWEEP_LOOKS_AT_LIVING: bool = true;
export const TRAIT_HIDES_EXPIRED: bool = false;
export const TRAIT_SWEEP_INTERVAL_MS: u32 = 60_000;
export const TRAIT_LAG_BOUND_MS: u32 = 60_000;
export const TRAIT_DEFAULT_PRESET: u32 = 0;
export const TRAIT_RECORDED_PRESET: u32 = 0;
export const TRAIT_RECORDED_SWEEPS: u32 = 0;
export const TRAIT_LISTS: u32 = 0;
export const TRAIT_LISTS_AT: u32 = 0;
export const TRAIT_LIST_IS_CLASS: bool = false;

/** Bounds of the time from round to round. */
const LEAST_ROUND_MS: i64 = 1000;
const MOST_ROUND_MS: i64 = 60_000;
/** What a connection counts for at most in the mean of the remaining times. */
const MOST_REMAINING_MS: i64 = 300_000;
/** A pass ends after this many buckets, or after a 64th of the connection limit, as in rculist-sweep, or this many connections. */
const BUCKETS_PER_PASS: u32 = 65_536;
const LEAST_LOOKS_PER_PASS: u32 = 4096;
/** Pause between the passes of a round, in which the sweeper comes to a quiescent point. */
const BETWEEN_PASSES_MS: i64 = 1;

/** Bucket where the next pass goes on. */
const X_BUCKET: usize = 0;
/** Of the round so far: connections met, and their remaining times added up (i64). */
const X_MET: usize = 4;
const X_REMAINING: usize = 8;
/** When the round began (i64). */
const X_ROUND_START: usize = 16;

@unmanaged
export class TableScan {
  init(): void {
    store<u32>(expiryBase, 0, X_BUCKET);
    this.beginRound(0);
  }

  beginRound(now: i64): void {
    store<u32>(expiryBase, 0, X_MET);
    store<i64>(expiryBase, 0, X_REMAINING);
    store<i64>(expiryBase, now, X_ROUND_START);
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

  // @ts-ignore: decorator
  @inline
  published(conn: usize): void {}

  // @ts-ignore: decorator
  @inline
  refreshed(conn: usize, timeoutClass: u32, now: i64): void {
    store<i64>(conn, now + <i64>policyTimeoutMs(load<u32>(conn, CO_TP_ID), timeoutClass), CO_EXPIRATION);
    store<u8>(conn, <u8>timeoutClass, CO_TIMEOUT_CLASS);
    countWork(W_REFRESHES, 1);
  }

  /** The dead entry keeps its map slot, its count and its companion until the walk comes by. */
  expire(conn: usize, now: i64): bool {
    if (!stillMatches(conn, now)) return false;
    lock(conn + CO_LOCK, LC_CONN);
    store<i64>(conn, 0, CO_EXPIRATION);
    unlock(conn + CO_LOCK, LC_CONN);
    return true;
  }

  remove(conn: usize): void {
    if (this.clean(conn)) this.countCleaned(1);
  }

  /** Returns whether this call removed it; the caller counts it. */
  clean(conn: usize): bool {
    if (TORTURE) step(S_RECLAIM);
    if (atomic.xchg<u32>(conn + CO_RECLAIMED, 1) != 0) return false;
    lock(CONTROL + C_CT_LOCK, LC_CT);
    unindexLocked(conn);
    unlock(CONTROL + C_CT_LOCK, LC_CT);
    releaseAdmission(conn);
    discard(conn);
    return true;
  }

  // @ts-ignore: decorator
  @inline
  countCleaned(count: u32): void {
    countWork(W_MAP_REMOVES, count);
    countWork(W_REMOVED, count);
  }

  /** Looks at one record of the map: removes it when it has expired, and else notes what it has left. */
  look(record: usize, now: i64): void {
    if (load<u8>(record, CO_FLAGS) & (<u8>CONN_UN_NAT)) return;
    LastSweep.checked++;
    lock(record + CO_LOCK, LC_CONN);
    const expiration = load<i64>(record, CO_EXPIRATION);
    unlock(record + CO_LOCK, LC_CONN);
    store<u32>(expiryBase, load<u32>(expiryBase, X_MET) + 1, X_MET);
    const left = min<i64>(max<i64>(expiration - now, LEAST_ROUND_MS), MOST_REMAINING_MS);
    store<i64>(expiryBase, load<i64>(expiryBase, X_REMAINING) + left, X_REMAINING);
    if (now < expiration) return;
    // A flush may be quicker; then this pass removed nothing.
    if (!this.clean(record)) return;
    noteLag(record, LastSweep.cleaned, expiration, now);
    LastSweep.cleaned++;
  }

  lookIn(bucket: u32, now: i64): void {
    for (let slot: u32 = 0; slot < SLOTS_PER_BUCKET; slot++) {
      for (let record = mapSlotHead(bucket, slot); record != 0; record = mapNext(record))
        this.look(record, now);
    }
  }

  sweep(now: i64): i64 {
    LastSweep.checked = 0;
    LastSweep.cleaned = 0;
    const mostLooks = max<u32>(atomic.load<u32>(CONTROL, C_N_CONN_LIMIT) / 64, LEAST_LOOKS_PER_PASS);
    const buckets = mapBucketCount();
    let bucket = load<u32>(expiryBase, X_BUCKET);
    if (bucket == 0) this.beginRound(now);
    const end = min<u32>(bucket + BUCKETS_PER_PASS, buckets);
    while (bucket < end && LastSweep.checked < mostLooks) this.lookIn(bucket++, now);
    LastSweep.immediate = bucket < buckets;
    store<u32>(expiryBase, LastSweep.immediate ? bucket : 0, X_BUCKET);
    recordLags(LastSweep.cleaned);
    this.countCleaned(LastSweep.cleaned);
    countWork(W_SWEEPS, 1);
    countWork(W_SWEEP_CHECKED, LastSweep.checked);
    countWork(W_SWEEP_CLEANED, LastSweep.cleaned);
    if (LastSweep.immediate) return IMMEDIATE;
    return max<i64>(load<i64>(expiryBase, X_ROUND_START) + this.roundMs(), now + BETWEEN_PASSES_MS);
  }

  /** From the beginning of the round that has ended to that of the next. */
  roundMs(): i64 {
    const met = load<u32>(expiryBase, X_MET);
    if (met == 0) return MOST_ROUND_MS;
    const mean = load<i64>(expiryBase, X_REMAINING) / <i64>met;
    return min<i64>(max<i64>(mean, LEAST_ROUND_MS), MOST_ROUND_MS);
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
    if (next < now) return BETWEEN_PASSES_MS;
    if (sweepIntervalMs != 0) return <i64>sweepIntervalMs;
    return next - now;
  }
}
