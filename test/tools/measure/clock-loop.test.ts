import { describe, expect, it } from 'vitest';
import { joinClockLoops, runClockLoop, stretchQuantiles } from '../../../tools/measure/clock-loop.js';

/** A clock of 50 ns a read that jumps by `gapNs` every `period` reads. */
function interruptedClock(period: number, gapNs: number): () => number {
  let time = 0;
  let reads = 0;
  return () => (time += ++reads % period === 0 ? gapNs : 50);
}

describe('bare clock loop', () => {
  it('finds the gaps that are there', () => {
    const loop = runClockLoop(interruptedClock(1000, 5000), 10);
    // 999 reads of 50 ns and one of 5 µs: 54.95 µs a gap.
    expect(loop.gapsNs.length).toBeGreaterThanOrEqual(181);
    expect(loop.gapsNs.length).toBeLessThanOrEqual(182);
    expect(new Set(loop.gapsNs)).toEqual(new Set([5000]));
    expect(loop.probeNs / 10e6).toBeCloseTo(1, 2);
  });

  it('takes what is below a microsecond for the clock itself', () => {
    expect(runClockLoop(interruptedClock(10, 900), 5).gapsNs).toHaveLength(0);
  });

  it('ends with a clock that stands still, and refuses no length', () => {
    expect(() => runClockLoop(() => 0, 0)).toThrow(/0 ms is not above 0/);
  });

  it('runs on the real clock', () => {
    const loop = runClockLoop(() => performance.now() * 1e6, 5);
    expect(loop.probeNs).toBeGreaterThanOrEqual(5e6);
    for (const gap of loop.gapsNs) expect(gap).toBeGreaterThan(1000);
  });
});

describe('stretches of a clock loop', () => {
  // 1000 gaps a second of 1 to 100 µs, 10 seconds.
  const loop = {
    probeNs: 10e9,
    gapsNs: Float64Array.from({ length: 10_000 }, (_, i) => 1000 + (i % 100) * 1000),
  };

  it('have the quantiles that gaps at random give', () => {
    // A stretch of 1 µs meets a gap once in 1000: up to 99.9 % there is none, and of the rest every quantile of the gaps.
    const [p99, p9995, p9999, p999999] = stretchQuantiles(loop, 1000, [0.99, 0.9995, 0.9999, 0.999_999]);
    expect(p99).toBe(1000);
    expect((p9995 as number) / 51_000).toBeCloseTo(1, 1);
    expect((p9999 as number) / 91_000).toBeCloseTo(1, 1);
    expect((p999999 as number) / 101_000).toBeCloseTo(1, 1);
  });

  it('say nothing beyond what the loop saw', () => {
    expect(stretchQuantiles({ probeNs: 1e6, gapsNs: new Float64Array() }, 500, [0.99, 0.9999])).toEqual([
      500,
      null,
    ]);
    expect(stretchQuantiles(joinClockLoops([]), 500, [0.5])).toEqual([null]);
  });

  it('join without loss', () => {
    const joined = joinClockLoops([loop, loop]);
    expect(joined.probeNs).toBe(20e9);
    expect(joined.gapsNs).toHaveLength(20_000);
    const q = stretchQuantiles(joined, 1000, [0.9995])[0] as number;
    expect(q / (stretchQuantiles(loop, 1000, [0.9995])[0] as number)).toBeCloseTo(1, 1);
  });
});
