/** Known delays, put in on purpose, are found again in the figures: in the right packets, at the right lock, of the right size. */
import { decodeFromCompressedBase64, type Histogram } from 'hdr-histogram-js';
import { describe, expect, it } from 'vitest';
import { availableDesigns } from '../../../engine/host/designs.js';
import { loadEngine } from '../../../engine/host/module.js';
import { collectLocks } from '../../../tools/replay/collect-locks.js';
import type { PacketSource } from '../../../tools/replay/packet-source.js';
import type { LatencyDistribution, ResultCase } from '../../../tools/result/schema.js';
import { primitiveRun, problems, runTasks } from '../../engine/shm/primitive-threads.js';
import { replayCase, scenario } from '../../support/replay.js';

/** Two workers replay a SYN flood through timeout-lists, which takes ct_lock for every packet; worker 1 once holds it. */
async function replayWithHold(traffic: PacketSource, holdMs: number, pps: number): Promise<ResultCase> {
  return replayCase(traffic, 'timeout-lists', {
    workers: 2,
    pacing: { mode: 'pps', pps },
    // Not at the start, when threads are still finding their CPUs.
    fault: { worker: 1, afterPackets: traffic.packets / 8, kind: 'hold', stallMs: holdMs },
  });
}

/** The n-th largest of the recorded times, counting from 1. */
function largest(distribution: LatencyDistribution | null | undefined, n: number): number {
  const histogram: Histogram = decodeFromCompressedBase64(distribution?.encoded ?? '');
  const rank = histogram.totalCount - n + 1;
  return histogram.getValueAtPercentile((100 * (rank - 0.5)) / histogram.totalCount);
}

describe('a wait for ct_lock', () => {
  it.each(availableDesigns())('%s: is recorded to the nanosecond of the clock it is given', async (name) => {
    const { run, main } = primitiveRun(loadEngine(name, 'probed'), 1);
    const { CONTROL, C_CT_LOCK, LC_CT } = run.engine.constants;
    const lock = CONTROL + C_CT_LOCK;
    const clockAt = run.plan.regions.packets;
    const clock = new BigInt64Array(run.memory.buffer, clockAt, 1);
    const words = new Int32Array(run.memory.buffer);
    const holdsNs = [1_000_000, 250_000, 7_654_321];
    for (const holdNs of holdsNs) {
      main.exports.testLock(lock, LC_CT);
      const heldAlone = Atomics.load(words, lock / 4);
      const waiting = runTasks(run, 1, [{ task: 'waiter', options: { lock, lockClass: LC_CT, clockAt } }]);
      // The word changes when the waiter announces that it will sleep; it has read its clock by then.
      while (Atomics.load(words, lock / 4) === heldAlone)
        await new Promise((resolve) => setTimeout(resolve, 1));
      Atomics.add(clock, 0, BigInt(holdNs));
      main.exports.testUnlock(lock, LC_CT);
      expect(problems(await waiting)).toEqual([]);
    }
    const row = collectLocks(run, 1, 1)?.find(
      ({ class: held, thread }) => held === 'ct_lock' && thread === 'worker-0',
    );
    expect(row).toMatchObject({ acquisitions: 3, contended: 3 });
    expect(row?.futexWaits).toBeGreaterThanOrEqual(3);
    expect(row?.wait).toMatchObject({
      count: 3,
      minNs: Math.min(...holdsNs),
      maxNs: Math.max(...holdsNs),
      totalNs: holdsNs.reduce((a, b) => a + b, 0),
    });
  });
});

describe('a packet that waits', () => {
  it('has it in its service time, and all that were due meanwhile in their response times', async () => {
    const holdNs = 60e6;
    const traffic = await scenario('syn-flood', { packets: 8000 });
    const { latency } = await replayWithHold(traffic, holdNs / 1e6, 20_000);
    const { service, response } = latency ?? {};
    // One packet of worker 0 waited; the holder itself was in no packet.
    expect(largest(service?.overall, 1)).toBeGreaterThan(0.9 * holdNs);
    expect(largest(service?.overall, 2)).toBeLessThan(0.5 * holdNs);
    // 20,000/s for 60 ms: 1200 packets of both workers were delayed, by 60 ms falling to 0; half of them by 30 ms.
    expect(largest(response?.overall, 600)).toBeGreaterThan(0.4 * holdNs);
    expect(largest(response?.overall, 1)).toBeGreaterThan(0.9 * holdNs);
  });
});
