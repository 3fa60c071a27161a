/**
 * Steps: every atomic access of lock, epoch, map, list and slab that another thread can come between, by number and name.
 *
 * In the `torture` flavour `step` tells the host before the access is made; there it can delay the thread, hand over to
 * another one or let the thread die (tools/endurance/torture). In every other flavour each call is behind `if (TORTURE)`, a
 * constant that is false, and not a byte of the module knows of it (test/engine/probe/steps.test.ts).
 *
 * The same names are those of the model's steps (test/engine/models), which are enumerated in every order; a test compares the
 * order in which the engine comes by them with the model's.
 *
 * Accesses that are no steps: of a thread to its own words that nobody else writes (its seen epoch, whether it holds a lock),
 * of the only writer to what it alone changes, plain accesses under a lock, and counters for display.
 */

// @ts-ignore: decorator
@external('env', 'step')
declare function stepReached(id: u32): void;

// @ts-ignore: decorator
@inline
export function step(id: u32): void {
  stepReached(id);
}

/** How long a waiter of a lock sleeps at most, nanoseconds. Where threads run one at a time it must not sleep at all. */
export let sleepNs: i64 = 50_000_000;

export function setSleepNs(ns: f64): void {
  sleepNs = <i64>ns;
}

// ---- Mutex (shm/mutex.ts) --------------------------------------------------------------------------------------------
/** The first try. */
export const S_LOCK_TRY: u32 = 1;
/** A look while spinning, and the exchange if it finds the lock free. */
export const S_LOCK_LOOK: u32 = 2;
export const S_SLEEP_LOOK: u32 = 3;
export const S_SLEEP_TAKE: u32 = 4;
/** Says on the word that somebody may sleep. */
export const S_SLEEP_MARK: u32 = 5;
export const S_SLEEP_WAIT: u32 = 6;
/** Awake again: looks whether the run is over. */
export const S_SLEEP_WOKEN: u32 = 7;
export const S_UNLOCK: u32 = 8;
export const S_NOTIFY: u32 = 9;

// ---- Epoch (shm/epoch.ts) --------------------------------------------------------------------------------------------
export const S_ONLINE_EPOCH: u32 = 16;
export const S_ONLINE_SEEN: u32 = 17;
export const S_OFFLINE: u32 = 18;
export const S_QUIESCE_EPOCH: u32 = 19;
export const S_QUIESCE_SEEN: u32 = 20;
export const S_RETIRE_COUNT: u32 = 21;
/** A look at one thread's seen word. */
export const S_GRACE_LOOK: u32 = 22;
export const S_GRACE_COUNT: u32 = 23;
export const S_ADVANCE: u32 = 24;
export const S_ADVANCE_EPOCH: u32 = 25;
export const S_ADVANCE_SEEN: u32 = 26;
export const S_ORPHANS_COUNT: u32 = 27;
export const S_ORPHANS_CLAIM: u32 = 28;
export const S_ORPHANS_CALL: u32 = 29;
export const S_ORPHANS_LOCK: u32 = 30;
export const S_ORPHANS_PUBLISH: u32 = 31;
export const S_ORPHANS_RELEASE: u32 = 32;

// ---- Map (shm/hash-map.ts) -------------------------------------------------------------------------------------------
export const S_FIND_VERSION: u32 = 40;
/** A look at a version that was odd. */
export const S_FIND_AWAIT: u32 = 41;
export const S_FIND_HASH: u32 = 42;
export const S_FIND_REF: u32 = 43;
export const S_FIND_VERIFY: u32 = 44;
/** The first bucket's version once more, before a key counts as absent. */
export const S_FIND_LAST: u32 = 45;
export const S_CHAIN_NEXT: u32 = 46;
export const S_SLOT_OPEN: u32 = 47;
export const S_SLOT_REF: u32 = 48;
export const S_SLOT_HASH: u32 = 49;
export const S_SLOT_CLOSE: u32 = 50;
export const S_CHAIN_LINK: u32 = 51;
export const S_CHAIN_HEAD: u32 = 52;
export const S_CHAIN_UNLINK: u32 = 53;
export const S_WALK_HEAD: u32 = 54;
/** Growing: an entry is copied to a bucket that nobody looks at yet; that bucket is taken into use. */
export const S_GROW_COPY: u32 = 55;
export const S_GROW_PUBLISH: u32 = 56;
/** Reads how many buckets are in use: before a look-up, and again when it has missed. */
export const S_FIND_SIZE: u32 = 57;

// ---- List (shm/rculist.ts) -------------------------------------------------------------------------------------------
export const S_LIST_OWN_NEXT: u32 = 60;
export const S_LIST_PUBLISH: u32 = 61;
export const S_LIST_UNLINK: u32 = 62;
export const S_LIST_NEXT: u32 = 63;
/** The test-and-set that decides who removes a connection (expiry/rculist-sweep.ts). */
export const S_RECLAIM: u32 = 64;

// ---- Expirations, where a preset has them atomic (conntrack/lookup.ts, expiry/rculist-sweep.ts) ----------------------
export const S_EXPIRATION_READ: u32 = 81;
export const S_EXPIRATION_SET: u32 = 82;
/** It ends at once: forced, or the connection is opened anew. */
export const S_EXPIRATION_END: u32 = 83;

// ---- Requests (expiry/timing-wheel.ts) -------------------------------------------------------------------------------
export const S_REQUEST_SET: u32 = 65;
export const S_REQUEST_LOOK: u32 = 66;
export const S_REQUEST_TAKE: u32 = 67;

// ---- Slab (shm/slab.ts) ----------------------------------------------------------------------------------------------
export const S_TAKE_LOOK: u32 = 70;
export const S_TAKE_ALL: u32 = 71;
export const S_TAKE_GENERATION: u32 = 72;
export const S_GENERATION_END: u32 = 74;
export const S_PUT_COUNT: u32 = 75;
export const S_RETURN_COUNT: u32 = 76;
export const S_RETURN_LOOK: u32 = 77;
export const S_RETURN_PUSH: u32 = 78;

// ---- Limits, where creation is split (conntrack/create.ts, conntrack/zone-limits.ts) ---------------------------------
/** Counts a connection in with the table, with its zone, where the count is still the one that was tested. */
export const S_PLACE_TAKE: u32 = 79;
export const S_ADMIT_TAKE: u32 = 80;
