import { describe, expect, it } from 'vitest';
import { sweeperOf } from '../../../tools/replay/collect-sweeper.js';
import type { FinishedRun } from '../../../tools/replay/run-control.js';
import { replayCase, scenario } from '../../support/replay.js';

type Threads = Pick<FinishedRun, 'sweeper' | 'workers'>;

function threads(sweeper: object | null, ...workers: readonly object[]): Threads {
  return { sweeper, workers } as unknown as Threads;
}

describe('what clean-up took of a CPU', () => {
  it('is the time in passes, of the sweeper and of a worker that sweeps', () => {
    const idle = { sweepCount: 0, sweepNs: 0 };
    const sweeper = { sweepCount: 4, sweepNs: 2e6, scheduler: null };
    expect(sweeperOf(threads(sweeper, idle, idle), 1e9)).toEqual({
      passes: 4,
      passNs: 2e6,
      runNs: null,
      cpuShare: 0.002,
    });
    expect(sweeperOf(threads(null, { sweepCount: 20_000, sweepNs: 5e6 }), 1e9)).toMatchObject({
      passes: 20_000,
      cpuShare: 0.005,
    });
  });

  it('is no more than the thread had a CPU, and nothing where nobody swept or no time passed', () => {
    const interrupted = { sweepCount: 1, sweepNs: 9e6, scheduler: { runNs: 3e6 } };
    expect(sweeperOf(threads(interrupted), 1e9)).toMatchObject({ passNs: 9e6, runNs: 3e6, cpuShare: 0.003 });
    expect(sweeperOf(threads({ sweepCount: 0, sweepNs: 0, scheduler: { runNs: 1e6 } }), 1e9)).toBeNull();
    expect(sweeperOf(threads(null), 1e9)).toBeNull();
    expect(sweeperOf(threads(interrupted), 0)?.cpuShare).toBeNull();
  });

  it.each(['wall', 'capture'] as const)('is in a case, with the %s clock', async (clock) => {
    // Long enough for the sweeper to wake.
    const traffic = await scenario('udp-churn', { packets: 200_000 });
    const entry = await replayCase(traffic, 'rculist-sweep', { clock, build: 'bare' });
    const { sweeper, sweeps, elapsedNs } = entry;
    expect(sweeper?.passes).toBe(sweeps?.length);
    const recordedNs = (sweeps ?? []).reduce((sum, { durationNs }) => sum + durationNs, 0);
    expect(sweeper?.passNs).toBeCloseTo(recordedNs, 0);
    expect(sweeper?.cpuShare).toBeLessThanOrEqual(recordedNs / elapsedNs + 1e-12);
    // A worker that sweeps is no thread of its own.
    if (clock === 'capture') expect(sweeper?.runNs).toBeNull();
  });
});
