import { describe, expect, it } from 'vitest';
import { layoutConstants } from '../races/race-run.js';
import { primitiveRun, primitivesModule, problems, runTasks, type Task } from './primitive-threads.js';

const { C_ORPHANS } = layoutConstants(['C_ORPHANS']) as { C_ORPHANS: number };

/** What each wait that does not sleep waits for, as a thread that died there leaves it. */
const WAITS: readonly (readonly [string, (run: ReturnType<typeof primitiveRun>) => Task])[] = [
  [
    'a bucket of the map that is being changed',
    ({ run, primitives }) => {
      const { regions } = run.plan;
      // One of the buckets that the map begins with.
      const pinned = [{ record: regions.slab, hash: 3 }];
      primitives.mapInsertLocked(regions.slab, 3);
      const version = regions.buckets + 3 * run.engine.constants.BUCKET_SIZE;
      new DataView(run.memory.buffer).setUint32(version, 1, true);
      return { task: 'mapReader', options: { pinned } };
    },
  ],
  [
    'the orphans that are being turned over',
    ({ run, main }) => {
      // Somebody is online, so that the leaver has slots to hand over.
      main.exports.goOnline();
      new DataView(run.memory.buffer).setUint32(run.engine.constants.CONTROL + C_ORPHANS, 1, true);
      return { task: 'leaver', options: {} };
    },
  ],
];

describe('the wait of a thread ends with the run when it is for', () => {
  it.each(WAITS)('%s', async (_name, prepare) => {
    const bed = primitiveRun(primitivesModule(), 1, { buckets: 16 });
    const { CONTROL, C_ABORT } = bed.run.engine.constants;
    const task = prepare(bed);
    const waiting = runTasks(bed.run, 1, [task]);
    setTimeout(() => {
      Atomics.store(new Int32Array(bed.run.memory.buffer), (CONTROL + C_ABORT) / 4, bed.main.index + 1);
    }, 50);
    expect(problems(await waiting)[0]).toContain('unreachable');
  });
});
