import { afterAll, describe, expect, it } from 'vitest';
import { openCapture, readingNotes } from '../../../tools/captures/reader.js';
import { pcapBytes, type PcapBytesOptions, type PcapBytesRecord } from './pcap-bytes.js';
import { PcapngBytes } from './pcapng-bytes.js';
import { readAll, readFailing, Scratch } from './scratch.js';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const FRAME = Uint8Array.from({ length: 60 }, (_, index) => index);
const SECOND = 1_000_000_000n;

/** A sound record, the odd ones, and a sound one. */
function withOdd(odd: readonly Partial<PcapBytesRecord>[], options: PcapBytesOptions = {}): string {
  const sound = { seconds: 5, subSecond: 1, data: FRAME };
  return scratch.write(
    'odd.pcap',
    pcapBytes([sound, ...odd.map((each) => ({ ...sound, ...each })), sound], options),
  );
}

async function expectRefused(file: string, recordIndex: number, reason: string): Promise<void> {
  const { error, recordsBefore } = await readFailing(file, { strict: true });
  expect(recordsBefore).toBe(recordIndex - 1);
  expect(error).toMatchObject({ recordIndex, truncated: false });
  expect(error.reason).toContain(reason);
  expect(error.advice).toContain('--strict');
}

describe('odd records of a pcap file', () => {
  it.each([false, true])('more captured than was on the wire: both lengths are kept (big-endian %s)', async (bigEndian) => {
    const file = withOdd([{ original: 44 }, { original: 0 }], { bigEndian });
    const { records, reader } = await readAll(file);
    expect(records.map(({ frame, originalLength }) => [frame.length, originalLength])).toEqual([
      [60, 60],
      [60, 44],
      [60, 0],
      [60, 60],
    ]);
    expect(reader.oddities).toMatchObject([{ kind: 'captured-beyond-wire', count: 2, firstRecordIndex: 2 }]);
    expect(readingNotes(reader)).toEqual([
      '2 records, the first one record 2: the captured length, 60 bytes, is more than the length on the wire, 44 bytes; both are kept as they are',
    ]);
    await expectRefused(file, 2, 'length on the wire');
  });

  it('a sub-second part outside of the second is added to it, signed', async () => {
    const odd = [999_999, 1_000_000, 1_000_005, -190, 0x8000_0000].map((subSecond) => ({ subSecond }));
    const file = withOdd(odd);
    const { records, reader } = await readAll(file);
    expect(records.slice(1, -1).map(({ timestampNs }) => timestampNs)).toEqual([
      5n * SECOND + 999_999_000n,
      6n * SECOND,
      6n * SECOND + 5000n,
      5n * SECOND - 190_000n,
      5n * SECOND - 2_147_483_648_000n,
    ]);
    expect(reader.oddities).toMatchObject([{ kind: 'sub-second-range', count: 4, firstRecordIndex: 3 }]);
    await expectRefused(file, 3, 'sub-second');

    const nano = withOdd([{ subSecond: 1_000_000_001 }, { subSecond: -1 }], { magic: 0xa1b23c4d });
    const times = (await readAll(nano)).records.map(({ timestampNs }) => timestampNs);
    expect(times.slice(1, 3)).toEqual([6n * SECOND + 1n, 5n * SECOND - 1n]);
  });

  it('records without anything, as in a tail of zeros, are empty records', async () => {
    const bytes = Buffer.concat([pcapBytes([{ seconds: 1, data: FRAME }]), Buffer.alloc(48)]);
    const { records, reader } = await readAll(scratch.write('zeros.pcap', bytes));
    expect(records.map(({ frame }) => frame.length)).toEqual([60, 0, 0, 0]);
    expect(reader.oddities).toMatchObject([{ kind: 'empty-record', count: 3, firstRecordIndex: 2 }]);
    await expectRefused(scratch.path('zeros.pcap'), 2, 'zeros');
  });

  it('says when another pcap file begins inside, as cat makes them', async () => {
    const single = pcapBytes([{ seconds: 1, data: FRAME }]);
    const { error, recordsBefore } = await readFailing(scratch.write('joined.pcap', Buffer.concat([single, single])));
    expect(recordsBefore).toBe(1);
    expect(error).toMatchObject({ recordIndex: 2, reason: expect.stringContaining('another pcap file') });
    expect(error.advice).toContain('mergecap');
  });
});

describe('pcap before version 2.4', () => {
  const CAPTURED = 60;
  const WIRE = 64;
  /** As written by a program of that version, with the lengths in the one or the other order. */
  const written = (version: readonly [number, number], wireFirst: boolean, bigEndian: boolean): string =>
    withOdd(
      [{ captured: CAPTURED, original: WIRE }].map((lengths) =>
        wireFirst ? { captured: lengths.original, original: lengths.captured } : lengths,
      ),
      { version, bigEndian },
    );

  it.each([
    { version: [2, 0], wireFirst: true },
    { version: [2, 1], wireFirst: true },
    { version: [2, 2], wireFirst: true },
    { version: [2, 3], wireFirst: false },
    { version: [2, 3], wireFirst: true },
    { version: [543, 0], wireFirst: true },
  ] as const)('$version, wire length first: $wireFirst', async ({ version, wireFirst }) => {
    for (const bigEndian of [false, true]) {
      const file = written(version, wireFirst, bigEndian);
      const { records, reader } = await readAll(file);
      expect(records.map(({ frame, originalLength }) => [frame.length, originalLength])).toEqual([
        [CAPTURED, CAPTURED],
        [CAPTURED, WIRE],
        [CAPTURED, CAPTURED],
      ]);
      for (const { frame, timestampNs } of records) {
        expect([...frame]).toEqual([...FRAME]);
        expect(timestampNs).toBe(5n * SECOND + 1000n);
      }
      expect(records.map(({ fileOffset }) => fileOffset)).toEqual([24, 100, 176]);
      expect(reader.oddities).toMatchObject([{ kind: 'old-version', count: 3, firstRecordIndex: 1 }]);
      await expectRefused(file, 1, `version ${version.join('.')}`);
    }
  });

  it('is read the same in pieces of any size, and past the read-ahead', async () => {
    const records = Array.from({ length: 400 }, () => ({ data: FRAME, captured: WIRE, original: CAPTURED }));
    const bytes = pcapBytes(records, { version: [2, 2] });
    for (const pieceBytes of [1, 61, 1000]) {
      const pieces = async function* (): AsyncGenerator<Buffer> {
        for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
      };
      const { Readable } = await import('node:stream');
      const reader = await openCapture('-', { stdin: Readable.from(pieces()) });
      let count = 0;
      for await (const { frame, originalLength } of reader) {
        count += 1;
        expect([frame.length, originalLength, frame[59]]).toEqual([CAPTURED, WIRE, 59]);
      }
      expect(count).toBe(400);
    }
  });
});

describe('odd blocks of a pcapng file', () => {
  const little = new PcapngBytes();

  it('more captured than was on the wire', async () => {
    const file = scratch.write(
      'odd.pcapng',
      Buffer.concat([
        little.section(),
        little.interface(),
        little.enhanced(FRAME),
        little.enhanced(FRAME, { original: 44 }),
        little.enhanced(FRAME),
      ]),
    );
    const { records, reader } = await readAll(file);
    expect(records.map(({ frame, originalLength }) => [frame.length, originalLength])).toEqual([
      [60, 60],
      [60, 44],
      [60, 60],
    ]);
    expect(reader.oddities).toMatchObject([{ kind: 'captured-beyond-wire', count: 1, firstRecordIndex: 2 }]);
    await expectRefused(file, 2, 'length on the wire');
  });

  it('a block length that leaves the padding out, at one end or both', async () => {
    for (const both of [false, true]) {
      const custom = little.block(0xbad, Buffer.from('1234abc'));
      const stated = custom.length - 1;
      custom.writeUInt32LE(stated, 4);
      if (both) custom.writeUInt32LE(stated, custom.length - 4);
      const file = scratch.write(
        'padding.pcapng',
        Buffer.concat([
          little.section(),
          little.interface(),
          little.enhanced(FRAME),
          custom,
          little.enhanced(FRAME),
        ]),
      );
      const { records, reader } = await readAll(file);
      expect(records).toHaveLength(2);
      expect(reader.oddities).toMatchObject([{ kind: 'block-length', count: 1 }]);
      const { error } = await readFailing(file, { strict: true });
      expect(error.reason).toContain('multiple of 4');
    }
  });

  it('zeros behind the last block: refused, or what comes before is kept', async () => {
    const whole = Buffer.concat([little.section(), little.interface(), little.enhanced(FRAME)]);
    const file = scratch.write('zeros.pcapng', Buffer.concat([whole, Buffer.alloc(64)]));
    const { error } = await readFailing(file);
    expect(error).toMatchObject({ truncated: true, wholeRecords: 1 });
    expect(error.advice).toContain('--keep-truncated');
    const { records, reader } = await readAll(file, { onTruncated: 'keep' });
    expect(records).toHaveLength(1);
    expect(readingNotes(reader)[0]).toContain('zeros follow');
  });
});

describe('link types that are not tracked', () => {
  const little = new PcapngBytes();
  const USB = 189;
  const file = (...blocks: Buffer[]): string =>
    scratch.write('mixed.pcapng', Buffer.concat([little.section(), ...blocks]));

  it('are left out beside Ethernet, counted, and keep their numbers', async () => {
    const mixed = file(
      little.interface({ linkType: USB }),
      little.interface(),
      little.enhanced(FRAME),
      little.enhanced(FRAME, { interfaceNumber: 1 }),
      little.enhanced(FRAME),
      little.enhanced(FRAME, { interfaceNumber: 1 }),
    );
    const { records, reader } = await readAll(mixed, { trackable: true });
    expect(records.map(({ recordIndex }) => recordIndex)).toEqual([2, 4]);
    expect(reader.skippedCount).toBe(2);
    expect(readingNotes(reader)).toEqual([
      '2 records, the first one record 1: link type 189 (Linux USB) is not tracked; left out',
    ]);
    // Without the wish every record is handed out, as info needs it.
    expect((await readAll(mixed)).records).toHaveLength(4);
    const { error } = await readFailing(mixed, { trackable: true, strict: true });
    expect(error).toMatchObject({ recordIndex: 1, reason: expect.stringContaining('Linux USB') });
  });

  it('are an error where there is nothing else', async () => {
    const only = file(little.interface({ linkType: USB }), little.interface(), little.enhanced(FRAME));
    const { error } = await readFailing(only, { trackable: true });
    expect(error).toMatchObject({ recordIndex: 1, reason: 'link type 189 (Linux USB) cannot be replayed' });
    const pcap = scratch.write('usb.pcap', pcapBytes([{ data: FRAME }], { linkType: USB }));
    expect((await readFailing(pcap, { trackable: true })).error.reason).toContain('cannot be replayed');
  });
});

describe('a tail that is none of the capture', () => {
  const garbage = Buffer.from('some log line that was written to the same descriptor\n'.repeat(3));
  const blocks = new PcapngBytes();
  const ng = Buffer.concat([blocks.section(), blocks.interface(), blocks.enhanced(FRAME), blocks.enhanced(FRAME)]);
  const plain = pcapBytes([
    { seconds: 1, data: FRAME },
    { seconds: 2, data: FRAME },
  ]);

  it.each([
    { name: 'garbage behind pcap', bytes: Buffer.concat([plain, garbage]) },
    { name: 'another pcap file', bytes: Buffer.concat([plain, plain]) },
    { name: 'garbage behind pcapng', bytes: Buffer.concat([ng, garbage]) },
    { name: 'zeros behind pcapng', bytes: Buffer.concat([ng, Buffer.alloc(64)]) },
    { name: 'pcap behind pcapng', bytes: Buffer.concat([ng, plain]) },
  ])('$name: an error that names the remedy, which works', async ({ bytes }) => {
    const file = scratch.write('tail', bytes);
    const { error, recordsBefore } = await readFailing(file);
    expect(recordsBefore).toBe(2);
    expect(error).toMatchObject({ recordIndex: 3, wholeRecords: 2, truncated: true });
    expect(error.advice).toContain('--keep-truncated');
    const { records, reader } = await readAll(file, { onTruncated: 'keep' });
    expect(records.map(({ frame }) => frame.length)).toEqual([60, 60]);
    expect(readingNotes(reader).join()).toContain('record 3');
  });

  it('with nothing before it there is nothing to keep', async () => {
    const header = plain.subarray(0, 24);
    const file = scratch.write('nothing', Buffer.concat([header, garbage]));
    const failed = readAll(file, { onTruncated: 'keep' });
    await expect(failed).rejects.toThrow(/record 1, byte offset 24: the captured length/);
    await expect(failed).rejects.not.toThrow('--keep-truncated');
  });
});
