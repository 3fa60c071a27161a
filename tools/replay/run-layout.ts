/** Laying a run's memory out and getting its packets there: all of them from staged traffic, or rings for a feeder to fill. */
import { requireMemory } from './memory-check.js';
import { planMemory } from '../../engine/host/memory-plan.js';
import { needsLagGroups } from './collect-lag.js';
import { createRun, type EngineRun } from '../../engine/host/run-memory.js';
import { EngineThread } from '../../engine/host/thread.js';
import { DEFAULT_CONFIG } from '../config/read-config.js';
import type { FeederInput } from './feeder.js';
import type { TrafficTotals } from './pace.js';
import type { StreamInput } from './packet-supply.js';
import { assignPackets, loadPackets, packetStoreBytes, type WorkerPackets } from './packet-store.js';
import type { RunOptions } from './run-control.js';
import type { StagedTraffic } from './staging.js';
import { makeSteering } from './steer.js';
import { configRewrites, planStream, ringPlaces, scratchOnly, streamTotals } from './stream-plan.js';
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
  readonly workers: readonly WorkerPlace[];
  readonly totals: TrafficTotals;
  /** Place of each staged packet on the schedule by index, or null when the index itself is the place. */
  readonly units: Float64Array<SharedArrayBuffer> | null;
  /** Capture time of each staged packet; empty when they are streamed. */
  readonly timesNs: Float64Array<SharedArrayBuffer>;
  readonly feeder: Omit<FeederInput, 'state'> | null;
}

/**
 * Lays out memory for traffic and options, and loads what is staged.
 * @param now the run's clock, nanoseconds
 * @throws EngineError when it does not fit
 */
export function layOutRun(traffic: ReplayTraffic, options: RunOptions, now: () => number): RunLayout {
  return isStreamed(traffic) ? layOutStreamed(traffic, options, now) : layOutStaged(traffic, options, now);
}

function layOutStaged(traffic: StagedTraffic, options: RunOptions, now: () => number): RunLayout {
  const { engine, workers, rules } = options;
  const c = engine.constants;
  const copies = options.uniqueIpLoops !== null;
  const assignment = assignPackets(traffic, rules, makeSteering(options.steer, workers));
  const plan = planMemory(c, {
    threads: workers + 2,
    maxConns: options.maxConns,
    nat: rules.requests.some((request) => request.nat !== undefined),
    packetStoreBytes: packetStoreBytes(traffic, c.PACKET_SIZE, c.PARAMS_SIZE, rules, workers, copies),
    histogramBytes: c.HISTOGRAMS_SIZE,
  });
  requireMemory(plan, c, engine.design, traffic.packets);
  const run = createRun(engine, plan, {
    ...options.settings,
    lagGroups: needsLagGroups(options.rules.requests),
  });
  const main = startMain(run, options, traffic.packets, now);
  const loaded = loadPackets(main, traffic, rules, assignment, workers, copies);
  const { mode } = options.pacing;
  return {
    run,
    main,
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
  const streamPlan = planStream(
    c,
    traffic,
    workers,
    options.batch,
    rewrites || options.uniqueIpLoops !== null,
  );
  const plan = planMemory(c, {
    threads: workers + 2,
    maxConns: options.maxConns,
    nat,
    packetStoreBytes: streamPlan.totalBytes,
    histogramBytes: c.HISTOGRAMS_SIZE,
  });
  requireMemory(plan, c, engine.design, traffic.packets);
  const run = createRun(engine, plan, {
    ...options.settings,
    lagGroups: needsLagGroups(options.rules.requests),
  });
  const main = startMain(run, options, traffic.packets, now);
  const storeAt = plan.regions.packets;
  const rings = ringPlaces(streamPlan, storeAt, workers);
  const { mode } = options.pacing;
  const place = mode === 'mbps' ? 'bits' : mode === 'multiplier' ? 'time' : 'index';
  return {
    run,
    main,
    workers: rings.map((ring, worker) => ({
      packets: scratchOnly(streamPlan, storeAt, worker),
      stream: { ring, place },
    })),
    totals: streamTotals(traffic),
    units: null,
    timesNs: new Float64Array(new SharedArrayBuffer(0)),
    feeder: { run, traffic, config, steer: options.steer, rings, loops: options.loops },
  };
}

/** The main thread's engine instance, with the tracker initialised and its table touched. */
function startMain(run: EngineRun, options: RunOptions, packets: number, now: () => number): EngineThread {
  const main = new EngineThread(run, options.workers + 1, now);
  main.exports.initTracker();
  options.configure(main);
  touchTable(run, packets);
  return main;
}

/**
 * Touches the slots that the traffic can need, so that the system hands the pages out now and not inside a packet's
 * service time.
 */
function touchTable(run: EngineRun, packets: number): void {
  const { slab } = run.plan.regions;
  const slots = Math.min(run.plan.slabSlots, packets);
  new Uint8Array(run.memory.buffer).fill(0, slab, slab + slots * run.engine.constants.CONN_SIZE);
}
