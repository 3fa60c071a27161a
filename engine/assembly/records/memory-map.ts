/**
 * The memory map: where everything lives in the one shared memory of a run.
 *
 * Who writes: the host lays the memory out once (engine/host/memory-plan.ts) before any thread attaches and writes
 * the region bases into the control block. After that the bases never change. Counters and locks in the control
 * block are written by every thread, each with atomics, each hot word on a 128-byte line of its own (two 64-byte lines,
 * because the adjacent-line prefetcher pulls lines in pairs).
 *
 * Who reads: every thread. `attach` copies the immutable bases into globals of its module instance; a module
 * instance belongs to one thread, so those globals are thread-local.
 *
 * Why the ordering holds: the host finishes writing before it starts the workers (message passing orders it), so plain
 * loads of the bases are safe. Everything mutable after that is atomic or guarded by a lock named at the field.
 *
 * All addresses are byte offsets in the memory; 0 is never a valid address and means "none".
 */

/** Number of the preset whose expirations are atomic (TRAIT_ATOMIC_EXPIRY_PRESET); 0 in a design without one. */
// @ts-ignore: defined by the build with --use
const ATOMIC_EXPIRY_PRESET: u32 = isDefined(CTREPLAY_ATOMIC_EXPIRY_PRESET)
  ? CTREPLAY_ATOMIC_EXPIRY_PRESET
  : 0;
/** Number of the preset that takes a connection's lock once a packet (TRAIT_ONE_HOLD_PRESET); 0 in a design without one. */
// @ts-ignore: defined by the build with --use
const ONE_HOLD_PRESET: u32 = isDefined(CTREPLAY_ONE_HOLD_PRESET) ? CTREPLAY_ONE_HOLD_PRESET : 0;
/** Most shards of a design with TRAIT_SHARDS (shm/shards.ts), a power of two; 0 in every other. */
// @ts-ignore: defined by the build with --use
export const MOST_SHARDS: u32 = isDefined(CTREPLAY_SHARDS) ? CTREPLAY_SHARDS : 0;
/** Whether a creation takes the locks of shards instead of ct_lock. */
export const SHARDED: bool = MOST_SHARDS != 0;

/** Below this address AssemblyScript may keep static data. */
export const CONTROL: usize = 65536;
export const CONTROL_SIZE: usize = 8192;
export const MAGIC: u32 = 0x63747031; // "ctp1"

// ---- Immutable after layout --------------------------------------------------------------------------------------
export const C_MAGIC: usize = 0;
export const C_MAX_THREADS: usize = 4;
export const C_THREADS_BASE: usize = 8;
export const C_BUCKETS_BASE: usize = 12;
export const C_BUCKET_MASK: usize = 16;
export const C_SLAB_BASE: usize = 20;
export const C_SLAB_SLOTS: usize = 24;
export const C_EXPIRY_BASE: usize = 28;
export const C_POLICIES_BASE: usize = 32;
export const C_ZONES_BASE: usize = 36;
export const C_EXPECT_BASE: usize = 40;
export const C_EXPECT_SLOTS: usize = 44;
export const C_FRAGMENTS_BASE: usize = 48;
export const C_HISTOGRAMS_BASE: usize = 52;
export const C_HISTOGRAMS_STRIDE: usize = 56;
export const C_SEED: usize = 60;
/** Behaviour switches, SWITCH_* bits. */
export const C_SWITCHES: usize = 64;
/** Preset number of the design, 0 = its default; see each expiry/ file. */
export const C_PRESET: usize = 68;
/** Pause between sweeps in milliseconds when a design's own is overridden; 0 = the design's own. */
export const C_SWEEP_INTERVAL_MS: usize = 72;
export const C_HASH_BASIS: usize = 76;
export const C_FRAGMENT_SLOTS: usize = 80;
export const C_BUFFERS_BASE: usize = 84;
/** Not 0: expiration lag is recorded by zone and by timeout policy as well. */
export const C_LAG_GROUPS: usize = 88;
/** How waiters of a lock spin: MUTEX_GLIBC or MUTEX_BACKOFF (shm/mutex.ts). */
export const C_MUTEX_POLICY: usize = 92;
/** Whether batches touch ahead what their packets will need: TOUCH_AHEAD_* (conntrack/touch-ahead.ts). */
export const C_TOUCH_AHEAD: usize = 96;
export const C_SIDE_BASE: usize = 100;

// ---- Mutable, each on its own 128-byte line ----------------------------------------------------------------------
/**
 * ct_lock: {word, average spins}. The order of the locks is stated in shm/mutex.ts. With shards (shm/shards.ts) it guards what they share:
 * of what is said below to be guarded by it all but the random state and the search for room.
 */
export const C_CT_LOCK: usize = 256;
/** Guards expectations. */
export const C_RESOURCES_LOCK: usize = 384;
/** Guards the fragment context. */
export const C_FRAGMENT_LOCK: usize = 512;
/** Connections in the table, atomic u32; un-NAT companions are not counted. */
export const C_N_CONN: usize = 640;
/** Connection limit, atomic u32. */
export const C_N_CONN_LIMIT: usize = 768;
/** Global epoch, atomic u32, always odd, hence never 0 (shm/epoch.ts). */
export const C_EPOCH: usize = 896;
/** Slots in the orphan chains, atomic u32; beside the epoch because every quiescent point reads both. */
export const C_ORPHAN_COUNT: usize = 900;
/** Not 0 once the run must end: every waiter gives up. Atomic u32; index of the failed thread + 1. */
export const C_ABORT: usize = 1024;
/** Head of the returned-slot stack (atomic u32; pushed by any thread, taken whole under ct_lock). */
export const C_SLAB_RETURNED: usize = 1152;
/** Slot the next bump allocation takes (guarded by ct_lock). */
export const C_SLAB_NEXT: usize = 1280;
/** Private free list of the allocator (guarded by ct_lock). */
export const C_SLAB_FREE: usize = 1284;
/** Slots taken and not yet returned, atomic u32, companions included. */
export const C_SLAB_IN_USE: usize = 1408;
/** Slots retired and waiting for a grace period, atomic u32. */
export const C_GRACE_PENDING: usize = 1536;
/** Not 0 while a sweep runs, atomic u32. */
export const C_SWEEPING: usize = 1664;
/** Sequence for zone limit entries (guarded by ct_lock). */
export const C_ZONE_SEQUENCE: usize = 1792;
/** TCP window check on (1) or off (0), atomic u32. */
export const C_TCP_SEQ_CHECK: usize = 1796;
/** Timeout policies ever set, deleted ones included (guarded by ct_lock). */
export const C_POLICIES_USED: usize = 1800;
/** Number of expectations held, atomic u32: lets the packet path skip the lock when there are none. */
export const C_N_EXPECTATIONS: usize = 1920;
/** Random state of NAT port restarts, u64 (guarded by ct_lock). */
export const C_RANDOM: usize = 2048;
/** Fragment settings: enabled4, enabled6, min4, min6, max fragments (u32 each), then counters. */
export const C_FRAGMENT_SETTINGS: usize = 2176;
/** Chains of retired slots whose threads went offline: lock word, waiting chain, retired chain (shm/epoch.ts). */
export const C_ORPHANS: usize = 2560;
/**
 * The number of the last bucket of the connection map that is in use, atomic u32; with shards one such word for each of them
 * (shm/map-size.ts). Written where the map grows, read by every look-up, so beside nothing that is written more often.
 */
export const C_MAP_LAST: usize = 2688;
/** Nodes of the map's search for room, MAP_SEARCH_BYTES (guarded by ct_lock). */
export const C_MAP_SEARCH: usize = 4096;
export const MAP_SEARCH_BYTES: usize = 4096;

/** UDP/other: established only after a reply (upstream 97211927f). */
export const SWITCH_EST_AFTER_REPLY: u32 = 1;
/** Default zone limit applies to each zone with a count of its own (upstream b57c1da5c). */
export const SWITCH_DEFAULT_LIMIT_PER_ZONE: u32 = 2;
/** FTP: IPv4 EPRT and 229 are understood (upstream 6e83dafc4). */
export const SWITCH_FTP_IPV4_EXTENDED: u32 = 4;
/** A defect of every upstream revision: committing with a bare `nat` gives the reply tuple a source address and a port of zero. */
export const SWITCH_BARE_NAT_ZERO_TUPLE: u32 = 8;
/** Checksums count as right unseen, as upstream does with packets that a NIC, or a sender's offload, flags as good. */
export const SWITCH_CHECKSUMS_IGNORED: u32 = 16;

/** Values of C_MUTEX_POLICY; anything else is MUTEX_GLIBC. */
export const MUTEX_GLIBC: u32 = 1;
export const MUTEX_BACKOFF: u32 = 2;

/** Values of C_TOUCH_AHEAD; anything else is TOUCH_AHEAD_AUTO: by the number of connections in the table. */
export const TOUCH_AHEAD_AUTO: u32 = 1;
export const TOUCH_AHEAD_OFF: u32 = 2;
export const TOUCH_AHEAD_ON: u32 = 3;

// ---- Thread block ------------------------------------------------------------------------------------------------
/** Bytes of one thread's block. */
export const THREAD_SIZE: usize = 16384;
/** Epoch this thread has seen at its last quiescent point; 0 = offline. Atomic u32; written by its thread only. */
export const T_EPOCH_SEEN: usize = 0;
/** Retired slots not yet stamped: head, tail, count (own thread only). */
export const T_RETIRED: usize = 128;
/** Retired slots waiting for a grace period: head, tail, count, target epoch (own thread only). */
export const T_WAITING: usize = 144;
/** Index of the packet in progress (own thread writes, main reads after a failure). */
export const T_PACKET_INDEX: usize = 192;
/** Debug builds: the classes of the locks held (LC_*), as a bit set. */
export const T_LOCKS_HELD: usize = 196;
/** Sampling interval of hold times per lock class, u32; 0 = none, 1 = every hold. A design may have more timed (timeNextHold). */
export const T_HOLD_INTERVAL: usize = 200;
/** Interval histogram that the latency probe also fills; 0 = none. */
export const T_INTERVAL_HISTOGRAM: usize = 204;
/** Slots this thread holds ready for narrow insertion: connection, companion (own thread only). */
export const T_SPARE_SLOTS: usize = 208;
/** Batches that this thread has run, u64 each: all of them, and those that touched ahead (own thread writes). */
export const T_BATCHES: usize = 216;
export const T_BATCHES_TOUCHED: usize = 224;
/** What touching ahead has loaded, summed up (own thread only); nobody reads it. */
export const T_TOUCH_SINK: usize = 232;
/** With shards: the first of the slots that this thread has reserved (conntrack/reserved-slots.ts; own thread only). */
export const T_RESERVED_SLOTS: usize = 236;
/** Packets by final ct_state (8 bits), u64 each. */
export const T_VERDICTS: usize = 256;
/** Reason counts, u64 each, indexed by Reason. */
export const T_REASONS: usize = 2304;
/** Work counts, u64 each, indexed by Work. */
export const T_WORK: usize = 2816;
/** Lock figures, LOCK_STATS_SIZE bytes per lock class. */
export const T_LOCK_STATS: usize = 3328;
export const LOCK_STATS_SIZE: usize = 128;
/** Packets per class (NEW, EST ...), u64 each. */
export const T_CLASSES: usize = 4352;
/** Execution context of the packet in progress (conntrack/context.ts). */
export const T_CONTEXT: usize = 4608;
/** Hashes of the batch in progress, u32 each, for touching ahead (own thread only). */
export const T_TOUCH_HASHES: usize = 5120;
/** Scratch for this thread: keys, payload rewriting. */
export const T_SCRATCH: usize = 6144;
export const T_SCRATCH_SIZE: usize = 10240;
/** Inside the scratch, with shards: nodes of the map's search for room, MAP_SEARCH_BYTES. */
export const T_MAP_SEARCH: usize = 10240;

/** Bytes of one lock-free map bucket. */
export const BUCKET_SIZE: usize = 64;
/** Bytes of one connection slot, a power of two. */
export const CONN_SIZE: usize = 128;
/** Bytes beside the slab for each slot (records/side-data.ts). */
export const SIDE_SIZE: usize = 24;

// ---- Thread-local copies of the immutable bases --------------------------------------------------------------------
export let threadIndex: u32 = 0;
export let threadBlock: usize = 0;
export let threadsBase: usize = 0;
export let maxThreads: u32 = 0;
export let bucketsBase: usize = 0;
export let bucketMask: u32 = 0;
/** With shards: binary logarithm of their number; of the bytes of a part of the map; buckets of a part less one (shm/shards.ts). */
export let shardBits: u32 = 0;
export let partShift: u32 = 0;
export let partMask: u32 = 0;
export let slabBase: usize = 0;
export let slabEnd: usize = 0;
export let sideBase: usize = 0;
export let expiryBase: usize = 0;
export let policiesBase: usize = 0;
export let zonesBase: usize = 0;
export let expectBase: usize = 0;
export let expectSlots: u32 = 0;
export let fragmentsBase: usize = 0;
export let fragmentSlots: u32 = 0;
export let buffersBase: usize = 0;
export let histograms: usize = 0;
export let hashBasis: u32 = 0;
export let switches: u32 = 0;
export let preset: u32 = 0;
export let sweepIntervalMs: u32 = 0;
export let lagGroups: u32 = 0;
export let mutexPolicy: u32 = 0;
export let touchPolicy: u32 = 0;
/** Word this thread writes into a lock it holds: (index + 1) << 1. */
export let ownerWord: u32 = 0;

/**
 * Binds this module instance to thread `index` of the run laid out in the memory.
 * Returns 1, or 0 when the memory was not laid out or the index is out of range.
 */
export function attach(index: u32): u32 {
  if (load<u32>(CONTROL, C_MAGIC) != MAGIC) return 0;
  maxThreads = load<u32>(CONTROL, C_MAX_THREADS);
  if (index >= maxThreads) return 0;
  threadIndex = index;
  threadsBase = load<u32>(CONTROL, C_THREADS_BASE);
  threadBlock = threadsBase + <usize>index * THREAD_SIZE;
  bucketsBase = load<u32>(CONTROL, C_BUCKETS_BASE);
  bucketMask = load<u32>(CONTROL, C_BUCKET_MASK);
  slabBase = load<u32>(CONTROL, C_SLAB_BASE);
  slabEnd = slabBase + <usize>load<u32>(CONTROL, C_SLAB_SLOTS) * CONN_SIZE;
  sideBase = load<u32>(CONTROL, C_SIDE_BASE);
  expiryBase = load<u32>(CONTROL, C_EXPIRY_BASE);
  policiesBase = load<u32>(CONTROL, C_POLICIES_BASE);
  zonesBase = load<u32>(CONTROL, C_ZONES_BASE);
  expectBase = load<u32>(CONTROL, C_EXPECT_BASE);
  expectSlots = load<u32>(CONTROL, C_EXPECT_SLOTS);
  fragmentsBase = load<u32>(CONTROL, C_FRAGMENTS_BASE);
  fragmentSlots = load<u32>(CONTROL, C_FRAGMENT_SLOTS);
  buffersBase = load<u32>(CONTROL, C_BUFFERS_BASE);
  histograms = load<u32>(CONTROL, C_HISTOGRAMS_BASE) + <usize>index * load<u32>(CONTROL, C_HISTOGRAMS_STRIDE);
  hashBasis = load<u32>(CONTROL, C_HASH_BASIS);
  switches = load<u32>(CONTROL, C_SWITCHES);
  preset = load<u32>(CONTROL, C_PRESET);
  sweepIntervalMs = load<u32>(CONTROL, C_SWEEP_INTERVAL_MS);
  lagGroups = load<u32>(CONTROL, C_LAG_GROUPS);
  mutexPolicy = load<u32>(CONTROL, C_MUTEX_POLICY);
  touchPolicy = load<u32>(CONTROL, C_TOUCH_AHEAD);
  ownerWord = (index + 1) << 1;
  if (SHARDED) divideMap();
  return 1;
}

/** Whether expirations are atomic in this run: read without the connection's lock. Nothing is compiled of it where no preset has it. */
// @ts-ignore: decorator
@inline
export function hasAtomicExpiry(): bool {
  return (ATOMIC_EXPIRY_PRESET != 0 && preset == ATOMIC_EXPIRY_PRESET) || hasOneHold();
}

/** Whether mark and label are read while the lock is held for the update anyway. It comes with atomic expirations. */
// @ts-ignore: decorator
@inline
export function hasOneHold(): bool {
  return ONE_HOLD_PRESET != 0 && preset == ONE_HOLD_PRESET;
}

/** A part has no fewer buckets than there are shards, and at least two where there are two shards. */
function divideMap(): void {
  const bucketBits = popcnt<u32>(bucketMask);
  shardBits = min<u32>(max<u32>(bucketBits, 1) - 1, 2 * ctz<u32>(MOST_SHARDS)) >> 1;
  partMask = bucketMask >> shardBits;
  partShift = bucketBits - shardBits + ctz<u32>(<u32>BUCKET_SIZE);
}
