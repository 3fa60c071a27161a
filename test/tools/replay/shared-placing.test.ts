/** Packets placed by several threads: what one alone leaves in memory, byte for byte. */
import { availableParallelism } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { planMemory } from '../../../engine/host/memory-plan.js';
import { loadEngine } from '../../../engine/host/module.js';
import { createRun } from '../../../engine/host/run-memory.js';
import { EngineThread } from '../../../engine/host/thread.js';
import { COMMIT_ALL, type PacketRules } from '../../../tools/config/rules.js';
import { loadSource } from '../../../tools/replay/load-source.js';
import { assignPackets } from '../../../tools/replay/packet-choice.js';
import { AS_IT_IS, framesOf, type PacketSource } from '../../../tools/replay/packet-source.js';
import {
  loadPackets,
  loadPacketsTogether,
  packetStoreBytes,
  type WorkerPackets,
} from '../../../tools/replay/packet-store.js';
import { placingAreaBytes } from '../../../tools/replay/range-placer.js';
import { placingHelpers } from '../../../tools/replay/shared-placing.js';
import { dropThreadsAhead, startThreadsAhead } from '../../../tools/replay/thread-pool.js';
import { replayCase, scenario } from '../../support/replay.js';

const WORKERS = 3;
const PACKETS = 260_000;

const traffic = (): Promise<PacketSource> =>
  scenario('established', { packets: PACKETS, 'active-flows': 900, 'request-bytes': 5 });

function newThread(source: PacketSource, rules: PacketRules, helpers: number): EngineThread {
  const engine = loadEngine('rculist-sweep', 'bare');
  const plan = planMemory(engine.constants, {
    threads: 1,
    maxConns: 16,
    nat: false,
    packetStoreBytes: packetStoreBytes(source, engine.constants, { rules, workers: WORKERS }, helpers),
  });
  return new EngineThread(createRun(engine, plan, { seed: 1, hashBasis: 1 }), 0, () => 0);
}

/** The store but for the areas, which are left as the last piece left them. */
function stored({ run, bytes }: EngineThread, { longestFrame }: PacketSource, helpers: number): Buffer {
  const { regions, packetStoreBytes: storeBytes } = run.plan;
  const end = regions.packets + storeBytes - (1 + helpers) * placingAreaBytes(longestFrame);
  return Buffer.from(bytes.subarray(regions.packets, end));
}

const plainly = (workers: readonly WorkerPackets[]): unknown =>
  workers.map(({ addresses, indexes, ...scratch }) => ({
    addresses: Buffer.from(new Uint8Array(addresses.buffer)).toString('base64'),
    indexes: Buffer.from(new Uint8Array(indexes.buffer)).toString('base64'),
    ...scratch,
  }));

describe('placing by several threads', () => {
  afterEach(dropThreadsAhead);

  it.each([
    ['one helps', 1],
    ['two help', 2],
    ['fewer help than were asked to', 4],
  ])('leaves what one thread leaves: %s', async (_what, helpers) => {
    const source = await traffic();
    const rules = COMMIT_ALL;
    const assign = () => assignPackets(source, rules, 'rss', WORKERS);
    const assignment = assign();
    const alone = newThread(source, rules, 0);
    const expected = loadPackets(alone, source, assignment);
    startThreadsAhead(2);
    const together = newThread(source, rules, helpers);
    let asked = 0;
    const found = await loadPacketsTogether(together, source, { rules, helpers }, () => {
      asked++;
      return assign();
    });
    expect(asked).toBe(1);
    expect(plainly(found)).toEqual(plainly(expected));
    expect(stored(together, source, helpers).equals(stored(alone, source, 0))).toBe(true);
  });

  it('ends with what a thread ended with', async () => {
    const source = await traffic();
    startThreadsAhead(2);
    const loading = loadPacketsTogether(
      newThread(source, COMMIT_ALL, 2),
      source,
      { rules: COMMIT_ALL, helpers: 2 },
      () => {
        void dropThreadsAhead();
        return assignPackets(source, COMMIT_ALL, 'rss', WORKERS);
      },
    );
    await expect(loading).rejects.toThrow(/terminat|destroy/i);
  });

  it('is for large traffic in shared memory, with threads to spare', async () => {
    expect(placingHelpers(PACKETS)).toBe(0);
    startThreadsAhead(2);
    expect(placingHelpers(249_999)).toBe(0);
    expect(placingHelpers(PACKETS)).toBe(Math.min(2, availableParallelism() - 1));
    const origin = { type: 'capture', files: ['captures/office-mix.pcap'] } as const;
    const captured = await loadSource({ origin, edits: AS_IT_IS, limit: null }, 1e9);
    for (const source of [await traffic(), captured]) {
      const { ranges = [] } = framesOf(source);
      expect(ranges.reduce((sum, { count }) => sum + count, 0)).toBe(source.packets);
      for (const { bytes, starts, lengths } of ranges)
        for (const { buffer } of [bytes, starts, lengths]) expect(buffer).toBeInstanceOf(SharedArrayBuffer);
    }
  });

  it('serves whole runs', async () => {
    const result = await replayCase(await traffic(), 'rculist-sweep', { workers: 2, build: 'bare' });
    expect(result.packets.injected).toBe(PACKETS);
    expect(result.packets.verdicts.invalid ?? 0).toBe(0);
    expect(result.audit.filter(({ ok }) => !ok)).toEqual([]);
  });
});
