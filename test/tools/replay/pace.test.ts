import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeDue, makeSchedule, targetPps, waitUntil } from '../../../tools/replay/pace.js';
import type { PacingRequest } from '../../../tools/replay/replay-plan.js';
import { parseProfile } from '../../../tools/replay/rate-profile.js';

const totals = { packets: 1000, bits: 8_000_000, loopNs: 2e9 };

function dueNs(request: PacingRequest, loop: number, units: number, burst = 1): number {
  return makeDue(makeSchedule(request, totals, burst))(loop, units);
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

describe('bursts and profiles', () => {
  const profile = (text: string, shape: 'linear' | 'step'): PacingRequest => ({
    mode: 'profile',
    profile: { points: parseProfile(text), shape },
  });

  it('a burst leaves at the time of its first packet, at the same mean rate', () => {
    const due = (packet: number): number => dueNs({ mode: 'pps', pps: 1000 }, 0, packet, 10);
    expect([0, 9, 10, 19, 20].map(due)).toEqual([0, 0, 10e6, 10e6, 20e6]);
  });

  it('steps change the rate at their time', () => {
    // 100 packets in the first second at 100/s, then 1000/s.
    const steps = profile('0s:100,1s:1000', 'step');
    expect(dueNs(steps, 0, 50)).toBeCloseTo(0.5e9, 3);
    expect(dueNs(steps, 0, 100)).toBeCloseTo(1e9, 3);
    expect(dueNs(steps, 0, 600)).toBeCloseTo(1.5e9, 3);
    expect(dueNs(steps, 1, 100)).toBeCloseTo(2e9, 3);
  });

  it('lines let go what the area under them says', () => {
    // From 0 to 1000/s over one second: 500 packets; half of the time lets a quarter go.
    const ramp = profile('0s:0,1s:1000', 'linear');
    expect(dueNs(ramp, 0, 125)).toBeCloseTo(0.5e9, 3);
    expect(dueNs(ramp, 0, 500)).toBeCloseTo(1e9, 3);
    expect(dueNs(ramp, 0, 600)).toBeCloseTo(1.1e9, 3);
    expect(targetPps(ramp, { ...totals, packets: 500 })).toBeCloseTo(500, 6);
  });

  it('due times never go back, whatever the points', () => {
    const point = fc.record({
      gapMs: fc.integer({ min: 1, max: 5000 }),
      pps: fc.integer({ min: 0, max: 50_000 }),
    });
    fc.assert(
      fc.property(fc.array(point, { maxLength: 6 }), fc.constantFrom('linear', 'step'), (later, shape) => {
        let at = 0;
        const text = [
          '0ms:10',
          ...later.map(({ gapMs, pps }) => `${(at += gapMs)}ms:${pps}`),
          `${at + 1}ms:5`,
        ].join(',');
        const request = profile(text, shape as 'linear' | 'step');
        let previous = 0;
        for (let packet = 0; packet < 400; packet++) {
          const due = dueNs(request, 0, packet);
          expect(due).toBeGreaterThanOrEqual(previous - 1e-3);
          previous = due;
        }
      }),
    );
  });

  it.each([
    ['10', /point 1/],
    ['1s:10', /first point/],
    ['0s:10,0s:20', /not later/],
    ['0s:10,5s:0', /last rate/],
    ['0s:10k;5s:20k', /point 1/],
    ['0s:1.1G', /point 1 is above/],
    [`0s:1,${'9'.repeat(400)}h:1`, /point 2 is above/],
  ])('refuses %j', (text, message) => {
    expect(() => parseProfile(text)).toThrow(message);
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

  it.each([0.3, 1, 1.9])(
    'pauses instead of reading the clock, and is late by a read or two: turns that take %f times as long',
    (factor) => {
      for (const gapNs of [600, 5000, 25_000, 190_000]) {
        const fake = fakeTime(0);
        let paused = 0;
        let reads = 0;
        const pause = {
          pass: (ns: number) => {
            paused += ns * factor;
            return Math.ceil(ns);
          },
          learn: () => {},
        };
        const now = (): number => {
          reads++;
          return fake.now() + paused;
        };
        const end = waitUntil(gapNs, now, fake.sleep, () => false, { spin: true, pause });
        expect(end).toBeGreaterThanOrEqual(gapNs);
        expect(end).toBeLessThan(gapNs + 100);
        expect(reads).toBeLessThan(60);
      }
    },
  );

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

describe('one hour on a simulated clock', () => {
  const HOUR_NS = 3600e9;
  const LATEST_WAKE_NS = 90_000;
  /** Every look at the clock takes this long. */
  const LOOK_NS = 5000;

  it.each([
    ['97 pps', { mode: 'pps', pps: 97 } as const],
    ['1/11 of the capture’s speed', { mode: 'multiplier', multiplier: 1 / 11 } as const],
    [
      'a rate profile',
      { mode: 'profile', profile: { points: parseProfile('0s:10,1800s:90'), shape: 'linear' } } as const,
    ],
  ])('at %s no error accumulates, however late sleeps end', (_name, request) => {
    let nowNs = 0;
    let step = 1;
    const sleep = (ms: number): void => {
      // Sleeps end late by anything up to a limit: added up, they would be minutes within the hour.
      step = (step * 48_271) % 0x7fff_ffff;
      nowNs += ms * 1e6 + (step / 0x7fff_ffff) * LATEST_WAKE_NS;
    };
    const now = (): number => (nowNs += LOOK_NS);
    const due = makeDue(makeSchedule(request, totals));
    const unitsOfPacket = request.mode === 'multiplier' ? totals.loopNs / totals.packets : 1;
    let worstNs = 0;
    let earliestNs = Number.POSITIVE_INFINITY;
    let loop = 0;
    let leftNs = 0;
    let lastDueNs = 0;
    for (; leftNs < HOUR_NS; loop += 1) {
      for (let packet = 0; packet < totals.packets; packet += 1) {
        lastDueNs = due(loop, packet * unitsOfPacket);
        leftNs = waitUntil(lastDueNs, now, sleep, () => false, { spin: true });
        earliestNs = Math.min(earliestNs, leftNs - lastDueNs);
        worstNs = Math.max(worstNs, leftNs - lastDueNs);
      }
    }
    expect(earliestNs).toBeGreaterThanOrEqual(0);
    // The last stretch of a gap is spun, so a late sleep is made up for within the same gap.
    expect(worstNs).toBeLessThan(2 * LOOK_NS);
    if (request.mode === 'pps') {
      const packets = loop * totals.packets;
      expect(((packets - 1) * 1e9) / leftNs / request.pps).toBeCloseTo(1, 8);
    }
  });
});
