import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { CAPTURE_FORMATS } from '../../../tools/captures/capture-record.js';
import { CaptureError, openCapture, requireRecords } from '../../../tools/captures/reader.js';
import { pcapBytes } from './pcap-bytes.js';
import { readAll, readFailing, Scratch } from './scratch.js';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const FRAME = Uint8Array.from({ length: 60 }, (_, index) => index);

describe('classic pcap', () => {
  it.each([
    { name: 'little-endian', bigEndian: false },
    { name: 'big-endian', bigEndian: true },
  ])('reads microseconds, $name', async ({ name, bigEndian }) => {
    const file = scratch.write(
      `micro-${name}`,
      pcapBytes([{ seconds: 1_700_000_000, subSecond: 123_456, data: FRAME, original: 1500 }], { bigEndian }),
    );
    const { records, reader } = await readAll(file);
    expect(reader.format).toBe('pcap');
    expect(reader.linkTypes).toEqual([1]);
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({
      recordIndex: 1,
      fileOffset: 24,
      timestampNs: 1_700_000_000_123_456_000n,
      originalLength: 1500,
      linkType: 1,
      interfaceIndex: 0,
    });
    expect(Buffer.from(records[0]!.frame).equals(FRAME)).toBe(true);
  });

  it.each([false, true])('reads nanoseconds (big-endian: %s)', async (bigEndian) => {
    const file = scratch.write(
      `nano-${bigEndian}`,
      pcapBytes([{ seconds: 4_294_967_295, subSecond: 999_999_999, data: FRAME }], { bigEndian, magic: 0xa1b23c4d }),
    );
    const { records, reader } = await readAll(file);
    expect(reader.format).toBe('pcap-ns');
    expect(records[0]!.timestampNs).toBe(4_294_967_295_999_999_999n);
  });

  it('gives record numbers and offsets that point at the record headers', async () => {
    const sizes = [0, 1, 60, 7, 1514];
    const bytes = pcapBytes(sizes.map((size, index) => ({ seconds: index, data: new Uint8Array(size) })));
    const { records } = await readAll(scratch.write('offsets', bytes));
    expect(records.map((record) => record.frame.length)).toEqual(sizes);
    for (const [index, record] of records.entries()) {
      expect(record.recordIndex).toBe(index + 1);
      expect(bytes.readUInt32LE(record.fileOffset)).toBe(index);
      expect(bytes.readUInt32LE(record.fileOffset + 8)).toBe(sizes[index]);
    }
  });

  it('reads more records than one buffer holds, and keeps earlier frames intact', async () => {
    const count = 12_000;
    const records = Array.from({ length: count }, (_, index) => {
      const data = new Uint8Array(100);
      new DataView(data.buffer).setUint32(0, index);
      return { data };
    });
    const read = await readAll(scratch.write('large', pcapBytes(records)));
    expect(read.records).toHaveLength(count);
    const wrong = read.records.filter((record, index) => Buffer.from(record.frame).readUInt32BE(0) !== index);
    expect(wrong).toEqual([]);
  });

  it('drops the FCS length that shares a word with the link type', async () => {
    const file = scratch.write('fcs', pcapBytes([{ data: FRAME }], { linkType: 0x5400_0001 }));
    const { records } = await readAll(file);
    expect(records[0]!.linkType).toBe(1);
  });

  it('accepts records longer than the stated snap length, as Open vSwitch does', async () => {
    const file = scratch.write('over-snap', pcapBytes([{ data: FRAME }], { snapLength: 20 }));
    const { records } = await readAll(file);
    expect(records[0]!.frame).toHaveLength(60);
  });
});

describe('where captures come from', () => {
  const bytes = pcapBytes([{ data: FRAME }, { data: FRAME }]);

  it('standard input, in the smallest pieces', async () => {
    const pieces = Array.from(bytes, (byte) => Buffer.of(byte));
    const { records, reader } = await readAll('-', { stdin: Readable.from(pieces) });
    expect(records).toHaveLength(2);
    expect(reader.file).toBe('-');
  });

  it('a name that says something else', async () => {
    const { records } = await readAll(scratch.write('capture.txt.gz', bytes));
    expect(records).toHaveLength(2);
  });

  it('a reader that is left early can be closed', async () => {
    const reader = await openCapture(scratch.write('early', bytes));
    for await (const record of reader) {
      expect(record.recordIndex).toBe(1);
      break;
    }
    await reader.close();
  });
});

describe('captures that cannot be read', () => {
  const whole = pcapBytes([{ data: FRAME }, { data: FRAME }, { data: FRAME }]);

  it('missing', async () => {
    const { error } = await readFailing(scratch.path('missing.pcap'));
    expect(error.message).toContain('missing.pcap: no such file.');
  });

  it('a directory', async () => {
    const { error } = await readFailing(scratch.folder);
    expect(error.reason).toContain('directory');
  });

  it('empty', async () => {
    const { error } = await readFailing(scratch.write('empty', new Uint8Array(0)));
    expect(error.reason).toBe('the file is empty (0 bytes)');
    expect(error.wholeRecords).toBe(0);
  });

  it('empty standard input', async () => {
    const { error } = await readFailing('-', { stdin: Readable.from([]) });
    expect(error.message).toContain('standard input, byte offset 0: the file is empty');
  });

  it('no packets: an error for whoever needs some', async () => {
    const { reader, records } = await readAll(scratch.write('no-packets', pcapBytes([])));
    expect(records).toEqual([]);
    expect(() => requireRecords(reader)).toThrow(/no-packets: the capture holds no packets\./);
  });

  it.each([1, 3, 4, 8, 23])('cut inside the file header, at %i bytes', async (length) => {
    const { error } = await readFailing(scratch.write(`cut-${length}`, whole.subarray(0, length)));
    expect(error).toBeInstanceOf(CaptureError);
    if (length >= 4) {
      expect(error.truncated).toBe(true);
      expect(error.reason).toContain(`${length} of 24 bytes`);
    }
  });

  it('cut at every length after the header: error with the number of whole records, or kept', async () => {
    const record = 16 + FRAME.length;
    for (let length = 25; length < whole.length; length += 1) {
      const file = scratch.write('cut-anywhere', whole.subarray(0, length));
      const wholeRecords = Math.floor((length - 24) / record);
      if ((length - 24) % record === 0) {
        expect((await readAll(file)).records).toHaveLength(wholeRecords);
        continue;
      }
      const { error, recordsBefore } = await readFailing(file);
      expect(recordsBefore).toBe(wholeRecords);
      expect(error).toMatchObject({
        truncated: true,
        wholeRecords,
        recordIndex: wholeRecords + 1,
        offset: 24 + wholeRecords * record,
      });
      const kept = await readAll(file, { onTruncated: 'keep' });
      expect(kept.records).toHaveLength(wholeRecords);
      expect(kept.reader.truncation?.wholeRecords).toBe(wholeRecords);
    }
  });

  it.each([
    { what: 'captured length beyond all bounds', record: { captured: 0xffff_fff0 }, reason: 'captured length' },
    { what: 'an original length that no packet has', record: { original: 0x7fff_ffff }, reason: 'no packet has' },
  ])('$what, after the sound records before it', async ({ record, reason }) => {
    const bytes = pcapBytes([{ data: FRAME }, { data: FRAME, ...record }, { data: FRAME }]);
    const { error, recordsBefore } = await readFailing(scratch.write('damaged', bytes));
    expect(recordsBefore).toBe(1);
    expect(error).toMatchObject({ recordIndex: 2, offset: 24 + 76, wholeRecords: 1, truncated: true });
    expect(error.reason).toContain(reason);
    expect(error.message).toMatch(/damaged, record 2, byte offset 100: .*\. .*\.$/);
  });

  it('a link type beyond 16 bits', async () => {
    const { error } = await readFailing(scratch.write('link', pcapBytes([{ data: FRAME }], { linkType: 0x0001_0001 })));
    expect(error).toMatchObject({ offset: 20, reason: expect.stringContaining('0x00010001') });
  });

  it('another pcap version', async () => {
    for (const version of [[1, 0], [2, 5], [3, 4], [543, 1]] as const) {
      const { error } = await readFailing(scratch.write('version', pcapBytes([{ data: FRAME }], { version })));
      expect(error.reason).toContain(`version ${version.join('.')}`);
    }
  });

  it.each([
    ['xz', 'fd377a585a0000', 'xz-compressed'],
    ['snoop', '736e6f6f70000000', 'snoop'],
    ['modified pcap', '34cdb2a102000400', 'Kuznetzov'],
    ['IXIA, hardware', 'ac01001c02000400', 'an IXIA capture (hardware)'],
    ['IXIA, software, big-endian', '1c0001ab00020004', 'an IXIA capture (software)'],
    ['AIX iptrace', Buffer.from('iptrace 2.0').toString('hex'), 'iptrace'],
    ['OmniPeek', '7f76657200000000', 'OmniPeek'],
    ['a web page', Buffer.from('<!DOCTYPE html>').toString('hex'), 'HTML'],
    ['a program', '7f454c4602010100', 'ELF'],
    ['text', Buffer.from('GET / HTTP/1.1').toString('hex'), 'first bytes: 47 45 54'],
    ['one byte', '00', 'first bytes: 00'],
  ])('foreign: %s', async (_name, hex, reason) => {
    const { error } = await readFailing(scratch.write('foreign', Buffer.from(hex, 'hex')));
    expect(error.reason).toContain(reason);
    expect(error.offset).toBe(0);
  });

  /** A record of an Endace DAG card: little-endian time, type 2 for Ethernet, two bytes of padding before the frame. */
  const erf = (seconds: number, type = 2): Buffer => {
    const header = Buffer.alloc(18);
    header.writeUInt32LE(seconds, 4);
    header.writeUInt8(type, 8);
    header.writeUInt8(4, 9);
    header.writeUInt16BE(18 + FRAME.length, 10);
    header.writeUInt16BE(FRAME.length, 14);
    return Buffer.concat([header, FRAME]);
  };

  it('Endace ERF, which has no magic number: named, with the command that converts it', async () => {
    for (const records of [[erf(1_700_000_000)], [erf(1_700_000_000), erf(1_700_000_001), erf(1_700_000_001)]]) {
      const bytes = Buffer.concat(records);
      for (const file of [scratch.write('dag.erf', bytes), scratch.write('dag.erf.gz', gzipSync(bytes))]) {
        const { error } = await readFailing(file);
        expect(error.reason).toContain('an Endace ERF capture');
        expect(error.advice).toContain('editcap -T ether FILE CONVERTED.pcapng');
      }
    }
  });

  it('what only begins like ERF is unknown, and a pipe is not waited for', async () => {
    const cut = erf(1_700_000_000).subarray(0, 40);
    const unlike = Buffer.concat([erf(1_700_000_000), erf(1_700_000_000, 99)]);
    const backwards = Buffer.concat([erf(1_700_000_000), erf(1_600_000_000)]);
    for (const bytes of [cut, unlike, backwards]) {
      expect((await readFailing(scratch.write('unlike', bytes))).error.reason).toContain('no capture format');
    }
    const open = new PassThrough();
    open.write('no capture, and the pipe stays open');
    await expect(openCapture('-', { stdin: open })).rejects.toThrow('no capture format');
  });
});

it('docs/captures.md has a row for every format', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/captures.md'), 'utf8').replaceAll('`', '');
  const missing = Object.values(CAPTURE_FORMATS).filter((name) => !text.includes(`\n| ${name} `));
  expect(missing).toEqual([]);
});
