/** Laying a run's memory out and getting its packets there: all of them from staged traffic, or rings for a feeder to fill. */
import { memoryIsLimited, requireMemory } from './memory-check.js';
import { planMemory } from '../../engine/host/memory-plan.js';
import { needsLagGroups } from './collect-lag.js';
import { createRun, type EngineRun } from '../../engine/host/run-memory.js';
import { EngineThread } from '../../engine/host/thread.js';
import { systemFiles } from '../measure/system-files.js';
import { DEFAULT_CONFIG } from '../config/read-config.js';
import { eventLoopTurn } from './event-loop.js';
import type { FeederInput } from './feeder.js';
import type { TrafficTotals } from './pace.js';
import type { StreamInput } from './packet-supply.js';
import {
  assignmentOf,
  loadPackets,
  packetStoreBytes,
  stagedTotals,
  type WorkerPackets,
} from './packet-store.js';
import type { RunOptions } from './run-options.js';
import type { StagedTraffic } from './staging.js';
import { configRewrites, planStream, ringPlaces, scratchOnly, streamTotals } from './stream-plan.js';
import { slotsInUse, slotsNeeded, touchSlots } from './touched-slots.js';
import type { TrafficSlots } from './traffic-slots.js';
import { countTrafficSlots } from './slots-thread.js';
import { isStreamed, type ReplayTraffic, type StreamedTraffic } from './traffic-source.js';

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
  readonly totals: TrafficTotals;
  /** Place of each staged packet on the schedule by index, or null when the index itself is the place. */
  readonly units: Float64Array<SharedArrayBuffer> | null;
  /** Capture time of each staged packet; empty when they are streamed. */
  readonly timesNs: Float64Array<SharedArrayBuffer>;
  readonly feeder: Omit<FeederInput, 'state' | 'fault'> | null;
}

/**
 * Lays out memory for traffic and options, and loads what is staged.
 * @param now the run's clock, nanoseconds
 * @throws EngineError when it does not fit
 */
export async function layOutRun(
  traffic: ReplayTraffic,
  options: RunOptions,
  now: () => number,
): Promise<RunLayout> {
  return isStreamed(traffic) ? layOutStreamed(traffic, options, now) : layOutStaged(traffic, options, now);
}

async function layOutStaged(
  traffic: StagedTraffic,
  options: RunOptions,
  now: () => number,
): Promise<RunLayout> {
  const { engine, workers, rules } = options;
  const c = engine.constants;
  const assignment = assignmentOf(traffic, rules, options.steer, workers);
  const counting = countTrafficSlots(traffic, rules, assignment, `${options.steer} ${workers}`);
  // Awaited below; what fails before that is told in its place.
  counting.catch(() => {});
  await eventLoopTurn();
  const plan = planMemory(c, {
    threads: workers + 2,
    maxConns: options.maxConns,
    nat: rules.requests.some((request) => request.nat !== undefined),
    packetStoreBytes: packetStoreBytes(traffic, c.PACKET_SIZE, c.PARAMS_SIZE, rules, workers),
    histogramBytes: c.HISTOGRAMS_SIZE,
  });
  if (memoryIsLimited()) {
    const needed = slotsNeeded(await counting, stagedTotals(traffic), options, plan.slabSlots);
    requireMemory(plan, c, engine.design, needed);
  }
  const run = createRun(engine, plan, {
    ...options.settings,
    lagGroups: needsLagGroups(options.rules.requests),
  });
  await eventLoopTurn();
  const main = startMain(run, options, now);
  const loaded = loadPackets(main, traffic, rules, assignment, workers);
  const slots = await counting;
  const { mode } = options.pacing;
  return {
    run,
    main,
    touchedSlots: touchTable(run, slots, loaded.totals, options),
    workers: loaded.workers.map((packets) => ({ packets, stream: null })),
    totals: loaded.totals,
    units: mode === 'mbps' ? loaded.cumulativeBits : mode === 'multiplier' ? loaded.timesNs : null,
    timesNs: loaded.timesNs,
    feeder: null,
  };
}

function layOutStreamed(traffic: StreamedTraffic, options: RunOptions, now: () => number): RunLayout {
  const { engine, workers } = options;
  const c = engine.constants;
  const config = options.config ?? DEFAULT_CONFIG;
  const { rewrites, nat } = configRewrites(config);
  const streamPlan = planStream(c, traffic, workers, options.batch, rewrites);
  const plan = planMemory(c, {
    threads: workers + 2,
    maxConns: options.maxConns,
    nat,
    packetStoreBytes: streamPlan.totalBytes,
    histogramBytes: c.HISTOGRAMS_SIZE,
  });
  // Its packets have not been looked at: any of them may open a connection.
  const most = traffic.packets * (nat ? 2 : 1);
  requireMemory(plan, c, engine.design, most);
  const run = createRun(engine, plan, {
    ...options.settings,
    lagGroups: needsLagGroups(options.rules.requests),
  });
  const main = startMain(run, options, now);
  const storeAt = plan.regions.packets;
  const rings = ringPlaces(streamPlan, storeAt, workers);
  const { mode } = options.pacing;
  const place = mode === 'mbps' ? 'bits' : mode === 'multiplier' ? 'time' : 'index';
  const totals = streamTotals(traffic);
  const slots = { opening: most, reopening: most, committed: most };
  return {
    run,
    main,
    touchedSlots: touchTable(run, slots, totals, options),
    workers: rings.map((ring, worker) => ({
      packets: scratchOnly(streamPlan, storeAt, worker),
      stream: { ring, place },
    })),
    totals,
    units: null,
    timesNs: new Float64Array(new SharedArrayBuffer(0)),
    feeder: {
      run,
      traffic,
      config,
      steer: options.steer,
      rings,
      loops: options.loops,
      uniqueIpLoops: options.uniqueIpLoops,
    },
  };
}

/** The main thread's engine instance, with the tracker initialised. */
function startMain(run: EngineRun, options: RunOptions, now: () => number): EngineThread {
  const main = new EngineThread(run, options.workers + 1, now);
  main.exports.initTracker();
  options.configure(main);
  return main;
}

/** Touches what the run can use of the table; returns how many slots that is. */
function touchTable(run: EngineRun, slots: TrafficSlots, totals: TrafficTotals, options: RunOptions): number {
  return touchSlots(run, slotsInUse(slots, totals, options, run.plan.slabSlots), systemFiles);
}
