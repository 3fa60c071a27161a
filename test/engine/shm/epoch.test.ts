import { describe, expect, it } from 'vitest';
import { EngineThread } from '../../../engine/host/thread.js';
import { layoutConstants } from '../races/race-run.js';
import { primitiveRun, primitivesModule, problems, runTasks, type Primitives } from './primitive-threads.js';

const LONG = process.env['CTREPLAY_LONG'] !== undefined;
const { C_ORPHAN_COUNT } = layoutConstants(['C_ORPHAN_COUNT']) as { C_ORPHAN_COUNT: number };

describe('slots of threads that go offline', () => {
  it('are all returned when two threads leave at nearly the same moment', async () => {
    const { run, main } = primitiveRun(primitivesModule(), 2);
    const { CONTROL, C_CT_LOCK, C_GRACE_PENDING, C_SLAB_IN_USE } = run.engine.constants;
    const rounds = LONG ? 1_000_000 : 20_000;
    const task = {
      task: 'leaveTogether',
      options: { rounds, lock: CONTROL + C_CT_LOCK, orphanCount: C_ORPHAN_COUNT, apart: 60 },
    } as const;
    const reports = await runTasks(run, 1, [task, task]);
    expect(problems(reports)).toEqual([]);
    expect(reports[0]?.done, `rounds of ${rounds} that left orphans with nobody online`).toBe(0);
    const word = (offset: number): number => main.view.getUint32(CONTROL + offset, true);
    expect([word(C_GRACE_PENDING), word(C_SLAB_IN_USE)]).toEqual([0, 0]);
  });

  it('are looked at once more by whoever holds the orphans when another comes by', () => {
    const { run, main, primitives } = primitiveRun(primitivesModule(), 2);
    const { CONTROL, C_GRACE_PENDING } = run.engine.constants;
    const word = (offset: number): number => main.view.getUint32(CONTROL + offset, true);
    const [a, b] = [0, 1].map((index) => new EngineThread(run, index, () => 0)) as [
      EngineThread,
      EngineThread,
    ];
    a.exports.goOnline();
    b.exports.goOnline();
    (b.exports as unknown as Primitives).retire(primitives.takeSlotLocked());
    b.exports.goOffline();
    // `a` was online and may have seen the record.
    expect([word(C_ORPHAN_COUNT), word(C_GRACE_PENDING)]).toEqual([1, 1]);

    // Main holds the orphans and has seen `a` online when that goes.
    expect(primitives.claimOrphans()).not.toBe(0);
    a.exports.goOffline();
    expect(word(C_ORPHAN_COUNT)).toBe(1);
    expect(primitives.unlockOrphans(), 'main is told to look again').not.toBe(0);
    main.exports.reclaimNow();
    expect([word(C_ORPHAN_COUNT), word(C_GRACE_PENDING)]).toEqual([0, 0]);

    // Nobody came by: nobody is told.
    expect(primitives.claimOrphans()).not.toBe(0);
    expect(primitives.unlockOrphans()).toBe(0);
  });
});
