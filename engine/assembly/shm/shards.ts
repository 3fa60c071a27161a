/**
 * Shards: in a design with TRAIT_SHARDS the writers of the connection map are not one at a time but one per shard. A shard is a part of the
 * map's buckets, a lock, and what lists the design keeps for the connections in it. In every other design nothing of this is compiled:
 * there is one part, which is the whole map, and one lock, which is ct_lock.
 *
 * A record belongs to the shard that the hash of its key names, a connection and its un-NAT companion each to its own. A key and its
 * reverse hash alike, so whatever answers to a tuple, in either direction, is in one shard: holding its lock is enough to know that a
 * tuple is free and to keep it so.
 *
 * Who writes: the bounds of the parts are computed once, as a thread attaches. The locks' words as in mutex.ts; they are free when the
 * memory is laid out. Who reads: everybody, as the parts are found from a hash alone.
 *
 * Why a part is enough for the map: both buckets of a hash are in the part of its shard, so an entry that is moved to make room stays in
 * it, and so does the search for room. A reader of one hash reads two buckets of one part.
 *
 * How many: a table of 2048 buckets or more has all of them, a smaller one fewer, so that a part has no fewer buckets than there are shards,
 * and a full part stays as rare as a full map.
 *
 * Lock order: locks of shards, by number; then ct_lock, which guards what shards share (mutex.ts).
 */
import { LC_CT } from '../probe/counters';
import { CO_HASH } from '../records/connection';
import {
  bucketsBase,
  C_CT_LOCK,
  CONTROL,
  expiryBase,
  MOST_SHARDS,
  partShift,
  shardBits,
  SHARDED,
} from '../records/memory-map';
import { lock, lockBeside, unlock, unlockBeside } from './mutex';

/** Bytes of a shard's line: its lock ({word, average spins}), how many records its part has (map-size.ts), then what the design keeps there from X_SHARD on. */
export const SHARD_LINE: usize = 128;
export const X_SHARD: usize = 16;

/** Shards of this table. */
// @ts-ignore: decorator
@inline
export function shardCount(): u32 {
  return SHARDED ? 1 << shardBits : 1;
}

/** Shard of a key with this hash: the top bits of a product that depends on all bits, as the buckets are named by the lower ones. */
// @ts-ignore: decorator
@inline
export function shardOfHash(hash: u32): u32 {
  return SHARDED ? ((hash * 0x9e3779b1) >> 1) >> (31 - shardBits) : 0;
}

/** Shard of a record. Its hash is written before it can be found. */
// @ts-ignore: decorator
@inline
export function shardOf(record: usize): u32 {
  return SHARDED ? shardOfHash(load<u32>(record, CO_HASH)) : 0;
}

/** First bucket of a part of the map. */
// @ts-ignore: decorator
@inline
export function partAt(shard: u32): usize {
  return SHARDED ? bucketsBase + ((<usize>shard) << partShift) : bucketsBase;
}

/** The same of the part that holds this hash. */
// @ts-ignore: decorator
@inline
export function partOf(hash: u32): usize {
  return SHARDED ? partAt(shardOfHash(hash)) : bucketsBase;
}

/** Where the lock of a shard is, and its line. */
// @ts-ignore: decorator
@inline
export function shardLine(shard: u32): usize {
  return SHARDED ? expiryBase + <usize>shard * SHARD_LINE : CONTROL + C_CT_LOCK;
}

// @ts-ignore: decorator
@inline
export function lockShard(shard: u32): void {
  lock(shardLine(shard), LC_CT);
}
// @ts-ignore: decorator
@inline
export function unlockShard(shard: u32): void {
  unlock(shardLine(shard), LC_CT);
}

/** Takes the locks of two shards, which may be one, in their order. */
export function lockShards(one: u32, other: u32): void {
  lockShard(min<u32>(one, other));
  if (one != other) lockBeside(shardLine(max<u32>(one, other)), LC_CT);
}
export function unlockShards(one: u32, other: u32): void {
  if (one != other) unlockBeside(shardLine(max<u32>(one, other)), LC_CT);
  unlockShard(min<u32>(one, other));
}

/** Empties the lines of all shards. Precondition: no other thread is attached. */
export function shardsInit(): void {
  if (SHARDED) memory.fill(expiryBase, 0, <usize>MOST_SHARDS * SHARD_LINE);
}
