import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  RECORD_LOOP_END,
  RECORD_PACKET,
  ringBytesFor,
  RingReader,
  RingWriter,
  RING_CONTROL_BYTES,
  type RingPlace,
} from '../../../tools/replay/feed-ring.js';

const COMPILED = fileURLToPath(new URL('../../../dist/tools/replay/feed-ring.js', import.meta.url));
const READER = new URL('./ring-reader.mjs', import.meta.url);
/** Rings do not begin at 0, where an address could not be told from no room. */
const RING_AT = 128;

/** A ring with room for places of so many lines. */
function makeRing(lines: number): { memory: SharedArrayBuffer; place: RingPlace } {
  return ringOf(ringBytesFor(1, lines * 64));
}

/** A ring of so many bytes, with none behind it. */
function ringOf(bytes: number): { memory: SharedArrayBuffer; place: RingPlace } {
  return {
    memory: new SharedArrayBuffer(RING_AT + bytes),
    place: { control: new SharedArrayBuffer(2 * RING_CONTROL_BYTES), ring: 1, at: RING_AT, bytes },
  };
}

function write(writer: RingWriter, memory: SharedArrayBuffer, index: number, length: number): boolean {
  const at = writer.reserve(length);
  if (at === 0) return false;
  const bytes = new Uint8Array(memory, at, length);
  for (let i = 0; i < length; i++) bytes[i] = (index * 31 + i) & 0xff;
  writer.commit(RECORD_PACKET, index, length, index * 10);
  return true;
}

describe('a ring of packet records', () => {
  it('hands out every record whole and in order, however writing and reading interleave', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('write' as const), length: fc.integer({ min: 0, max: 300 }) }),
      fc.record({ do: fc.constantFrom('read' as const, 'publish' as const, 'release' as const) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 7, max: 40 }), fc.array(step, { maxLength: 300 }), (lines, steps) => {
        const { memory, place } = makeRing(lines);
        const writer = new RingWriter(memory, place);
        const reader = new RingReader(memory, place);
        const lengths: number[] = [];
        let published = 0;
        let read = 0;
        let position = 0;
        const readOne = (): boolean => {
          if (!reader.next()) return false;
          expect(reader.index).toBe(read);
          expect(reader.units).toBe(lengths[read]);
          expect(reader.timeNs).toBe(read * 10);
          expect(reader.address % 64).toBe(0);
          const bytes = new Uint8Array(memory, reader.address, reader.units);
          for (let i = 0; i < bytes.length; i++) expect(bytes[i]).toBe((read * 31 + i) & 0xff);
          read++;
          position = reader.position;
          return true;
        };
        for (const each of steps) {
          if (each.do === 'write' && write(writer, memory, lengths.length, each.length))
            lengths.push(each.length);
          if (each.do === 'publish') {
            writer.publish();
            published = lengths.length;
          }
          if (each.do === 'read') {
            const there = read < published;
            expect(readOne()).toBe(there);
          }
          if (each.do === 'release') reader.release(position);
        }
        writer.publish();
        while (readOne());
        expect(read).toBe(lengths.length);
        // All given back: there is room again.
        reader.release(position);
        expect(writer.reserve(64)).toBeGreaterThan(0);
      }),
      { numRuns: 100 },
    );
  });

  it('shows nothing before it is published, and gives no room before it is released', () => {
    const { memory, place } = makeRing(5);
    const writer = new RingWriter(memory, place);
    const reader = new RingReader(memory, place);
    expect(write(writer, memory, 0, 100)).toBe(true);
    expect(reader.next()).toBe(false);
    writer.publish();
    expect(reader.next()).toBe(true);
    expect(write(writer, memory, 1, 100)).toBe(true);
    expect(write(writer, memory, 2, 100)).toBe(false);
    reader.release(reader.position);
    expect(write(writer, memory, 2, 100)).toBe(true);
  });

  it('goes back to a mark, and tells the end of a loop from a packet', () => {
    const { memory, place } = makeRing(16);
    const writer = new RingWriter(memory, place);
    const reader = new RingReader(memory, place);
    write(writer, memory, 0, 10);
    writer.reserve(0);
    writer.commit(RECORD_LOOP_END, 1, 0, 0);
    writer.publish();
    const start = reader.mark();
    for (let pass = 0; pass < 2; pass++) {
      expect([reader.next(), reader.kind]).toEqual([true, RECORD_PACKET]);
      expect([reader.next(), reader.kind]).toEqual([true, RECORD_LOOP_END]);
      expect(reader.next()).toBe(false);
      reader.rewind(start);
    }
  });

  it('has room for as many records as it was made for, and no byte outside', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 2000 }), (records, length) => {
        const { memory, place } = ringOf(ringBytesFor(records, length));
        const writer = new RingWriter(memory, place);
        const reader = new RingReader(memory, place);
        for (let index = 0; index < records; index++) expect(write(writer, memory, index, length)).toBe(true);
        expect(write(writer, memory, records, length)).toBe(false);
        writer.publish();
        for (let index = 0; index < records; index++)
          expect([reader.next(), reader.index]).toEqual([true, index]);
        expect(reader.next()).toBe(false);
      }),
    );
  });

  it('sleeps no longer than it is told', () => {
    const { memory, place } = makeRing(8);
    const writer = new RingWriter(memory, place);
    const reader = new RingReader(memory, place);
    const before = performance.now();
    reader.waitForMore(5);
    while (write(writer, memory, 0, 60));
    writer.publish();
    writer.waitForRoom(60, 5);
    expect(performance.now() - before).toBeGreaterThan(5);
    expect(performance.now() - before).toBeLessThan(5000);
  });
});

/** Is up only where somebody sleeps who should not. */
const LONG_MS = 20_000;

describe('a reader that wants a good deal', () => {
  const makeEnds = (): { memory: SharedArrayBuffer; writer: RingWriter; reader: RingReader } => {
    const { memory, place } = makeRing(64);
    return { memory, writer: new RingWriter(memory, place), reader: new RingReader(memory, place) };
  };

  it('sleeps on when a little is published, which is enough for one that wants anything', () => {
    const { memory, writer, reader } = makeEnds();
    write(writer, memory, 0, 60);
    writer.publish();
    expect(reader.waitForMore(5, true)).toBe(false);
    expect(reader.waitForMore(LONG_MS)).toBe(true);
    expect(reader.next()).toBe(true);
  });

  it('does not sleep on a quarter of the ring', () => {
    const { memory, writer, reader } = makeEnds();
    for (let index = 0; index < 8; index++) write(writer, memory, index, 60);
    writer.publish();
    expect(reader.waitForMore(LONG_MS, true)).toBe(true);
    expect(reader.next()).toBe(true);
  });

  it('does not sleep on what was flushed, before or after it was published, but when it was read', () => {
    const { memory, writer, reader } = makeEnds();
    write(writer, memory, 0, 60);
    writer.flush();
    expect(reader.waitForMore(LONG_MS, true)).toBe(true);
    expect(reader.next()).toBe(true);
    write(writer, memory, 1, 60);
    writer.publish();
    writer.flush();
    expect(reader.waitForMore(LONG_MS, true)).toBe(true);
    expect(reader.next()).toBe(true);
    expect(reader.waitForMore(5, true)).toBe(false);
  });
});

describe('a ring between two threads', () => {
  it.skipIf(!existsSync(COMPILED)).each([
    // Lines, longest payload, records that the reader keeps: rings as tight as the planning allows.
    [12, 100, 0, false],
    [60, 300, 1, false],
    [60, 300, 1, true],
    [80, 200, 4, true],
    [1800, 1500, 31, false],
    [1800, 1500, 31, true],
  ])(
    'of %d lines loses and mixes up nothing, and wakes who sleeps',
    async (lines, longest, holdBack, plenty) => {
      const records = 5000;
      const { memory, place } = makeRing(lines);
      const thread = new Worker(READER, {
        workerData: { module: pathToFileURL(COMPILED).href, memory, place, records, holdBack, plenty },
      });
      const outcome = new Promise((resolve, reject) => {
        thread.once('message', resolve);
        thread.once('error', reject);
      });
      const writer = new RingWriter(memory, place);
      for (let index = 0, random = 7; index < records; index++) {
        random = (random * 48_271) % 0x7fff_ffff;
        const length = random % longest;
        while (!write(writer, memory, index, length)) {
          writer.flush();
          if (!writer.waitForRoom(length, LONG_MS))
            throw new Error(`nobody woke the writer before record ${index}`);
        }
        if (random % 5 === 0) writer.publish();
      }
      writer.flush();
      expect(await outcome).toEqual({ seen: records, fault: null });
      await thread.terminate();
    },
  );
});
