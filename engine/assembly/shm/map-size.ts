/**
 * How much of the connection map is in use. Its memory is laid out for the configured number of connections, but a bucket is a cache
 * line, and a few connections strewn over a large array would have one each: a table of a tenth of its limit would miss the caches
 * nearly as often as a full one. So the map begins with few buckets and takes the next ones in turn as it fills (linear hashing:
 * W. Litwin, VLDB 1980). It never shrinks within a run. The original's grows as well, by a copy of twice the size at once; here no
 * packet waits for more than GROWN_AT_ONCE buckets.
 *
 * With buckets 0 to `last` in use, a value names the bucket of its low bits, as many as `last` has, and where that one is not in use
 * yet the bucket of one bit less. So when bucket n = last + 1 is taken, only what names n now moves, and all of it comes from one bucket,
 * n without its top bit.
 *
 * Who writes: `last` and the count of records, the thread that holds the lock of the map or of its part (ct_lock, or a shard's). Who
 * reads at the same time: look-ups read `last`, without a lock.
 *
 * Why the ordering holds: what moves is copied to bucket n while no look-up reads n; then `last` is published; then it is taken out of
 * the bucket where it was (shm/hash-map.ts: growLocked). A look-up that goes by the old `last` finds it there until it is taken out. One
 * that comes too late and finds nothing reads `last` again, sees that it has changed, and looks once more. It sees that, for entries
 * are taken out after `last` is published, and these accesses are all atomic; only the copies are not, which come before the store that
 * publishes them. `last` only ever rises, so an equal value means that it was the same all along.
 *
 * A walk over all buckets in rising order meets whatever is there throughout: growing moves entries to higher buckets only. It may
 * meet one twice.
 */
import { bucketMask, C_MAP_LAST, CONTROL, partMask, SHARDED } from '../records/memory-map';
import { shardCount, shardLine, shardOfHash } from './shards';

/** Buckets that a map, or each part of it, begins with, at most. */
const FIRST_BUCKETS: u32 = 4;
/** In the lock's line, behind the lock: records in the map or in its part (guarded by that lock). */
const X_RECORDS: usize = 8;

/** Word that holds the number of the last bucket in use in a part. */
// @ts-ignore: decorator
@inline
function lastWordOf(shard: u32): usize {
  return CONTROL + C_MAP_LAST + ((<usize>shard) << 2);
}

/** The same for this hash. */
// @ts-ignore: decorator
@inline
function lastWord(hash: u32): usize {
  return SHARDED ? lastWordOf(shardOfHash(hash)) : CONTROL + C_MAP_LAST;
}

/** Number of the last bucket in use, in the map or in the part that holds this hash. */
// @ts-ignore: decorator
@inline
export function lastBucket(hash: u32): u32 {
  return atomic.load<u32>(lastWord(hash));
}

/** The same of a part by its number; 0 in memory that was never used. */
// @ts-ignore: decorator
@inline
export function lastBucketOf(shard: u32): u32 {
  return atomic.load<u32>(lastWordOf(shard));
}

/** Publishes that one bucket more is in use. Precondition: its lock is held. */
// @ts-ignore: decorator
@inline
export function setLastBucket(hash: u32, last: u32): void {
  atomic.store<u32>(lastWord(hash), last);
}

/** Number of the last bucket that there is memory for, in the map or in a part. */
// @ts-ignore: decorator
@inline
export function lastPossible(): u32 {
  return SHARDED ? partMask : bucketMask;
}

/** Bucket that a value names while `last` is the last one in use. */
// @ts-ignore: decorator
@inline
export function bucketNumber(value: u32, last: u32): u32 {
  const mask = (<u32>0xffffffff) >> clz<u32>(last | 1);
  const named = value & mask;
  return select<u32>(named & (mask >> 1), named, named > last);
}

/** Bucket that the entries of bucket `added` come from: its number without the top bit. */
// @ts-ignore: decorator
@inline
export function sourceOf(added: u32): u32 {
  return added & ~((<u32>0x80000000) >> clz<u32>(added));
}

/** Counts a record in, or out with -1; returns how many there are. Precondition: the lock is held. */
// @ts-ignore: decorator
@inline
export function countRecord(hash: u32, change: i32): u32 {
  const at = shardLine(shardOfHash(hash));
  const records = load<u32>(at, X_RECORDS) + <u32>change;
  store<u32>(at, records, X_RECORDS);
  return records;
}

/** Buckets of which a walk over all has to look at each: all of them with shards, whose parts lie one behind the other. */
// @ts-ignore: decorator
@inline
export function bucketsToWalk(): u32 {
  return (SHARDED ? bucketMask : atomic.load<u32>(CONTROL, C_MAP_LAST)) + 1;
}

/** Empties the map's size. Precondition: no other thread is attached. */
export function mapSizeInit(): void {
  for (let shard: u32 = 0; shard < shardCount(); shard++) {
    atomic.store<u32>(lastWordOf(shard), min<u32>(FIRST_BUCKETS - 1, lastPossible()));
    store<u32>(shardLine(shard), 0, X_RECORDS);
  }
}
