import { copyFileSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { byTurns, replayedDesigns } from '../../support/designs.js';
import { isStreamed, type PacketSource } from '../../../tools/replay/packet-source.js';
import type { ResultCase } from '../../../tools/result/schema.js';
import { captured, failedChecks, type PlanChanges, replayCase, scenario } from '../../support/replay.js';

const SMALL_STORE_BYTES = 512 * 1024;

function traffic(name: string, packets: number, storeBytes: number): Promise<PacketSource> {
  return scenario(name, { packets, pps: 500 }, 1, storeBytes);
}

/** As replayCase, interrupted after a while. */
function interrupted(
  input: PacketSource,
  name: string,
  changes: PlanChanges,
  afterMs: number,
): Promise<ResultCase> {
  return replayCase(input, name, changes, { onStart: (interrupt) => void setTimeout(interrupt, afterMs) });
}

describe.each(replayedDesigns())('streamed through %s', (name) => {
  const situations = [{}, { loops: 3 }, { loops: 3, uniqueIpLoops: 2 }, { loops: 2, uniqueIpLoops: null }];
  it.each(byTurns(situations, name))('gives the verdicts and work of a staged run: %o', async (changes) => {
    const options = { clock: 'capture', ...changes } as const;
    const staged = await replayCase(await traffic('tcp-crr', 15_000, 1e9), name, options);
    const small = await traffic('tcp-crr', 15_000, SMALL_STORE_BYTES);
    expect(isStreamed(small)).toBe(true);
    const streamed = await replayCase(small, name, options);
    expect(streamed.packets).toEqual(staged.packets);
    expect(streamed.workCounts).toEqual(staged.workCounts);
    expect(streamed.input.streamed?.storeBytes).toBe(SMALL_STORE_BYTES);
    expect(staged.input.streamed ?? null).toBeNull();
    expect(failedChecks(streamed)).toEqual([]);
  });

  it('ends when it is interrupted with full rings', async () => {
    const small = await traffic('established', 20_000, SMALL_STORE_BYTES);
    const result = await interrupted(small, name, { workers: 2, pacing: { mode: 'pps', pps: 1000 } }, 100);
    expect(result.partial).toBe(true);
    expect(result.packets.injected).toBeLessThan(20_000);
  });
});

it.each(['rss', 'rss-asymmetric', 'round-robin', 'flow', 'zone'] as const)(
  'steers alike, whatever the design: %s',
  async (steer) => {
    const per = async (storeBytes: number): Promise<number[]> => {
      const result = await replayCase(await traffic('tcp-crr', 10_000, storeBytes), 'rculist-sweep', {
        workers: 2,
        steer,
      });
      expect(result.packets.injected).toBe(10_000);
      return (result.perWorker ?? []).map(({ packets }) => packets);
    };
    expect(await per(SMALL_STORE_BYTES)).toEqual(await per(1e9));
  },
);

it('ends with a sentence when the traffic is not what it was', async () => {
  const small = await traffic('established', 20_000, SMALL_STORE_BYTES);
  await expect(replayCase({ ...small, packets: 20_001 }, 'rculist-sweep', {})).rejects.toThrow(
    /it changed while/,
  );
});

it('names file, record and offset when the capture breaks off while it is replayed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ctreplay-stream-'));
  try {
    const file = join(folder, 'office.pcap');
    copyFileSync('captures/office-mix.pcap', file);
    const surveyed = await captured([file], { storeBytes: 200 * 1024 });
    expect(isStreamed(surveyed)).toBe(true);
    truncateSync(file, statSync(file).size - 5);
    const failing = replayCase({ ...surveyed, storeBytes: SMALL_STORE_BYTES }, 'rculist-sweep', {});
    await expect(failing).rejects.toThrow(/office\.pcap, record \d+, byte offset \d+: the file ends inside/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it.each([
  { mode: 'pps', pps: 20_000 },
  { mode: 'mbps', mbps: 40 },
  { mode: 'multiplier', multiplier: 40 },
] as const)('keeps to the rate: %o', async (pacing) => {
  const packets = 6000;
  const source = await traffic('established', packets, SMALL_STORE_BYTES);
  const result = await replayCase(source, 'rculist-sweep', { pacing });
  const { targetPps, achievedPps } = result.pacing;
  expect(result.input.streamed?.storeBytes).toBe(SMALL_STORE_BYTES);
  // The last packet leaves no earlier than its time.
  expect(achievedPps).toBeLessThan((targetPps ?? 0) * 1.01);
  expect(result.latency?.response?.overall.count).toBe(packets);
});

it('says how large the store has to be', async () => {
  const tiny = await traffic('established', 2000, 4096);
  await expect(replayCase(tiny, 'rculist-sweep', {})).rejects.toThrow(/Give --store 1 or more/);
});
