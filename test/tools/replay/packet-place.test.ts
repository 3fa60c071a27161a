/** Packets that wait at their places, and the batches that are made of them: the engine sees what it would see of a packet of its own. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadEngine } from '../../../engine/host/module.js';
import { planMemory } from '../../../engine/host/memory-plan.js';
import { PacketView } from '../../../engine/host/packet-view.js';
import { byteOffset } from '../../../engine/host/quantities.js';
import { createRun } from '../../../engine/host/run-memory.js';
import { EngineThread, MAX_BATCH } from '../../../engine/host/thread.js';
import {
  batchAreaBytes,
  descriptorStride,
  openBatch,
  placeBytesOf,
  PlaceWriter,
} from '../../../tools/replay/packet-place.js';
import { placingAreaBytes, RangePlacer } from '../../../tools/replay/range-placer.js';
import { tcpFrame, udpFrame } from '../../support/packets.js';

const STORE_BYTES = 1024 ** 2;
/** Where a descriptor of a packet's own goes, and its frame. */
const OWN_BYTES = 4096;

/** An engine with frames at their places. */
class PlacedBed {
  readonly thread: EngineThread;
  readonly places: Uint32Array;
  readonly ownAt: number;
  readonly #areaAt: number;
  readonly #longest: number;

  constructor(frames: readonly Uint8Array[], requestOf: (index: number) => number = (index) => 64 * index) {
    const engine = loadEngine('rculist-sweep', 'bare');
    const needs = { threads: 1, maxConns: 16, nat: false, packetStoreBytes: STORE_BYTES };
    const run = createRun(engine, planMemory(engine.constants, needs), { seed: 1, hashBasis: 1 });
    this.thread = new EngineThread(run, 0, () => 0);
    const lengths = Uint32Array.from(frames, ({ length }) => length);
    const starts = lengths.map((_, index) =>
      lengths.slice(0, index).reduce((sum, length) => sum + length, 0),
    );
    const bytes = Uint8Array.from(frames.flatMap((frame) => [...frame]));
    this.#longest = Math.max(...lengths);
    const storeAt = run.plan.regions.packets;
    const placerAt = storeAt + STORE_BYTES - placingAreaBytes(this.#longest);
    this.places = new Uint32Array(frames.length);
    const range = { bytes, count: frames.length, starts, lengths, wireBytes: null };
    const requests = lengths.map((_, index) => requestOf(index));
    const end = new RangePlacer(this.thread, placerAt, this.#longest).place(
      range,
      requests,
      storeAt,
      this.places,
    );
    expect(end - storeAt).toBe(frames.reduce((sum, { length }) => sum + placeBytesOf(length), 0));
    this.ownAt = end;
    this.#areaAt = end + OWN_BYTES;
  }

  /** Descriptors of a batch of all of them. */
  open(copies: boolean): PacketView[] {
    const { view, packetsAt, run } = this.thread;
    const stride = descriptorStride(run.engine.constants, this.#longest, copies);
    // What the batch before left there.
    this.thread.bytes.fill(0xa5, this.#areaAt, this.#areaAt + batchAreaBytes(stride));
    this.places.forEach((place, index) => view.setUint32(packetsAt + index * 4, place, true));
    openBatch(
      this.thread,
      { descriptorsAt: this.#areaAt, descriptorStride: stride, copies },
      this.places.length,
    );
    return Array.from(this.places, (_, index) => this.viewOf(view.getUint32(packetsAt + index * 4, true)));
  }

  viewOf(descriptor: number): PacketView {
    const { view, run } = this.thread;
    return new PacketView(view, run.engine.constants, byteOffset(descriptor));
  }

  /** A descriptor made by the host, with its frame. */
  own(frame: Uint8Array): PacketView {
    const { bytes, exports, run } = this.thread;
    const frameAt = byteOffset(this.ownAt + run.engine.constants.PACKET_SIZE + 2);
    bytes.set(frame, frameAt);
    const packet = this.viewOf(this.ownAt);
    packet.initialise(frameAt, frame.length, frame.length);
    exports.locatePacket(this.ownAt);
    return packet;
  }

  /** The places as they are. */
  get content(): string {
    const { bytes, run } = this.thread;
    return Buffer.from(bytes.subarray(run.plan.regions.packets, this.ownAt)).toString('hex');
  }
}

/** All that a packet that was not run yet shows. */
function shown(packet: PacketView): unknown {
  const { length, layers, state, mark, label, zone, reason, held, originalTuple } = packet;
  return { length, layers, state, mark, label, zone, reason, held, originalTuple, frame: packet.copyFrame() };
}

const anyFrame = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 100 }),
  fc.nat(1400).map((bytes) => udpFrame({ srcPort: 1, payload: new Uint8Array(bytes).fill(9) })),
  fc.nat(60).map((bytes) => tcpFrame({ srcPort: 2, payload: new Uint8Array(bytes).fill(7) })),
  fc.constant(udpFrame({ src: 'fd00::1', dst: 'fd00::2' })),
);
const anyFrames = fc.array(anyFrame, { minLength: 1, maxLength: MAX_BATCH });

describe('a batch of placed packets', () => {
  it('property: is as descriptors of their own, whatever the batch before left', () => {
    fc.assert(
      fc.property(anyFrames, fc.boolean(), (frames, copies) => {
        const bed = new PlacedBed(frames);
        const { view, run } = bed.thread;
        bed.open(copies).forEach((packet, index) => {
          expect(shown(packet)).toEqual(shown(bed.own(frames[index] as Uint8Array)));
          const { PK_PARAMS, PK_RECIRC, PK_USER } = run.engine.constants;
          expect(view.getUint32(packet.address + PK_PARAMS, true)).toBe(64 * index);
          expect(view.getUint16(packet.address + PK_RECIRC, true)).toBe(0);
          expect(view.getUint32(packet.address + PK_USER, true)).toBe(0);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('property: of copies leaves the places as they were, and gives each frame room of its own', () => {
    fc.assert(
      fc.property(anyFrames, (frames) => {
        const bed = new PlacedBed(frames);
        const { view, run, bytes } = bed.thread;
        const { PK_FRAME, PK_CAPACITY } = run.engine.constants;
        const before = bed.content;
        const packets = bed.open(true);
        for (const { address, length } of packets) {
          const at = view.getUint32(address + PK_FRAME, true);
          const capacity = view.getUint32(address + PK_CAPACITY, true);
          expect(capacity).toBeGreaterThan(length);
          bytes.fill(address & 0xff, at, at + capacity);
        }
        expect(bed.content).toBe(before);
        for (const packet of packets)
          expect(new Set(packet.copyFrame())).toEqual(new Set([packet.address & 0xff]));
        expect(bed.open(false).map((packet) => packet.copyFrame())).toEqual(
          frames.map((frame) => Uint8Array.from(frame)),
        );
      }),
      { numRuns: 30 },
    );
  });

  it('property: for engines of earlier revisions, each place is a descriptor with its frame', () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        const bed = new PlacedBed([frame]);
        const { run, exports } = bed.thread;
        const constants = { ...run.engine.constants, PLACED_SIZE: 0 };
        const older = { ...run, engine: { ...run.engine, constants } };
        const own = shown(bed.own(frame));
        bed.thread.bytes.fill(0, bed.ownAt, bed.ownAt + constants.PACKET_SIZE + frame.length + 2);
        const writer = new PlaceWriter(older, exports);
        const single = { count: 1, starts: Uint32Array.of(0), lengths: Uint32Array.of(frame.length) };
        writer.open({ ...single, bytes: frame, wireBytes: null });
        writer.write(bed.ownAt, 0, 128);
        const packet = bed.viewOf(bed.ownAt);
        expect(shown(packet)).toEqual(own);
        expect(bed.thread.view.getUint32(bed.ownAt + constants.PK_PARAMS, true)).toBe(128);
      }),
      { numRuns: 40 },
    );
  });

  it('takes two cache lines a TCP packet without data, and writes to neither', () => {
    const frames = Array.from({ length: MAX_BATCH }, () => tcpFrame({ srcPort: 5 }));
    const bed = new PlacedBed(frames, () => 0);
    expect(Math.max(...bed.places) - Math.min(...bed.places)).toBe((MAX_BATCH - 1) * 128);
    const before = bed.content;
    bed.open(false);
    const { exports, packetsAt, paramsAt } = bed.thread;
    exports.initTracker();
    exports.goOnline();
    exports.execute(packetsAt, MAX_BATCH, paramsAt, 1_000_000);
    expect(bed.content).toBe(before);
  });
});
