/** How much traffic is kept in memory where nobody says it: as much as machine, container and engine have room for. */
import { EngineError } from '../../engine/host/engine-error.js';
import type { EngineConstants } from '../../engine/host/constants.js';
import { MEMORY_LIMIT_BYTES, planMemory } from '../../engine/host/memory-plan.js';
import { availableMemoryBytes } from '../measure/available-memory.js';
import type { SystemFiles } from '../measure/system-files.js';

const MIB = 1024 ** 2;

/** Staged traffic is held once, and a design's copy of it, beside the table and everything else. */
const SHARES_OF_MEMORY = 3;
/** Where the system does not report what it can give. */
const UNKNOWN_MEMORY_BYTES = 1536 * MIB;
/** A smaller store would not hold batches of large frames. */
const LEAST_BYTES = 16 * MIB;
/** Traffic that is streamed has no use for more. */
const MOST_STREAMED_BYTES = 512 * MIB;
/** Of the engine's memory, for requests and scratch areas. */
const RESERVED_BYTES = 64 * MIB;

/** Sizes of the packet store, in bytes. */
export interface StoreSize {
  /** Traffic that takes no more is kept in memory. */
  readonly stagedBytes: number;
  /** The store of traffic that takes more, and is streamed. */
  readonly streamedBytes: number;
}

/** What the connection table is to be. */
export interface TableNeeds {
  readonly workers: number;
  readonly maxConns: number;
  readonly nat: boolean;
}

/** The size that was asked for. */
export function givenStore(bytes: number): StoreSize {
  return { stagedBytes: bytes, streamedBytes: bytes };
}

/**
 * The size where none was asked for: a third of the memory that the system and the control group can still give, within what the
 * connection table leaves of the engine's 4 GiB.
 * @param constants of the designs that will run
 */
export function defaultStore(
  files: SystemFiles,
  constants: readonly EngineConstants[],
  table: TableNeeds,
): StoreSize {
  const available = availableMemoryBytes(files) ?? UNKNOWN_MEMORY_BYTES;
  const tableBytes = Math.max(0, ...constants.map((each) => bytesWithoutStore(each, table)));
  const stagedBytes = Math.max(
    LEAST_BYTES,
    Math.min(Math.floor(available / SHARES_OF_MEMORY), MEMORY_LIMIT_BYTES - tableBytes - RESERVED_BYTES),
  );
  return { stagedBytes, streamedBytes: Math.min(stagedBytes, MOST_STREAMED_BYTES) };
}

/** Memory of a run but for its packets. */
function bytesWithoutStore(constants: EngineConstants, { workers, maxConns, nat }: TableNeeds): number {
  try {
    return planMemory(constants, {
      threads: workers + 2,
      maxConns,
      nat,
      packetStoreBytes: 0,
      histogramBytes: constants.HISTOGRAMS_SIZE,
    }).totalBytes;
  } catch (error) {
    // A table that is too large by itself: laying out the run says so, and what to do.
    if (error instanceof EngineError) return MEMORY_LIMIT_BYTES;
    throw error;
  }
}
