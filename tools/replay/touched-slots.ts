/**
 * Which slots of the connection table are touched before the start, so that the system hands their pages out then and not inside
 * a packet's service time, where creation holds ct_lock.
 */
import type { EngineRun } from '../../engine/host/run-memory.js';
import { availableMemoryBytes } from '../measure/available-memory.js';
import type { SystemFiles } from '../measure/system-files.js';
import { targetPps, type LoopCounts } from './pace.js';
import { loopCount, loopsPerChange } from './plan-loops.js';
import type { ReplayPlan } from './replay-plan.js';
import { touchPages } from './touched-pages.js';
import type { TrafficSlots } from './traffic-slots.js';

/** What a run may take of the table depends on this much of it. */
export type SlotPlan = Pick<
  ReplayPlan,
  'workers' | 'pacing' | 'loops' | 'durationMs' | 'clock' | 'timeScale' | 'uniqueIpLoops' | 'config'
>;

/** No design runs more packets a second on one core. */
const MOST_PPS = 10e6;
/** What is left to a worker at top speed of a core that it shares. */
const FEWEST_PPS = 250e3;
/** Shortest timeout where no policy says otherwise (spec §5). */
const SHORTEST_TIMEOUT_S = 30;
/** Slots that a thread may hold ready (traits.createsNarrowly): one, one for a companion, and with shards 16 (conntrack/reserved-slots.ts). */
const SPARE_SLOTS = 18;
/** Of the memory that the system can still give, at most this share is touched ahead: a table that never fills must not use it up. */
const MEMORY_SHARE = 0.5;
/** The map grows by so many buckets when there are more records a bucket than this. */
const GROWN_AT_ONCE = 8;
const RECORDS_PER_BUCKET = 3.5;
/** So far above its share no part comes in a hundred thousand runs. */
const LIKELY_SIGMAS = 6;

/**
 * Slots that the run can come to use, at most those of the table. Not less than it will use, but where connections expire
 * although the run looks too short for it; then the rest costs page faults as it goes.
 */
export function slotsInUse(
  slots: TrafficSlots,
  traffic: LoopCounts,
  plan: SlotPlan,
  slabSlots: number,
): number {
  const loops = mostLoops(traffic, plan);
  const spares = SPARE_SLOTS * (plan.workers + 2);
  if (outlivesTimeouts(loops, traffic, plan))
    return Math.min(slabSlots, times(loops, slots.committed) + spares);
  // A loop with new addresses opens all its connections, one with the same again only those that it replaces.
  const perChange = loopsPerChange(plan);
  const fresh = perChange === null ? Math.min(loops, 1) : Math.ceil(loops / perChange);
  const again = loops === fresh ? 0 : loops - fresh;
  return Math.min(slabSlots, times(fresh, slots.opening) + times(again, slots.reopening) + spares);
}

/**
 * Slots that the run will use at once, as far as that is known before: of one loop where connections of loops before may have expired or
 * time ends the run, and none where they may expire within a loop.
 */
export function slotsNeeded(
  slots: TrafficSlots,
  traffic: LoopCounts,
  plan: SlotPlan,
  slabSlots: number,
): number {
  if (outlivesTimeouts(1, traffic, plan)) return 0;
  const loops = loopCount(plan);
  const perChange = loopsPerChange(plan);
  const isKnown = plan.durationMs === null && !outlivesTimeouts(loops, traffic, plan);
  const fresh = isKnown && perChange !== null ? Math.ceil(loops / perChange) : 1;
  return Math.min(slabSlots, times(fresh, slots.opening));
}

/** Loops that the run can come to; Infinity where nothing bounds them. */
function mostLoops(traffic: LoopCounts, plan: SlotPlan): number {
  const { durationMs, pacing, workers } = plan;
  const loops = loopCount(plan);
  if (durationMs === null) return loops;
  const pps =
    pacing.mode === 'profile'
      ? Math.max(...pacing.profile.points.map((point) => point.pps))
      : (targetPps(pacing, traffic) ?? MOST_PPS * workers);
  return Math.min(loops, Math.ceil((pps * durationMs) / 1000 / traffic.packets) + 1);
}

/** Whether the tracker's time can pass the shortest timeout among packets that meet the same connections. */
function outlivesTimeouts(loops: number, traffic: LoopCounts, plan: SlotPlan): boolean {
  const { clock, timeScale, pacing, durationMs, config } = plan;
  const together = Math.min(loops, loopsPerChange(plan) ?? loops);
  const pps = targetPps(pacing, traffic) ?? FEWEST_PPS;
  let ms = together * (clock === 'capture' ? traffic.loopNs / 1e6 : (traffic.packets / pps) * 1000);
  if (clock === 'wall') ms = timeScale * Math.min(ms, durationMs ?? Number.POSITIVE_INFINITY);
  const policies = Object.values(config.entries.timeoutPolicies ?? {});
  const seconds = policies.flatMap((policy) => Object.values(policy).filter((value) => value !== undefined));
  return ms >= 1000 * Math.min(SHORTEST_TIMEOUT_S, ...seconds);
}

/** A product of which no part makes nothing, even of infinitely many. */
function times(count: number, each: number): number {
  return each === 0 ? 0 : count * each;
}

/**
 * Touches the first `slots` slots, as far as memory is there for them, and the buckets that so many connections take.
 * @returns how many were
 */
export function touchSlots(run: EngineRun, slots: number, files: SystemFiles): number {
  const { slab } = run.plan.regions;
  const { CONN_SIZE } = run.engine.constants;
  const available = availableMemoryBytes(files) ?? Number.POSITIVE_INFINITY;
  const touched = Math.min(slots, Math.floor((available * MEMORY_SHARE) / CONN_SIZE));
  const bytes = new Uint8Array(run.memory.buffer);
  touchPages(bytes, slab, touched * CONN_SIZE);
  for (const { at, byteCount } of mapSpans(run, touched)) touchPages(bytes, at, byteCount);
  return touched;
}

/** A piece of the run's memory. */
export interface MemorySpan {
  readonly at: number;
  readonly byteCount: number;
}

/** What of the connection map so many connections take: its first buckets, or with shards those of each part. */
export function mapSpans({ engine, plan }: EngineRun, connections: number): MemorySpan[] {
  const { BUCKET_SIZE, TRAIT_SHARDS } = engine.constants;
  if (connections === 0) return [];
  const parts = Math.max(1, TRAIT_SHARDS);
  const perPart = plan.buckets / parts;
  const at: number = plan.regions.buckets;
  // The map of a small table may have fewer parts.
  if (perPart < parts) return [{ at, byteCount: plan.buckets * BUCKET_SIZE }];
  const used = Math.min(perPart, bucketsInUse(connections / parts, parts > 1));
  return Array.from({ length: parts }, (_, part) => ({
    at: at + part * perPart * BUCKET_SIZE,
    byteCount: used * BUCKET_SIZE,
  }));
}

/** Buckets that a map, or a part of one, grows to with so many records (engine/assembly/shm/map-size.ts). */
function bucketsInUse(records: number, isPart: boolean): number {
  // Hashes fill parts alike, but for chance.
  const most = isPart ? records + LIKELY_SIGMAS * Math.sqrt(records) : records;
  return Math.ceil(most / RECORDS_PER_BUCKET) + GROWN_AT_ONCE;
}
