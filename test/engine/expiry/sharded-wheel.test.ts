/** What creations lock where creation is split, and that nothing else is. */
import { describe, expect, it } from 'vitest';
import { shardLocks } from '../../../engine/host/shard-locks.js';
import type { ExecRequest } from '../../../engine/host/exec-params.js';
import { Tracker } from '../../../engine/host/tracker.js';
import { traitsOf } from '../../../engine/host/design-traits.js';
import { udpFrame } from '../../support/packets.js';
import { NOW_MS, SteppedThreads } from '../../support/stepped-threads.js';
import { DESIGNS } from '../../support/tracker-bed.js';

const SHARDED = DESIGNS.filter((design) => traitsOf(design).shards > 0);
/** Four shards. */
const SMALL = { slabSlots: 64, buckets: 32 };
const SHARDS = 4;
const PLAIN: ExecRequest = { commit: true };
const TRANSLATED: ExecRequest = {
  commit: true,
  nat: { type: 'src', minAddress: '192.0.2.1', ports: [1024, 9000] },
};
/** Word of a lock that a thread holds which is gone. */
const HELD_BY_MAIN = (2 + 1) << 1;

/** Locks, by address, that stand in the way of creating this flow, and who holds which of the others by then. */
function needed(
  design: string,
  source: string,
  request: ExecRequest,
): { shards: number[]; held: number[][] } {
  const held: number[][] = [];
  const shards = Array.from({ length: SHARDS }, (_, shard) => shard).filter((shard) => {
    const steps = new SteppedThreads(design, SMALL);
    const { main, run } = steps;
    const { constants: c } = run.engine;
    const locks = shardLocks(run);
    const worker = steps.thread(0);
    const packet = steps.packet(worker, udpFrame({ src: source }));
    main.view.setUint32(locks[shard] as number, HELD_BY_MAIN, true);
    main.view.setUint32(c.CONTROL + c.C_ABORT, 3, true);
    try {
      steps.send(worker, packet, request);
    } catch {
      held.push(locks.flatMap((at, index) => (main.exports.lockOwner(at) === 0 ? [index] : [])));
      return true;
    }
    expect(main.exports.connCount()).toBe(1);
    return false;
  });
  return { shards, held };
}

const sources = (count: number): string[] => Array.from({ length: count }, (_, i) => `10.3.0.${i + 1}`);

describe.each(SHARDED)('shards: %s', (design) => {
  it('a creation waits for the one that it is in, and flows are in all of them', () => {
    const found = sources(24).map((source) => needed(design, source, PLAIN));
    for (const { shards, held } of found) {
      expect(shards).toHaveLength(1);
      expect(held).toEqual([[]]);
    }
    expect(new Set(found.flatMap(({ shards }) => shards)).size).toBe(SHARDS);
  });

  it('one that is translated takes two locks, the lower one first', () => {
    const found = sources(24).map((source) => needed(design, source, TRANSLATED));
    for (const { shards, held } of found) {
      const [low, high] = shards;
      // Waiting for the lower it holds none, for the higher the lower.
      expect(held).toEqual(high === undefined ? [[]] : [[], [low]]);
    }
    const counts = new Set(found.map(({ shards }) => shards.length));
    expect([...counts].toSorted()).toEqual([1, 2]);
  });

  it('a creation goes on while ct_lock is held, as long as the thread has slots', () => {
    const steps = new SteppedThreads(design, { slabSlots: 8192, buckets: 2048 });
    const { constants: c } = steps.run.engine;
    const worker = steps.thread(0);
    steps.create(worker, 1);
    steps.main.view.setUint32(c.CONTROL + c.C_CT_LOCK, HELD_BY_MAIN, true);
    steps.main.view.setUint32(c.CONTROL + c.C_ABORT, 3, true);
    steps.create(worker, 15, PLAIN, 1);
    expect(steps.main.exports.connCount()).toBe(16);
    expect(() => steps.create(worker, 1, PLAIN, 2)).toThrow(/unreachable/);
  });

  it('a pass looks into every shard, and holds none of them afterwards', () => {
    const steps = new SteppedThreads(design, SMALL);
    const worker = steps.thread(0);
    steps.create(worker, 20);
    expect(steps.connections()).toHaveLength(20);
    const { main, run } = steps;
    main.exports.goOnline();
    main.exports.sweep(NOW_MS + 61_000);
    expect(main.exports.connCount()).toBe(0);
    expect(shardLocks(run).map((at) => main.exports.lockOwner(at))).toEqual(shardLocks(run).map(() => -1));
  });

  it('a creation takes one lock, and ct_lock for its slots with 15 others', () => {
    const tracker = Tracker.create({ design, flavour: 'probed', slabSlots: 16_384 });
    const acquisitions = (): number => tracker.counters().locks['ct_lock']?.acquisitions ?? Number.NaN;
    const create = (net: number, request: ExecRequest): number => {
      const before = acquisitions();
      for (let i = 0; i < 160; i++) tracker.run(udpFrame({ src: `10.${net}.0.${i + 1}` }), request, NOW_MS);
      return acquisitions() - before;
    };
    expect(create(1, PLAIN)).toBe(160 + 160 / 16);
    const translated = create(2, TRANSLATED);
    expect(translated).toBeGreaterThan(160 + 320 / 16);
    // Two for most: one in 32 has its companion in its own shard.
    expect(translated).toBeLessThanOrEqual(2 * 160 + 320 / 16);
    expect(translated).toBeGreaterThan(1.8 * 160);
  });
});
