import { describe, expect, it } from 'vitest';
import { availableDesigns } from '../../../engine/host/designs.js';
import type { PacingRequest } from '../../../tools/replay/replay-plan.js';
import type { PacketSource } from '../../../tools/replay/packet-source.js';
import type { ResultCase } from '../../../tools/result/schema.js';
import { framesTraffic, replayCase } from '../../support/replay.js';
import { udpFrame } from '../../support/packets.js';

const DESIGN = availableDesigns()[0] as string;
const FRAME_BYTES = 60;

/** Packets of one length at these times, in milliseconds. */
function traffic(timesMs: readonly number[]): Promise<PacketSource> {
  const frames = timesMs.map((_, index) => {
    const frame = new Uint8Array(FRAME_BYTES);
    frame.set(udpFrame({ srcPort: 1000 + index }));
    return frame;
  });
  return framesTraffic(
    frames,
    timesMs.map((timeMs) => timeMs * 1e6),
  );
}

const evenly = (count: number, gapMs: number): number[] =>
  Array.from({ length: count }, (_, index) => index * gapMs);

function rateCheck(result: ResultCase): ResultCase['audit'][number] {
  const check = result.audit.find(({ name }) => name === 'rate-achieved');
  expect(check).toBeDefined();
  return check as ResultCase['audit'][number];
}

/** A run is as late as the machine makes it: the check has to agree with when the last packet was due. */
function expectJudged(result: ResultCase, lastDueMs: number): void {
  const { ok, actual } = rateCheck(result);
  expect(result.elapsedNs).toBeGreaterThanOrEqual(lastDueMs * 1e6);
  expect(ok, `${actual}, due in ${lastDueMs} ms`).toBe(result.elapsedNs <= (lastDueMs * 1e6) / 0.98 + 5e6);
}

const IS_LONG = process.env['CTREPLAY_LONG'] !== undefined;
const COUNTS = [1, 2, 3, 100];

describe('the rate of few packets', () => {
  it.each(COUNTS)('is judged by the gaps between %d packets, whatever the mode of pacing', async (count) => {
    const packets = await traffic(evenly(count, 2));
    const modes: PacingRequest[] = [
      { mode: 'pps', pps: 500 },
      { mode: 'mbps', mbps: (500 * FRAME_BYTES * 8) / 1e6 },
      { mode: 'multiplier', multiplier: 1 },
      { mode: 'profile', profile: { points: [{ atMs: 0, pps: 500 }], shape: 'step' } },
    ];
    // Each mode with two of the counts; with CTREPLAY_LONG every one with every count.
    const first = COUNTS.indexOf(count);
    const tried = IS_LONG ? modes : [modes[first], modes[(first + 1) % modes.length]];
    for (const pacing of tried as PacingRequest[]) {
      expectJudged(await replayCase(packets, DESIGN, { pacing }), (count - 1) * 2);
    }
  });

  it.each(COUNTS)('is judged by the gaps between %d bursts', async (bursts) => {
    const packets = await traffic(evenly(bursts * 4, 1));
    const result = await replayCase(packets, DESIGN, { pacing: { mode: 'pps', pps: 4000 }, burst: 4 });
    expectJudged(result, bursts - 1);
  });

  it('is judged by when the last one was due, where a capture has bursts', async () => {
    const pacing: PacingRequest = { mode: 'multiplier', multiplier: 1 };
    const late = Array.from({ length: 99 }, () => 80);
    expectJudged(await replayCase(await traffic([0, ...late]), DESIGN, { pacing }), 80);
    const early = Array.from({ length: 99 }, () => 0);
    expectJudged(await replayCase(await traffic([...early, 80]), DESIGN, { pacing }), 80);
  });

  it('is judged over all loops of a profile that changes', async () => {
    const pacing: PacingRequest = {
      mode: 'profile',
      profile: {
        points: [
          { atMs: 0, pps: 100 },
          { atMs: 50, pps: 2000 },
        ],
        shape: 'step',
      },
    };
    const result = await replayCase(await traffic(evenly(10, 1)), DESIGN, { pacing, loops: 10 });
    // 5 packets in the first 50 ms, then 95 less the first at 2000/s.
    expectJudged(result, 50 + 94 / 2);
  });

  it('is held by a run that ends while the next packet is not due', async () => {
    const packets = await traffic([0, 60_000]);
    const pacing: PacingRequest = { mode: 'multiplier', multiplier: 1 };
    const result = await replayCase(packets, DESIGN, {
      pacing,
      durationMs: 100,
      loops: null,
    });
    expect(result.packets.injected).toBe(1);
    expect(rateCheck(result)).toMatchObject({ ok: true });
    expect(result.warnings?.map(({ code }) => code)).not.toContain('rate-not-reached');
  });

  it('is not held by a run whose last packet was late, and the warning says so', async () => {
    for (const count of COUNTS) {
      const result = await replayCase(await traffic(evenly(count, 2)), DESIGN, {
        pacing: { mode: 'pps', pps: 500 },
        fault: { worker: 0, afterPackets: Math.max(0, count - 8), kind: 'stall', stallMs: 60 },
      });
      expect(rateCheck(result)).toMatchObject({ ok: false });
      expect(rateCheck(result).advice).toMatch(/could not keep up/);
      expect(result.warnings?.map(({ code }) => code)).toContain('rate-not-reached');
    }
  });
});
