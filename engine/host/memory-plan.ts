import type { EngineConstants } from './constants.js';
import { EngineError } from './engine-error.js';
import { byteOffset, type ByteOffset } from './quantities.js';

/** What a run needs room for. */
export interface MemoryNeeds {
  /** Threads that attach: workers, the sweeper, the main thread. */
  readonly threads: number;
  /** Connections that the table can hold at once. */
  readonly maxConns: number;
  /** Whether connections may be translated or announced by a helper: each of those takes a second slot, for its companion or annex. */
  readonly nat: boolean;
  /** Bytes for packets: descriptors, frames and what the caller keeps with them. */
  readonly packetStoreBytes: number;
  /** Slots of the slab exactly; default what `maxConns` and `nat` need, and slots waiting for a grace period. */
  readonly slabSlots?: number;
  /** Buckets that the connection map can grow to, a power of two; default by the slab. */
  readonly buckets?: number;
  /** FTP and TFTP data connections that can be expected at once; default 4096. */
  readonly expectationSlots?: number;
  /** Fragments that can be held at once; default the 5000 that the fragment limit can be set to. */
  readonly fragmentSlots?: number;
  /** Bytes of latency histograms per thread; default what the probes of the engine take, 0 without probes. */
  readonly histogramBytes?: number;
}

/** Base addresses of the regions; each is a multiple of 128, so that no two threads' data share a pair of cache lines. */
export interface Regions {
  readonly threads: ByteOffset;
  readonly expiry: ByteOffset;
  readonly policies: ByteOffset;
  readonly zones: ByteOffset;
  readonly expectations: ByteOffset;
  readonly histograms: ByteOffset;
  /** Per-thread areas of the host: call arguments. */
  readonly arguments: ByteOffset;
  readonly buckets: ByteOffset;
  readonly slab: ByteOffset;
  /** What few connections have, beside the slab. */
  readonly side: ByteOffset;
  /** From here on the engine clears what it uses: a reset stops before. */
  readonly fragments: ByteOffset;
  /** Per-thread buffers for reassembled packets. */
  readonly buffers: ByteOffset;
  readonly packets: ByteOffset;
}

/** Where everything lies in a run's memory. */
export interface MemoryPlan {
  readonly threads: number;
  readonly maxConns: number;
  readonly slabSlots: number;
  readonly buckets: number;
  readonly expectationSlots: number;
  readonly fragmentSlots: number;
  readonly histogramStride: number;
  readonly packetStoreBytes: number;
  readonly regions: Regions;
  readonly totalBytes: number;
  /** Size of the memory in pages of 64 KiB. */
  readonly totalPages: number;
}

export const PAGE_BYTES = 65536;
/** Bytes that a 32-bit WebAssembly memory can have. */
export const MEMORY_LIMIT_BYTES = 4 * 1024 ** 3;
/** Bytes of one thread's argument area; see exec-params.ts and thread.ts for what lies in it. */
export const ARGUMENT_BYTES = 4096;
const ALIGNMENT = 128;
/** Well below the load at which a bucketed cuckoo table begins to move entries often; a connection takes 192 bytes then at most. */
const MAX_MAP_LOAD = 0.64;

/**
 * Lays out the memory of a run.
 * @throws EngineError when it does not fit 4 GiB, saying what takes how much
 * @throws RangeError for a count that is not a whole number in range
 */
export function planMemory(constants: EngineConstants, needs: MemoryNeeds): MemoryPlan {
  requireCount('threads', needs.threads, 1, 1024);
  requireCount('maxConns', needs.maxConns, 0, 0xffff_ffff);
  requireCount('packetStoreBytes', needs.packetStoreBytes, 0, Number.MAX_SAFE_INTEGER);
  const slabSlots = needs.slabSlots ?? defaultSlabSlots(needs);
  requireCount('slabSlots', slabSlots, 1, 0xffff_ffff);
  const buckets = needs.buckets ?? bucketsFor(constants, slabSlots);
  requireCount('buckets', buckets, 1, 2 ** 31);
  if ((buckets & (buckets - 1)) !== 0) throw new RangeError(`buckets is ${buckets}, not a power of two`);
  const expectationSlots = needs.expectationSlots ?? 4096;
  requireCount('expectationSlots', expectationSlots, 0, 1 << 20);
  const fragmentSlots = needs.fragmentSlots ?? 5000;
  requireCount('fragmentSlots', fragmentSlots, 0, 1 << 20);
  const histogramStride = alignUp(needs.histogramBytes ?? 0);

  let at = constants.CONTROL + constants.CONTROL_SIZE;
  const take = (bytes: number): number => {
    const base = alignUp(at);
    at = base + bytes;
    return base;
  };
  const bases = {
    threads: take(needs.threads * constants.THREAD_SIZE),
    expiry: take(areaBytes(constants, slabSlots)),
    policies: take(constants.POLICY_SLOTS * constants.POLICY_SIZE),
    zones: take(constants.ZONE_ENTRIES * constants.ZONE_ENTRY_SIZE),
    expectations: take(expectationSlots * constants.EXPECTATION_SIZE),
    histograms: take(needs.threads * histogramStride),
    arguments: take(needs.threads * ARGUMENT_BYTES),
    buckets: take(buckets * constants.BUCKET_SIZE),
    slab: take(slabSlots * constants.CONN_SIZE),
    side: take(slabSlots * constants.SIDE_SIZE),
    // One slot's space more: the heads of the hash chains lie before the slots.
    fragments: take(fragmentSlots === 0 ? 0 : (fragmentSlots + 1) * constants.FRAGMENT_SLOT_SIZE),
    buffers: take(fragmentSlots === 0 ? 0 : needs.threads * constants.BUFFER_SIZE),
    packets: take(needs.packetStoreBytes),
  };
  const totalBytes = alignUp(at);
  if (totalBytes > MEMORY_LIMIT_BYTES)
    throw tooLarge(needs, { slab: bases.fragments - bases.buckets, totalBytes });
  const regions = Object.fromEntries(
    Object.entries(bases).map(([name, base]) => [name, byteOffset(base)]),
  ) as unknown as Regions;
  return Object.freeze({
    threads: needs.threads,
    maxConns: needs.maxConns,
    slabSlots,
    buckets,
    expectationSlots,
    fragmentSlots,
    histogramStride,
    packetStoreBytes: needs.packetStoreBytes,
    regions: Object.freeze(regions),
    totalBytes,
    totalPages: Math.ceil(totalBytes / PAGE_BYTES),
  });
}

/**
 * A removed connection's slot waits for a grace period, so a table that is full and turning over needs more slots than
 * it has connections.
 */
function defaultSlabSlots(needs: MemoryNeeds): number {
  const records = needs.maxConns * (needs.nat ? 2 : 1);
  return records + Math.max(1024, Math.ceil(records / 16));
}

function bucketsFor(constants: EngineConstants, records: number): number {
  const wanted = Math.max(records / (constants.SLOTS_PER_BUCKET * MAX_MAP_LOAD), 16);
  return 2 ** Math.ceil(Math.log2(wanted));
}

/** Of the design's own area. */
function areaBytes(constants: EngineConstants, slabSlots: number): number {
  const { EXPIRY_SIZE, TRAIT_AREA_BYTES, TRAIT_AREA_BITS_PER_SLOT } = constants;
  return EXPIRY_SIZE + TRAIT_AREA_BYTES + bitsInBytes(slabSlots * TRAIT_AREA_BITS_PER_SLOT);
}

/** In words of eight bytes. */
function bitsInBytes(bits: number): number {
  return Math.ceil(bits / 64) * 8;
}

function alignUp(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

function requireCount(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RangeError(`${name} is ${value}, not a whole number from ${least} to ${most}`);
}

function tooLarge(needs: MemoryNeeds, sizes: { slab: number; totalBytes: number }): EngineError {
  const mib = (bytes: number): string => `${Math.ceil(bytes / 1024 ** 2).toLocaleString('en')} MiB`;
  const companions = needs.nat ? ' and as many NAT companions' : '';
  return new EngineError({
    reason:
      `the run needs ${mib(sizes.totalBytes)}, but a 32-bit memory ends at ${mib(MEMORY_LIMIT_BYTES)}: ` +
      `--max-conns ${needs.maxConns}${companions} take ${mib(sizes.slab)}, the packet store takes ${mib(needs.packetStoreBytes)}`,
    advice: 'Lower --max-conns, or give the packets less memory so that the capture streams.',
  });
}
