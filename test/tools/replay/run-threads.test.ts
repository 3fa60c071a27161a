/** Threads that do not end, or that hold a lock where none may be held. */
import { afterEach, describe, expect, it } from 'vitest';
import { availableDesigns } from '../../../engine/host/designs.js';
import { loadEngine } from '../../../engine/host/module.js';
import { bindRunClock, runOrigin } from '../../../tools/replay/run-clock.js';
import { RunThreads } from '../../../tools/replay/run-threads.js';
import { SharedState } from '../../../tools/replay/shared-state.js';
import type { FaultInjection, SweeperInput } from '../../../tools/replay/worker-input.js';
import { primitiveRun } from '../../engine/shm/primitive-threads.js';

const SWEEPER = 0;
let started: RunThreads | null = null;
afterEach(async () => started?.end());

/** A run of nothing but a sweeper. */
function sweeperAlone(
  design: string,
  fault: FaultInjection | null,
): { threads: RunThreads; state: SharedState } {
  const { run, main } = primitiveRun(loadEngine(design, 'probed'), 1);
  const state = new SharedState();
  const threads = new RunThreads({
    run,
    main,
    state,
    count: 1,
    file: 'worker',
    fault,
    packetsAre: 'of the traffic',
  });
  const input: SweeperInput = {
    run,
    threadIndex: SWEEPER,
    origin: runOrigin(),
    state: state.buffer,
    trackerClock: { mode: 'wall', scale: 1 },
    cpu: null,
    fault,
    maxRecords: 1,
  };
  threads.start('sweeper', SWEEPER, input, 'sweeper');
  started = threads;
  return { threads, state };
}

describe.each(availableDesigns())('threads of a run of %s', (design) => {
  it('a sweeper that does not end is a failure, and is ended', async () => {
    const { threads, state } = sweeperAlone(design, null);
    await threads.atBarrier(1);
    state.open(bindRunClock(runOrigin()).now());
    // Nobody has told it to stop.
    await expect(threads.reports('sweeper', 100)).rejects.toThrow(
      /the sweeper failed, holding no lock: it has not answered since/,
    );
    const from = performance.now();
    await threads.end();
    expect(performance.now() - from).toBeLessThan(5000);
  });

  it('one that is not needed any more is not waited for', async () => {
    const { threads, state } = sweeperAlone(design, null);
    await threads.atBarrier(1);
    state.open(bindRunClock(runOrigin()).now());
    await threads.leave('sweeper', 50);
    expect(threads.hasFailed).toBe(false);
  });

  it.each(['exit', 'terminate'] as const)(
    '%s: a lock left held at the barrier is seen there',
    async (kind) => {
      const { threads } = sweeperAlone(design, { thread: 'sweeper', kind, place: 'barrier' });
      await expect(threads.atBarrier(1)).rejects.toThrow(/the sweeper failed, holding ct_lock/);
    },
  );
});
