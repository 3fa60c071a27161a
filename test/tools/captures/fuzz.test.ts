import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { dissect, emptyDissection } from '../../../tools/wire/dissect.js';
import { CAPTURE_FORMATS } from '../../../tools/captures/capture-record.js';
import { SUPPORTED_LINK_TYPES, toEthernetFrame } from '../../../tools/captures/link-type.js';
import { PcapWriter } from '../../../tools/captures/pcap-writer.js';
import { PcapngWriter } from '../../../tools/captures/pcapng-writer.js';
import { PreparedWriter } from '../../../tools/captures/prepared-writer.js';
import { CaptureError, openCapture, type CaptureReader, type CaptureRecord } from '../../../tools/captures/reader.js';
import { Random } from '../../../tools/random/random.js';
import { FUZZ_TELLS, fuzzFiles, fuzzSeed } from '../../support/fuzz-size.js';
import { mutate } from './mutate.js';
import { readAll, Scratch } from './scratch.js';

const FILES = fuzzFiles(3000, 100_000);
const SEED = fuzzSeed(20_261_124);
const TIMEOUT_MS = 3_600_000;
const SEED_RECORDS = 24;
const MAX_SEED_BYTES = 12_000;

const scratch = new Scratch();
afterAll(() => scratch.remove());

/** A sound file, and whether its format notices every change of content. */
interface Seed {
  readonly name: string;
  readonly bytes: Buffer;
  readonly checksummed: boolean;
}

/** Real captures: the beginning of the office, and small ones of the conformance set where it is there. */
function realCaptures(): string[] {
  const root = join(import.meta.dirname, '../../../');
  const folder = join(root, '../shared/conformance/captures');
  const small = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => !name.endsWith('.ctstate') && statSync(join(folder, name)).size < MAX_SEED_BYTES)
        .filter((_name, index) => index % 8 === 0)
        .map((name) => join(folder, name))
    : [];
  return [join(root, 'captures/office-mix.pcap'), ...small];
}

async function seeds(): Promise<Seed[]> {
  const all: Seed[] = [];
  const haveZstd = ((): boolean => {
    try {
      execFileSync('zstd', ['--version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  })();
  for (const path of realCaptures()) {
    const records: CaptureRecord[] = [];
    const reader = await openCapture(path);
    for await (const record of reader) if (records.push(record) === SEED_RECORDS) break;
    await reader.close();
    const linkType = records[0]!.linkType;
    const write = (writer: PcapWriter | PcapngWriter | PreparedWriter, file: string): Buffer => {
      for (const { timestampNs, frame, originalLength } of records) writer.write({ timestampNs, frame, originalLength });
      writer.close();
      return readFileSync(file);
    };
    const file = scratch.path('seed');
    const pcap = write(new PcapWriter(file, { linkType }), file);
    const pcapng = write(new PcapngWriter(file, { interfaces: [{ linkType, name: 'eth0' }, { linkType: 1 }] }), file);
    const add = (name: string, bytes: Buffer, checksummed = false): void => {
      all.push({ name: `${name} of ${path}`, bytes, checksummed });
    };
    add('pcap', pcap);
    add('big-endian pcap', write(new PcapWriter(file, { linkType, byteOrder: 'big', resolution: 'micro' }), file));
    add('pcapng', pcapng);
    add('ctp', write(new PreparedWriter(file), file), true);
    add('gzip', gzipSync(pcap), true);
    if (haveZstd) add('zstd', execFileSync('zstd', ['-q', '-c', '--check'], { input: pcapng }), true);
  }
  return all;
}

interface Outcome {
  readonly records: readonly CaptureRecord[];
  readonly error: CaptureError | null;
  readonly odd: ReadonlySet<string>;
}

/** Reads bytes as standard input, in pieces; anything thrown but a CaptureError passes through and fails the test. */
async function read(bytes: Buffer, pieceBytes: number, strict: boolean): Promise<Outcome> {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(bytes.subarray(at, at + pieceBytes));
  const records: CaptureRecord[] = [];
  let reader: CaptureReader | null = null;
  const odd = (): Set<string> => new Set(reader?.oddities.map(({ kind }) => kind));
  try {
    reader = await openCapture('-', { stdin: Readable.from(pieces), strict });
    try {
      for await (const batch of reader.batches()) records.push(...batch);
    } finally {
      await reader.close();
    }
  } catch (error) {
    if (error instanceof CaptureError) return { records, error, odd: odd() };
    throw error;
  }
  return { records, error: null, odd: odd() };
}

const headers = emptyDissection();

/** What no reader may hand out, whatever the file says. */
function nonsenseIn({ records, error, odd }: Outcome, bytes: Buffer, seed: Seed): string | null {
  let frameBytes = 0;
  for (const [index, record] of records.entries()) {
    const { frame, originalLength, timestampNs, linkType, recordIndex, fileOffset, interfaceIndex } = record;
    frameBytes += frame.length;
    if (recordIndex !== index + 1) return `record ${index + 1} is numbered ${recordIndex}`;
    if (frame.length > originalLength && !odd.has('captured-beyond-wire')) {
      return `record ${recordIndex} has more bytes than were on the wire, and it was not counted`;
    }
    if (frame.length > 262_144 + 14 || originalLength > 128 << 20) return `record ${recordIndex} is too long`;
    if (timestampNs >= 1n << 63n || timestampNs < -(1n << 63n)) return `record ${recordIndex} has no 64-bit time`;
    if (!(linkType >= 0 && linkType <= 0xffff)) return `record ${recordIndex} has link type ${linkType}`;
    if (!(fileOffset >= 0) || !(interfaceIndex >= 0)) return `record ${recordIndex} lies nowhere`;
    if (SUPPORTED_LINK_TYPES.includes(linkType)) dissect(toEthernetFrame(record, '-'), headers);
  }
  if (!seed.checksummed && frameBytes > bytes.length) return 'more bytes came out than went in';
  if (error !== null) {
    if (error.reason === '' || error.advice === '' || error.file !== '-') return 'an error without reason or advice';
    if (error.wholeRecords !== null && error.wholeRecords !== records.length) {
      return `the error speaks of ${error.wholeRecords} whole records, and ${records.length} came`;
    }
  }
  return null;
}

/** The records of a classic pcap file by the shortest code there is: what a sound reading must agree with. */
function naivePcap(bytes: Buffer): string[] {
  const little = bytes[0] === 0xd4 || bytes[0] === 0x4d;
  const word = (at: number): number => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const half = (at: number): number => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  const found: string[] = [];
  for (let at = 24, captured = 0; at < bytes.length; at += 16 + captured) {
    captured = word(at + 8);
    // Before version 2.4 the lengths may be the other way round.
    if (half(4) !== 2 || half(6) < 3) captured = word(at + 12);
    else if (half(6) === 3) captured = Math.min(word(at + 8), word(at + 12));
    found.push(bytes.subarray(at + 16, at + 16 + captured).toString('hex'));
  }
  return found;
}

const hexOf = (records: readonly CaptureRecord[]): string[] => records.map(({ frame }) => Buffer.from(frame).toString('hex'));
const isPcap = (bytes: Buffer): boolean => ['d4c3b2a1', 'a1b2c3d4', '4d3cb2a1', 'a1b23c4d'].includes(bytes.toString('hex', 0, 4));

describe('damaged captures', () => {
  it(`${FILES} mutated files: an error or a sound reading, never anything else`, async () => {
    const sound = await seeds();
    const originals = new Map<Seed, string[]>();
    const formats = new Set<string>();
    for (const seed of sound) {
      const { records, reader } = await readAll(scratch.write('sound', seed.bytes));
      originals.set(seed, hexOf(records));
      formats.add(reader.format);
    }
    // A format that is missing here is never damaged.
    expect([...formats].toSorted()).toEqual(Object.keys(CAPTURE_FORMATS).toSorted());
    const random = new Random(SEED);
    const counts = { refused: 0, afterSomeRecords: 0, accepted: 0 };
    const faults: string[] = [];
    // What the tests before it left is not its own.
    const heapBefore = process.memoryUsage().arrayBuffers;
    let largestHeap = 0;
    for (let index = 0; index < FILES; index += 1) {
      const seed = sound[random.below(sound.length)]!;
      const bytes = mutate(seed.bytes, sound[random.below(sound.length)]!.bytes, random);
      const outcome = await read(bytes, [64 * 1024, 1000, 61][random.below(3)]!, random.below(2) === 0);
      let fault = nonsenseIn(outcome, bytes, seed);
      if (outcome.error === null) {
        counts.accepted += 1;
        const frames = hexOf(outcome.records);
        if (isPcap(bytes)) {
          if (frames.join() !== naivePcap(bytes).join()) fault ??= 'the records are not those of the file';
        } else if (seed.checksummed && !bytes.equals(seed.bytes) && frames.join() !== originals.get(seed)!.join()) {
          // Bytes outside what is checksummed may change (a gzip header's time), and whole members or frames may be doubled.
          if (!isRepetition(frames, originals.get(seed)!)) fault ??= 'changed content was accepted';
        }
      } else if (outcome.records.length > 0) counts.afterSomeRecords += 1;
      else counts.refused += 1;
      if (fault !== null) faults.push(`file ${index}, ${seed.name}: ${fault}`);
      if (index % 256 === 0) largestHeap = Math.max(largestHeap, process.memoryUsage().arrayBuffers - heapBefore);
    }
    expect(faults).toEqual([]);
    expect(counts.refused + counts.afterSomeRecords + counts.accepted).toBe(FILES);
    // The mutator reaches all three outcomes, else it would test little.
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(FILES / 50);
    expect(largestHeap).toBeLessThan(1 << 30);
    if (FUZZ_TELLS) console.log({ files: FILES, seed: SEED, seeds: sound.length, ...counts, largestHeap });
  }, TIMEOUT_MS);
});

function isRepetition(frames: readonly string[], original: readonly string[]): boolean {
  return frames.length % original.length === 0 && frames.every((frame, index) => frame === original[index % original.length]);
}
