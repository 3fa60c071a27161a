/** Runs threads that each do one task on a structure; see primitive-worker.mjs for the tasks. */
import { Worker } from 'node:worker_threads';
import { planMemory, type MemoryNeeds } from '../../../engine/host/memory-plan.js';
import { loadEngine, wasmFolder, type EngineModule } from '../../../engine/host/module.js';
import { createRun, type EngineRun, type RunSettings } from '../../../engine/host/run-memory.js';
import { EngineThread } from '../../../engine/host/thread.js';

export interface Task {
  readonly task:
    | 'mutex'
    | 'waiter'
    | 'leaver'
    | 'mapFiller'
    | 'mapReader'
    | 'mapWriter'
    | 'listReader'
    | 'listWriter'
    | 'leaveTogether'
    | 'createOnce';
  readonly options: Readonly<Record<string, unknown>>;
  /** Goes on until the others are done, which wait for it now and then: each is seen at work beside each. */
  readonly endless?: boolean;
}

export interface TaskReport {
  readonly task: string;
  readonly done: number;
  readonly problems: readonly string[];
}

/** The engine with its structures' operations exported. */
export function primitivesModule(): EngineModule {
  return loadEngine('rculist-sweep', 'bare', process.env['CTREPLAY_MICRO_WASM'] ?? `${wasmFolder()}/micro`);
}

export interface Primitives {
  listInit(head: number): void;
  listPushFront(head: number, link: number): void;
  listPushBack(head: number, link: number): void;
  listRemove(link: number): void;
  listNext(link: number): number;
  mapFind(hash: number): number;
  mapNext(record: number): number;
  mapInsertLocked(record: number, hash: number): number;
  mapRemoveLocked(record: number): number;
  plainListInit(head: number): void;
  plainListPushBack(head: number, link: number): void;
  plainListRemove(link: number): void;
  plainListNext(link: number): number;
  takeSlotLocked(): number;
  retire(slot: number): void;
  claimOrphans(): number;
  unlockOrphans(): number;
}

/** A run for `threads` threads and one more, which is returned attached. */
export function primitiveRun(
  engine: EngineModule,
  threads: number,
  needs: Partial<MemoryNeeds> = {},
  settings: Partial<RunSettings> = {},
  clock: () => number = () => 0,
): { run: EngineRun; main: EngineThread; primitives: Primitives } {
  const plan = planMemory(engine.constants, {
    threads: threads + 1,
    maxConns: 256,
    nat: false,
    packetStoreBytes: 1 << 20,
    expectationSlots: 4,
    fragmentSlots: 4,
    histogramBytes: engine.flavour === 'bare' ? 0 : engine.constants.HISTOGRAMS_SIZE,
    ...needs,
  });
  const run = createRun(engine, plan, { seed: 1, hashBasis: 1, ...settings });
  const main = new EngineThread(run, threads, clock);
  main.exports.initTracker();
  return { run, main, primitives: main.exports as unknown as Primitives };
}

/** Beyond it threads stand still. */
const PATIENCE_MS = process.env['CTREPLAY_LONG'] === undefined ? 45_000 : 600_000;

/**
 * Runs the tasks at once, one thread each.
 * @throws Error when a thread ends without a report, or does not end
 */
export async function runTasks(run: EngineRun, seed: number, tasks: readonly Task[]): Promise<TaskReport[]> {
  // Start, stop, meetings, and the passes of each thread.
  const control = new SharedArrayBuffer(4 * (3 + tasks.length));
  const shared = new Int32Array(control);
  const workers = tasks.map(
    ({ task, options }, threadIndex) =>
      new Worker(new URL('primitive-worker.mjs', import.meta.url), {
        workerData: {
          module: run.engine.module,
          memory: run.memory,
          threadIndex,
          threads: tasks.length,
          endlessThreads: tasks.flatMap(({ endless }, index) => (endless === true ? [index] : [])),
          task,
          options: { ...options, seed },
          c: { ...run.engine.constants },
          control,
        },
      }),
  );
  const reports = workers.map(
    (worker) =>
      new Promise<TaskReport>((resolve, reject) => {
        worker.on('message', (message: 'attached' | TaskReport) => {
          if (message !== 'attached') resolve(message);
        });
        worker.on('error', reject);
        worker.on('exit', (code) => reject(new Error(`a thread ended with code ${code}`)));
      }),
  );
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))));
  Atomics.store(shared, 0, 1);
  Atomics.notify(shared, 0);
  // Terminated threads reject; a thread that spins inside the engine could not be told otherwise.
  const late = setTimeout(() => workers.forEach((worker) => void worker.terminate()), PATIENCE_MS);
  try {
    return await settle(tasks, reports, shared);
  } finally {
    clearTimeout(late);
  }
}

async function settle(
  tasks: readonly Task[],
  reports: readonly Promise<TaskReport>[],
  shared: Int32Array,
): Promise<TaskReport[]> {
  const finite = reports.filter((_, index) => tasks[index]?.endless !== true);
  await Promise.all(finite);
  Atomics.store(shared, 1, 1);
  return Promise.all(reports);
}

export function problems(reports: readonly TaskReport[]): string[] {
  return reports.flatMap((report) => report.problems);
}
