/**
 * Concurrent hash map: bucketed cuckoo hashing, lock-free readers, one writer. There are two of them, as in the original: the map of
 * connection records, and the small one of timeout policies (conntrack/timeout-policies.ts), which shares finding and inserting
 * (`findIn`, `insertInLocked`) but is never full enough to have to make room, and never removes. With shards (shm/shards.ts) the first is
 * in parts, each a map of its own with one writer: what is said here of the map and of ct_lock is so of a part and of its shard's lock.
 *
 * Layout: an array of 64-byte buckets (shm/bucket.ts), each {u32 version, 7 x u32 hash, 7 x u32 reference, 4 bytes unused}. A
 * reference is a record's address; 0 = empty slot (its hash may be stale). A hash lives in one of two buckets: the
 * one its low bits name, or the one its value rotated by 16 names. Records with equal hash hang on one slot, chained
 * through CO_NEXT, newest first.
 *
 * Who writes: one thread at a time, holding ct_lock. Who reads at the same time: everybody.
 *
 * Why the ordering holds: a slot changes only between two bumps of the bucket's version (odd while changing); a reader
 * takes the version before and after scanning and scans again if it moved. All accesses here are atomic, hence
 * sequentially consistent. Pushing at a chain's head changes only the reference: a reader sees the old or the new
 * head, and the new head's CO_NEXT was written before it was published.
 *
 * What a reader may see half-way: making room moves entries backwards along a path, each copied to its new bucket before
 * it leaves the old one, so every entry is always in at least one. A reader that looked at bucket 1 before a move 2 -> 1
 * and at bucket 2 after it would miss the entry; therefore it verifies bucket 1's version again at the end.
 *
 * The map begins small and grows as it fills (shm/map-size.ts).
 *
 * Hints (the touch and peek functions, and which slot is looked at first) take no version: what they find may be of two states at
 * once, and is good only for deciding which memory to load ahead, or where to look with atomics.
 *
 * A reader waits for a writer only while a bucket's version is odd. Should the writer's thread die there, the wait ends with the run,
 * by the abort word.
 *
 * A removed record keeps its CO_NEXT, so a reader standing on it walks on; its slot is not reused before a grace period.
 *
 * Differs from the original: the table's memory is laid out once for the configured number of connections, and it grows by some
 * buckets at a time and never rehashes as a whole (which would be measured as a stall of one unlucky packet). Should no room be
 * found within the search bound, insertion fails and the packet becomes what it becomes in a full table, with a reason of its own.
 */
import { countWork, DEBUG, W_BUCKET_PROBES, W_MAP_DISPLACEMENTS, W_MAP_INSERTS } from '../probe/counters';
import { FAULT_MOVE_LATE, isPlanted } from '../probe/faults';
import { TORTURE } from '../probe/flavour';
import {
  S_CHAIN_HEAD,
  S_CHAIN_LINK,
  S_CHAIN_NEXT,
  S_CHAIN_UNLINK,
  S_FIND_LAST,
  S_FIND_SIZE,
  S_FIND_VERIFY,
  S_GROW_COPY,
  S_GROW_PUBLISH,
  S_WALK_HEAD,
  step,
} from '../probe/steps';
import { CO_HASH, CO_NEXT } from '../records/connection';
import {
  BUCKET_SIZE,
  bucketsBase,
  C_MAP_SEARCH,
  CONTROL,
  SHARDED,
  T_MAP_SEARCH,
  threadBlock,
} from '../records/memory-map';
import {
  emptySlot,
  emptySlots,
  HASHES,
  matchingSlots,
  NO_SLOT,
  occupiedSlot,
  REFS,
  scan,
  setSlot,
  slotRef,
  SLOTS_PER_BUCKET,
  stableVersion,
} from './bucket';
import {
  bucketNumber,
  bucketsToWalk,
  countRecord,
  lastBucket,
  lastBucketOf,
  lastPossible,
  mapSizeInit,
  setLastBucket,
  sourceOf,
} from './map-size';
import { partAt, partOf, shardCount } from './shards';

/** Bound of the search for a displacement path: breadth-first, at most this many buckets (MAP_SEARCH_BYTES). */
const MAX_SEARCH: u32 = 500;
const MAX_DEPTH: u32 = 5;

/** Buckets by which a map grows at once. */
const GROWN_AT_ONCE: u32 = 8;

// @ts-ignore: decorator
@inline
function bucketAt(base: usize, last: u32, value: u32): usize {
  return base + ((<usize>bucketNumber(value, last)) << 6);
}

/** What names the second bucket of a hash. */
// @ts-ignore: decorator
@inline
function secondOf(hash: u32): u32 {
  return rotr<u32>(hash, 16);
}

// @ts-ignore: decorator
@inline
function bucket1(hash: u32): usize {
  return bucketAt(partOf(hash), lastBucket(hash), hash);
}

// @ts-ignore: decorator
@inline
function bucket2(hash: u32): usize {
  return bucketAt(partOf(hash), lastBucket(hash), secondOf(hash));
}

/** First record of the chain with this hash, or 0. Records behind it are reached through `mapNext`. */
// @ts-ignore: decorator
@inline
export function mapFind(hash: u32): usize {
  while (true) {
    if (TORTURE) step(S_FIND_SIZE);
    const last = lastBucket(hash);
    const found = findIn(partOf(hash), last, hash, true);
    if (found != 0) return found;
    if (TORTURE) step(S_FIND_SIZE);
    if (lastBucket(hash) == last) return 0;
  }
}

/** mapFind in the map of `last` + 1 buckets at `base`; `counted`: bucket probes are, which are those of the connection map. */
// @ts-ignore: decorator
@inline
export function findIn(base: usize, last: u32, hash: u32, counted: bool): usize {
  const first = bucketAt(base, last, hash);
  while (true) {
    const version = stableVersion(first);
    if (counted) countWork(W_BUCKET_PROBES, 1);
    const found = scan(first, hash);
    if (TORTURE) step(S_FIND_VERIFY);
    if (atomic.load<u32>(first) != version) continue;
    if (found != 0) return found;
    const other = findInSecond(bucketAt(base, last, secondOf(hash)), hash, counted);
    if (other != 0) return other;
    if (TORTURE) step(S_FIND_LAST);
    if (atomic.load<u32>(first) == version) return 0;
  }
}

function findInSecond(second: usize, hash: u32, counted: bool): usize {
  while (true) {
    const version = stableVersion(second);
    if (counted) countWork(W_BUCKET_PROBES, 1);
    const found = scan(second, hash);
    if (TORTURE) step(S_FIND_VERIFY);
    if (atomic.load<u32>(second) == version) return found;
  }
}

/** Next record with the same hash, or 0. */
// @ts-ignore: decorator
@inline
export function mapNext(record: usize): usize {
  if (TORTURE) step(S_CHAIN_NEXT);
  return <usize>atomic.load<u32>(record, CO_NEXT);
}

// ---- Hints: read without a version, whatever a writer is doing (conntrack/touch-ahead.ts) ------------------------------

/** Loads a word of the bucket that a look-up of this hash reads first. The value means nothing. */
// @ts-ignore: decorator
@inline
export function touchFirstBucket(hash: u32): u32 {
  return load<u32>(bucket1(hash));
}

/** The same of the bucket that it reads when the first does not have the hash. */
// @ts-ignore: decorator
@inline
export function touchSecondBucket(hash: u32): u32 {
  return load<u32>(bucket2(hash));
}

/** What a slot with this hash seems to refer to in the first bucket, 0 = none. It may be anything: not to be used as it is. */
// @ts-ignore: decorator
@inline
export function peekFirstBucket(hash: u32): usize {
  return peek(bucket1(hash), hash);
}

/** The same in the second bucket. */
// @ts-ignore: decorator
@inline
export function peekSecondBucket(hash: u32): usize {
  return peek(bucket2(hash), hash);
}

// @ts-ignore: decorator
@inline
function peek(bucket: usize, hash: u32): usize {
  const slots = matchingSlots(bucket, hash);
  return slots == 0 ? 0 : <usize>load<u32>(slotRef(bucket, ctz<u32>(slots)), REFS);
}

/**
 * Publishes a record under its hash. Precondition: ct_lock is held; the record is complete and in no map.
 * Returns false when no room was found.
 */
export function mapInsertLocked(record: usize, hash: u32): bool {
  countWork(W_MAP_INSERTS, 1);
  while (!insertInLocked(partOf(hash), lastBucket(hash), record, hash)) {
    const bucket = makeRoom(bucket1(hash), bucket2(hash));
    if (bucket != 0) {
      setSlot(bucket, emptySlot(bucket), hash, record);
      break;
    }
    if (lastBucket(hash) == lastPossible()) return false;
    growLocked(hash);
  }
  if (isCrowded(countRecord(hash, 1), lastBucket(hash))) growLocked(hash);
  return true;
}

/** mapInsertLocked in the map of `last` + 1 buckets at `base`, which neither moves entries nor grows. */
// @ts-ignore: decorator
@inline
export function insertInLocked(base: usize, last: u32, record: usize, hash: u32): bool {
  store<u32>(record, hash, CO_HASH);
  const first = bucketAt(base, last, hash);
  const second = bucketAt(base, last, secondOf(hash));
  if (pushOnChain(first, record, hash) || pushOnChain(second, record, hash)) return true;
  if (TORTURE) step(S_CHAIN_LINK);
  atomic.store<u32>(record, 0, CO_NEXT);
  return fillEmptySlot(first, record, hash) || fillEmptySlot(second, record, hash);
}

/** Whether so many records fill more than half of the slots of `last` + 1 buckets, each in one of its own. */
// @ts-ignore: decorator
@inline
function isCrowded(records: u32, last: u32): bool {
  return records > ((last + 1) * SLOTS_PER_BUCKET) >> 1;
}

/**
 * Takes the next buckets into use, in the part that holds this hash; map-size.ts says why a look-up that goes on meanwhile misses
 * nothing. Precondition: its lock is held.
 */
function growLocked(hash: u32): void {
  const base = partOf(hash);
  const until = min<u32>(lastBucket(hash) + GROWN_AT_ONCE, lastPossible());
  for (let added = lastBucket(hash) + 1; added <= until; added++) {
    const source = sourceOf(added);
    const from = base + ((<usize>source) << 6);
    const to = base + ((<usize>added) << 6);
    let moved: u32 = 0;
    for (let slot: u32 = 0; slot < SLOTS_PER_BUCKET; slot++) {
      const at = slotRef(from, slot);
      const ref = load<u32>(at, REFS);
      const value = load<u32>(at, HASHES);
      if (ref == 0 || bucketNumber(value, added) == source || bucketNumber(secondOf(value), added) == source)
        continue;
      // Nobody looks at the bucket yet: no version, and what publishes it is that it comes into use.
      if (TORTURE) step(S_GROW_COPY);
      store<u32>(slotRef(to, slot), value, HASHES);
      store<u32>(slotRef(to, slot), ref, REFS);
      moved |= 1 << slot;
    }
    if (TORTURE) step(S_GROW_PUBLISH);
    setLastBucket(hash, added);
    if (moved != 0) emptySlots(from, moved);
  }
}

function fillEmptySlot(bucket: usize, record: usize, hash: u32): bool {
  const slot = emptySlot(bucket);
  if (slot == NO_SLOT) return false;
  setSlot(bucket, slot, hash, record);
  return true;
}

function pushOnChain(bucket: usize, record: usize, hash: u32): bool {
  const slot = occupiedSlot(bucket, hash);
  if (slot == NO_SLOT) return false;
  const at = slotRef(bucket, slot);
  if (TORTURE) step(S_CHAIN_LINK);
  atomic.store<u32>(record, load<u32>(at, REFS), CO_NEXT);
  if (TORTURE) step(S_CHAIN_HEAD);
  atomic.store<u32>(at, <u32>record, REFS);
  return true;
}

/** The other bucket where the entry of this slot may live. */
function otherBucket(bucket: usize, slot: u32): usize {
  const hash = load<u32>(slotRef(bucket, slot), HASHES);
  const first = bucket1(hash);
  return bucket == first ? bucket2(hash) : first;
}

// Breadth-first search nodes: {u32 bucket, u32 parent index << 6 | slot in the parent's bucket << 3 | depth}. They lie in
// the control block, guarded by ct_lock, and not in static data: static data is written again whenever a thread
// instantiates the module, which would wipe a search in progress on another thread. With shards several may search at once,
// each in its own thread's block.
const NODE_SIZE: usize = 8;

// @ts-ignore: decorator
@inline
function nodeAt(index: u32): usize {
  return (SHARDED ? threadBlock + T_MAP_SEARCH : CONTROL + C_MAP_SEARCH) + <usize>index * NODE_SIZE;
}

/** Frees one slot in `first` or `second` by moving entries; returns the bucket with the free slot, or 0. */
function makeRoom(first: usize, second: usize): usize {
  let count: u32 = 0;
  count = addNode(count, first, 0);
  if (second != first) count = addNode(count, second, 0);
  for (let head: u32 = 0; head < count; head++) {
    const node = nodeAt(head);
    const bucket = <usize>load<u32>(node);
    const depth = load<u32>(node, 4) & 7;
    for (let slot: u32 = 0; slot < SLOTS_PER_BUCKET; slot++) {
      const next = otherBucket(bucket, slot);
      if (next == bucket) continue;
      const free = emptySlot(next);
      if (free != NO_SLOT) return shiftPath(head, slot, next, free);
      if (depth < MAX_DEPTH && count < MAX_SEARCH)
        count = addNode(count, next, (head << 6) | (slot << 3) | (depth + 1));
    }
  }
  return 0;
}

function addNode(count: u32, bucket: usize, path: u32): u32 {
  const node = nodeAt(count);
  store<u32>(node, <u32>bucket);
  store<u32>(node, path, 4);
  return count + 1;
}

/**
 * Moves the entries along the path found, last one first, so that each is always in some bucket.
 *
 * A path never passes a bucket twice, so no entry on it moves before its turn: a breadth-first search looks at a bucket's
 * slots where it first meets the bucket, and would have ended there. That holds for the two roots too.
 */
function shiftPath(head: u32, slot: u32, target: usize, free: u32): usize {
  let index = head;
  let from = <usize>load<u32>(nodeAt(index));
  while (true) {
    const at = slotRef(from, slot);
    const hash = load<u32>(at, HASHES);
    if (DEBUG && target != bucket1(hash) && target != bucket2(hash)) unreachable();
    const ref = <usize>load<u32>(at, REFS);
    // The fault: it leaves its bucket first, so that for a moment it is nowhere.
    if (TORTURE && isPlanted(FAULT_MOVE_LATE)) setSlot(from, slot, hash, 0);
    setSlot(target, free, hash, ref);
    setSlot(from, slot, hash, 0);
    countWork(W_MAP_DISPLACEMENTS, 1);
    const path = load<u32>(nodeAt(index), 4);
    if ((path & 7) == 0) return from;
    target = from;
    free = slot;
    slot = (path >> 3) & 7;
    index = path >> 6;
    from = <usize>load<u32>(nodeAt(index));
  }
}

/**
 * Takes a record out; the caller counts it, since a sweep does so for all of its at once. Precondition: ct_lock is held; the record is in the
 * map. Returns false if it was not found.
 */
export function mapRemoveLocked(record: usize): bool {
  const hash = load<u32>(record, CO_HASH);
  if (!removeFrom(bucket1(hash), record, hash) && !removeFrom(bucket2(hash), record, hash)) return false;
  countRecord(hash, -1);
  return true;
}

function removeFrom(bucket: usize, record: usize, hash: u32): bool {
  const slot = occupiedSlot(bucket, hash);
  if (slot == NO_SLOT) return false;
  const at = slotRef(bucket, slot);
  const next = load<u32>(record, CO_NEXT);
  let ref = <usize>load<u32>(at, REFS);
  if (ref == record) {
    // Emptying a slot leaves the version alone, as in the original: a reader sees the record or nothing.
    if (TORTURE) step(S_CHAIN_HEAD);
    atomic.store<u32>(at, next, REFS);
    return true;
  }
  while (ref != 0) {
    const following = <usize>load<u32>(ref, CO_NEXT);
    if (following == record) {
      if (TORTURE) step(S_CHAIN_UNLINK);
      atomic.store<u32>(ref, next, CO_NEXT);
      return true;
    }
    ref = following;
  }
  return false;
}

/** Number of buckets that a walk over all has to look at; more by and by, while others insert. */
export function mapBucketCount(): u32 {
  return bucketsToWalk();
}

/** First record of the chain in slot `slot` of bucket `index`, or 0; for whole-table walks. */
export function mapSlotHead(index: u32, slot: u32): usize {
  if (TORTURE) step(S_WALK_HEAD);
  return <usize>atomic.load<u32>(slotRef(bucketsBase + ((<usize>index) << 6), slot), REFS);
}

/**
 * Empties every bucket that was in use, so that a large table costs nothing before it is needed. No other was ever written to, but by a
 * thread that died while it grew the map, after which nobody uses this memory. Precondition: no other thread runs.
 */
export function mapInit(): void {
  for (let shard: u32 = 0; shard < shardCount(); shard++) {
    const used = <usize>min<u32>(lastBucketOf(shard), lastPossible()) + 1;
    memory.fill(partAt(shard), 0, used * BUCKET_SIZE);
  }
  mapSizeInit();
}
