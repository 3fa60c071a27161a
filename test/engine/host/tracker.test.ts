import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { EngineError } from '../../../engine/host/engine-error.js';
import { MEMORY_LIMIT_BYTES, planMemory } from '../../../engine/host/memory-plan.js';
import { loadEngine } from '../../../engine/host/module.js';
import { PacketStore } from '../../../engine/host/packet-store.js';
import { byteOffset } from '../../../engine/host/quantities.js';
import { Tracker } from '../../../engine/host/tracker.js';
import { fragmentRanges, udpFrame, writeFragment } from '../../support/packets.js';
import { A, B, COMMIT, DESIGNS, TrackerBed } from '../../support/tracker-bed.js';

const folder = mkdtempSync(join(tmpdir(), 'ctreplay-host-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The two fragments of a packet. */
function fragments(id: number): Uint8Array[] {
  const frame = udpFrame({ payload: 'x'.repeat(1600) });
  const ranges = fragmentRanges(frame.length - 34, 20, 1500);
  return ranges.map((range, index) => {
    const into = new Uint8Array(2000);
    return into.slice(0, writeFragment(into, 0, frame, { range, id, more: index < ranges.length - 1 }));
  });
}
const firstFragment = (id: number): Uint8Array => fragments(id)[0] as Uint8Array;

describe('loading a design', () => {
  it('that was not built, or is no module, is an error with a remedy', () => {
    expect(() => loadEngine('timeout-lists', 'bare', join(folder, 'nowhere'))).toThrow(/npm run build/);
    writeFileSync(join(folder, 'odd.bare.wasm'), 'no module');
    expect(() => loadEngine('odd', 'bare', folder)).toThrow(EngineError);
    // The smallest module there is exports nothing.
    writeFileSync(join(folder, 'void.bare.wasm'), Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    expect(() => loadEngine('void', 'bare', folder)).toThrow(/void/);
  });

  it('a preset that does not exist is told with those that do', () => {
    const create = (design: string, preset: string) => () => Tracker.create({ design, preset });
    expect(create('rculist-sweep', 'v9')).toThrow(/'v9'.*v6.*v7.*v7-fixed/);
    expect(create('timeout-lists', 'v7')).toThrow(/no presets/);
  });
});

describe('memory', () => {
  const { constants } = loadEngine('timeout-lists', 'bare');

  it('regions follow each other without overlap, on their own cache lines', () => {
    const plan = planMemory(constants, { threads: 5, maxConns: 1000, nat: true, packetStoreBytes: 1 << 20 });
    const bases = Object.values(plan.regions);
    expect(bases).toEqual(bases.toSorted((a, b) => a - b));
    expect(bases.every((base) => base % 128 === 0)).toBe(true);
    expect(plan.slabSlots).toBeGreaterThan(2000);
    expect(plan.totalPages * 65536).toBeGreaterThanOrEqual(plan.regions.packets + (1 << 20));
  });

  it('what does not fit 4 GiB is told with what takes how much', () => {
    const needs = { threads: 1, maxConns: 30_000_000, nat: false, packetStoreBytes: 1 << 20 };
    expect(() => planMemory(constants, needs)).toThrow(/4,096 MiB.*--max-conns 30000000 take [\d,]+ MiB/);
    expect(MEMORY_LIMIT_BYTES).toBe(2 ** 32);
    expect(() => planMemory(constants, { ...needs, threads: 0 })).toThrow(/threads is 0/);
    expect(() => planMemory(constants, { ...needs, maxConns: 1, buckets: 3 })).toThrow(/power of two/);
  });

  it('places of packets are reused, and never overlap', () => {
    const store = new PacketStore(byteOffset(4096), 64 * 1024, 256);
    const taken = [60, 1500, 3000, 60].map((length) => store.take(length));
    const spans = taken
      .map(({ descriptor, frame, capacity }) => [descriptor, frame + capacity] as const)
      .toSorted((a, b) => a[0] - b[0]);
    spans
      .slice(1)
      .forEach(([from], index) => expect(from).toBeGreaterThanOrEqual(spans[index]?.[1] as number));
    // The IP header behind an Ethernet header is aligned.
    for (const { frame } of taken) expect((frame + 14) % 4).toBe(0);
    store.give(taken[2] as (typeof taken)[number]);
    expect(store.take(2900)).toEqual(taken[2]);
    expect(() => store.take(60_000)).toThrow(/no room for a frame of 60000 bytes/);
  });
});

describe.each(DESIGNS)('%s', (design) => {
  it('after a reset is as new: same packets, same answers, same table, same counts of work', () => {
    const t = new TrackerBed(design, { seed: 3 });
    const nat = { type: 'src', minAddress: '10.1.1.240', ports: [2000, 2063] } as const;
    const history = (): unknown => {
      const states = Array.from({ length: 80 }, (_, i) => {
        t.nowMs = 1_000_000 + i * 1500;
        if (i % 20 === 19) t.tracker.sweep(t.nowMs);
        return t.send(udpFrame({ src: `10.2.0.${i % 50}`, dst: B, srcPort: 7 }), { ...COMMIT, nat });
      });
      return { states, lines: t.lines(), work: t.tracker.counters().work, count: t.tracker.tableCount };
    };
    const first = history();
    t.tracker.reset({ seed: 3 });
    expect(t.tracker.tableCount).toBe(0);
    expect(history()).toEqual(first);
  });

  it('requests out of range are refused before the engine sees them', () => {
    const t = new TrackerBed(design);
    const frame = udpFrame({ src: A, dst: B });
    const nat = (minAddress: string, more: object = {}) => ({
      ...COMMIT,
      nat: { type: 'src' as const, minAddress, ...more },
    });
    expect(() => t.send(frame, { zone: 65536 })).toThrow(/zone is 65536/);
    expect(() => t.send(frame, nat('10.0.0.300'))).toThrow(/10\.0\.0\.300/);
    expect(() => t.send(frame, nat('10.0.0.2', { maxAddress: '10.0.0.1' }))).toThrow(/backwards/);
    expect(() => t.send(frame, nat('10.0.0.2', { maxAddress: 'fd00::1' }))).toThrow(/mixes/);
    expect(() => t.send(frame, nat('10.0.0.2', { ports: [9, 8] }))).toThrow(/9 to 8/);
    expect(t.tracker.connCount).toBe(0);
  });

  describe('a packet that the engine dropped in silence', () => {
    // Eight places for packets of this size.
    const small = (): Tracker => Tracker.create({ design, packetStoreBytes: 8 * 2048, slabSlots: 64 });
    const MINUTE_MS = 60_000;

    it('gives its place back when it was released before', () => {
      const tracker = small();
      for (let i = 0; i < 100; i++) {
        // A first fragment waits; a minute later the next packet finds it long past its timeout.
        const handle = tracker.packet(firstFragment(i));
        expect(tracker.execute(handle, COMMIT, 1000 + i * MINUTE_MS)).toEqual({ returned: [], held: true });
        tracker.release(handle);
      }
    });

    it('gives its place back when it is released after', () => {
      const tracker = small();
      for (let i = 0; i < 100; i++) {
        const now = 1000 + i * MINUTE_MS;
        const handle = tracker.packet(firstFragment(i));
        tracker.execute(handle, COMMIT, now);
        tracker.run(udpFrame(), COMMIT, now + MINUTE_MS / 2);
        expect(handle.view.held).toBe(false);
        tracker.release(handle);
      }
    });

    it('gives its place back when it was the last of its packet, too late', () => {
      const tracker = small();
      for (let i = 0; i < 100; i++) {
        const now = 1000 + i * MINUTE_MS;
        for (const [index, frame] of fragments(i).entries()) {
          const handle = tracker.packet(frame);
          const outcome = tracker.execute(handle, COMMIT, now + (index === 0 ? 0 : MINUTE_MS / 2));
          expect(outcome.returned).toEqual([]);
          tracker.release(handle);
        }
      }
    });

    it('is not taken for one that is still held', () => {
      const tracker = small();
      const [first, second] = fragments(1) as [Uint8Array, Uint8Array];
      const kept = tracker.packet(first);
      for (let i = 2; i < 6; i++) {
        const handle = tracker.packet(firstFragment(i));
        tracker.execute(handle, COMMIT, 1000);
        tracker.release(handle);
      }
      tracker.execute(kept, COMMIT, 1000 + MINUTE_MS / 2);
      tracker.release(kept);
      // One list goes with each packet; then the places are free, and the one that is held still comes out whole.
      for (let i = 0; i < 8; i++) tracker.run(udpFrame({ srcPort: 9 }), COMMIT, 1000 + MINUTE_MS / 2);
      const handle = tracker.packet(second);
      const { returned } = tracker.execute(handle, COMMIT, 1000 + MINUTE_MS / 2);
      expect(returned.map((each) => [each.handle === kept, each.state])).toEqual([
        [true, 'new|trk'],
        [false, 'new|trk'],
      ]);
      expect(Buffer.from(kept.copyFrame()).equals(Buffer.from(first))).toBe(true);
    });
  });

  it('a full packet store is told', () => {
    const tracker = Tracker.create({ design, packetStoreBytes: 8192, slabSlots: 64 });
    const hold = () => tracker.packet(udpFrame());
    expect(() => Array.from({ length: 10 }, hold)).toThrow(/packet store has no room/);
  });
});
