/**
 * The workload of Open vSwitch's `ovstest test-conntrack benchmark` (spec §11), packet for packet: each thread sends one prepared
 * batch again and again with `commit` in zone 0 at a fixed time, drops only the cached connection after each call, and passes
 * no quiescent point inside the loop.
 */
import { designLabel, type DesignChoice } from '../../engine/host/designs.js';
import { planMemory } from '../../engine/host/memory-plan.js';
import { loadEngine, type Flavour } from '../../engine/host/module.js';
import {
  createRun,
  type EngineRun,
  type MutexPolicy,
  type TouchAhead,
} from '../../engine/host/run-memory.js';
import { EngineThread } from '../../engine/host/thread.js';
import { engineSettings } from '../config/engine-settings.js';
import { DEFAULT_CONFIG } from '../config/read-config.js';
import type { Contention } from '../result/schema.js';
import { OVS_BENCHMARK_FRAME_LENGTH, writeOvsBenchmarkFrame } from '../synth/scenarios/ovs-benchmark.js';
import { collectLocks } from './collect-locks.js';
import { forgetCounters } from './forget-counters.js';
import type { OvsBenchmarkInput, OvsBenchmarkReport } from './ovs-benchmark-worker.js';
import { bindRunClock, runOrigin } from './run-clock.js';
import { RunThreads } from './run-threads.js';
import { SharedState, STOP_FINISHED } from './shared-state.js';
import { touchHistograms } from './touched-histograms.js';
import type { FaultInjection, SweeperInput } from './worker-input.js';

export interface OvsBenchmarkOptions {
  readonly workers: number;
  /** Packets that each thread sends; rounded up to whole batches, as the original does. */
  readonly packets: number;
  readonly batch: number;
  /** Whether each packet of a batch has a destination port of its own. */
  readonly change: boolean;
  readonly flavour: Flavour;
  readonly seed: number;
  /** How waiters of a lock spin; absent = as glibc's. */
  readonly mutex?: MutexPolicy | undefined;
  /** Whether batches touch ahead; absent = auto. */
  readonly touchAhead?: TouchAhead | undefined;
  readonly wasmFolder?: string | undefined;
  /** For tests. */
  readonly fault?: FaultInjection | undefined;
}

/** One run. */
export interface OvsBenchmarkRun {
  readonly design: string;
  readonly workers: number;
  readonly packetsPerWorker: number;
  /** From the opening of the barrier to the end of the last thread. */
  readonly elapsedNs: number;
  /** Over all threads. */
  readonly pps: number;
  /** Connections in the table at the end. */
  readonly connCount: number;
  /** Packets of all threads by ct_state bits, to prove what ran. */
  readonly lastStates: readonly number[];
  /** Lock figures without hold times, which are not taken here; null in the bare build. */
  readonly locks: readonly Contention[] | null;
}

/** Batches run unrecorded per thread, so that the compiler is done. */
const WARM_UP_BATCHES = 4000;
const PLACE_BYTES = 192;
const SLOTS = 16_384;
const SWEEPER_END_MS = 60_000;

/**
 * Runs the workload once.
 * @throws ReplayFailure when a thread failed
 */
export async function runOvsBenchmark(
  choice: DesignChoice,
  options: OvsBenchmarkOptions,
): Promise<OvsBenchmarkRun> {
  const { workers } = options;
  const run = layOut(choice, options);
  const origin = runOrigin();
  const clock = bindRunClock(origin);
  const main = new EngineThread(run, workers + 1, clock.now);
  main.exports.initTracker();
  const addresses = placePackets(main, options);
  const state = new SharedState();
  const fault = options.fault ?? null;
  const count = workers + 1;
  const file = 'ovs-benchmark-worker';
  const threads = new RunThreads({ run, main, state, count, file, fault, packetsAre: 'that it sent' });
  return threads.during(async () => {
    startThreads(threads, { run, origin, state: state.buffer, fault }, addresses, options.packets);
    await threads.atBarrier(count);
    forgetCounters(run, 0, clock.now);
    touchHistograms(run, { workers, service: false, response: false });
    main.exports.initTracker();
    main.exports.goOffline();
    const t0 = clock.now();
    state.open(t0);
    const reports = await threads.reports<OvsBenchmarkReport>('worker');
    state.stop(STOP_FINISHED);
    await threads.reports('sweeper', SWEEPER_END_MS);
    const elapsedNs = Math.max(...reports.map((report) => report.endNs)) - t0;
    const sent = reports.reduce((sum, report) => sum + report.packets, 0);
    return {
      design: designLabel(choice),
      workers,
      packetsPerWorker: reports[0]?.packets ?? 0,
      elapsedNs,
      pps: (sent / elapsedNs) * 1e9,
      connCount: main.exports.connCount(),
      lastStates: [...new Set(reports.flatMap((report) => report.lastStates))],
      locks: collectLocks(run, workers, 0),
    };
  });
}

/** A run's memory, with room for each thread's batch. */
function layOut(choice: DesignChoice, options: OvsBenchmarkOptions): EngineRun {
  const engine = loadEngine(choice.design, options.flavour, options.wasmFolder);
  const c = engine.constants;
  const plan = planMemory(c, {
    threads: options.workers + 2,
    maxConns: SLOTS,
    nat: false,
    packetStoreBytes: options.workers * options.batch * PLACE_BYTES + 64,
    histogramBytes: options.flavour === 'bare' ? 0 : c.HISTOGRAMS_SIZE,
    fragmentSlots: 0,
  });
  return createRun(engine, plan, {
    ...engineSettings(engine, choice, DEFAULT_CONFIG, options.seed),
    mutex: options.mutex,
    touchAhead: options.touchAhead,
  });
}

/** Starts a worker for each batch of packets, and the sweeper. */
function startThreads(
  threads: RunThreads,
  shared: Pick<SweeperInput, 'run' | 'origin' | 'state' | 'fault'>,
  addresses: readonly number[][],
  packets: number,
): void {
  const common = { ...shared, trackerClock: { mode: 'wall', scale: 1 }, cpu: null } as const;
  for (const [worker, own] of addresses.entries()) {
    const input: OvsBenchmarkInput = {
      ...common,
      threadIndex: worker,
      addresses: own,
      packets,
      warmUpBatches: WARM_UP_BATCHES,
    };
    threads.start('worker', worker, input, 'ovsBenchmarkWorker');
  }
  const sweeperInput: SweeperInput = { ...common, threadIndex: addresses.length, maxRecords: 0 };
  threads.start('sweeper', addresses.length, sweeperInput, 'sweeper');
}

/** Writes each thread's batch into the store; returns the descriptor addresses per thread. */
function placePackets(main: EngineThread, options: OvsBenchmarkOptions): number[][] {
  const { view, bytes, run } = main;
  const c = run.engine.constants;
  let at = Math.ceil(run.plan.regions.packets / 64) * 64;
  return Array.from({ length: options.workers }, (_, thread) =>
    Array.from({ length: options.batch }, (_unused, place) => {
      const descriptor = at;
      const frame = descriptor + c.PACKET_SIZE + 2;
      writeOvsBenchmarkFrame(bytes, frame, thread, place, options.change);
      view.setUint32(descriptor + c.PK_FRAME, frame, true);
      view.setUint32(descriptor + c.PK_LENGTH, OVS_BENCHMARK_FRAME_LENGTH, true);
      view.setUint32(descriptor + c.PK_CAPACITY, OVS_BENCHMARK_FRAME_LENGTH, true);
      main.exports.locatePacket(descriptor);
      at += PLACE_BYTES;
      return descriptor;
    }),
  );
}
