import { describe, expect, it } from 'vitest';
import { loadEngine } from '../../../engine/host/module.js';
import { primitiveRun, problems, runTasks } from './primitive-threads.js';

const LONG = process.env['CTREPLAY_LONG'] !== undefined;

describe('futex mutex', () => {
  it.each([2, 3, 4])('lets one of %d threads in at a time', async (threads) => {
    const { run } = primitiveRun(loadEngine('rculist-sweep', 'debug'), threads);
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
