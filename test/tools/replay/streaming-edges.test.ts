/** Streamed replays: packets edited on the way, every kind of pace, and threads that die. */
import { describe, expect, it } from 'vitest';
import { loadSource } from '../../../tools/replay/load-source.js';
import { AS_IT_IS, type PacketEdits, type PacketSource } from '../../../tools/replay/packet-source.js';
import { parseIpMap } from '../../../tools/rewrite/ip-map.js';
import { failedChecksButRate, replayCase } from '../../support/replay.js';

const SMALL_STORE_BYTES = 512 * 1024;

function load(
  storeBytes: number,
  edits: Partial<PacketEdits> = {},
  limit: number | null = null,
): Promise<PacketSource> {
  const parameters = { packets: 20_000, pps: 500 };
  return loadSource(
    {
      origin: { type: 'scenario', name: 'tcp-crr', parameters, seed: 1 },
      edits: { ...AS_IT_IS, ...edits },
      limit,
    },
    storeBytes,
  );
}

describe('edits of a streamed replay give what they give in a staged one', () => {
  const edits: [string, Partial<PacketEdits>][] = [
    ['filter', { filter: 'dst port 80' }],
    [
      'address maps',
      {
        sourceMap: parseIpMap('10.0.0.0/8:172.16.0.0/16'),
        destinationMap: parseIpMap('0.0.0.0/0:192.0.2.0/24'),
      },
    ],
    ['snap length', { snapLength: 60 }],
  ];
  it.each(edits)('%s', async (_, edit) => {
    const staged = await replayCase(await load(1e9, edit), 'rculist-sweep', { clock: 'capture' });
    const streamed = await replayCase(await load(SMALL_STORE_BYTES, edit), 'rculist-sweep', {
      clock: 'capture',
    });
    expect(streamed.input.streamed?.storeBytes).toBe(SMALL_STORE_BYTES);
    expect(streamed.packets).toEqual(staged.packets);
    expect(streamed.workCounts).toEqual(staged.workCounts);
  });

  it('limit', async () => {
    const streamed = await replayCase(await load(SMALL_STORE_BYTES, {}, 15_000), 'rculist-sweep', {
      clock: 'capture',
    });
    expect(streamed.input.streamed?.storeBytes).toBe(SMALL_STORE_BYTES);
    expect(streamed.packets.injected).toBe(15_000);
  });
});

describe('pace of a streamed replay', () => {
  it('bursts leave together', async () => {
    const result = await replayCase(await load(SMALL_STORE_BYTES), 'rculist-sweep', {
      pacing: { mode: 'pps', pps: 40_000 },
      burst: 20,
    });
    expect(result.packets.injected).toBe(20_000);
    expect(result.pacing.achievedPps).toBeLessThan(40_000 * 1.01);
    expect(failedChecksButRate(result)).toEqual([]);
  });

  it('loops go on for a duration, and no longer', async () => {
    const result = await replayCase(await load(SMALL_STORE_BYTES), 'rculist-sweep', {
      pacing: { mode: 'pps', pps: 100_000 },
      loops: null,
      durationMs: 500,
    });
    // More than one loop of 20,000, and never more than are due; stopping takes a moment.
    const { packets, elapsedNs } = result;
    expect(packets.injected).toBeGreaterThan(20_000);
    expect(packets.injected).toBeLessThanOrEqual(1 + (100_000 * elapsedNs) / 1e9);
    expect(elapsedNs).toBeGreaterThanOrEqual(0.475e9);
    expect(packets.injected).toBeLessThanOrEqual(60_000);
    expect(failedChecksButRate(result)).toEqual([]);
  });
});

describe('a thread that dies during a streamed replay', () => {
  it.each(['trap', 'exit'] as const)('%s: ends the run, the feeder with it', async (kind) => {
    const run = replayCase(await load(SMALL_STORE_BYTES), 'rculist-sweep', {
      workers: 2,
      loops: 1e6,
      fault: { worker: 1, afterPackets: 2000, kind },
    });
    await expect(run).rejects.toThrow(/worker 1 failed.*holding ct_lock/);
  });
});
