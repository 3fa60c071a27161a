import { describe, expect, it } from 'vitest';
import {
  joinClockLoops,
  runClockLoop,
  stretchQuantiles,
  type ClockLoop,
} from '../../../tools/measure/clock-loop.js';
import type { Pause } from '../../../tools/measure/spin-pause.js';

/** A machine that passes time as it is asked, and interrupts for `gapNs` every `period` looks at its clock, which cost nothing. */
class InterruptedMachine implements Pause {
  #timeNs = 0;
  #looks = 0;

  readonly #period: number;
  readonly #gapNs: number;

  constructor(period: number, gapNs: number) {
    this.#period = period;
    this.#gapNs = gapNs;
  }

  readonly now = (): number => (this.#timeNs += ++this.#looks % this.#period === 0 ? this.#gapNs : 0);

  pass(ns: number): number {
    this.#timeNs += ns;
    return 1;
  }

  learn(): void {}
}

function loopOn(machine: InterruptedMachine, probeMs: number): ClockLoop {
  return runClockLoop(machine.now, probeMs, machine);
}

describe('bare clock loop', () => {
  it('finds the gaps that are there', () => {
    const loop = loopOn(new InterruptedMachine(25, 5000), 10);
    // 25 pauses of 2 µs and a gap of 5 µs: 55 µs a gap.
    expect(loop.gapsNs.length).toBeGreaterThanOrEqual(181);
    expect(loop.gapsNs.length).toBeLessThanOrEqual(182);
    expect(new Set(loop.gapsNs)).toEqual(new Set([5000]));
    expect(loop.probeNs / 10e6).toBeCloseTo(1, 2);
  });

  it('takes what is below a microsecond for the clock itself', () => {
    expect(loopOn(new InterruptedMachine(10, 900), 5).gapsNs).toHaveLength(0);
    expect(loopOn(new InterruptedMachine(10, 1100), 5).gapsNs.length).toBeGreaterThan(0);
  });

  it('ends with a clock that stands still, and refuses no length', () => {
    expect(() => runClockLoop(() => 0, 0)).toThrow(/0 ms is not above 0/);
  });

  it('runs on the real clock, and looks at it so seldom that its garbage does not come to be collected', () => {
    let looks = 0;
    const loop = runClockLoop(() => {
      looks++;
      return performance.now() * 1e6;
    }, 20);
    expect(loop.probeNs).toBeGreaterThanOrEqual(20e6);
    for (const gap of loop.gapsNs) expect(gap).toBeGreaterThan(1000);
    // 10,000 pauses of 2 µs, while without them there are as many looks as the clock allows: some 300,000.
    expect(looks).toBeLessThan(50_000);
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
