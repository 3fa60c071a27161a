/** Runs several threads on one small tracker and hands back what they saw, with the memory for the checks afterwards. */
import { Worker } from 'node:worker_threads';
import { presetNumber } from '../../../engine/host/designs.js';
import { planMemory } from '../../../engine/host/memory-plan.js';
import { loadEngine, wasmFolder, type Flavour } from '../../../engine/host/module.js';
import { byteOffset } from '../../../engine/host/quantities.js';
import { createRun, type EngineRun, type TouchAhead } from '../../../engine/host/run-memory.js';
import { EngineThread } from '../../../engine/host/thread.js';
import { layScenario, type Scenario } from './race-scenario.js';

export { layoutConstants } from '../../../tools/endurance/layout-constants.js';

export interface RaceOptions {
  readonly design: string;
  readonly preset: string | null;
  readonly flavour?: Flavour;
  readonly workers: number;
  readonly sweepers: number;
  readonly rounds: number;
  readonly seed: number;
  readonly slabSlots: number;
  readonly buckets: number;
  readonly scenario: Scenario;
  readonly touchAhead?: TouchAhead;
}

export interface ThreadReport {
  readonly threadIndex: number;
  readonly role: 'worker' | 'sweeper';
  readonly packets: number;
  readonly sweeps: number;
  readonly verdicts: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
  readonly trap: string | null;
  readonly doing: string;
}

export interface RaceResult {
  readonly run: EngineRun;
  readonly reports: readonly ThreadReport[];
  /** A thread index that nobody has used: for the checks afterwards. */
  readonly checker: EngineThread;
  readonly threads: number;
}

/** Another folder of compiled designs, to see that the tests notice a broken build. */
const WASM_FOLDER = process.env['CTREPLAY_RACE_WASM'] ?? wasmFolder();
const STRIDE = 2048;
const BATCH = 8;
/** Far more than any run takes: beyond it threads stand still. */
const PATIENCE_MS = process.env['CTREPLAY_LONG'] === undefined ? 30_000 : 600_000;
/** Then those that do not even look at the abort flag are ended. */
const GRACE_MS = 2000;
const START_MS = 1_000_000;

/**
 * Runs the threads to their end.
 * @throws Error naming the lock holders when threads do not come to an end
 */
export async function race(options: RaceOptions): Promise<RaceResult> {
  const engine = loadEngine(options.design, options.flavour ?? 'debug', WASM_FOLDER);
  const c = engine.constants;
  const threads = options.workers + options.sweepers;
  const plan = planMemory(c, {
    threads: threads + 1,
    maxConns: options.slabSlots,
    nat: false,
    slabSlots: options.slabSlots,
    buckets: options.buckets,
    packetStoreBytes: 4 * 1024 ** 2,
    expectationSlots: 16,
    fragmentSlots: 16,
    histogramBytes: engine.flavour === 'bare' ? 0 : c.HISTOGRAMS_SIZE,
  });
  const run = createRun(engine, plan, {
    seed: options.seed,
    hashBasis: options.seed,
    preset: presetNumber({ design: options.design, preset: options.preset }, engine.presets),
    connLimit: options.scenario.connLimit,
    touchAhead: options.touchAhead,
  });
  const checker = new EngineThread(run, threads, () => 0);
  checker.exports.initTracker();
  const laid = layScenario(
    checker,
    options.scenario,
    byteOffset(plan.regions.packets + threads * BATCH * STRIDE),
  );
  const control = new SharedArrayBuffer(16);
  const shared = new Int32Array(control);
  shared[0] = START_MS;

  const started = Array.from({ length: threads }, (_, threadIndex) => {
    const argumentsAt = plan.regions.arguments + threadIndex * 4096;
    const worker = new Worker(new URL('race-worker.mjs', import.meta.url), {
      workerData: {
        module: engine.module,
        memory: run.memory,
        sweepers: options.sweepers,
        role: threadIndex < options.workers ? 'worker' : 'sweeper',
        threadIndex,
        seed: (options.seed * 0x9e3779b1 + (threadIndex + 1) * 0x85ebca6b) | 0,
        rounds: options.rounds,
        c: { ...c },
        places: {
          packets: argumentsAt,
          key: argumentsAt + 1152,
          scratch: plan.regions.packets + threadIndex * BATCH * STRIDE,
          stride: STRIDE,
          slab: plan.regions.slab,
          slabEnd: plan.regions.slab + options.slabSlots * c.CONN_SIZE,
        },
        scenario: laid,
        control,
      },
    });
    return follow(worker);
  });
  await Promise.all(started.map(({ attached }) => attached));
  Atomics.store(shared, 1, 1);
  Atomics.notify(shared, 1);

  const stop = (): void => {
    Atomics.store(shared, 2, 1);
    Atomics.notify(shared, 2);
  };
  const late = setTimeout(() => {
    stop();
    const words = new Int32Array(run.memory.buffer);
    Atomics.store(words, (c.CONTROL + c.C_ABORT) / 4, threads + 1);
    setTimeout(() => started.forEach(({ end }) => end()), GRACE_MS).unref();
  }, PATIENCE_MS);
  const work = started.slice(0, options.workers).map(({ report }) => report);
  const finished = await Promise.all(work);
  stop();
  const rest = await Promise.all(started.slice(options.workers).map(({ report }) => report));
  clearTimeout(late);
  return { run, reports: [...finished, ...rest], checker, threads };
}

/** What a worker thread says. */
function follow(worker: Worker): {
  attached: Promise<void>;
  report: Promise<ThreadReport>;
  end: () => void;
} {
  let setAttached: () => void;
  const attached = new Promise<void>((resolve) => (setAttached = resolve));
  const report = new Promise<ThreadReport>((resolve, reject) => {
    worker.on('message', (message: 'attached' | ThreadReport) => {
      if (message === 'attached') setAttached();
      else resolve(message);
    });
    worker.on('error', reject);
    worker.on('exit', (code) => reject(new Error(`a race thread ended with code ${code}`)));
  });
  return { attached, report, end: () => void worker.terminate() };
}
