/**
 * Level 1, what belongs to a design rather than to an input: the bytes that a connection takes, and how long a waiter spins for a
 * lock. Both are counted, not timed.
 */
import type { DesignChoice } from '../../engine/host/designs.js';
import { planMemory } from '../../engine/host/memory-plan.js';
import { loadEngine, NO_TRACE, type EngineModule } from '../../engine/host/module.js';
import { createRun, MUTEX_POLICIES, type MutexPolicy } from '../../engine/host/run-memory.js';
import { EngineThread } from '../../engine/host/thread.js';
import { sortedCounts } from './work-trace.js';

/** Counts of one design. */
export interface DesignFigures {
  /** Bytes: of a connection with its part of the index and the spare slots, of a translated one, of each kind of record. */
  readonly memory: Readonly<Record<string, number>>;
  /** Turns of loops until a lock was taken that another thread held for so many of them; by mutex and length of the hold. */
  readonly lockTurns: Readonly<Record<string, number>>;
  /** Sleeps of these waiters. */
  readonly lockSleeps: Readonly<Record<string, number>>;
}

/**
 * @param wasmFolder where the compiled designs lie; absent = the package's own
 * @throws EngineError
 */
export function designFigures(choice: DesignChoice, wasmFolder?: string): DesignFigures {
  const engine = loadEngine(choice.design, 'traced', wasmFolder);
  const waits = MUTEX_POLICIES.flatMap((mutex) => lockWaits(engine, mutex));
  return {
    memory: memoryFigures(engine),
    lockTurns: sortedCounts(waits.map(({ name, turns }) => [name, turns])),
    lockSleeps: sortedCounts(waits.map(({ name, sleeps }) => [name, sleeps])),
  };
}

/** A power of two, so that twice as many connections have twice as many buckets. */
const CONNECTIONS = 2 ** 18;

/** Bytes that the plan of a run gives to each thing. */
export function memoryFigures({ constants: c }: Pick<EngineModule, 'constants'>): Record<string, number> {
  const total = (maxConns: number, nat: boolean): number =>
    planMemory(c, { threads: 1, maxConns, nat, packetStoreBytes: 0 }).totalBytes;
  const each = (nat: boolean): number =>
    Math.round((total(2 * CONNECTIONS, nat) - total(CONNECTIONS, nat)) / CONNECTIONS);
  return sortedCounts([
    ['connection', each(false)],
    ['translatedConnection', each(true)],
    ['record', c.CONN_SIZE],
    ['besideRecord', c.SIDE_SIZE],
    ['bucket', c.BUCKET_SIZE],
    ['expectation', c.EXPECTATION_SIZE],
    ['fragment', c.FRAGMENT_SLOT_SIZE],
    ['zoneEntry', c.ZONE_ENTRY_SIZE],
    ['policy', c.POLICY_SIZE],
    ['expiryLists', c.EXPIRY_SIZE + c.TRAIT_AREA_BYTES],
    ['threadBlock', c.THREAD_SIZE],
    ['controlBlock', c.CONTROL_SIZE],
  ]);
}

/** Turns for which the other thread holds the lock: shorter than a pause, some pauses, and longer than short waits spin. */
const HOLD_TURNS = [1, 90, 450, 1800];
/** Waits for each: how long a waiter spins depends on the waits before. */
const ATTEMPTS = 6;
/** Word of a lock that thread 1 holds (engine/assembly/shm/mutex.ts). */
const HELD_BY_OTHER = 4;

interface LockWaits {
  readonly name: string;
  readonly turns: number;
  readonly sleeps: number;
}

/**
 * A thread waits for ct_lock, whose owner does not exist: the word is freed after so many turns of the waiter's own
 * loops. A waiter that sleeps gets it when it wakes up, after its bounded sleep.
 */
function lockWaits(engine: EngineModule, mutex: MutexPolicy): LockWaits[] {
  const c = engine.constants;
  const plan = planMemory(c, {
    threads: 2,
    maxConns: 64,
    nat: false,
    packetStoreBytes: 0,
    expectationSlots: 16,
    fragmentSlots: 16,
  });
  const run = createRun(engine, plan, { seed: 1, hashBasis: 1, mutex });
  const words = new Int32Array(run.memory.buffer);
  const lockAt = c.CONTROL + c.C_CT_LOCK;
  const abortAt = c.CONTROL + c.C_ABORT;
  let turnsLeft = 0;
  let turns = 0;
  let sleeps = 0;
  const release = (): void => {
    turnsLeft = 0;
    Atomics.store(words, lockAt / 4, 0);
  };
  const thread = new EngineThread(run, 0, () => 0, {
    trace: {
      ...NO_TRACE,
      turn: () => {
        turns++;
        if (turnsLeft > 0 && --turnsLeft === 0) release();
      },
      touch: (_kind, _bytes, offset, address) => {
        // A waiter looks at the abort word after each sleep, and only then.
        if (turnsLeft > 0 && (address >>> 0) + offset === abortAt) {
          sleeps++;
          release();
        }
        return address;
      },
    },
  });
  return HOLD_TURNS.map((holdTurns): LockWaits => {
    turns = 0;
    sleeps = 0;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      turnsLeft = holdTurns;
      Atomics.store(words, lockAt / 4, HELD_BY_OTHER);
      thread.guard(() => {
        thread.exports.testLock(lockAt, c.LC_CT);
        thread.exports.testUnlock(lockAt, c.LC_CT);
      });
    }
    return { name: `${mutex}.hold${holdTurns}`, turns, sleeps };
  });
}
