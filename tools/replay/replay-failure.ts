/** Explaining why a run ended early: which thread, at which packet, holding which lock. */
import type { EngineRun } from '../../engine/host/run-memory.js';
import type { EngineThread } from '../../engine/host/thread.js';
import type { ThreadFailure } from './worker-input.js';

/** A run that could not finish; nothing it measured may be used. */
export class ReplayFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ReplayFailure';
  }
}

export interface FailedThread {
  readonly thread: number;
  readonly isSweeper: boolean;
  /** What the thread itself reported, or null when it died. */
  readonly failure: ThreadFailure | null;
  /** What ended the thread when it died. */
  readonly error: unknown;
  readonly packetsOf: number;
}

/** One sentence on the failure, and what to do. */
export function describeFailure(run: EngineRun, main: EngineThread, failed: FailedThread): string {
  const who = failed.isSweeper ? 'the sweeper' : `worker ${failed.thread}`;
  const design = run.engine.design;
  const what =
    failed.failure?.message ??
    `the thread ended (${failed.error instanceof Error ? failed.error.message : String(failed.error)})`;
  const packetIndex = failed.failure?.packetIndex ?? null;
  const where = packetIndex === null ? '' : `, packet ${packetIndex + 1} of the traffic`;
  const locks = heldLocks(run, main, failed.thread);
  const holding = locks.length === 0 ? 'holding no lock' : `holding ${locks.join(' and ')}`;
  return (
    `design ${design}: ${who} failed${where}, ${holding}: ${what}. ` +
    'The run was ended and its figures dropped; this is a fault of ctreplay or of the design: ' +
    `try the debug build of the design with 'ctreplay trace' on the same capture, and report it with that capture.`
  );
}

/** Names of the locks whose word says that this thread holds them. */
function heldLocks(run: EngineRun, main: EngineThread, thread: number): string[] {
  const c = run.engine.constants;
  const { exports, view } = main;
  const named: [string, number][] = [
    ['ct_lock', c.CONTROL + c.C_CT_LOCK],
    ['resources_lock', c.CONTROL + c.C_RESOURCES_LOCK],
    ['fragment_lock', c.CONTROL + c.C_FRAGMENT_LOCK],
  ];
  const held = named.filter(([, address]) => exports.lockOwner(address) === thread).map(([name]) => name);
  const used = view.getUint32(c.CONTROL + c.C_SLAB_NEXT, true);
  for (let conn = run.plan.regions.slab as number; conn < used; conn += c.CONN_SIZE) {
    if (exports.lockOwner(conn + c.CO_LOCK) === thread) {
      held.push(`the lock of connection slot ${(conn - run.plan.regions.slab) / c.CONN_SIZE}`);
      break;
    }
  }
  return held;
}
