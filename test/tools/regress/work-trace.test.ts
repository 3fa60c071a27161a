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

  it('tells what was done under ct_lock, and the longest call', () => {
    const { trace, slab, run } = bed();
    const { CONTROL, C_CT_LOCK } = run.engine.constants;
    const words = new Int32Array(run.memory.buffer);
    trace.begin();
    trace.touch(READ, 4, 0, slab);
    words[(CONTROL + C_CT_LOCK) / 4] = 2;
    trace.touch(READ, 4, 0, slab);
    trace.touch(READ, 4, 0, slab);
    words[(CONTROL + C_CT_LOCK) / 4] = 0;
    trace.end('sweep');
    for (const turns of [3, 10, 1]) {
      trace.begin();
      for (let i = 0; i < turns; i++) trace.turn();
      trace.ran(5);
      trace.ran(turns);
      trace.end('new');
    }
    expect(trace.work()).toMatchObject({
      accessesUnderCtLock: { sweep: 2 },
      instructions: { new: 3 * 5 + 14 },
      loopTurns: { new: 14 },
      mostLoopTurns: { new: 10 },
    });
  });
});
