/**
 * Which classes of locks the one thread of a traced run holds. A lock's word is 0 while it is free (engine/assembly/shm/mutex.ts), and changes
 * only by what reads and writes it at once.
 */
import { LOCK_CLASSES, type LockClass } from '../../engine/host/counters.js';
import type { EngineRun } from '../../engine/host/run-memory.js';
import { shardLocks } from '../../engine/host/shard-locks.js';

/** Told of every access that may take a lock or give one back, before it. */
export class LockWatch {
  readonly #words: Int32Array;
  /** Words of the locks of each class, in the order of LOCK_CLASSES; of connections that of the latest, since one is held at most. */
  readonly #locks: number[][];
  readonly #slab: {
    readonly from: number;
    readonly to: number;
    readonly size: number;
    readonly lockAt: number;
  };
  #held = 0;
  #isStale = false;

  constructor(run: EngineRun) {
    const { CONTROL, C_CT_LOCK, C_RESOURCES_LOCK, C_FRAGMENT_LOCK, CONN_SIZE, CO_LOCK } =
      run.engine.constants;
    const { regions, slabSlots } = run.plan;
    this.#words = new Int32Array(run.memory.buffer);
    const places: Readonly<Record<LockClass, readonly number[]>> = {
      ct_lock: [CONTROL + C_CT_LOCK, ...shardLocks(run)],
      conn_lock: [],
      resources_lock: [CONTROL + C_RESOURCES_LOCK],
      fragment_lock: [CONTROL + C_FRAGMENT_LOCK],
    };
    this.#locks = LOCK_CLASSES.map((name) => places[name].map((at) => at / 4));
    const size = CONN_SIZE;
    this.#slab = { from: regions.slab, to: regions.slab + slabSlots * size, size, lockAt: CO_LOCK };
  }

  /** An access to this address follows that may change a lock. */
  mayChange(address: number): void {
    this.#isStale = true;
    const { from, to, size, lockAt } = this.#slab;
    if (address < from || address >= to || (address - from) % size !== lockAt) return;
    this.#locks[CONN_LOCK] = [address / 4];
  }

  /** Bit n is set while a lock of the nth class of LOCK_CLASSES is held. */
  held(): number {
    if (!this.#isStale) return this.#held;
    this.#isStale = false;
    this.#held = 0;
    for (const [lockClass, words] of this.#locks.entries()) {
      if (words.some((word) => this.#words[word] !== 0)) this.#held |= 1 << lockClass;
    }
    return this.#held;
  }
}

const CONN_LOCK = LOCK_CLASSES.indexOf('conn_lock');
