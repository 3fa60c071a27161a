/**
 * The threads of a run, all of them watched from the moment they start: the first that fails ends the run, whichever it is and
 * whatever the main thread is waiting for.
 */
import type { Piscina } from 'piscina';
import type { EngineRun } from '../../engine/host/run-memory.js';
import type { EngineThread } from '../../engine/host/thread.js';
import { endOnRequest } from './fault-injection.js';
import { describeFailure, lockOwners, ReplayFailure, type ThreadKind } from './replay-failure.js';
import { abortRun } from './run-abort.js';
import { STOP_FAILED, type SharedState } from './shared-state.js';
import { makeThreadPool, runOnThread } from './thread-pool.js';
import type { FaultInjection, ThreadFailure } from './worker-input.js';

/** What a thread's task returns. */
export interface ThreadReport {
  readonly failure: ThreadFailure | null;
}

interface WatchedThread {
  readonly kind: ThreadKind;
  readonly index: number;
  /** Settled when the task has ended, one way or another; never rejected. */
  readonly ended: Promise<void>;
  report: ThreadReport | null;
  error: unknown;
  /** It could still say that it was ending (run-abort.ts). */
  announced: boolean;
}

/** What a run's threads are started with. */
export interface RunThreadsOptions {
  readonly run: EngineRun;
  /** The main thread's instance, to read who holds which lock. */
  readonly main: EngineThread;
  readonly state: SharedState;
  /** How many will be started. */
  readonly count: number;
  /** Module of their entries, without extension. */
  readonly file: string;
  readonly fault: FaultInjection | null;
  /** What the number of a packet in progress counts, for the message. */
  readonly packetsAre: string;
}

const BARRIER_TIMEOUT_MS = 30_000;
/** How long the thread that failed first may take to say why, and all of them to be ended. */
const LAST_WORDS_MS = 400;
const END_MS = 500;

export class RunThreads {
  readonly #options: RunThreadsOptions;
  readonly #pool: Piscina;
  readonly #watched: WatchedThread[] = [];
  readonly #failure: Promise<void>;
  readonly #ender: NodeJS.Timeout | null;
  #fail: () => void = () => {};
  #failed = false;
  /** An error that came from no task, or from none that was running. */
  #stray: unknown = null;

  constructor(options: RunThreadsOptions) {
    this.#options = options;
    this.#failure = new Promise((resolve) => {
      this.#fail = () => {
        this.#failed = true;
        resolve();
      };
    });
    this.#pool = makeThreadPool(options.count);
    this.#pool.on('error', (error: unknown) => {
      this.#stray ??= error;
      options.state.stop(STOP_FAILED);
      this.#fail();
    });
    this.#ender = options.fault?.kind === 'terminate' ? endOnRequest(this.#pool, options.state) : null;
  }

  /**
   * Starts a thread on its task.
   * @param index number in the engine, or `feederIndex`
   * @param name of the function that it runs
   * @param file module of the function, where it is another than the others'
   */
  start(kind: ThreadKind, index: number, input: unknown, name: string, file = this.#options.file): void {
    const task = runOnThread(this.#pool, file, name, input) as Promise<ThreadReport>;
    const thread: WatchedThread = {
      kind,
      index,
      report: null,
      error: null,
      announced: false,
      ended: task.then(
        (report) => {
          thread.report = report;
          if (report.failure !== null) this.#note(index);
        },
        (error: unknown) => {
          thread.error = error ?? new Error('it ended without a word');
          thread.announced = this.#options.state.failedThread === index;
          this.#note(index);
        },
      ),
    };
    this.#watched.push(thread);
  }

  /** Whether some thread failed, or is about to be known as failed. */
  get hasFailed(): boolean {
    return this.#failed || this.#options.state.failedThread !== null;
  }

  /**
   * Waits until so many threads are at the barrier, offline and without locks.
   * @throws ReplayFailure when one failed before it, or they take too long
   */
  async atBarrier(count: number): Promise<void> {
    const { state } = this.#options;
    const deadline = performance.now() + BARRIER_TIMEOUT_MS;
    while (state.ready < count && !this.hasFailed) {
      if (performance.now() > deadline) {
        state.stop(STOP_FAILED);
        throw new ReplayFailure(
          `only ${state.ready} of ${count} threads were ready after ${BARRIER_TIMEOUT_MS / 1000} s. ` +
            'Use fewer --workers, or look at what else keeps this machine busy.',
        );
      }
      await delay(2);
    }
    if (!this.hasFailed) await this.#expectNoLocks();
    if (this.hasFailed) throw await this.whatFailed();
  }

  /** A lock held at the barrier is a dead thread's: the main thread must not wait for it, since it would hear of nothing then. */
  async #expectNoLocks(): Promise<void> {
    const { run, main, state } = this.#options;
    const [owner] = lockOwners(run, main);
    if (owner === undefined) return;
    await within(this.#failure, LAST_WORDS_MS);
    if (!this.hasFailed) abortRun(run, state, owner);
  }

  /**
   * Waits for the threads of a kind to end, and returns what they report.
   * @param ms after which one that has not ended counts as failed
   * @throws ReplayFailure as soon as any thread failed, of this kind or not
   */
  async reports<Report extends ThreadReport>(kind: ThreadKind, ms = Infinity): Promise<Report[]> {
    const threads = this.#of(kind);
    await this.#ended(threads, ms);
    const late = threads.find(({ report }) => report === null);
    if (late !== undefined) this.#note(late.index);
    if (this.hasFailed) throw await this.whatFailed();
    return threads.map(({ report }) => report as Report);
  }

  /**
   * Waits for the threads of a kind to end, but not for ever: one that has not ended by then is not needed any more.
   * @throws ReplayFailure when any thread failed
   */
  async leave(kind: ThreadKind, ms: number): Promise<void> {
    await this.#ended(this.#of(kind), ms);
    if (this.hasFailed) throw await this.whatFailed();
  }

  #of(kind: ThreadKind): WatchedThread[] {
    return this.#watched.filter((thread) => thread.kind === kind);
  }

  async #ended(threads: readonly WatchedThread[], ms: number): Promise<void> {
    const all = Promise.all(threads.map((thread) => thread.ended));
    await within(Promise.race([all, this.#failure]), ms);
  }

  /** Why the run failed, with thread, packet and lock as far as they can be told. */
  async whatFailed(): Promise<ReplayFailure> {
    const { run, main, state } = this.#options;
    const index = state.failedThread;
    const thread = this.#watched.find((each) => each.index === index);
    if (index === null || thread === undefined) {
      return new ReplayFailure(
        `design ${run.engine.design}: a thread failed outside its task (${textOf(this.#stray)}). The run was ended and its figures dropped.`,
      );
    }
    await within(thread.ended, LAST_WORDS_MS);
    const { report, error, kind, announced } = thread;
    // What is wrong with the traffic is said by the feeder, and is no fault of the design.
    if (kind === 'feeder' && report?.failure?.isInput === true)
      return new ReplayFailure(report.failure.message);
    return new ReplayFailure(
      describeFailure(run, main, {
        thread: index,
        kind,
        packetIndex: report === null ? state.packetOf(index) : (report.failure?.packetIndex ?? null),
        packetsAre: this.#options.packetsAre,
        isBatch: report === null && !announced,
        what:
          report?.failure?.message ??
          (error === null ? 'it has not answered since' : `the thread ended (${textOf(error)})`),
      }),
    );
  }

  /**
   * Does what a run does while its threads live, and ends them all.
   * @throws ReplayFailure when one failed: what the main thread itself met then is a consequence, a lock wait that was ended, for one
   */
  async during<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.hasFailed && !(error instanceof ReplayFailure) ? await this.whatFailed() : error;
    } finally {
      await this.end();
    }
  }

  /** Ends all threads, whatever they are doing. */
  async end(): Promise<void> {
    this.#options.state.stop(STOP_FAILED);
    if (this.#ender !== null) clearInterval(this.#ender);
    await within(this.#pool.destroy(), END_MS);
  }

  #note(index: number): void {
    abortRun(this.#options.run, this.#options.state, index);
    this.#fail();
  }
}

/** Waits for a promise, but no longer than `ms`. */
async function within(promise: Promise<unknown>, ms: number): Promise<void> {
  if (ms === Infinity) {
    await promise;
    return;
  }
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([promise, new Promise((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
