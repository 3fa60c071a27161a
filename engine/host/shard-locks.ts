import type { EngineRun } from './run-memory.js';

/** Addresses of the locks of a design's shards, those included that this table is too small for; none where it has no shards. */
export function shardLocks({ engine, plan }: EngineRun): number[] {
  const { TRAIT_SHARDS, SHARD_LINE } = engine.constants;
  return Array.from({ length: TRAIT_SHARDS }, (_, shard) => plan.regions.expiry + shard * SHARD_LINE);
}
