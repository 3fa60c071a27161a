/** Placing ranges: the same packets at the same places as one by one, wherever their frames lie, and nothing beside them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadEngine } from '../../../engine/host/module.js';
import { planMemory } from '../../../engine/host/memory-plan.js';
import { createRun } from '../../../engine/host/run-memory.js';
import { EngineThread } from '../../../engine/host/thread.js';
import type { FrameRange } from '../../../tools/replay/frame-range.js';
import { alignLine, headBytes } from '../../../tools/replay/packet-place.js';
import { placingAreaBytes, RangePlacer } from '../../../tools/replay/range-placer.js';
import { tcpFrame, udpFrame } from '../../support/packets.js';

const STORE_BYTES = 4 * 1024 ** 2;

function newThread(): EngineThread {
  const engine = loadEngine('rculist-sweep', 'bare');
  const needs = { threads: 1, maxConns: 16, nat: false, packetStoreBytes: STORE_BYTES };
  return new EngineThread(
    createRun(engine, planMemory(engine.constants, needs), { seed: 1, hashBasis: 1 }),
    0,
    () => 0,
  );
}

/** Frames laid out with gaps between them, some on top of each other and not in order. */
function rangeOf(frames: readonly Uint8Array[], gapBytes: number, isShuffled: boolean): FrameRange {
  const longest = Math.max(1, ...frames.map((frame) => frame.length));
  const bytes = new Uint8Array((longest + gapBytes) * frames.length + 5).fill(0xee);
  const starts = new Uint32Array(frames.length + 3);
  const lengths = new Uint32Array(frames.length + 3);
  frames.forEach((frame, index) => {
    const place = isShuffled ? (index * 7) % frames.length : index;
    const isFree = !isShuffled || frames.length % 7 !== 0;
    const start = 5 + (isFree ? place : index) * (longest + gapBytes);
    bytes.set(frame, start);
    starts[index] = start;
    lengths[index] = frame.length;
  });
  return { bytes, count: frames.length, starts, lengths, wireBytes: null };
}

/** What placing a range left in the store, area excluded, and what it returned. */
function placed(range: FrameRange, requests: Uint32Array, isSingly: boolean): unknown {
  const thread = newThread();
  const { regions } = thread.run.plan;
  const longest = Math.max(0, ...range.lengths);
  const areaAt = regions.packets + STORE_BYTES - placingAreaBytes(longest);
  const engine = isSingly
    ? Object.assign(Object.create(thread) as EngineThread, {
        exports: { ...thread.exports, placeFrames: undefined },
      })
    : thread;
  const addresses = new Uint32Array(range.count);
  const end = new RangePlacer(engine, areaAt, longest).place(range, requests, regions.packets, addresses);
  const store = Buffer.from(thread.bytes.subarray(regions.packets, areaAt));
  return { end, addresses: [...addresses], store: store.toString('hex') };
}

const anyFrame = fc.oneof(
  fc.uint8Array({ maxLength: 100 }),
  fc.uint8Array({ minLength: 14, maxLength: 1600 }),
  fc.nat(1400).map((bytes) => udpFrame({ srcPort: 1, payload: new Uint8Array(bytes).fill(9) })),
  fc.nat(40).map((bytes) => tcpFrame({ srcPort: 2, payload: new Uint8Array(bytes).fill(7) })),
  fc.constant(udpFrame({ src: 'fd00::1', dst: 'fd00::2' })),
);

describe('placing ranges', () => {
  it('property: is as placing packets one by one', () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { minLength: 1, maxLength: 40 }),
        fc.nat(70),
        fc.boolean(),
        (frames, gapBytes, isShuffled) => {
          const range = rangeOf(frames, gapBytes, isShuffled);
          const requests = Uint32Array.from(range.starts, (_, index) => index * 64);
          expect(placed(range, requests, false)).toEqual(placed(range, requests, true));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('takes ranges that are larger than its area, in count and in bytes', () => {
    const many = rangeOf(
      Array.from({ length: 9000 }, () => new Uint8Array(20).fill(3)),
      0,
      false,
    );
    const far = rangeOf(
      Array.from({ length: 30 }, (_, at) => new Uint8Array(50).fill(at)),
      40_000,
      true,
    );
    const large = rangeOf(
      [new Uint8Array(300_000).fill(1), new Uint8Array(7), new Uint8Array(262_144).fill(2)],
      1,
      false,
    );
    for (const range of [many, far, large]) {
      const requests = new Uint32Array(range.count);
      const found = placed(range, requests, false);
      expect(found).toEqual(placed(range, requests, true));
      const { plan, engine } = newThread().run;
      const bytes = range.lengths.reduce(
        (sum, length, at) => sum + (at < range.count ? alignLine(headBytes(engine.constants) + length) : 0),
        0,
      );
      expect((found as { end: number }).end - plan.regions.packets).toBe(bytes);
    }
  });
});
