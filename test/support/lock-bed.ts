/** One thread that takes a lock for as long as the test says. */
import { readCounters, type LockFigures } from '../../engine/host/counters.js';
import { planMemory } from '../../engine/host/memory-plan.js';
import { loadEngine } from '../../engine/host/module.js';
import { createRun, type EngineRun } from '../../engine/host/run-memory.js';
import { EngineThread } from '../../engine/host/thread.js';

/**
 * One thread on a clock that moves only when it is told to: by `holdFor`, which holds ct_lock, and by `stepNs` at each read. `before` is
 * how often the set-up took the lock.
 */
export function lockBed(design: string, holdInterval: number) {
  const engine = loadEngine(design, 'probed');
  const plan = planMemory(engine.constants, {
    threads: 1,
    maxConns: 64,
    nat: false,
    packetStoreBytes: 1 << 20,
    expectationSlots: 4,
    fragmentSlots: 4,
    histogramBytes: engine.constants.HISTOGRAMS_SIZE,
  });
  const run: EngineRun = createRun(engine, plan, { seed: 1, hashBasis: 1, holdInterval });
  const time = { nowNs: 1000, stepNs: 0 };
  const thread = new EngineThread(run, 0, () => (time.nowNs += time.stepNs));
  thread.exports.initTracker();
  const before = readCounters(run, 0).locks.ct_lock.acquisitions;
  const holdFor = (ns: number): void => {
    thread.exports.testLock(plan.regions.packets, engine.constants.LC_CT);
    time.nowNs += ns;
    thread.exports.testUnlock(plan.regions.packets, engine.constants.LC_CT);
  };
  const figures = (): LockFigures => readCounters(run, 0).locks.ct_lock;
  return { run, thread, time, holdFor, figures, before };
}
