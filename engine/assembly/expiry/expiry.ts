/**
 * What an expiry design is. A design is a class without fields whose methods answer for the whole life of a
 * connection. The tracker is compiled once per design and calls these directly, so a design costs no dispatch.
 *
 *   init(): void
 *       Lays out the design's own area (expiryBase, EXPIRY_SIZE bytes). No other thread is attached.
 *   started(conn, timeoutClass, now): void
 *       A connection's protocol state exists. ct_lock is held, unless insertsNarrowly(). Sets its expiration.
 *   abandoned(conn): void
 *       It will not be published after all (no NAT tuple left, table full). ct_lock is held.
 *   published(conn): void
 *       It is in the map. ct_lock is held.
 *   refreshed(conn, timeoutClass, now): void
 *       A packet renewed it. Entered and left holding the connection's lock; may drop it in between.
 *   expire(conn, now): bool
 *       It must stop matching at once, if it has not yet (forced commit, TCP reuse). No lock is held. Returns whether it did.
 *   remove(conn): void
 *       Takes it out of the table now (flush). No lock is held. Removing twice is harmless.
 *   flushBegin(), flushOne(conn), flushEnd(): void
 *       A flush of many: the old design holds ct_lock over all of it.
 *   sweep(now): i64
 *       One clean-up pass; returns the absolute time of the next, or IMMEDIATE.
 *   wakeDelay(next, now): i64
 *       Milliseconds the sweeper thread waits after a pass that returned `next`.
 *   dumpShowsExpired(): bool
 *   insertsNarrowly(): bool
 *       Whether creation prepares the connection before it takes ct_lock (see narrow-insert.ts).
 *
 * Removal is the same for all up to the list (expiry/removal.ts): a design calls `unindexLocked`, takes the connection out of its own
 * list, then `releaseAdmission` and `discard`, under the locks that the original has there.
 *
 * Work that a pass did is left in `lastSweep*` for the sweeper thread that ran it.
 */

/** Returned by sweep when the pass stopped at its limit and wants to go on soon. */
export const IMMEDIATE: i64 = 0;
/** Bytes of the design's own area. */
export const EXPIRY_SIZE: usize = 65536;
/** Pause after a pass that stopped at its limit. */
export const CLEAN_MIN_INTERVAL_MS: i64 = 200;

/** Of the last pass on this thread: connections looked at, connections removed. */
export class LastSweep {
  static checked: u32 = 0;
  static cleaned: u32 = 0;
  static immediate: bool = false;
}
