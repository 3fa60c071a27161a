/** Failing on purpose, for tests of what happens to a run then. Nothing here runs unless a fault was asked for. */
import { threadId } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import type { EngineRun } from '../../engine/host/run-memory.js';
import type { EngineThread } from '../../engine/host/thread.js';
import type { SharedState } from './shared-state.js';
import type { FaultInjection, FaultLock, FaultPlace } from './worker-input.js';

/** What a thread that may fail brings along. */
export interface FaultyThread {
  readonly kind: 'worker' | 'sweeper' | 'feeder';
  readonly index: number;
  readonly run: EngineRun;
  readonly state: SharedState;
  /** Null for the feeder, which holds no locks. */
  readonly engine: EngineThread | null;
  /** Makes the thread's engine instance trap. */
  readonly trap: () => void;
}

/** Kinds that wait for the thread's event loop: thrown out of the task's loops, then made to happen by `strike`. */
export class PendingFault extends Error {
  readonly #kind: 'throw' | 'reject';

  constructor(kind: 'throw' | 'reject') {
    super(`injected: ${kind}`);
    this.name = 'PendingFault';
    this.#kind = kind;
  }

  /** Lets the error happen outside the task, which never goes on. */
  async strike(): Promise<never> {
    if (this.#kind === 'throw') {
      setImmediate(() => {
        throw new Error('injected asynchronous error');
      });
    } else void Promise.reject(new Error('injected rejection'));
    return new Promise<never>(() => {});
  }
}

/** Provokes one fault, once. */
export class FaultInjector {
  readonly #fault: FaultInjection;
  readonly #thread: FaultyThread;
  #done = false;

  constructor(fault: FaultInjection, thread: FaultyThread) {
    this.#fault = fault;
    this.#thread = thread;
  }

  /** Whether the fault is to happen at `place`, after so many packets or passes. */
  isDue(place: FaultPlace, packets: number): boolean {
    const { place: wanted = 'work', afterPackets = 0 } = this.#fault;
    return !this.#done && place === wanted && packets >= afterPackets;
  }

  /** The thread has come to `place`: the fault happens here, or not. */
  at(place: FaultPlace, packets: number): void {
    if (this.isDue(place, packets)) this.#happen();
  }

  /** Counts as ready at the barrier and fails there. What it holds it has by then: nobody takes a lock at the barrier. */
  atBarrier(): void {
    if (this.isDue('barrier', 0)) this.#happen(() => this.#thread.state.arrive());
  }

  #happen(beforehand: () => void = () => {}): void {
    this.#done = true;
    const { kind, stallMs = 0, lock = kind === 'stall' ? 'none' : 'ct_lock', happenedAt } = this.#fault;
    this.#take(lock);
    beforehand();
    happenedAt?.set([performance.timeOrigin + performance.now()]);
    switch (kind) {
      case 'stall':
        this.#thread.state.sleep(stallMs);
        break;
      case 'hold':
        // Computing, not sleeping: a sleep would be longer than asked for.
        compute(stallMs);
        this.#giveBack(lock);
        break;
      case 'trap':
        this.#thread.trap();
        break;
      case 'exit':
        process.exit(7);
        break;
      case 'terminate':
        this.#thread.state.requestEnd(threadId);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
        break;
      case 'left-behind':
        void Promise.reject(new Error('injected rejection'));
        this.#giveBack(lock);
        break;
      default:
        throw new PendingFault(kind);
    }
  }

  #take(lock: FaultLock): void {
    const { engine, run, index } = this.#thread;
    if (lock === 'none' || engine === null) return;
    const { address, lockClass } = lockPlace(run, lock);
    if (lockClass !== null) {
      engine.exports.testLock(address, lockClass);
      return;
    }
    const words = new Int32Array(run.memory.buffer);
    while (Atomics.compareExchange(words, address / 4, 0, (index + 1) << 1) !== 0);
  }

  #giveBack(lock: FaultLock): void {
    const { engine, run } = this.#thread;
    if (lock === 'none' || engine === null) return;
    const { address, lockClass } = lockPlace(run, lock);
    if (lockClass !== null) engine.exports.testUnlock(address, lockClass);
    else Atomics.store(new Int32Array(run.memory.buffer), address / 4, 0);
  }
}

/** The injector of a thread that is to fail; null for all others. */
export function makeInjector(fault: FaultInjection | null, thread: FaultyThread): FaultInjector | null {
  if (fault === null) return null;
  const { thread: kind = 'worker', worker = 0 } = fault;
  if (kind !== thread.kind || (kind === 'worker' && worker !== thread.index)) return null;
  return new FaultInjector(fault, thread);
}

/** The injector of a thread of the engine. */
export function engineInjector(
  fault: FaultInjection | null,
  kind: 'worker' | 'sweeper',
  engine: EngineThread,
  state: SharedState,
): FaultInjector | null {
  const { run, index } = engine;
  // The list of packets lies beyond the end of any memory. Takes no lock on the way.
  const trap = (): void => engine.exports.resetPackets(0xffff_fffe, 1);
  return makeInjector(fault, { kind, index, run, state, engine, trap });
}

/** Ends the thread that asks for it, once, until the interval is cleared. */
export function endOnRequest(pool: Piscina, state: SharedState): NodeJS.Timeout {
  const interval = setInterval(() => {
    const asked = state.endRequest;
    if (asked === null) return;
    clearInterval(interval);
    void pool.threads.find((thread) => thread.threadId === asked)?.terminate();
  }, 2);
  return interval;
}

/** Where a lock is, and the class under which the engine takes it; null for the orphans' spin lock, which has none. */
function lockPlace(
  run: EngineRun,
  lock: Exclude<FaultLock, 'none'>,
): { address: number; lockClass: number | null } {
  const c = run.engine.constants;
  switch (lock) {
    case 'ct_lock':
      return { address: c.CONTROL + c.C_CT_LOCK, lockClass: c.LC_CT };
    case 'resources_lock':
      return { address: c.CONTROL + c.C_RESOURCES_LOCK, lockClass: c.LC_RESOURCES };
    case 'fragment_lock':
      return { address: c.CONTROL + c.C_FRAGMENT_LOCK, lockClass: c.LC_FRAGMENT };
    case 'orphans_lock':
      return { address: c.CONTROL + c.C_ORPHANS, lockClass: null };
    case 'conn_lock':
      return { address: run.plan.regions.slab + c.CO_LOCK, lockClass: c.LC_CONN };
  }
}

function compute(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
