import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeSchedule, targetPps, waitUntil, type PacingRequest } from '../../../tools/replay/pace.js';

const totals = { packets: 1000, bits: 8_000_000, loopNs: 2e9 };

function dueNs(request: PacingRequest, loop: number, units: number): number {
  const schedule = makeSchedule(request, totals);
  return (loop * schedule.loopUnits + units) * schedule.nsPerUnit;
}

describe('schedule', () => {
  it('puts packet i of loop k at (k n + i) / rate, however long the run', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e7 }), fc.nat(1e6), fc.nat(999), (pps, loop, packet) => {
        const exact = ((loop * totals.packets + packet) * 1e9) / pps;
        const due = dueNs({ mode: 'pps', pps }, loop, packet);
        expect(Math.abs(due - exact)).toBeLessThanOrEqual(Math.max(1, exact * 1e-12));
      }),
    );
  });

  it('spaces bits for --mbps', () => {
    // 8 Mbit a loop at 4 Mbit/s: two seconds.
    expect(dueNs({ mode: 'mbps', mbps: 4 }, 1, 0)).toBeCloseTo(2e9, 0);
    expect(dueNs({ mode: 'mbps', mbps: 4 }, 0, 4_000_000)).toBeCloseTo(1e9, 0);
  });

  it('keeps capture timing below and above 1, and over loops', () => {
    expect(dueNs({ mode: 'multiplier', multiplier: 0.5 }, 0, 1e9)).toBe(2e9);
    expect(dueNs({ mode: 'multiplier', multiplier: 4 }, 1, 0)).toBe(0.5e9);
  });

  it('knows the rate it comes to', () => {
    expect(targetPps({ mode: 'topspeed' }, totals)).toBeNull();
    expect(targetPps({ mode: 'pps', pps: 123 }, totals)).toBeCloseTo(123, 9);
    expect(targetPps({ mode: 'mbps', mbps: 4 }, totals)).toBeCloseTo(500, 6);
    expect(targetPps({ mode: 'multiplier', multiplier: 3 }, totals)).toBeCloseTo(1500, 6);
  });
});

describe('waiting', () => {
  /** A clock that moves only by sleeping, oversleeping by `late`, or by 50 ns a look. */
  function fakeTime(late: number) {
    let time = 0;
    const sleeps: number[] = [];
    return {
      sleeps,
      now: () => (time += 50),
      sleep: (ms: number) => {
        sleeps.push(ms);
        time += ms * 1e6 + late;
      },
    };
  }

  it('sleeps most of a gap and never returns early', () => {
    for (const spin of [true, false]) {
      const fake = fakeTime(20_000);
      const end = waitUntil(5e6, fake.now, fake.sleep, () => false, { spin });
      expect(end).toBeGreaterThanOrEqual(5e6);
      expect(fake.sleeps.length).toBeGreaterThan(0);
      expect(fake.sleeps[0]).toBeGreaterThan(4);
    }
  });

  it('does not spin where it must not', () => {
    const fake = fakeTime(0);
    let looks = 0;
    waitUntil(
      1e6,
      () => {
        looks += 1;
        return fake.now();
      },
      fake.sleep,
      () => false,
      { spin: false },
    );
    expect(looks).toBeLessThan(20);
  });

  it('comes back when the run is stopped, in slices of at most 200 ms', () => {
    const fake = fakeTime(0);
    let stopped = false;
    const end = waitUntil(
      3600e9,
      fake.now,
      (ms) => {
        fake.sleep(ms);
        stopped = true;
      },
      () => stopped,
      { spin: true },
    );
    expect(end).toBeLessThan(0.3e9);
  });
});
