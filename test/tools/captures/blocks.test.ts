/**
 * Captures read in blocks against the same captures read record by record: over sound, odd and damaged files of every format and link
 * type, both give the same packets, counts, hash, notes and errors.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { CAPTURE_FORMATS } from '../../../tools/captures/capture-record.js';
import {
  ethernetOriginalLength,
  SUPPORTED_LINK_TYPES,
  toEthernetFrame,
} from '../../../tools/captures/link-type.js';
import { PreparedWriter } from '../../../tools/captures/prepared-writer.js';
import {
  CaptureError,
  openCapture,
  readingNotes,
  type CaptureReader,
  type CaptureReading,
  type OpenCaptureOptions,
} from '../../../tools/captures/reader.js';
import { BLOCK_RECORDS } from '../../../tools/captures/record-block.js';
import { Random } from '../../../tools/random/random.js';
import { mutate } from './mutate.js';
import { pcapBytes, type PcapBytesRecord } from './pcap-bytes.js';
import { PcapngBytes } from './pcapng-bytes.js';
import { Scratch } from './scratch.js';

const FILES = process.env['CTREPLAY_LONG'] ? 60_000 : 1500;
const SEED = 20_261_128;

const scratch = new Scratch();
afterAll(() => scratch.remove());

/** Everything that a reading tells, times counted from the first packet. */
interface Told {
  readonly packets: readonly string[];
  readonly error: string | null;
  readonly recordCount: number;
  readonly skippedCount: number;
  readonly notes: readonly string[];
  readonly format: string | null;
  readonly sha256: string | null;
}

type Way = (reader: CaptureReader, packets: string[]) => Promise<void>;

const hexOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');

const byRecords: Way = async (reader, packets) => {
  let firstNs: bigint | null = null;
  for await (const batch of reader.batches()) {
    for (const record of batch) {
      firstNs ??= record.timestampNs;
      const frame = toEthernetFrame(record, reader.file);
      const wireBytes = ethernetOriginalLength(record, frame);
      packets.push(`${Number(record.timestampNs - firstNs)} ${wireBytes} ${hexOf(frame)}`);
    }
  }
};

const byBlocks: Way = async (reader, packets) => {
  for await (const { bytes, count, starts, lengths, wireBytes, timesNs } of reader.blocks()) {
    expect(count).toBeGreaterThan(0);
    for (let index = 0; index < count; index++) {
      const start = starts[index]!;
      const frame = bytes.subarray(start, start + lengths[index]!);
      packets.push(`${timesNs[index]!} ${wireBytes[index]!} ${hexOf(frame)}`);
    }
  }
};

/** Keeps two blocks of three, and looks at those once everything has been read. */
const byKeptBlocks: Way = async (reader, packets) => {
  const later: (() => void)[] = [];
  let met = 0;
  try {
    for await (const block of reader.blocks()) {
      const { bytes, count } = block;
      const [starts, lengths] = [block.starts.slice(0, count), block.lengths.slice(0, count)];
      const [wireBytes, timesNs] = [block.wireBytes.slice(0, count), block.timesNs.slice(0, count)];
      const first = packets.length;
      packets.length += count;
      const look = (): void => {
        for (let index = 0; index < count; index++) {
          const frame = bytes.subarray(starts[index]!, starts[index]! + lengths[index]!);
          packets[first + index] = `${timesNs[index]!} ${wireBytes[index]!} ${hexOf(frame)}`;
        }
      };
      if (met++ % 3 === 2) look();
      else {
        block.keep!();
        later.push(look);
      }
    }
  } finally {
    for (const look of later) look();
  }
};

/** Reads bytes as standard input, in pieces that are the reader's to keep. */
function read(bytes: Buffer, pieceBytes: number, way: Way, reading: CaptureReading): Promise<Told> {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(bytes.subarray(at, at + pieceBytes));
  return readFrom('-', way, { ...reading, stdin: Readable.from(pieces) });
}

async function readFrom(path: string, way: Way, options: OpenCaptureOptions): Promise<Told> {
  const packets: string[] = [];
  let reader: CaptureReader | null = null;
  let error: string | null = null;
  try {
    reader = await openCapture(path, { ...options, trackable: true, hash: true, blocks: way !== byRecords });
    try {
      await way(reader, packets);
    } finally {
      await reader.close();
    }
  } catch (caught) {
    if (!(caught instanceof CaptureError)) throw caught;
    error = caught.message;
  }
  return {
    packets,
    error,
    recordCount: reader?.recordCount ?? 0,
    skippedCount: reader?.skippedCount ?? 0,
    // Kinds are listed in the order in which they were met, which within a batch is another.
    notes: reader === null ? [] : readingNotes(reader).toSorted(),
    format: reader?.format ?? null,
    sha256: reader?.sha256() ?? null,
  };
}

const LINK_TYPES = [...SUPPORTED_LINK_TYPES, 105];

/** Frames that begin like those of the link type, of any length: cooked headers that are whole, and ones that are not. */
function frameOf(linkType: number, random: Random): Uint8Array {
  const frame = Uint8Array.from({ length: random.below(70) }, () => random.below(256));
  const put = (at: number, ...bytes: number[]): void => {
    for (const [index, byte] of bytes.entries()) if (at + index < frame.length) frame[at + index] = byte;
  };
  if (linkType === 101) put(0, [0x45, 0x60, 0x12][random.below(3)]!);
  if (linkType === 0) put(0, ...[[2, 0, 0, 0], [0, 0, 0, 30], [24, 0, 0, 0], [9, 9, 9, 9]][random.below(4)]!);
  if (linkType === 108) put(0, 0, 0, 0, 2);
  const protocol = [[0x08, 0x00], [0x86, 0xdd], [0x00, 0x01], [0x00, 0x04], [0x00, 0x0c]][random.below(5)]!;
  const hardware = [[0, 1], [0x03, 0x38]][random.below(2)]!;
  const addressBytes = [6, 6, 0, 8][random.below(4)]!;
  if (linkType === 113) {
    put(2, ...hardware);
    put(5, addressBytes);
    put(14, ...protocol);
  }
  if (linkType === 276) {
    put(0, ...protocol);
    put(8, ...hardware);
    put(11, addressBytes);
  }
  return frame;
}

const RECORDS = 12;

function pcapRecords(linkType: number, random: Random): PcapBytesRecord[] {
  return Array.from({ length: RECORDS }, () => {
    const data = frameOf(linkType, random);
    const odd = random.below(8);
    return {
      // Years apart now and then: more nanoseconds than a number holds exactly.
      seconds: random.below(6) === 0 ? random.below(2 ** 31) : 1000 + random.below(50),
      subSecond: odd === 0 ? 1_000_000 + random.below(5) : random.below(1_000_000),
      data,
      ...(odd === 1 ? { original: Math.max(0, data.length - 3) } : { original: data.length + random.below(3) }),
    };
  });
}

/** Blocks of every kind that gives a packet, over interfaces of two link types with units of their own, in one or two sections. */
function pcapngOf(linkType: number, bigEndian: boolean, random: Random): Buffer {
  const ng = new PcapngBytes(bigEndian);
  const parts: Buffer[] = [];
  const section = (): void => {
    parts.push(
      ng.section(),
      ng.interface({ linkType, resolution: [6, 9, 3, 0x94][random.below(4)]! }),
      ng.interface({ linkType: LINK_TYPES[random.below(LINK_TYPES.length)]!, resolution: 9, offsetSeconds: 7n }),
    );
  };
  section();
  // Before any time is known.
  for (let left = random.below(3); left > 0; left--) parts.push(ng.simple(frameOf(linkType, random)));
  for (let left = RECORDS; left > 0; left--) {
    const data = frameOf(linkType, random);
    const interfaceNumber = random.below(4) === 0 ? 1 : 0;
    const units = BigInt(random.below(2 ** 31)) * BigInt(random.below(3) === 0 ? 2 ** 31 : 1000);
    const kind = random.below(9);
    if (kind === 0) parts.push(ng.simple(data));
    else if (kind === 1) parts.push(ng.obsolete(data, units, interfaceNumber));
    else if (kind === 2) parts.push(ng.block(0xbad, frameOf(1, random)), ng.enhanced(data, { units }));
    else if (kind === 3) {
      const tail = Buffer.concat([ng.option(2, Buffer.of(1, 0, 0, 0)), Buffer.alloc(4)]);
      parts.push(ng.enhanced(data, { units, interfaceNumber, tail }));
    } else if (kind === 4) {
      parts.push(ng.enhanced(data, { units, original: Math.max(0, data.length - 1) }));
    } else if (kind === 5 && random.below(3) === 0) section();
    else parts.push(ng.enhanced(data, { units, interfaceNumber, original: data.length + random.below(2) }));
  }
  return Buffer.concat(parts);
}

function preparedOf(random: Random): Buffer {
  const file = scratch.path('seed.ctp');
  const writer = new PreparedWriter(file);
  for (let index = 0; index < RECORDS; index++) {
    const frame = frameOf(1, random);
    writer.write({ timestampNs: BigInt(random.below(2 ** 31)) * 1_000_003n, frame, originalLength: frame.length + 1 });
  }
  writer.close();
  return readFileSync(file);
}

function seedsOf(random: Random): Buffer[] {
  const seeds: Buffer[] = [];
  for (const linkType of LINK_TYPES) {
    for (const bigEndian of [false, true]) {
      for (const magic of [0xa1b2c3d4, 0xa1b23c4d]) {
        seeds.push(pcapBytes(pcapRecords(linkType, random), { linkType, bigEndian, magic }));
      }
      seeds.push(pcapngOf(linkType, bigEndian, random));
    }
    seeds.push(gzipSync(seeds.at(-1)!));
  }
  for (const version of [
    [2, 3],
    [2, 2],
  ] as const) {
    seeds.push(pcapBytes(pcapRecords(1, random), { version }));
  }
  seeds.push(preparedOf(random), preparedOf(random));
  return seeds;
}

async function sameBothWays(bytes: Buffer, pieceBytes: number, reading: CaptureReading): Promise<Told> {
  const expected = await read(Buffer.from(bytes), pieceBytes, byRecords, reading);
  expect(await read(Buffer.from(bytes), pieceBytes, byBlocks, reading)).toEqual(expected);
  expect(await read(Buffer.from(bytes), pieceBytes, byKeptBlocks, reading)).toEqual(expected);
  return expected;
}

describe('a capture read in blocks', () => {
  it('gives what reading it record by record gives: sound files of every format and link type', async () => {
    const random = new Random(SEED);
    let packets = 0;
    const formats = new Set<string | null>();
    for (const bytes of seedsOf(random)) {
      for (const pieceBytes of [1 << 20, 61]) {
        const found = await sameBothWays(bytes, pieceBytes, {});
        packets += found.packets.length;
        formats.add(found.format);
        if (found.error === null) expect(found.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
      }
    }
    expect(packets).toBeGreaterThan(500);
    // A format that is missing here is tried in blocks nowhere.
    expect([...formats].toSorted()).toEqual(Object.keys(CAPTURE_FORMATS).toSorted());
  });

  it(
    `${FILES} mutated files, strict or not, kept up to a cut or not`,
    async () => {
      const random = new Random(SEED + 1);
      const seeds = seedsOf(random);
      const met = { refused: 0, afterSome: 0, accepted: 0, odd: 0, skipped: 0 };
      for (let file = 0; file < FILES; file++) {
        const bytes = mutate(seeds[random.below(seeds.length)]!, seeds[random.below(seeds.length)]!, random);
        const found = await sameBothWays(bytes, [1 << 16, 1000, 61][random.below(3)]!, {
          strict: random.below(3) === 0,
          onTruncated: random.below(3) === 0 ? 'keep' : 'error',
        });
        if (found.error === null) met.accepted += 1;
        else if (found.packets.length > 0) met.afterSome += 1;
        else met.refused += 1;
        if (found.notes.length > 0) met.odd += 1;
        if (found.skippedCount > 0) met.skipped += 1;
      }
      // The mutator reaches everything, else it would test little.
      expect(Math.min(...Object.values(met))).toBeGreaterThan(FILES / 300);
      if (process.env['CTREPLAY_LONG']) console.log({ files: FILES, ...met });
    },
    600_000,
  );

  it('that holds more records than a block, and a record longer than what is read at a time', async () => {
    const many = Array.from({ length: BLOCK_RECORDS + 10 }, (_, index) => ({
      seconds: 1,
      subSecond: index % 1_000_000,
      data: Uint8Array.of(index & 0xff),
    }));
    const found = await sameBothWays(pcapBytes(many), 1 << 22, {});
    expect(found.packets).toHaveLength(BLOCK_RECORDS + 10);
    const ng = new PcapngBytes();
    const long = new Uint8Array(262_144).fill(7);
    const file = Buffer.concat([
      ng.section(),
      ng.interface({ linkType: 101 }),
      ng.enhanced(Uint8Array.of(0x45)),
      ng.block(0xbad, new Uint8Array(3 << 20)),
      ng.enhanced(long),
      ng.simple(Uint8Array.of(0x60)),
    ]);
    expect((await sameBothWays(file, 10_000, {})).packets).toHaveLength(3);
  });

  it('from a file that another thread reads and decompresses, whole or not', async () => {
    const random = new Random(SEED + 2);
    const records = Array.from({ length: 16_000 }, (_, index) => ({
      seconds: index,
      data: Uint8Array.from({ length: 100 }, () => random.below(256)),
    }));
    const small = pcapBytes(records);
    const large = pcapBytes(
      Array.from({ length: 12 }, () => records.slice(0, 1000))
        .flat()
        .map((record, index) => ({ ...record, data: new Uint8Array(1500).fill(index) })),
    );
    // Their rest does not always fit in front of the next chunk.
    const jumbo = pcapBytes(
      Array.from({ length: 200 }, (_, index) => ({
        seconds: index,
        data: new Uint8Array(index % 3 === 0 ? 60 : 150_000).fill(index),
      })),
    );
    const packed = gzipSync(small);
    const damaged = Buffer.from(packed);
    damaged[packed.length >> 1] = damaged[packed.length >> 1]! ^ 0xff;
    const files: [string, Buffer, number, RegExp | null][] = [
      ['plain.pcap', large, 12_000, null],
      ['cut.pcap', large.subarray(0, large.length - 3), 11_999, /ends inside a packet/],
      ['jumbo.pcap', jumbo, 200, null],
      ['whole.gz', packed, 16_000, null],
      ['cut.gz', packed.subarray(0, packed.length - 5), 16_000, /gzip data end early/],
      ['damaged.gz', damaged, 1000, /gzip data are damaged/],
      ['nothing.gz', gzipSync(Buffer.from(packed)), 0, /this is gzip data inside gzip data/],
    ];
    for (const [name, bytes, leastPackets, fault] of files) {
      const path = scratch.write(name, bytes);
      const expected = await readFrom(path, byRecords, {});
      expect(expected.packets.length).toBeGreaterThanOrEqual(leastPackets);
      if (fault === null) expect(expected.error).toBeNull();
      else expect(expected.error).toMatch(fault);
      for (const way of [byBlocks, byKeptBlocks]) {
        const outcome = await readFrom(path, way, {});
        expect({ ...outcome, packets: outcome.packets.length }).toEqual({
          ...expected,
          packets: expected.packets.length,
        });
        expect(outcome.packets.join('\n') === expected.packets.join('\n')).toBe(true);
        if (fault === null) expect(outcome.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
      }
      const kept = await readFrom(path, byBlocks, { onTruncated: 'keep' });
      expect(kept).toEqual(await readFrom(path, byRecords, { onTruncated: 'keep' }));
    }
  });

  it('whose options are damaged, behind sound packets', async () => {
    const ng = new PcapngBytes();
    const sound = ng.enhanced(Uint8Array.of(0x45));
    for (const tail of [Buffer.of(2, 0, 9, 0), Buffer.of(2, 0, 4, 0), Buffer.of(1, 0, 0, 0, 2, 0, 9, 0)]) {
      const broken = ng.enhanced(Uint8Array.of(0x45), { tail });
      const file = Buffer.concat([ng.section(), ng.interface({ linkType: 101 }), sound, sound, broken]);
      const found = await sameBothWays(file, 1000, {});
      expect(found.packets).toHaveLength(2);
      expect(found.error).toMatch(/options are damaged/);
    }
  });

  it('from a file, with its hash', async () => {
    const file = 'captures/office-mix.pcap';
    const found = await readFrom(file, byBlocks, {});
    expect(found).toEqual(await readFrom(file, byRecords, {}));
    expect(found.packets.length).toBeGreaterThan(1000);
    expect(found.sha256).toBe(createHash('sha256').update(readFileSync(file)).digest('hex'));
  });
});
