/** Counting of cache lines, accesses and turns. */
import { describe, expect, it } from 'vitest';
import { loadEngine } from '../../../engine/host/module.js';
import { planMemory } from '../../../engine/host/memory-plan.js';
import { createRun } from '../../../engine/host/run-memory.js';
import { WorkTrace } from '../../../tools/regress/work-trace.js';

function bed() {
  const engine = loadEngine('rculist-sweep', 'bare');
  const plan = planMemory(engine.constants, {
    threads: 1,
    maxConns: 64,
    nat: false,
    packetStoreBytes: 4096,
    expectationSlots: 16,
    fragmentSlots: 16,
  });
  const run = createRun(engine, plan, { seed: 1, hashBasis: 1 });
  return {
    run,
    trace: new WorkTrace(run),
    slab: plan.regions.slab as number,
    buckets: plan.regions.buckets as number,
  };
}

const READ = 1;
const WRITE = 2;
const ATOMIC = 4;

describe('a work trace', () => {
  it('counts a line once a call, and again in the next', () => {
    const { trace, slab, buckets } = bed();
    for (let call = 0; call < 2; call++) {
      trace.begin();
      trace.touch(READ, 8, 0, slab);
      trace.touch(READ, 8, 56, slab);
      trace.touch(WRITE, 4, 64, slab);
      trace.touch(READ | WRITE, 4, 0, buckets);
      trace.end('est|trk');
    }
    expect(trace.work()).toMatchObject({
      lines: { 'est|trk': 6 },
      linesWritten: { 'est|trk': 4 },
      linesByRegion: { slab: 4, buckets: 2 },
      accesses: { 'est|trk': 8 },
    });
  });

  it('counts what is written atomically', () => {
    const { trace, slab } = bed();
    trace.begin();
    for (const kind of [READ, WRITE, READ | ATOMIC, WRITE | ATOMIC, READ | WRITE | ATOMIC])
      trace.touch(kind, 4, 0, slab);
    trace.end('x');
    expect(trace.work()).toMatchObject({ atomicWrites: { x: 2 }, accesses: { x: 5 } });
  });

  it('counts both lines of an access that lies across, and all of a block', () => {
    const { trace, slab, buckets } = bed();
    trace.begin();
    trace.touch(READ, 8, 60, slab);
    trace.touchTo(buckets);
    trace.touchFrom(slab + 256);
    trace.touchLength(129);
    trace.end('x');
    expect(trace.work()).toMatchObject({ lines: { x: 2 + 3 + 3 }, linesWritten: { x: 3 } });
  });

  it('tells what was done under which class of lock', () => {
    const { trace, slab, run } = bed();
    const { CONTROL, C_CT_LOCK, C_RESOURCES_LOCK, CO_LOCK, CONN_SIZE } = run.engine.constants;
    const words = new Int32Array(run.memory.buffer);
    /** The access that takes a lock or gives it back comes before it. */
    const set = (at: number, word: number): void => {
      trace.touch(READ | WRITE | ATOMIC, 4, 0, at);
      words[at / 4] = word;
    };
    const work = (accesses: number): void => {
      trace.ran(10 * accesses);
      for (let i = 0; i < accesses; i++) trace.touch(READ, 4, 0, slab);
    };
    const [ctLock, resources, connLock] = [
      CONTROL + C_CT_LOCK,
      CONTROL + C_RESOURCES_LOCK,
      slab + 5 * CONN_SIZE + CO_LOCK,
    ];
    trace.begin();
    work(1);
    set(ctLock, 2);
    work(2);
    set(connLock, 2);
    work(3);
    set(connLock, 0);
    set(ctLock, 0);
    set(resources, 2);
    work(4);
    set(resources, 0);
    // Another word of a record, with whatever in it, is no lock.
    set(slab + 5 * CONN_SIZE, 7);
    work(5);
    trace.end('sweep');
    expect(trace.work()).toMatchObject({
      // What gives a lock back belongs to its hold, what takes it does not.
      heldAccesses: {
        'ct_lock sweep': 2 + 3 + 3,
        'conn_lock sweep': 3 + 1,
        'resources_lock sweep': 4 + 1,
      },
      heldInstructions: {
        'ct_lock sweep': 50,
        'conn_lock sweep': 30,
        'resources_lock sweep': 40,
      },
    });
  });

  it('tells the longest call', () => {
    const { trace } = bed();
    for (const turns of [3, 10, 1]) {
      trace.begin();
      for (let i = 0; i < turns; i++) trace.turn();
      trace.ran(5);
      trace.ran(turns);
      trace.end('new');
    }
    expect(trace.work()).toMatchObject({
      instructions: { new: 3 * 5 + 14 },
      loopTurns: { new: 14 },
      mostLoopTurns: { new: 10 },
    });
  });
});
