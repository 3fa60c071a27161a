import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { PcapWriter } from '../../../tools/captures/pcap-writer.js';
import { PcapngWriter, type PcapngWritableRecord } from '../../../tools/captures/pcapng-writer.js';
import { PreparedWriter } from '../../../tools/captures/prepared-writer.js';
import type { CaptureWriter } from '../../../tools/captures/writer.js';
import { readAll, readFailing, Scratch } from './scratch.js';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const MAX_PCAP_NS = 4_294_967_295_999_999_999n;

const recordArbitrary = fc.record({
  timestampNs: fc.bigInt({ min: 0n, max: MAX_PCAP_NS }),
  frame: fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ minLength: 1500, maxLength: 1600 })),
  cutBytes: fc.nat(10_000),
  interfaceIndex: fc.nat(2),
});
type Generated = { timestampNs: bigint; frame: Uint8Array; cutBytes: number; interfaceIndex: number };
const recordsArbitrary = fc.array(recordArbitrary, { minLength: 1, maxLength: 40 });

function writeAll(writer: CaptureWriter, records: readonly Generated[], path: string): string {
  for (const { timestampNs, frame, cutBytes, interfaceIndex } of records) {
    // One buffer for all frames: a writer must not keep what it is given.
    const shared = new Uint8Array(frame);
    const record: PcapngWritableRecord = {
      timestampNs,
      frame: shared,
      originalLength: frame.length + cutBytes,
      interfaceIndex,
    };
    writer.write(record);
    shared.fill(0xee);
  }
  expect(writer.recordCount).toBe(records.length);
  writer.close();
  return path;
}

async function expectEqual(path: string, written: readonly Generated[], unitNs: bigint): Promise<void> {
  const { records } = await readAll(path);
  expect(records.map((record) => record.timestampNs)).toEqual(
    written.map(({ timestampNs }) => timestampNs - (timestampNs % unitNs)),
  );
  expect(records.map((record) => record.originalLength)).toEqual(
    written.map(({ frame, cutBytes }) => frame.length + cutBytes),
  );
  expect(records.map((record) => Buffer.from(record.frame).toString('hex'))).toEqual(
    written.map(({ frame }) => Buffer.from(frame).toString('hex')),
  );
}

describe('what is written is read back', () => {
  it.each([
    { resolution: 'nano', byteOrder: 'little', unitNs: 1n },
    { resolution: 'nano', byteOrder: 'big', unitNs: 1n },
    { resolution: 'micro', byteOrder: 'little', unitNs: 1000n },
    { resolution: 'micro', byteOrder: 'big', unitNs: 1000n },
  ] as const)('pcap, $resolution, $byteOrder-endian', async ({ unitNs, ...options }) => {
    await fc.assert(
      fc.asyncProperty(recordsArbitrary, async (records) => {
        const path = scratch.path('trip.pcap');
        await expectEqual(writeAll(new PcapWriter(path, options), records, path), records, unitNs);
      }),
      { numRuns: 25 },
    );
  });

  it('pcapng, with its interfaces', async () => {
    const interfaces = [{ linkType: 1, name: 'eth0' }, { linkType: 101, snapLength: 9000 }, { linkType: 113 }];
    await fc.assert(
      fc.asyncProperty(recordsArbitrary, async (records) => {
        const path = scratch.path('trip.pcapng');
        await expectEqual(writeAll(new PcapngWriter(path, { interfaces }), records, path), records, 1n);
        const read = await readAll(path);
        expect(read.records.map((record) => record.interfaceIndex)).toEqual(
          records.map((record) => record.interfaceIndex),
        );
        expect(read.reader.interfaces).toEqual([
          { name: 'eth0', linkType: 1, snapLength: null, resolution: '10^-9 s' },
          { name: null, linkType: 101, snapLength: 9000, resolution: '10^-9 s' },
          { name: null, linkType: 113, snapLength: null, resolution: '10^-9 s' },
        ]);
      }),
      { numRuns: 25 },
    );
  });

  it('prepared', async () => {
    await fc.assert(
      fc.asyncProperty(recordsArbitrary, async (records) => {
        const path = scratch.path('trip.ctp');
        await expectEqual(writeAll(new PreparedWriter(path), records, path), records, 1n);
      }),
      { numRuns: 25 },
    );
  });

  it('through gzip', async () => {
    await fc.assert(
      fc.asyncProperty(recordsArbitrary, async (records) => {
        const path = scratch.path('plain.pcap');
        writeAll(new PcapWriter(path), records, path);
        const zipped = scratch.write('zipped', gzipSync(readFileSync(path)));
        await expectEqual(zipped, records, 1n);
        expect((await readAll(zipped)).reader.compression).toBe('gzip');
      }),
      { numRuns: 10 },
    );
  });
});

describe('a prepared capture', () => {
  it('with something behind its last block: gives what there is, then says so; or keeps it', async () => {
    const path = scratch.path('junk.ctp');
    writeAll(new PreparedWriter(path), [{ timestampNs: 5n, frame: new Uint8Array(60), cutBytes: 0, interfaceIndex: 0 }], path);
    const whole = readFileSync(path);
    const longer = scratch.write('longer.ctp', Buffer.concat([whole, Buffer.from('junk')]));
    const { error, recordsBefore } = await readFailing(longer);
    expect(recordsBefore).toBe(1);
    expect(error).toMatchObject({ truncated: true, recordIndex: 2, offset: whole.length });
    expect(error.message).toMatch(/bytes follow the last block\. Prepare it again .* Or give --keep-truncated/);
    const { records, reader } = await readAll(longer, { onTruncated: 'keep' });
    expect(records).toHaveLength(1);
    expect(reader.truncation?.reason).toBe('bytes follow the last block');
  });
});

describe('writers', () => {
  const frame = new Uint8Array(60);

  it('leave nothing under the name before they close, and nothing at all when discarded', async () => {
    const path = scratch.path('later.pcap');
    const writer = new PcapWriter(path);
    writer.write({ timestampNs: 0n, frame });
    expect(() => readFileSync(path)).toThrow(/ENOENT/);
    writer.discard();
    expect(readdirSync(scratch.folder).filter((name) => name.startsWith('later'))).toEqual([]);
  });

  it('name a folder that is not there', () => {
    expect(() => new PcapngWriter(scratch.path('no/such/folder.pcapng'))).toThrow(/folder\.pcapng: the file cannot be created/);
  });

  it('refuse what their format cannot hold', () => {
    const pcap = new PcapWriter(scratch.path('refused.pcap'));
    expect(() => pcap.write({ timestampNs: -1n, frame })).toThrow(RangeError);
    expect(() => pcap.write({ timestampNs: MAX_PCAP_NS + 1n, frame })).toThrow(/1970 to 2106/);
    expect(() => pcap.write({ timestampNs: 0n, frame, originalLength: 59 })).toThrow(/59/);
    expect(() => pcap.write({ timestampNs: 0n, frame: new Uint8Array(262_145) })).toThrow(/262145/);
    pcap.discard();
    const pcapng = new PcapngWriter(scratch.path('refused.pcapng'));
    expect(() => pcapng.write({ timestampNs: 0n, frame, interfaceIndex: 1 })).toThrow(/interface 1/);
    pcapng.discard();
  });
});
