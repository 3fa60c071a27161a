/** What a run's rate is held to, of requests whose rate changes within the run. */
import { describe, expect, it } from 'vitest';
import { requestedPps, type RequestedRun } from '../../../tools/replay/due-packets.js';
import { parseProfile } from '../../../tools/replay/rate-profile.js';
import type { PacingRequest } from '../../../tools/replay/replay-plan.js';
import { framesTraffic, replayCase, scenario } from '../../support/replay.js';
import { udpFrame } from '../../support/packets.js';
import { keptShare } from '../../../tools/result/kept-share.js';
import type { ResultCase } from '../../../tools/result/schema.js';

const SECOND_NS = 1e9;
const traffic = { packets: 1000, bits: 8_000_000, loopNs: 2e9 };
/** Half of the packets in the first tenth of the loop. */
const uneven = (loopUnits: number): Float64Array =>
  Float64Array.from(
    { length: 1000 },
    (_, i) => (i < 500 ? i / 5000 : 0.1 + ((i - 500) * 0.9) / 500) * loopUnits,
  );

const profile = (text: string, shape: 'linear' | 'step' = 'step'): PacingRequest => ({
  mode: 'profile',
  profile: { points: parseProfile(text), shape },
});

function asked(
  pacing: PacingRequest,
  { units = null, interruptedNs = null, ...ends }: Partial<RequestedRun & RequestedRun['plan']>,
): number | null {
  const plan = { pacing, burst: 1, loops: null, durationMs: null, ...ends };
  return requestedPps({ plan, traffic, units, interruptedNs });
}

describe('the rate asked for', () => {
  it('of a profile is what it lets go by the end, over all loops', () => {
    const steps = profile('0s:1000,1s:100');
    // One loop takes a second, the second one ten.
    expect(asked(steps, { loops: 2 })).toBeCloseTo(1999 / 10.99, 6);
    expect(asked(steps, { durationMs: 1000 })).toBeCloseTo(1000, 6);
    expect(asked(steps, { durationMs: 6000 })).toBeCloseTo(1500 / 6, 6);
    expect(asked(steps, { interruptedNs: 3 * SECOND_NS })).toBeCloseTo(1200 / 3, 6);
    // All packets were due long before.
    expect(asked(steps, { loops: 1, durationMs: 60_000 })).toBeCloseTo(1000, 6);
    expect(asked(profile('0s:0,10s:1000', 'linear'), { durationMs: 5000 })).toBeCloseTo(1250 / 5, 6);
  });

  it('of a profile does not count a pause behind the last packet', () => {
    expect(asked(profile('0s:1000,1s:0,60s:10'), { loops: 1 })).toBeCloseTo(1000, 6);
  });

  it.each([
    ['bits', { mode: 'mbps', mbps: 4 } as const, traffic.bits],
    ['capture times', { mode: 'multiplier', multiplier: 1 } as const, traffic.loopNs],
  ])('by %s is what was due where a loop is cut', (_name, pacing, loopUnits) => {
    const units = uneven(loopUnits);
    // A loop takes two seconds.
    expect(asked(pacing, { units, loops: 3 })).toBeCloseTo(500, 6);
    expect(asked(pacing, { units, durationMs: 200 })).toBeCloseTo(2500, 6);
    expect(asked(pacing, { units, durationMs: 4200 })).toBeCloseTo(2500 / 4.2, 6);
    // Of streamed packets nobody knows their places.
    expect(asked(pacing, { durationMs: 200 })).toBeNull();
    expect(asked(pacing, { durationMs: 4000 })).toBeCloseTo(500, 6);
  });
});

/** A rate that was held is told as held; a busy machine may miss it, and then the check says so as well. */
function expectKept(entry: ResultCase, profileText: string | null = null): void {
  const { ok } = entry.audit.find(({ name }) => name === 'rate-achieved')!;
  if (!ok) return;
  const kept = keptShare({ ...entry, profile: profileText });
  expect(kept).toBeGreaterThan(0.9);
  expect(kept).toBeLessThanOrEqual(1);
}

describe('a rate that was held', () => {
  it('is told as held over the loops of a profile', async () => {
    const pacing = profile('0s:40000,100ms:10000');
    const established = await scenario('established', { packets: 4000 });
    const entry = await replayCase(established, 'rculist-sweep', { pacing, loops: 2 });
    expect(entry.pacing.targetPps).toBeCloseTo(7999 / 0.4999, 0);
    expectKept(entry, '0s:40k,100ms:10k');
  });

  it('is told as held, with the bits that were sent, where a loop is cut', async () => {
    // 200 short packets in 20 ms, then long ones every 10 ms.
    const frames = Array.from({ length: 300 }, (_, index) => {
      const frame = new Uint8Array(index < 200 ? 60 : 1400);
      frame.set(udpFrame({ srcPort: 1000 + index }));
      return frame;
    });
    const times = frames.map((_, index) => (index < 200 ? index * 1e5 : 20e6 + (index - 200) * 1e7));
    const packets = await framesTraffic(frames, times);
    const pacing = { mode: 'multiplier', multiplier: 1 } as const;
    for (const workers of [1, 2]) {
      const plan = { pacing, durationMs: 200, loops: null, workers };
      const entry = await replayCase(packets, 'rculist-sweep', plan);
      expect(entry.pacing.targetPps).toBeCloseTo(218 / 0.2, 6);
      const bits = 200 * 60 * 8 + (entry.packets.injected - 200) * 1400 * 8;
      const sentBits = (entry.pacing.achievedMbps! * entry.elapsedNs) / 1e3;
      // Frames count with what is around them on the wire, or without: the same for all.
      expect(sentBits / bits).toBeLessThan(1.4);
      expect(sentBits / bits).toBeGreaterThan(0.999);
      expectKept(entry);
    }
  });

  it('of streamed packets that were cut inside a loop has no figure in bits', async () => {
    const streamed = await scenario('established', { packets: 20_000 }, 1, 1024 ** 2);
    const pacing = { mode: 'mbps', mbps: 20 } as const;
    const entry = await replayCase(streamed, 'rculist-sweep', { pacing, durationMs: 150, loops: null });
    expect(entry.packets.injected % 20_000).not.toBe(0);
    expect([entry.pacing.achievedMbps, entry.pacing.targetPps]).toEqual([null, null]);
    expect(keptShare(entry)).toBeGreaterThan(0);
  });
});
