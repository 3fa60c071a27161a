/** Runs torture rounds: one memory and a pool of threads for all of them, a whole-structure check at each barrier. */
import { Worker } from 'node:worker_threads';
import { globalValue } from '../../../engine/host/constants.js';
import { designLabel, presetNumber } from '../../../engine/host/designs.js';
import { planMemory, type MemoryPlan } from '../../../engine/host/memory-plan.js';
import { loadEngine, type EngineModule } from '../../../engine/host/module.js';
import { byteOffset } from '../../../engine/host/quantities.js';
import { createRun, resetRun, type EngineRun, type RunSettings } from '../../../engine/host/run-memory.js';
import { shardLocks } from '../../../engine/host/shard-locks.js';
import { EngineThread } from '../../../engine/host/thread.js';
import { compiledFile } from '../../captures/compiled-file.js';
import { brokenInvariants } from '../table-check.js';
import { Control } from './control.js';
import { MOST_PACKETS, type RoundPlan } from './round-plan.js';
import { STRIDE, type LapEnd, type ThreadInput, type ThreadMessage } from './thread-input.js';
import { layTraffic } from './traffic.js';

export interface RoundOutcome {
  readonly laps: number;
  readonly packets: number;
  readonly operations: number;
  readonly steps: number;
  readonly checks: number;
  readonly deaths: number;
  /** What must not be, in sentences with the step; empty = nothing. */
  readonly failures: readonly string[];
}

type LapMessage = Extract<ThreadMessage, { readonly type: 'lap' }>;

/** Threads that come to no other step for so long stand still. A busy machine may give them next to no time, but some. */
const PATIENCE_MS = 30_000;
/** Threads that turn in a circle come to other steps for ever: no lap takes this long. */
const LONGEST_LAP_MS = 600_000;
const LOOK_MS = 1000;
/** How long the survivors of a death may take. */
const SURVIVORS_MS = 10_000;
const PACKET_STORE_BYTES = 4 * 1024 ** 2;
const EXPECTATION_SLOTS = 8;
const FRAGMENT_SLOTS = 12;
/** The least of everything that serves every round. */
const LARGEST = { threads: 4, slots: 64, buckets: 8 };

/** A thread of the pool and what it has to say. */
class PoolThread {
  readonly worker = new Worker(compiledFile('tools/endurance/torture/torture-thread.js'));
  #receive: (message: ThreadMessage) => void = () => {};
  #gone: (reason: string) => void = () => {};
  isGone = false;

  constructor() {
    this.worker.on('message', (message: ThreadMessage) => this.#receive(message));
    this.worker.on('error', (error) => this.#leave(error.stack ?? error.message));
    this.worker.on('exit', (code) => this.#leave(`it ended with code ${code}`));
  }

  #leave(reason: string): void {
    this.isGone = true;
    this.#gone(reason);
  }

  /**
   * The next message, or in words why there is none: the thread has gone, or none of the round gets any further.
   * @param progress something else whenever a thread has got further
   */
  next(progress: () => string): Promise<ThreadMessage | string> {
    return new Promise((resolve) => {
      let seen = progress();
      let quietMs = 0;
      let lapMs = 0;
      const timer = setInterval(() => {
        const now = progress();
        quietMs = now === seen ? quietMs + LOOK_MS : 0;
        seen = now;
        lapMs += LOOK_MS;
        if (quietMs >= PATIENCE_MS) settle(`it said nothing for ${quietMs / 1000} s`);
        else if (lapMs >= LONGEST_LAP_MS) settle(`its lap has no end after ${lapMs / 1000} s`);
      }, LOOK_MS);
      const settle = (answer: ThreadMessage | string): void => {
        clearInterval(timer);
        this.#receive = () => {};
        this.#gone = () => {};
        resolve(answer);
      };
      this.#receive = settle;
      this.#gone = settle;
    });
  }
}

export class Torture {
  #pool: PoolThread[] = [];
  #memory: WebAssembly.Memory | null = null;

  /** Runs a round to its end, or to its first failure. */
  async round(plan: RoundPlan): Promise<RoundOutcome> {
    const run = this.#run(plan);
    const checker = new EngineThread(run, plan.threads, () => 0);
    checker.exports.initTracker();
    const { regions } = run.plan;
    const scratchBytes = MOST_PACKETS * STRIDE;
    const traffic = layTraffic(
      checker,
      byteOffset(regions.packets + plan.threads * scratchBytes),
      plan.threads,
      plan.ownFlows,
    );
    const control = new Control(plan.threads);
    control.reset(plan.randomSeed);
    const round = new Round(plan, run, checker, control);
    const threads = this.#threads(plan.threads);
    try {
      return await round.play(threads, (thread) => ({
        run,
        plan,
        thread,
        control: control.buffer,
        traffic,
        scratch: byteOffset(regions.packets + thread * scratchBytes),
      }));
    } finally {
      control.stop();
      if (round.isStuck) await this.end();
    }
  }

  /** Ends all threads. */
  async end(): Promise<void> {
    const pool = this.#pool;
    this.#pool = [];
    await Promise.all(pool.map(({ worker }) => worker.terminate()));
  }

  #threads(count: number): PoolThread[] {
    this.#pool = this.#pool.filter(({ isGone }) => !isGone);
    while (this.#pool.length < count) this.#pool.push(new PoolThread());
    return this.#pool.slice(0, count);
  }

  /** The memory as new, laid out for the round. */
  #run(plan: RoundPlan): EngineRun {
    const engine = loadEngine(plan.choice.design, 'torture');
    const settings = settingsOf(plan, engine);
    if (this.#memory === null) {
      const run = createRun(engine, memoryPlan(engine, LARGEST), settings);
      this.#memory = run.memory;
    }
    new Float64Array(this.#memory.buffer).fill(0);
    const run = { engine, memory: this.#memory, plan: memoryPlan(engine, plan) };
    resetRun(run, settings);
    return run;
  }
}

function memoryPlan(
  engine: EngineModule,
  { threads, slots, buckets }: Pick<RoundPlan, 'threads' | 'slots' | 'buckets'>,
): MemoryPlan {
  return planMemory(engine.constants, {
    threads: threads + 1,
    maxConns: slots,
    nat: false,
    slabSlots: slots,
    buckets,
    packetStoreBytes: PACKET_STORE_BYTES,
    expectationSlots: EXPECTATION_SLOTS,
    fragmentSlots: FRAGMENT_SLOTS,
    histogramBytes: engine.constants.HISTOGRAMS_SIZE,
  });
}

function settingsOf(plan: RoundPlan, engine: EngineModule): RunSettings {
  return {
    seed: plan.randomSeed,
    hashBasis: plan.randomSeed,
    preset: presetNumber(plan.choice, engine.presets),
    connLimit: plan.connLimit,
    mutex: plan.mutex,
    holdInterval: 7,
  };
}

/** One round in progress. */
class Round {
  readonly #plan: RoundPlan;
  readonly #run: EngineRun;
  readonly #checker: EngineThread;
  readonly #control: Control;
  readonly #failures: string[] = [];
  #laps = 0;
  #packets = 0;
  #operations = 0;
  #steps = 0;
  #checks = 0;
  #deaths = 0;
  /** Threads that did not come back. */
  isStuck = false;

  constructor(plan: RoundPlan, run: EngineRun, checker: EngineThread, control: Control) {
    this.#plan = plan;
    this.#run = run;
    this.#checker = checker;
    this.#control = control;
  }

  async play(
    threads: readonly PoolThread[],
    inputOfThread: (thread: number) => ThreadInput,
  ): Promise<RoundOutcome> {
    const ready = threads.map((thread) => thread.next(() => this.#control.progress()));
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads of one process have no origins
    threads.forEach(({ worker }, thread) => worker.postMessage(inputOfThread(thread)));
    this.#expectReady(await Promise.all(ready));
    for (let lap = 1; lap <= this.#plan.laps && this.#failures.length === 0; lap++) {
      const goesOn = await this.#lap(threads, lap);
      if (!goesOn) break;
    }
    return {
      laps: this.#laps,
      packets: this.#packets,
      operations: this.#operations,
      steps: this.#steps,
      checks: this.#checks,
      deaths: this.#deaths,
      failures: this.#failures,
    };
  }

  #expectReady(answers: readonly (ThreadMessage | string)[]): void {
    answers.forEach((answer, thread) => {
      if (typeof answer !== 'string' && answer.type === 'ready') return;
      this.isStuck = true;
      this.#failures.push(`thread ${thread} did not get ready: ${JSON.stringify(answer)}`);
    });
  }

  /** Runs a lap and looks at what it left. Returns whether the round goes on. */
  async #lap(threads: readonly PoolThread[], lap: number): Promise<boolean> {
    const { death, mode } = this.#plan;
    const dies = death !== null && death.lap + 1 === lap;
    const answers = threads.map((thread) => thread.next(() => this.#control.progress()));
    this.#control.startLap(lap, mode === 'serial');
    const terminates = dies && death.kind === 'terminate';
    const terminated = terminates ? this.#terminate(threads, death.thread, death.after) : null;
    const ends = await this.#ends(answers, dies);
    await terminated;
    this.#laps++;
    if (!dies && ends.includes('ended') && !ends.includes('trap'))
      this.#failures.push('threads were ended, and nobody was to die');
    if (this.#failures.length > 0) return false;
    const died = terminates || ends.includes('died');
    if (died) this.#deaths++;
    // A thread may be ended when it has come to its end already, and the others to theirs.
    if (ends.every((end) => end === 'done')) this.#check(lap);
    else this.#expectNamedLocks(ends);
    return !died;
  }

  /** Ends a thread from outside, and the run with it, as the main thread of a replay does. */
  async #terminate(threads: readonly PoolThread[], victim: number, afterMs: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    await threads[victim]?.worker.terminate();
    this.#abort(victim);
  }

  #abort(thread: number): void {
    const { CONTROL, C_ABORT } = this.#run.engine.constants;
    Atomics.compareExchange(new Int32Array(this.#run.memory.buffer), (CONTROL + C_ABORT) / 4, 0, thread + 1);
    this.#control.stop();
  }

  /** How each thread's lap ended. A death sets the others a time. */
  async #ends(answers: readonly Promise<ThreadMessage | string>[], dies: boolean): Promise<LapEnd[]> {
    const { death, mode } = this.#plan;
    let late: NodeJS.Timeout | undefined;
    const inTime = new Promise<string>((resolve) => {
      if (!dies) return;
      void answers[death?.thread ?? 0]?.then((answer) => {
        if (typeof answer !== 'string' && answer.type === 'lap' && answer.end === 'done') return;
        // Laps end anyway; a serial one has to be the same again.
        if (mode === 'parallel') this.#control.stop();
        late = setTimeout(
          () => resolve(`it went on for ${SURVIVORS_MS / 1000} s after a death`),
          SURVIVORS_MS,
        );
      });
    });
    const ends = await Promise.all(
      answers.map(async (answer, thread) => this.#end(thread, await Promise.race([answer, inTime]), dies)),
    );
    clearTimeout(late);
    return ends;
  }

  #end(thread: number, answer: ThreadMessage | string, dies: boolean): LapEnd {
    const { death } = this.#plan;
    if (typeof answer !== 'string' && answer.type === 'lap') {
      this.#add(answer);
      if (answer.end === 'trap' && answer.violations.length === 0)
        this.#failures.push(`thread ${thread} trapped`);
      return answer.end;
    }
    if (dies && death?.kind === 'terminate' && death.thread === thread) return 'died';
    this.isStuck = true;
    this.#failures.push(`thread ${thread} at ${this.#stepName(thread)}: ${JSON.stringify(answer)}`);
    this.#abort(thread);
    return 'trap';
  }

  #add({ packets, operations, steps, violations }: LapMessage): void {
    this.#packets += packets;
    this.#operations += operations;
    this.#steps += steps;
    this.#failures.push(...violations);
  }

  /** The name of the step that a thread came to last. */
  #stepName(thread: number): string {
    const id = this.#control.lastStep(thread);
    const found = Object.entries(this.#checker.exports).find(
      ([name, exported]) => name.startsWith('S_') && globalValue(exported) === id,
    );
    return found?.[0] ?? `step ${id}`;
  }

  #check(lap: number): void {
    this.#checks++;
    const broken = this.#brokenInvariants();
    const at = this.#plan.mode === 'serial' ? `, step ${this.#control.steps} of the round` : '';
    this.#failures.push(...broken.map((what) => `after lap ${lap}${at}: ${what}`));
  }

  #brokenInvariants(): string[] {
    try {
      return brokenInvariants({
        run: this.#run,
        checker: this.#checker,
        threads: this.#plan.threads,
        injected: null,
        noDuplicates: false,
      });
    } catch (error) {
      // What is broken may lead out of the memory.
      return [`the check itself stopped: ${(error as Error).stack ?? String(error)}`];
    }
  }

  /** After a death each lock that is held is held by a thread that has not come to its end: so it can be named. */
  #expectNamedLocks(ends: readonly LapEnd[]): void {
    const c = this.#run.engine.constants;
    const locks = (['C_CT_LOCK', 'C_RESOURCES_LOCK', 'C_FRAGMENT_LOCK', 'C_ORPHANS'] as const).map(
      (name): [string, number] => [name, c.CONTROL + c[name]],
    );
    shardLocks(this.#run).forEach((at, shard) => locks.push([`the lock of shard ${shard}`, at]));
    for (const [name, at] of locks) {
      const owner = this.#checker.exports.lockOwner(at);
      if (owner < 0 || (ends[owner] !== undefined && ends[owner] !== 'done')) continue;
      const design = designLabel(this.#plan.choice);
      this.#failures.push(`${name} of ${design} is held by thread ${owner}, which has left`);
    }
  }
}
