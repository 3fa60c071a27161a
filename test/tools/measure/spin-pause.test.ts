/** Time that passes without a look at the clock. */
import { describe, expect, it } from 'vitest';
import { waitUntil } from '../../../tools/replay/pace.js';
import { SpinPause } from '../../../tools/measure/spin-pause.js';

/** Learns from turns that take so long. */
function taught(turnNs: number, passes: number): SpinPause {
  const pause = new SpinPause();
  for (let i = 0; i < passes; i++) {
    const turns = pause.pass(10_000);
    pause.learn(turns, turns * turnNs);
  }
  return pause;
}

describe('a pause', () => {
  it.each([0.5, 1, 7, 60])('learns that a turn takes %f ns', (turnNs) => {
    const turns = taught(turnNs, 20).pass(10_000);
    expect(turns * turnNs).toBeGreaterThan(9000);
    expect(turns * turnNs).toBeLessThanOrEqual(10_000 + turnNs);
  });

  it('makes little of an interruption, and follows a machine that becomes slower', () => {
    const pause = taught(1, 20);
    pause.learn(1000, 5e6);
    expect(pause.pass(10_000)).toBeGreaterThan(7500);
    for (let i = 0; i < 10; i++) pause.learn(1000, 3000);
    expect(pause.pass(10_000)).toBeLessThan(3400);
  });

  it('takes a turn at least, and not for ever', () => {
    expect(new SpinPause().pass(0)).toBe(1);
    expect(new SpinPause().pass(Number.POSITIVE_INFINITY)).toBeLessThanOrEqual(1e6);
  });

  it('leaves a wait few reads of the clock', () => {
    const pause = new SpinPause();
    const now = (): number => performance.now() * 1e6;
    const reads: number[] = [];
    for (let i = 0; i < 2000; i++) {
      let count = 0;
      const counted = (): number => {
        count++;
        return now();
      };
      const dueNs = now() + 25_000;
      const end = waitUntil(
        dueNs,
        counted,
        () => {},
        () => false,
        { spin: true, pause },
      );
      expect(end).toBeGreaterThanOrEqual(dueNs);
      if (i >= 1000) reads.push(count);
    }
    // Some five hundred without pauses.
    expect(reads.toSorted((a, b) => a - b)[500]).toBeLessThan(60);
  });
});
