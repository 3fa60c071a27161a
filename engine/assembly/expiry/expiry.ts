/**
 * What an expiry design is: one file, expiry/NAME.ts, from which the build makes everything else (engine/design-sources.mjs). It holds a
 * class without fields, called as the file (`timeout-lists`: TimeoutLists), whose methods answer for the whole life of a connection, and
 * constants that say what others have to know of it. The tracker is compiled once per design and calls the methods directly, so a
 * design costs no dispatch.
 *
 * Methods:
 *
 *   init(): void
 *       Lays out the design's own area (expiryBase, EXPIRY_SIZE bytes). No other thread is attached.
 *   started(conn, timeoutClass, now): void
 *       A connection's protocol state exists. ct_lock is held, unless TRAIT_CREATES_NARROWLY. Sets its expiration.
 *   abandoned(conn): void
 *       It will not be published after all (no NAT tuple left, table full). ct_lock is held. Not called where it is created narrowly.
 *   published(conn): void
 *       It is in the map. ct_lock is held, with TRAIT_SHARDS that of its shard.
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
 *
 * Removal is the same for all up to the list (expiry/removal.ts): a design calls `unindexLocked`, takes the connection out of its own
 * list, then `releaseAdmission` and `discard`, under the locks that the original has there.
 *
 * Work that a pass did is left in `LastSweep` for the sweeper thread that ran it.
 *
 * Traits, each an `export const TRAIT_...` of type u32 or bool with a literal value. They are for host, tools and tests, which ask for
 * them and never for a design's name (engine/host/design-traits.ts); the two that the tracker itself asks for are bound to the class
 * by designs/design.template. A design that differs from another by some of them only has `export * from './other'` and those.
 *
 *   ORDER                  place in lists of designs; equal ones by name
 *   CT_LOCKS_PER_REFRESH   acquisitions of ct_lock per packet that renews its connection
 *   CREATES_NARROWLY       a creation prepares the connection before it takes ct_lock (conntrack/create.ts: createNarrow)
 *   EXPIRE_REMOVES         expire() takes the connection out of the table at once; else it only stops matching, and its place in the
 *                          table, its count and its companion stay until a sweep
 *   DUMP_SHOWS_EXPIRED     a dump shows what has expired and was not swept
 *   SWEEP_LOOKS_AT_LIVING  a pass looks at every living connection, so it costs what the table is large
 *   HIDES_EXPIRED          an expired connection can stay behind one that lives, whatever the sweeper does
 *   SWEEP_INTERVAL_MS      pause after a pass with nothing left to do, with the default preset
 *   LAG_BOUND_MS           how late a connection is removed at most, while the sweeper gets its time and nothing is hidden
 *   DEFAULT_PRESET         number of the preset that 0 stands for; 0 = there are no presets
 *   RECORDED_PRESET        the preset that is the revision which conformance data was recorded with; 0 = the design itself
 *   RECORDED_SWEEPS        whose recorded passes are this design's (wake-ups, limits of a pass): RECORDED_* below
 *   LISTS                  lists that hold each connection once (LINK_SIZE bytes a head, links at CO_LINK); 0 = none
 *   LISTS_AT               where the first head lies in the design's own area
 *   LIST_IS_CLASS          list number n holds the connections whose last refresh was of timeout class n
 *   AREA_BYTES             bytes that the design's own area has behind EXPIRY_SIZE
 *   AREA_BITS_PER_SLOT     bits per slot of the slab that it has behind these
 *   SHARDS                 creation is split: most shards of map and design, a power of two, each with a lock of its own (shm/shards.ts). The
 *                          locks are at the beginning of the design's own area, SHARD_LINE bytes a shard, and the rest of a line is the
 *                          design's. Such a design creates narrowly
 *   ATOMIC_EXPIRY_PRESET   number of the preset with atomic expirations: they are read without the connection's lock
 *   ONE_HOLD_PRESET        number of the preset with them in which mark and label are read while the lock is held for the update
 *
 * The last five may be left out where they would be 0.
 *
 * Presets are `export const PRESET_NAME: u32`, numbers from 1 that the design finds in `preset`; 0 is its default.
 */

/** Returned by sweep when the pass stopped at its limit and wants to go on soon. */
export const IMMEDIATE: i64 = 0;
/** Bytes of the design's own area, without what it asks for with TRAIT_AREA_... */
export const EXPIRY_SIZE: usize = 65536;
/** Pause after a pass that stopped at its limit. */
export const CLEAN_MIN_INTERVAL_MS: i64 = 200;

/** Of the last pass on this thread: connections looked at, connections removed. */
export class LastSweep {
  static checked: u32 = 0;
  static cleaned: u32 = 0;
  static immediate: bool = false;
}
