/** Laying a run's memory out and getting its packets there: all of them from staged traffic, or rings for a feeder to fill. */
import { memoryIsLimited, requireMemory } from './memory-check.js';
import { planMemory, type MemoryPlan } from '../../engine/host/memory-plan.js';
import { needsLagGroups } from './collect-lag.js';
import type { DesignChoice } from '../../engine/host/designs.js';
import type { EngineModule } from '../../engine/host/module.js';
import { createRun, type EngineRun } from '../../engine/host/run-memory.js';
import { EngineThread } from '../../engine/host/thread.js';
import { systemFiles } from '../measure/system-files.js';
import { applyConfig, threadTarget } from '../config/apply-config.js';
import { engineSettings } from '../config/engine-settings.js';
import { mayRewrite, rulesOf, type PacketRules } from '../config/rules.js';
import { eventLoopTurn } from './event-loop.js';
import { forgetCounters } from './forget-counters.js';
import type { FeederInput } from './feeder.js';
import { frameAt } from './frame-range.js';
import { assignPackets, type Assignment } from './packet-choice.js';
import { framesOf, isStreamed, type KeptFrames, type PacketSource } from './packet-source.js';
import type { StreamInput } from './packet-supply.js';
import {
  cumulativeBits,
  loadPackets,
  loadPacketsTogether,
  packetStoreBytes,
  type WorkerPackets,
} from './packet-store.js';
import { loopCount } from './plan-loops.js';
import { connLimitOf, type ReplayPlan } from './replay-plan.js';
import { placingHelpers } from './shared-placing.js';
import { configRewrites, planStream, ringPlaces, batchesOnly } from './stream-plan.js';
import { touchHistograms } from './touched-histograms.js';
import { slotsInUse, slotsNeeded, touchSlots } from './touched-slots.js';
import type { TrafficSlots } from './traffic-slots.js';

/** One run: a design, loaded, and the plan that it follows. */
export interface RunSubject {
  readonly engine: EngineModule;
  readonly choice: DesignChoice;
  readonly plan: ReplayPlan;
}

/**
 * Every so many lock holds are timed, on workers and sweeper alike; beside these a design has its long holds timed (the old
 * one's pass). A prime: 64 connections fill whole pages, so every 64th creation would be one that meets a fresh page.
 */
export const HOLD_INTERVAL = 251;

const NO_TIMES = new Float64Array(new SharedArrayBuffer(0));

/** What a worker needs to find its packets. */
export interface WorkerPlace {
  readonly packets: WorkerPackets;
  readonly stream: StreamInput | null;
}

/** A run with its memory laid out, before its threads start. */
export interface RunLayout {
  readonly run: EngineRun;
  /** The main thread's engine instance; the tracker is initialised and configured. */
  readonly main: EngineThread;
  /** Slots of the connection table that were touched, the first so many. */
  readonly touchedSlots: number;
  readonly workers: readonly WorkerPlace[];
  readonly traffic: PacketSource;
  /** Place of each staged packet on the schedule by index, or null when the index itself is the place. */
  readonly units: Float64Array<SharedArrayBuffer> | null;
  /** Capture time of each staged packet; empty where nobody asks for it, and when they are streamed. */
  readonly timesNs: Float64Array<SharedArrayBuffer>;
  readonly feeder: Omit<FeederInput, 'state' | 'fault'> | null;
}

/**
 * Lays out memory for traffic and plan, and loads what is staged.
 * @param now the run's clock, nanoseconds
 * @throws EngineError when it does not fit
 */
export async function layOutRun(
  traffic: PacketSource,
  subject: RunSubject,
  now: () => number,
): Promise<RunLayout> {
  return isStreamed(traffic) ? layOutStreamed(traffic, subject, now) : layOutStaged(traffic, subject, now);
}

async function layOutStaged(
  traffic: PacketSource,
  subject: RunSubject,
  now: () => number,
): Promise<RunLayout> {
  const { engine, plan } = subject;
  const { workers, steer } = plan;
  const c = engine.constants;
  const rules = rulesOf(plan.config);
  const frames = framesOf(traffic);
  const helpers = rules.uniform === true && frames.ranges !== undefined ? placingHelpers(traffic.packets) : 0;
  const assign = (): Assignment => assignPackets(traffic, rules, steer, workers);
  // What is to be known of the packets before memory is laid out: their requests, which rules find while they look at them, and where
  // memory is limited the slots of their connections.
  if (helpers === 0 || memoryIsLimited()) assign();
  else meetRequest(rules, frames);
  await eventLoopTurn();
  const memory = planMemory(c, {
    threads: workers + 2,
    maxConns: mostConns(traffic, plan),
    // Connections that a helper announces may have an annex: a second slot, as a companion is.
    nat: rules.requests.some(mayRewrite),
    packetStoreBytes: packetStoreBytes(traffic, c, { rules, workers }, helpers),
    histogramBytes: c.HISTOGRAMS_SIZE,
  });
  if (memoryIsLimited()) {
    const needed = slotsNeeded(assign().slots, traffic, plan, memory.slabSlots);
    requireMemory(memory, c, engine.design, needed);
  }
  const run = makeRun(subject, memory);
  await eventLoopTurn();
  const main = startMain(run, plan, now);
  const loaded =
    helpers === 0
      ? loadPackets(main, traffic, assign())
      : await loadPacketsTogether(main, traffic, { rules, helpers }, assign);
  const { mode } = plan.pacing;
  // One array of millions: made only where somebody reads it.
  const timesNs = mode === 'multiplier' || plan.clock === 'capture' ? frames.timesNs : NO_TIMES;
  return {
    run,
    main,
    touchedSlots: touchTable(run, assign().slots, traffic, plan),
    workers: loaded.map((packets) => ({ packets, stream: null })),
    traffic,
    units: mode === 'mbps' ? cumulativeBits(traffic) : mode === 'multiplier' ? timesNs : null,
    timesNs,
    feeder: null,
  };
}

function layOutStreamed(traffic: PacketSource, subject: RunSubject, now: () => number): RunLayout {
  const { engine, plan } = subject;
  const { workers } = plan;
  const c = engine.constants;
  const rewrites = configRewrites(plan.config);
  const streamPlan = planStream(c, traffic, workers, plan.batch, rewrites);
  const memory = planMemory(c, {
    threads: workers + 2,
    maxConns: mostConns(traffic, plan),
    nat: rewrites,
    packetStoreBytes: streamPlan.totalBytes,
    histogramBytes: c.HISTOGRAMS_SIZE,
  });
  // Its packets have not been looked at: any of them may open a connection.
  const most = traffic.packets * (rewrites ? 2 : 1);
  requireMemory(memory, c, engine.design, most);
  const run = makeRun(subject, memory);
  const main = startMain(run, plan, now);
  const storeAt = memory.regions.packets;
  const rings = ringPlaces(streamPlan, storeAt, workers);
  const { mode } = plan.pacing;
  const place = mode === 'mbps' ? 'bits' : mode === 'multiplier' ? 'time' : 'index';
  const slots = { opening: most, reopening: most, committed: most };
  return {
    run,
    main,
    touchedSlots: touchTable(run, slots, traffic, plan),
    workers: rings.map((ring, worker) => ({
      packets: batchesOnly(streamPlan, storeAt, worker),
      stream: { ring, place },
    })),
    traffic,
    units: null,
    timesNs: NO_TIMES,
    feeder: { run, traffic, plan, rings },
  };
}

/** Has rules that ask the same for all packets know what that is. */
function meetRequest(rules: PacketRules, { ranges: [first] = [] }: KeptFrames): void {
  if (first !== undefined) rules.choose({ frame: frameAt(first, 0), worker: 0 });
}

/** Connections that there is room for. A run cannot create more than it has packets, so the table need not be larger. */
function mostConns({ packets }: PacketSource, plan: ReplayPlan): number {
  return Math.min(connLimitOf(plan), packets * loopCount(plan));
}

/** The run's memory, set up for the plan; the rules have met the packets that are there. */
function makeRun({ engine, choice, plan }: RunSubject, memory: MemoryPlan): EngineRun {
  return createRun(engine, memory, {
    ...engineSettings(engine, choice, plan.config, plan.seed),
    connLimit: connLimitOf(plan),
    mutex: plan.mutex,
    touchAhead: plan.touchAhead,
    holdInterval: holdIntervalOf(engine),
    lagGroups: needsLagGroups(rulesOf(plan.config).requests),
  });
}

/** Every how many holds of a lock are timed: none in the bare build, which has no clock there. */
function holdIntervalOf({ flavour }: EngineModule): number {
  return flavour === 'bare' ? 0 : HOLD_INTERVAL;
}

/** The main thread's engine instance, with the tracker initialised. */
function startMain(run: EngineRun, plan: ReplayPlan, now: () => number): EngineThread {
  const main = new EngineThread(run, plan.workers + 1, now);
  setUpTracker(main, plan);
  return main;
}

function setUpTracker(main: EngineThread, { config }: ReplayPlan): void {
  main.exports.initTracker();
  applyConfig(threadTarget(main), config);
}

/** Readies the tracker for recording. All threads stand at the barrier, offline. */
export function prepareTracker({ run, main }: RunLayout, plan: ReplayPlan, now: () => number): void {
  forgetCounters(run, holdIntervalOf(run.engine), now);
  const service = plan.latency.mode !== 'off';
  touchHistograms(run, {
    workers: plan.workers,
    service,
    response: service && plan.pacing.mode !== 'topspeed',
  });
  setUpTracker(main, plan);
  main.exports.goOffline();
}

/** Touches what the run can use of the table; returns how many slots that is. */
function touchTable(run: EngineRun, slots: TrafficSlots, traffic: PacketSource, plan: ReplayPlan): number {
  return touchSlots(run, slotsInUse(slots, traffic, plan, run.plan.slabSlots), systemFiles);
}
