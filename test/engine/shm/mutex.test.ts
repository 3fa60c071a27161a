import { describe, expect, it } from 'vitest';
import { readCounters } from '../../../engine/host/counters.js';
import { loadEngine } from '../../../engine/host/module.js';
import type { EngineRun } from '../../../engine/host/run-memory.js';
import { primitiveRun, problems, runTasks } from './primitive-threads.js';

const LONG = process.env['CTREPLAY_LONG'] !== undefined;

/** Sets the policy for the threads that attach from now on. */
function setPolicy(run: EngineRun, policy: 'MUTEX_GLIBC' | 'MUTEX_BACKOFF'): void {
  const { constants: c } = run.engine;
  new DataView(run.memory.buffer).setUint32(c.CONTROL + c.C_MUTEX_POLICY, c[policy], true);
}

const POLICIES = ['MUTEX_GLIBC', 'MUTEX_BACKOFF'] as const;

describe.each(POLICIES)('futex mutex, %s', (policy) => {
  it.each([2, 3, 4])('lets one of %d threads in at a time', async (threads) => {
    const { run } = primitiveRun(loadEngine('rculist-sweep', 'debug'), threads);
    setPolicy(run, policy);
    const lock = run.plan.regions.packets;
    const counter = lock + 128;
    const rounds = LONG ? 200_000 : 5_000;
    const task = { task: 'mutex', options: { lock, counter, rounds } } as const;
    const reports = await runTasks(
      run,
      1,
      Array.from({ length: threads }, () => task),
    );
    expect(problems(reports)).toEqual([]);
    const view = new DataView(run.memory.buffer);
    expect(view.getUint32(counter, true)).toBe(threads * rounds);
    expect(view.getUint32(lock, true)).toBe(0);
  });

  it('spins within its bound before it sleeps on a lock that is held', async () => {
    const { run, main } = primitiveRun(loadEngine('rculist-sweep', 'probed'), 1);
    setPolicy(run, policy);
    const lock = run.plan.regions.packets;
    const { LC_CONN } = run.engine.constants;
    main.exports.testLock(lock, LC_CONN);
    const word = new Int32Array(run.memory.buffer);
    const waiting = runTasks(run, 1, [{ task: 'waiter', options: { lock, lockClass: LC_CONN } }]);
    // The lowest bit says that somebody sleeps.
    while ((Atomics.load(word, lock / 4) & 1) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    main.exports.testUnlock(lock, LC_CONN);
    expect(problems(await waiting)).toEqual([]);
    const figures = readCounters(run, 0).locks.conn_lock;
    expect(figures.contended).toBe(1);
    expect(figures.futexWaits).toBeGreaterThanOrEqual(1);
    // Nobody has waited before: the bound is 10, and the last stretch of pauses may pass it by its own length.
    expect(figures.spins).toBeGreaterThanOrEqual(10);
    expect(figures.spins).toBeLessThanOrEqual(policy === 'MUTEX_GLIBC' ? 10 + 31 : 10);
  });
});

describe('futex mutex', () => {
  it('traps in the debug flavour when locks are taken or released out of order', () => {
    const { run, main } = primitiveRun(loadEngine('rculist-sweep', 'debug'), 1);
    const { LC_CT, LC_CONN, LC_FRAGMENT } = run.engine.constants;
    const lock = (offset: number): number => run.plan.regions.packets + offset * 128;
    const heldAt = run.plan.regions.threads + main.index * run.engine.constants.THREAD_SIZE;
    const forget = (): void =>
      new DataView(run.memory.buffer).setUint32(heldAt + run.engine.constants.T_LOCKS_HELD, 0, true);
    const { testLock, testUnlock } = main.exports;

    testLock(lock(0), LC_CONN);
    expect(() => testLock(lock(1), LC_CT)).toThrow(WebAssembly.RuntimeError);
    expect(() => testLock(lock(1), LC_CONN)).toThrow(WebAssembly.RuntimeError);
    expect(() => testLock(lock(1), LC_FRAGMENT)).toThrow(WebAssembly.RuntimeError);
    expect(() => testUnlock(lock(1), LC_CONN)).toThrow(WebAssembly.RuntimeError);
    forget();
    testLock(lock(2), LC_CT);
    testLock(lock(3), LC_CONN);
    testUnlock(lock(3), LC_CONN);
    testUnlock(lock(2), LC_CT);
    expect(() => testUnlock(lock(2), LC_CT)).toThrow(WebAssembly.RuntimeError);
  });

  it('ends the wait for a lock whose holder is gone when the run is aborted', async () => {
    const { run, main } = primitiveRun(loadEngine('rculist-sweep', 'bare'), 1);
    const { CONTROL, C_ABORT } = run.engine.constants;
    const lock = run.plan.regions.packets;
    main.exports.testLock(lock, 0);
    const waiting = runTasks(run, 1, [{ task: 'mutex', options: { lock, counter: lock + 128, rounds: 1 } }]);
    Atomics.store(new Int32Array(run.memory.buffer), (CONTROL + C_ABORT) / 4, main.index + 1);
    expect(problems(await waiting)[0]).toContain('unreachable');
    expect(main.exports.lockOwner(lock)).toBe(main.index);
  });
});
