import { afterAll, describe, expect, it } from 'vitest';
import { PcapngBytes } from './pcapng-bytes.js';
import { readAll, readFailing, Scratch } from './scratch.js';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const little = new PcapngBytes();
const big = new PcapngBytes(true);
const DATA = Uint8Array.from({ length: 61 }, (_, index) => index + 1);

function file(...blocks: Buffer[]): string {
  return scratch.write('file.pcapng', Buffer.concat(blocks));
}

describe('pcapng', () => {
  it.each([
    { name: 'little-endian', made: little },
    { name: 'big-endian', made: big },
  ])('reads interfaces of different link types and resolutions, $name', async ({ made }) => {
    const { records, reader } = await readAll(
      file(
        made.section(),
        made.interface({ name: 'eth0', snapLength: 96 }),
        made.interface({ linkType: 101, resolution: 9 }),
        made.enhanced(DATA, { units: 5n, original: 1000 }),
        made.enhanced(DATA, { interfaceNumber: 1, units: 7n }),
      ),
    );
    expect(reader.format).toBe('pcapng');
    expect(reader.interfaces).toEqual([
      { name: 'eth0', linkType: 1, snapLength: 96, resolution: '10^-6 s' },
      { name: null, linkType: 101, snapLength: null, resolution: '10^-9 s' },
    ]);
    expect(reader.linkTypes).toEqual([1, 101]);
    expect(records.map((record) => [record.timestampNs, record.linkType, record.interfaceIndex])).toEqual([
      [5000n, 1, 0],
      [7n, 101, 1],
    ]);
    expect(records[0]!.originalLength).toBe(1000);
    expect(Buffer.from(records[1]!.frame).equals(DATA)).toBe(true);
  });

  it.each([
    { resolution: 0, units: 3n, ns: 3_000_000_000n },
    { resolution: 3, units: 1n, ns: 1_000_000n },
    { resolution: 9, units: 0x1_0000_0001n, ns: 0x1_0000_0001n },
    { resolution: 12, units: 1_999n, ns: 1n },
    { resolution: 0x80 | 10, units: 512n, ns: 500_000_000n },
    { resolution: 0x80 | 32, units: 1n << 31n, ns: 500_000_000n },
    { resolution: 0x80 | 63, units: 1n << 62n, ns: 500_000_000n },
  ])('turns units of code $resolution into nanoseconds', async ({ resolution, units, ns }) => {
    const { records } = await readAll(
      file(little.section(), little.interface({ resolution }), little.enhanced(DATA, { units })),
    );
    expect(records[0]!.timestampNs).toBe(ns);
  });

  it('adds the interface’s time offset, which may be negative', async () => {
    const { records } = await readAll(
      file(
        little.section(),
        little.interface({ offsetSeconds: 100n }),
        little.interface({ offsetSeconds: -2n }),
        little.enhanced(DATA, { units: 1n }),
        little.enhanced(DATA, { units: 1n, interfaceNumber: 1 }),
      ),
    );
    expect(records.map((record) => record.timestampNs)).toEqual([100_000_001_000n, -1_999_999_000n]);
  });

  it('reads several sections, each in its own byte order with its own interfaces', async () => {
    const { records, reader } = await readAll(
      file(
        little.section(),
        little.interface(),
        little.enhanced(DATA),
        big.section(),
        big.interface({ linkType: 113 }),
        big.enhanced(DATA),
        little.section(),
        little.interface({ linkType: 0 }),
        little.enhanced(DATA),
      ),
    );
    expect(records.map((record) => record.linkType)).toEqual([1, 113, 0]);
    expect(records.map((record) => record.interfaceIndex)).toEqual([0, 1, 2]);
    expect(records.map((record) => record.recordIndex)).toEqual([1, 2, 3]);
    expect(reader.interfaces).toHaveLength(3);
  });

  it('reads simple and obsolete packet blocks; a simple one repeats the time before it and says so', async () => {
    const { records } = await readAll(
      file(
        little.section(),
        little.interface({ snapLength: 40 }),
        little.obsolete(DATA, 1_000_000n),
        little.simple(DATA.subarray(0, 40), 61),
      ),
    );
    expect(records[0]).toMatchObject({ timestampNs: 1_000_000_000n, originalLength: 61 });
    expect(records[0]).not.toHaveProperty('timestampMissing');
    expect(records[1]).toMatchObject({ timestampNs: 1_000_000_000n, timestampMissing: true, originalLength: 61 });
    expect(records[1]!.frame).toHaveLength(40);
  });

  it('skips blocks that it does not know, small ones and ones larger than memory should hold', async () => {
    const { records } = await readAll(
      file(
        little.section(),
        little.block(0x0bad, Buffer.alloc(12)),
        little.interface(),
        little.block(5, Buffer.alloc(100)),
        little.block(0x8000_0001, Buffer.alloc(17 * 1024 * 1024)),
        little.enhanced(DATA),
        little.block(10, Buffer.alloc(0)),
      ),
    );
    expect(records).toHaveLength(1);
  });

  it('reads packet options and options without an end mark', async () => {
    const tail = little.option(1, Buffer.from('a comment'));
    const { records } = await readAll(file(little.section(), little.interface(), little.enhanced(DATA, { tail })));
    expect(records[0]!.frame).toHaveLength(61);
  });
});

describe('damaged pcapng', () => {
  const head = [little.section(), little.interface(), little.enhanced(DATA)];
  const packetOffset = head[0]!.length + head[1]!.length;
  const secondOffset = packetOffset + head[2]!.length;

  it.each([
    { what: 'an undescribed interface', block: little.enhanced(DATA, { interfaceNumber: 1 }), reason: 'interface 1' },
    { what: 'a captured length beyond its block', block: little.enhanced(DATA, { captured: 100, original: 100 }), reason: 'does not fit' },
    { what: 'a captured length beyond all bounds', block: little.enhanced(DATA, { captured: 300_000, original: 300_000 }), reason: '300000' },
    { what: 'damaged options', block: little.enhanced(DATA, { tail: Buffer.from('0100ff0000000000', 'hex') }), reason: 'options' },
    { what: 'a simple packet that does not fill its block', block: little.simple(DATA, 20), reason: 'fill' },
    { what: 'a block too short for its kind', block: little.block(6, Buffer.alloc(8)), reason: 'too short' },
    { what: 'an impossible resolution', block: little.interface({ resolution: 20 }), reason: '0x14' },
    { what: 'a time beyond 64 bits of nanoseconds', block: little.enhanced(DATA, { units: 1n << 63n }), reason: '64 bits' },
  ])('$what: the record before it is delivered, then an error', async ({ block, reason }) => {
    const { error, recordsBefore } = await readFailing(file(...head, block, little.enhanced(DATA)));
    expect(recordsBefore).toBe(1);
    expect(error).toMatchObject({ recordIndex: 2, wholeRecords: 1, truncated: true });
    expect(error.reason).toContain(reason);
    expect(error.offset).toBeGreaterThanOrEqual(secondOffset);
  });

  it.each([
    { what: 'smaller than a block', length: 8 },
    { what: 'not a multiple of 4', length: 33 },
    { what: 'different at the end', length: 16 },
    { what: 'larger than any packet block', length: 0x7fff_fff0 },
  ])('a block length $what', async ({ length }) => {
    const bytes = Buffer.concat(head);
    bytes.writeUInt32LE(length, packetOffset + 4);
    const { error, recordsBefore } = await readFailing(scratch.write('length.pcapng', bytes));
    expect(recordsBefore).toBe(0);
    expect(error.offset).toBeGreaterThanOrEqual(packetOffset);
    expect(error.reason).toContain('block length');
  });

  it.each([
    { what: 'no byte-order magic', at: 8, value: 0 },
    { what: 'version 2', at: 12, value: 2 },
  ])('a section header with $what', async ({ at, value }) => {
    const bytes = Buffer.concat(head);
    bytes.writeUInt32LE(value, at);
    const { error } = await readFailing(scratch.write('section.pcapng', bytes));
    expect(error.recordIndex).toBe(1);
  });

  it('cut anywhere: truncated, with the number of whole records', async () => {
    const bytes = Buffer.concat([...head, little.enhanced(DATA), little.block(99, Buffer.alloc(50))]);
    const ends = new Set([packetOffset, secondOffset, secondOffset + head[2]!.length, head[0]!.length]);
    for (let length = 12; length < bytes.length; length += 1) {
      const path = scratch.write('cut.pcapng', bytes.subarray(0, length));
      if (ends.has(length)) {
        await readAll(path);
        continue;
      }
      const { error, recordsBefore } = await readFailing(path);
      const whole = length < secondOffset ? 0 : length < secondOffset + head[2]!.length ? 1 : 2;
      expect(error).toMatchObject({ truncated: true, wholeRecords: whole });
      expect(recordsBefore).toBe(whole);
    }
  });
});
