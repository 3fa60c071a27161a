import type { EngineConstants } from './constants.js';
import { allocateEngineMemory } from './engine-memory.js';
import type { MemoryPlan } from './memory-plan.js';
import type { EngineModule } from './module.js';

/** Fragment settings (spec §1.5). Minima are bytes of a non-last fragment, network header included. */
export interface FragmentSettings {
  readonly enabled4: boolean;
  readonly enabled6: boolean;
  readonly minimum4: number;
  readonly minimum6: number;
  /** Fragments held at most. */
  readonly maximum: number;
}

export const DEFAULT_FRAGMENTS: FragmentSettings = {
  enabled4: true,
  enabled6: true,
  minimum4: 1200,
  minimum6: 1280,
  maximum: 1000,
};

/** Behaviours that later upstream revisions changed; all off reproduces the revisions that are compared. */
export interface BehaviourSwitches {
  /** UDP and others are established only after a reply (upstream 97211927f). */
  readonly establishedAfterReply?: boolean | undefined;
  /** The default zone limit gives each zone a count of its own (upstream b57c1da5c). */
  readonly defaultLimitPerZone?: boolean | undefined;
  /** FTP: IPv4 EPRT and 229 are understood (upstream 6e83dafc4). */
  readonly ftpIpv4Extended?: boolean | undefined;
  /** Committing with a bare `nat` gives a reply tuple that no reply meets (a defect of every upstream revision). */
  readonly bareNatZeroTuple?: boolean | undefined;
  /** Checksums count as right unseen, as upstream does with packets that offload flags as good. */
  readonly checksumsIgnored?: boolean | undefined;
}

/**
 * How waiters of a lock spin before they sleep (engine/assembly/shm/mutex.ts): `glibc` as the adaptive mutex that the original
 * uses, `backoff` with long pauses that grow.
 */
export const MUTEX_POLICIES = ['glibc', 'backoff'] as const;
export type MutexPolicy = (typeof MUTEX_POLICIES)[number];
export const DEFAULT_MUTEX: MutexPolicy = 'glibc';

/**
 * Whether batches touch ahead what their packets will need (engine/assembly/conntrack/touch-ahead.ts): `auto` while the table is large,
 * `on` always, `off` never, as in the original. No ct_state depends on it.
 */
export const TOUCH_AHEAD_SETTINGS = ['auto', 'on', 'off'] as const;
export type TouchAhead = (typeof TOUCH_AHEAD_SETTINGS)[number];
export const DEFAULT_TOUCH_AHEAD: TouchAhead = 'auto';

/** What a run starts with. Everything random is injected. */
export interface RunSettings {
  /** Random numbers of the engine (NAT port restarts). */
  readonly seed: number;
  /** Basis of the tuple hash; it decides map buckets and hashed NAT addresses. */
  readonly hashBasis: number;
  /** Preset number of the design; 0 or absent = its default. */
  readonly preset?: number | undefined;
  /** Pause between sweeps in milliseconds; absent = the design's own. */
  readonly sweepIntervalMs?: number | undefined;
  /** Connections in the table at most; absent = 3,000,000. */
  readonly connLimit?: number | undefined;
  /** TCP window check; absent = on. */
  readonly tcpSeqCheck?: boolean | undefined;
  readonly switches?: BehaviourSwitches | undefined;
  readonly fragments?: FragmentSettings | undefined;
  /** Record expiration lag by zone and by timeout policy too; absent = no, since it makes a sweep's holds longer. */
  readonly lagGroups?: boolean | undefined;
  /** Every how many lock holds the held time is measured, per thread and lock class; 0 or absent = never. */
  readonly holdInterval?: number | undefined;
  /** How waiters of a lock spin; absent = as glibc's. Engines from before there was a choice have their own way. */
  readonly mutex?: MutexPolicy | undefined;
  /** Whether batches touch ahead; absent = auto. Engines from before there was a choice never do. */
  readonly touchAhead?: TouchAhead | undefined;
}

/** Default connection limit (spec §0). */
export const DEFAULT_CONN_LIMIT = 3_000_000;

/** An engine laid out in a memory, ready for threads to attach. It can be posted to worker threads. */
export interface EngineRun {
  readonly engine: EngineModule;
  readonly memory: WebAssembly.Memory;
  readonly plan: MemoryPlan;
}

/**
 * Makes the memory of a run and writes its control block. The memory has its final size from the start: it never grows
 * in a run.
 * @throws EngineError when the system does not give the memory
 */
export function createRun(engine: EngineModule, plan: MemoryPlan, settings: RunSettings): EngineRun {
  const pages = Math.max(plan.totalPages, engine.minimumPages);
  const memory = allocateEngineMemory(pages, engine.design, plan.totalBytes);
  const run: EngineRun = { engine, memory, plan };
  writeControlBlock(run, settings);
  return run;
}

/**
 * Makes a run's memory as new and lays it out again, perhaps with another engine and other settings: for many small runs
 * one after the other. No thread may be attached. Costs the size of what had been used, not of the plan.
 */
export function resetRun(run: EngineRun, settings: RunSettings): void {
  const { constants: c } = run.engine;
  const { regions } = run.plan;
  const view = new DataView(run.memory.buffer);
  // In words, which fill shared memory seven times faster than bytes. Regions begin at multiples of them.
  const words = new Float64Array(run.memory.buffer);
  const used = Math.max(regions.slab, view.getUint32(c.CONTROL + c.C_SLAB_NEXT, true));
  words.fill(0, 0, Math.ceil(used / words.BYTES_PER_ELEMENT));
  writeControlBlock(run, settings);
}

/** Bit set of the switches, as the engine reads it. */
function switchBits(constants: EngineConstants, switches: BehaviourSwitches): number {
  return (
    (switches.establishedAfterReply ? constants.SWITCH_EST_AFTER_REPLY : 0) |
    (switches.defaultLimitPerZone ? constants.SWITCH_DEFAULT_LIMIT_PER_ZONE : 0) |
    (switches.ftpIpv4Extended ? constants.SWITCH_FTP_IPV4_EXTENDED : 0) |
    (switches.bareNatZeroTuple ? constants.SWITCH_BARE_NAT_ZERO_TUPLE : 0) |
    (switches.checksumsIgnored ? constants.SWITCH_CHECKSUMS_IGNORED : 0)
  );
}

function writeControlBlock(run: EngineRun, settings: RunSettings): void {
  const { constants: c } = run.engine;
  const { plan, memory } = run;
  const view = new DataView(memory.buffer);
  const put = (offset: number, value: number): void => view.setUint32(c.CONTROL + offset, value, true);
  put(c.C_MAX_THREADS, plan.threads);
  put(c.C_THREADS_BASE, plan.regions.threads);
  put(c.C_BUCKETS_BASE, plan.regions.buckets);
  put(c.C_BUCKET_MASK, plan.buckets - 1);
  put(c.C_SLAB_BASE, plan.regions.slab);
  put(c.C_SLAB_SLOTS, plan.slabSlots);
  // Offset 0 is another field: an engine that lacks the region must not have it written.
  if (c.C_SIDE_BASE !== 0) put(c.C_SIDE_BASE, plan.regions.side);
  put(c.C_EXPIRY_BASE, plan.regions.expiry);
  put(c.C_POLICIES_BASE, plan.regions.policies);
  put(c.C_ZONES_BASE, plan.regions.zones);
  put(c.C_EXPECT_BASE, plan.regions.expectations);
  put(c.C_EXPECT_SLOTS, plan.expectationSlots);
  put(c.C_FRAGMENTS_BASE, plan.regions.fragments);
  put(c.C_BUFFERS_BASE, plan.regions.buffers);
  put(c.C_FRAGMENT_SLOTS, plan.fragmentSlots);
  put(c.C_HISTOGRAMS_BASE, plan.regions.histograms);
  put(c.C_HISTOGRAMS_STRIDE, plan.histogramStride);
  put(c.C_SEED, settings.seed);
  put(c.C_HASH_BASIS, settings.hashBasis);
  put(c.C_SWITCHES, switchBits(c, settings.switches ?? {}));
  put(c.C_PRESET, settings.preset ?? 0);
  put(c.C_SWEEP_INTERVAL_MS, settings.sweepIntervalMs ?? 0);
  put(c.C_LAG_GROUPS, settings.lagGroups === true ? 1 : 0);
  // Offset 0 is another field: an engine that lacks the setting must not have it written.
  if (c.C_MUTEX_POLICY !== 0) {
    put(c.C_MUTEX_POLICY, (settings.mutex ?? DEFAULT_MUTEX) === 'backoff' ? c.MUTEX_BACKOFF : c.MUTEX_GLIBC);
  }
  if (c.C_TOUCH_AHEAD !== 0)
    put(c.C_TOUCH_AHEAD, touchAheadWord(c, settings.touchAhead ?? DEFAULT_TOUCH_AHEAD));
  put(c.C_N_CONN_LIMIT, settings.connLimit ?? DEFAULT_CONN_LIMIT);
  put(c.C_TCP_SEQ_CHECK, (settings.tcpSeqCheck ?? true) ? 1 : 0);
  put(c.C_EPOCH, 1);
  writeRandomState(view, c, settings.seed);
  writeFragmentSettings(view, c, settings.fragments ?? DEFAULT_FRAGMENTS);
  for (let thread = 0; thread < plan.threads; thread++) {
    const block = plan.regions.threads + thread * c.THREAD_SIZE;
    view.setUint32(block + c.T_HOLD_INTERVAL, settings.holdInterval ?? 0, true);
  }
  // Last: a thread that attaches too early finds no magic and refuses.
  Atomics.store(new Int32Array(memory.buffer), (c.CONTROL + c.C_MAGIC) / 4, c.MAGIC);
}

/** A setting of touching ahead as the engine reads it. */
export function touchAheadWord(c: EngineConstants, setting: TouchAhead): number {
  if (setting === 'auto') return c.TOUCH_AHEAD_AUTO;
  return setting === 'on' ? c.TOUCH_AHEAD_ON : c.TOUCH_AHEAD_OFF;
}

/** The state must not be zero, which xorshift generators never leave. */
function writeRandomState(view: DataView, c: EngineConstants, seed: number): void {
  const mixed = BigInt.asUintN(64, (BigInt(seed >>> 0) + 1n) * 0x9e3779b97f4a7c15n);
  view.setBigUint64(c.CONTROL + c.C_RANDOM, mixed === 0n ? 1n : mixed, true);
}

/** Changes the fragment settings of a run. */
function writeFragmentSettings(view: DataView, c: EngineConstants, settings: FragmentSettings): void {
  const at = c.CONTROL + c.C_FRAGMENT_SETTINGS;
  [
    settings.enabled4 ? 1 : 0,
    settings.enabled6 ? 1 : 0,
    settings.minimum4,
    settings.minimum6,
    settings.maximum,
  ].forEach((value, index) => view.setUint32(at + index * 4, value, true));
}
