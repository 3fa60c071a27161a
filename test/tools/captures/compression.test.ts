import { execFileSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { ByteWindow } from '../../../tools/captures/byte-window.js';
import { CaptureError } from '../../../tools/captures/capture-error.js';
import { unzstd } from '../../../tools/captures/zstd/unzstd.js';
import { Xxh64 } from '../../../tools/captures/zstd/xxh64.js';
import { openCapture } from '../../../tools/captures/reader.js';
import { pcapBytes } from './pcap-bytes.js';
import { readAll, readFailing, Scratch } from './scratch.js';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const CAPTURE = pcapBytes(
  Array.from({ length: 500 }, (_, index) => ({
    seconds: index,
    data: Uint8Array.from({ length: 60 + (index % 90) }, (_unused, at) => (at * index) & 255),
  })),
);

describe('gzip', () => {
  it('reads one member and several', async () => {
    const single = gzipSync(CAPTURE);
    const several = Buffer.concat([0, 1000, 1001, 20_000].map((from, index, all) => gzipSync(CAPTURE.subarray(from, all[index + 1]))));
    for (const bytes of [single, several]) {
      const { records, reader } = await readAll(scratch.write('zipped', bytes));
      expect(records).toHaveLength(500);
      expect(reader.compression).toBe('gzip');
      expect(reader.format).toBe('pcap');
    }
  });

  it('ignores zero padding behind the last member, and nothing else', async () => {
    const zipped = gzipSync(CAPTURE);
    const padded = await readAll(scratch.write('padded', Buffer.concat([zipped, Buffer.alloc(70_000)])));
    expect(padded.records).toHaveLength(500);
    for (const junk of [Buffer.from('junk'), Buffer.concat([Buffer.alloc(9), Buffer.from('junk')]), Buffer.of(0x1f, 0x8b)]) {
      const { error, recordsBefore } = await readFailing(scratch.write('junk', Buffer.concat([zipped, junk])));
      expect(recordsBefore).toBe(500);
      expect(error.message).toContain('gzip');
    }
  });

  it('cut: delivers what there is, then says so; or keeps it', async () => {
    const zipped = gzipSync(CAPTURE);
    const path = scratch.write('cut', zipped.subarray(0, zipped.length - 200));
    const { error, recordsBefore } = await readFailing(path);
    expect(recordsBefore).toBeGreaterThan(100);
    expect(error).toMatchObject({ truncated: true, wholeRecords: recordsBefore, recordIndex: recordsBefore + 1 });
    const kept = await readAll(path, { onTruncated: 'keep' });
    expect(kept.records).toHaveLength(recordsBefore);
    expect(kept.reader.truncation?.reason).toContain('gzip data end early');
  });

  it('damaged: the checksum is looked at', async () => {
    const zipped = gzipSync(CAPTURE);
    zipped[zipped.length - 7]! ^= 1;
    const { error } = await readFailing(scratch.write('damaged', zipped));
    expect(error.reason).toContain('checksum of the content');
  });

  it('names what else may be inside', async () => {
    expect((await readFailing(scratch.write('empty', gzipSync(Buffer.alloc(0))))).error.reason).toContain('0 bytes');
    expect((await readFailing(scratch.write('text', gzipSync(Buffer.from('hello world'))))).error.reason).toContain('the gzip data are in no capture format that is known');
    expect((await readFailing(scratch.write('twice', gzipSync(gzipSync(CAPTURE))))).error.reason).toBe('this is gzip data inside gzip data');
  });

  it('a file made to explode costs no memory', async () => {
    // 10 MiB of zeros, which read as 655,360 empty records, in 10 kB.
    const bomb = gzipSync(Buffer.concat([pcapBytes([]), Buffer.alloc(10 << 20)]));
    const before = process.memoryUsage().arrayBuffers;
    let records = 0;
    const reader = await openCapture(scratch.write('bomb', bomb));
    for await (const batch of reader.batches()) records += batch.length;
    await reader.close();
    expect(records).toBe((10 << 20) / 16);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(300 << 20);
  });
});

async function decompress(bytes: Uint8Array, pieceBytes = 1000): Promise<Buffer> {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  }
  const parts: Uint8Array[] = [];
  for await (const part of unzstd('file.zst', new ByteWindow(pieces()))) parts.push(part);
  return Buffer.concat(parts);
}

/** A frame of one block with the content size 20 and no checksum. */
function frameOf(type: number, block: readonly number[], size = block.length): Buffer {
  const head = (size << 3) | (type << 1) | 1;
  return Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 20, head & 255, (head >> 8) & 255, head >> 16, ...block]);
}

describe('zstd', () => {
  it('reads raw and run-length blocks, skippable frames and several frames', async () => {
    const raw = frameOf(0, Array.from({ length: 20 }, (_, index) => index));
    const run = frameOf(1, [7], 20);
    const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    const output = await decompress(Buffer.concat([skippable, raw, skippable, run]), 1);
    expect([...output]).toEqual([...Array.from({ length: 20 }, (_, index) => index), ...Array.from({ length: 20 }, () => 7)]);
  });

  it.each([
    { what: 'a Huffman table that takes no bits, which sends fzstd round for ever', bytes: frameOf(2, [0xa2, 0xc0, 0x01, 4, 0xf0, 0x03, 0, 8, 1, 1, 0]), reason: 'Huffman weights' },
    { what: 'a block of the reserved type', bytes: frameOf(3, [1, 2, 3]), reason: 'reserved type' },
    { what: 'more content than the header says', bytes: frameOf(1, [7], 21), reason: 'above 20' },
    { what: 'less content than the header says', bytes: frameOf(1, [7], 19), reason: '19 bytes, but its header says 20' },
    { what: 'a window beyond 128 MiB', bytes: Buffer.from('28b52ffd00b0', 'hex'), reason: 'window' },
    { what: 'a dictionary', bytes: Buffer.from('28b52ffd210714', 'hex'), reason: 'dictionary' },
    { what: 'a literal tree that no block has given', bytes: frameOf(2, [0x13, 0x40, 0x00, 1, 0]), reason: 'no block has given' },
    { what: 'a match before the data begin', bytes: frameOf(2, [0x08, 65, 1, 0x54, 0, 5, 0, 0x3f]), reason: 'before the data begin' },
    { what: 'what is not zstd', bytes: Buffer.from('junk'), reason: 'not zstd' },
    { what: 'junk behind a frame that can be skipped', bytes: Buffer.from('532a4d18000000006a756e6b', 'hex'), reason: 'not zstd' },
  ])('refuses $what', async ({ bytes, reason }) => {
    await expect(decompress(bytes)).rejects.toThrow(reason);
    await expect(decompress(bytes)).rejects.toThrow(/file\.zst: the zstd data are damaged near compressed byte \d+/);
  });

  it('junk behind whole frames: delivers what there is, then says so; or keeps it', async () => {
    // Two frames of one raw block each, without a checksum.
    const frames = [CAPTURE.subarray(0, 200), CAPTURE.subarray(200, 24 + 2 * 16 + 60 + 61 + 76)].map((part) =>
      Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, part.length]), Buffer.from([((part.length << 3) | 1) & 255, part.length >> 5, 0]), part]),
    );
    for (const junk of ['junk', 'more junk than a frame has for a header']) {
      const path = scratch.write('junk.zst', Buffer.concat([...frames, Buffer.from(junk)]));
      const { error } = await readFailing(path);
      expect(error).toMatchObject({ truncated: true });
      expect(error.message).toMatch(/what follows the end of the zstd data, at compressed byte \d+, is not zstd\. Give --keep-truncated/);
      const kept = await readAll(path, { onTruncated: 'keep' });
      expect(kept.records.length).toBeGreaterThan(1);
      expect(kept.reader.truncation?.reason).toContain('is not zstd');
    }
  });

  it('knows the published values of XXH64', () => {
    const digest = (text: string): string => {
      const hash = new Xxh64();
      hash.update(Buffer.from(text));
      return hash.digest().toString(16);
    };
    expect(digest('')).toBe('ef46db3751d8e999');
    expect(digest('a')).toBe('d24ec4f1a98c6e5b');
    expect(digest('abc')).toBe('44bc2cf5ad770999');
    expect(digest('Nobody inspects the spammish repetition')).toBe('fbcea83c8a378bf1');
  });

  const haveZstd = ((): boolean => {
    try {
      execFileSync('zstd', ['--version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  })();

  describe.skipIf(!haveZstd)(haveZstd ? 'against the zstd program' : 'skipped: the zstd program is not installed', () => {
    const zstd = (input: Uint8Array, ...options: string[]): Buffer =>
      execFileSync('zstd', ['-q', '-c', ...options], { input, maxBuffer: 1 << 28 });
    // Text, noise, runs, a period longer than a block: literals and sequences of every kind.
    let state = 1;
    const noise = (): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) >>> 16;
    const inputs = [
      CAPTURE,
      Buffer.alloc(300_000, 'abcdefgh'),
      Buffer.from(Array.from({ length: 200_000 }, noise)),
      Buffer.from(Array.from({ length: 400_000 }, () => 'etaoin shrdlu'.charCodeAt(Math.min(noise() & 15, noise() & 15, 12)))),
      Buffer.concat(Array.from({ length: 4 }, () => Buffer.from(Array.from({ length: 150_000 }, (_, at) => (at * at) >> 7)))),
    ];

    it.each([['-1'], ['-3', '--no-check'], ['-7', '--long=24'], ['-13'], ['--fast=7']])('%s %s', async (...options) => {
      for (const input of inputs) {
        const output = await decompress(zstd(input, ...options.filter((each) => each !== undefined)));
        expect(output.equals(input)).toBe(true);
      }
    });

    it('captures, whole and cut', async () => {
      const bytes = zstd(CAPTURE);
      const whole = await readAll(scratch.write('c', bytes));
      expect(whole.records).toHaveLength(500);
      expect(whole.reader.compression).toBe('zstd');
      const { error } = await readFailing(scratch.write('cut', bytes.subarray(0, bytes.length - 2)));
      expect(error).toMatchObject({ truncated: true, wholeRecords: 500 });
    });

    // Some bits carry nothing (the padding behind a table) and some contents can be coded in two ways: there a
    // damaged file still holds what was compressed, and the zstd program takes it too.
    it('a damaged byte anywhere is found, or changes nothing', async () => {
      const content = CAPTURE.subarray(0, 4000);
      const bytes = zstd(content, '-9');
      let found = 0;
      for (let at = 6; at < bytes.length; at += 1) {
        const damaged = Buffer.from(bytes);
        damaged[at]! ^= 0x10;
        const outcome = await decompress(damaged).catch((error: unknown) => error);
        if (outcome instanceof CaptureError) found += 1;
        else expect(Buffer.isBuffer(outcome) && outcome.equals(content)).toBe(true);
      }
      expect(found).toBeGreaterThan(0.99 * (bytes.length - 6));
    });
  });
});
