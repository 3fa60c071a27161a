import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRepeatable, namedCaptures } from '../../../tools/captures/capture-files.js';
import { CaptureError } from '../../../tools/captures/reader.js';
import { pcapBytes } from './pcap-bytes.js';
import { Scratch } from './scratch.js';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const CAPTURE = pcapBytes([{ data: new Uint8Array(60) }]);
const at = (name: string): string => scratch.path(name);

beforeAll(() => {
  for (const folder of ['day', 'day/old', 'notes', 'nothing']) mkdirSync(at(folder));
  for (const name of ['day/b10.pcap', 'day/b9.pcap', 'day/a.pcap', 'day/.hidden.pcap', 'day/old/c.pcap', 'x[1].pcap']) {
    scratch.write(name, CAPTURE);
  }
  scratch.write('day/README', Buffer.from('not a capture at all'));
  scratch.write('day/empty.pcap', Buffer.alloc(0));
  scratch.write('notes/list.txt', Buffer.from('only text in here'));
  symlinkSync(at('day/a.pcap'), at('day/z-link.pcap'));
  execFileSync('mkfifo', [at('pipe')]);
});

function refusal(...args: string[]): CaptureError {
  try {
    namedCaptures(args);
  } catch (error) {
    if (error instanceof CaptureError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('names of captures', () => {
  it('files and standard input stand for themselves, in their order, missing ones too', () => {
    const args = [at('day/b9.pcap'), '-', at('day/a.pcap'), at('missing.pcap')];
    expect(namedCaptures(args)).toEqual({ files: args, notes: [] });
  });

  it('a directory stands for the captures in it, by name, numbers by their value', () => {
    const { files, notes } = namedCaptures([at('day')]);
    expect(files).toEqual(['a.pcap', 'b9.pcap', 'b10.pcap', 'z-link.pcap'].map((name) => at(join('day', name))));
    expect(notes).toHaveLength(2);
    expect(notes[0]).toContain('empty.pcap: left out, the file is empty');
    expect(notes[1]).toContain('README: left out, the file is in no capture format');
  });

  it('a directory: what is compressed and holds no capture is left out, what is damaged is not', () => {
    const folder = 'packed';
    mkdirSync(at(folder));
    const write = (name: string, bytes: Uint8Array): string => scratch.write(join(folder, name), bytes);
    const noise = Buffer.from(Array.from({ length: 20_000 }, (_, index) => (index * index * 31) >> 3));
    const text = Buffer.from('some notes, none of them a capture');
    // A frame of one raw block.
    const zstd = (content: Buffer): Buffer => Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, content.length, (content.length << 3) | 1, content.length >> 5, 0]), content]);
    const taken = [
      write('a.pcap.gz', gzipSync(CAPTURE)),
      write('b.pcap.gz', gzipSync(Buffer.concat([CAPTURE, noise]))),
      write('c.pcap.zst', zstd(CAPTURE)),
      write('d-cut-early.gz', gzipSync(CAPTURE).subarray(0, 12)),
      write('e-damaged.gz', Buffer.concat([gzipSync(text).subarray(0, -8), Buffer.alloc(8)])),
      write('f-cut-early.zst', zstd(CAPTURE).subarray(0, 20)),
      write('g-cut.pcap.gz', gzipSync(Buffer.concat([CAPTURE, noise])).subarray(0, -300)),
      write('h-damaged.zst', Buffer.from('28b52ffd2005070000', 'hex')),
    ];
    write('n-notes.txt.gz', gzipSync(text));
    write('n-notes2.gz', gzipSync(Buffer.from('short')));
    write('n-notes3.gz', gzipSync(noise));
    write('n-notes4.zst', zstd(text));
    write('n-notes5.zst', Buffer.concat([Buffer.from('502a4d180000000', 'hex'), Buffer.alloc(1), zstd(Buffer.from('short'))]));
    write('n-nothing.gz', gzipSync(Buffer.alloc(0)));
    const { files, notes } = namedCaptures([at(folder)]);
    expect(files).toEqual(taken);
    expect(notes).toHaveLength(6);
    expect(notes.join('\n')).toContain('n-notes.txt.gz: left out, the gzip data are in no capture format that is known (first bytes: 73');
    expect(notes.join('\n')).toContain('n-notes4.zst: left out, the zstd data are in no');
    expect(notes.join('\n')).toContain('n-nothing.gz: left out, the gzip data decompress to 0 bytes.');
  });

  it('a quoted pattern stands for what it matches, folders inside with two stars', () => {
    const day = (...names: string[]): string[] => names.map((name) => at(join('day', name)));
    expect(namedCaptures([at('day/b*.pcap')]).files).toEqual(day('b9.pcap', 'b10.pcap'));
    expect(namedCaptures([at('day/b?.pcap')]).files).toEqual(day('b9.pcap'));
    expect(namedCaptures([at('day/{b9,a}.pcap')]).files).toEqual(day('a.pcap', 'b9.pcap'));
    expect(namedCaptures([at('day/**/*.pcap')]).files).toContain(at('day/old/c.pcap'));
    // What a pattern names is read, or says why not: as if the shell had expanded it.
    expect(namedCaptures([at('day/e*')]).files).toEqual(day('empty.pcap'));
    // A folder that a pattern matches is a folder.
    expect(namedCaptures([at('d?y/old')]).files).toEqual(day('old/c.pcap'));
  });

  it('a file whose name could be a pattern is itself', () => {
    expect(namedCaptures([at('x[1].pcap')]).files).toEqual([at('x[1].pcap')]);
  });

  it('nothing to read is an error that names folder or pattern', () => {
    expect(refusal(at('nothing')).message).toContain('there is no capture in this directory');
    expect(refusal(at('notes')).message).toContain('(other files: 1)');
    expect(refusal(at('day/q*')).message).toContain('nothing matches this pattern');
  });

  it('a pipe can be named once', () => {
    expect(namedCaptures([at('pipe'), at('day/a.pcap'), at('day/a.pcap')]).files).toHaveLength(3);
    expect(refusal(at('pipe'), at('pipe')).reason).toContain('named twice');
    symlinkSync(at('pipe'), at('same-pipe'));
    expect(refusal(at('pipe'), at('same-pipe')).reason).toContain('the same pipe as');
    expect(refusal('-', '-').reason).toContain('named twice');
    expect([at('pipe'), '-', at('day/a.pcap')].map(isRepeatable)).toEqual([false, false, true]);
  });
});
