/** Explaining why a run ended early: which thread, at which packet, holding which lock. */
import type { EngineRun } from '../../engine/host/run-memory.js';
import { shardLocks } from '../../engine/host/shard-locks.js';
import type { EngineThread } from '../../engine/host/thread.js';

/** A run that could not finish; nothing it measured may be used. */
export class ReplayFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ReplayFailure';
  }
}

/** What a thread of a run does. */
export type ThreadKind = 'worker' | 'sweeper' | 'feeder';

export interface FailedThread {
  readonly thread: number;
  readonly kind: ThreadKind;
  /** Packet in progress by its place in the traffic, counting from 0; null when none was. */
  readonly packetIndex: number | null;
  /** What its number counts, like `of the traffic`. */
  readonly packetsAre: string;
  /** The packet is the first of the batch in progress: the thread could not say where in it it was. */
  readonly isBatch: boolean;
  /** What it said, or what ended it. */
  readonly what: string;
}

/** One sentence on the failure, and what to do. */
export function describeFailure(run: EngineRun, main: EngineThread, failed: FailedThread): string {
  const { thread, kind, packetIndex, packetsAre, isBatch, what } = failed;
  const who = kind === 'worker' ? `worker ${thread}` : `the ${kind}`;
  const batch = isBatch ? 'in the batch from ' : '';
  const where = packetIndex === null ? '' : `, ${batch}packet ${packetIndex + 1} ${packetsAre}`;
  const locks = kind === 'feeder' ? [] : heldLocks(run, main, thread);
  const holding = locks.length === 0 ? 'holding no lock' : `holding ${locks.join(' and ')}`;
  return (
    `design ${run.engine.design}: ${who} failed${where}, ${holding}: ${what}. ` +
    'The run was ended and its figures dropped; this is a fault of ctreplay or of the design: ' +
    `try the debug build of the design with 'ctreplay trace' on the same capture, and report it with that capture.`
  );
}

/** Threads that hold a lock which the main thread may want. */
export function lockOwners(run: EngineRun, main: EngineThread): number[] {
  return sharedLocks(run)
    .map(([, address]) => main.exports.lockOwner(address))
    .filter((owner) => owner >= 0);
}

/** Locks that do not belong to a connection, by name. */
function sharedLocks(run: EngineRun): [string, number][] {
  const c = run.engine.constants;
  const locks: [string, number][] = [
    ['ct_lock', c.C_CT_LOCK],
    ['resources_lock', c.C_RESOURCES_LOCK],
    ['fragment_lock', c.C_FRAGMENT_LOCK],
    ['orphans_lock', c.C_ORPHANS],
  ];
  // An engine of an earlier revision does not say where it is.
  const known = locks
    .filter(([, at]) => at !== 0)
    .map(([name, at]): [string, number] => [name, c.CONTROL + at]);
  return [
    ...known,
    ...shardLocks(run).map((at, shard): [string, number] => [`the lock of shard ${shard}`, at]),
  ];
}

/** Names of the locks whose word says that this thread holds them. */
function heldLocks(run: EngineRun, main: EngineThread, thread: number): string[] {
  const c = run.engine.constants;
  const { exports, view } = main;
  const held = sharedLocks(run)
    .filter(([, address]) => exports.lockOwner(address) === thread)
    .map(([name]) => name);
  const { slab } = run.plan.regions;
  const words = new Int32Array(run.memory.buffer);
  const used = view.getUint32(c.CONTROL + c.C_SLAB_NEXT, true);
  for (let conn = slab as number; conn < used; conn += c.CONN_SIZE) {
    // In companions and annexes something else lies there.
    if ((view.getUint8(conn + c.CO_FLAGS) & (c.CONN_UN_NAT | c.CONN_ANNEX)) !== 0) continue;
    const lock = conn + c.CO_LOCK;
    if (words[lock >>> 2] !== 0 && exports.lockOwner(lock) === thread) {
      held.push(`the lock of connection slot ${(conn - slab) / c.CONN_SIZE}`);
      break;
    }
  }
  return held;
}
