/**
 * narrow-insert: rculist-sweep with the reviewer's proposal made safe (spec §6.3). The original holds ct_lock over the
 * whole of "look up, then create". Here a creating thread tests whether it may create and prepares the record without
 * the lock; then, under ct_lock, it looks up again, re-checks the limits, chooses the NAT tuple (which must be atomic with
 * the insertion) and inserts. The tracker's creation path does this when `insertsNarrowly()`; everything about expiring
 * is rculist-sweep's, to which each method hands over.
 *
 * Lock order: as rculist-sweep.
 */
import { RculistSweep } from './rculist-sweep';

// @ts-ignore: decorator
@inline
function base(): RculistSweep {
  return changetype<RculistSweep>(0);
}

@unmanaged
export class NarrowInsert {
  init(): void {
    base().init();
  }

  // @ts-ignore: decorator
  @inline
  started(conn: usize, timeoutClass: u32, now: i64): void {
    base().started(conn, timeoutClass, now);
  }

  // @ts-ignore: decorator
  @inline
  abandoned(conn: usize): void {}

  // @ts-ignore: decorator
  @inline
  published(conn: usize): void {
    base().published(conn);
  }

  // @ts-ignore: decorator
  @inline
  refreshed(conn: usize, timeoutClass: u32, now: i64): void {
    base().refreshed(conn, timeoutClass, now);
  }

  // @ts-ignore: decorator
  @inline
  expire(conn: usize, now: i64): bool {
    return base().expire(conn, now);
  }

  // @ts-ignore: decorator
  @inline
  remove(conn: usize): void {
    base().remove(conn);
  }

  // @ts-ignore: decorator
  @inline
  flushBegin(): void {}

  // @ts-ignore: decorator
  @inline
  flushOne(conn: usize): void {
    base().remove(conn);
  }

  // @ts-ignore: decorator
  @inline
  flushEnd(): void {}

  // @ts-ignore: decorator
  @inline
  sweep(now: i64): i64 {
    return base().sweep(now);
  }

  // @ts-ignore: decorator
  @inline
  wakeDelay(next: i64, now: i64): i64 {
    return base().wakeDelay(next, now);
  }

  // @ts-ignore: decorator
  @inline
  dumpShowsExpired(): bool {
    return false;
  }

  // @ts-ignore: decorator
  @inline
  insertsNarrowly(): bool {
    return true;
  }
}
