/** Raw bytes of files: read ahead, and yet what was handed out holds until the next chunk is asked for. */
import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { RawBytes } from '../../../tools/captures/byte-source.js';
import { scratchFolder } from '../../support/command.js';

const MIB = 1024 ** 2;

/** A file of so many bytes that nowhere repeats a piece of it at the same place of a chunk. */
function bigFile(bytes: number): { readonly file: string; readonly content: Buffer } {
  const content = Buffer.alloc(bytes);
  for (let at = 0; at + 4 <= bytes; at += 4) content.writeUInt32LE(at * 2_654_435_761 % 2 ** 32, at);
  const file = join(scratchFolder(), 'raw.bin');
  writeFileSync(file, content);
  return { file, content };
}

describe('chunks whose memory is used again', () => {
  it.each([0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 123])('give a file of %d bytes', async (bytes) => {
    const { file, content } = bigFile(bytes);
    const raw = new RawBytes(file, process.stdin, true, true);
    let at = 0;
    for await (const chunk of raw.chunks()) {
      // Time for what is read ahead to arrive.
      await delay(20);
      expect(Buffer.compare(chunk, content.subarray(at, at + chunk.length))).toBe(0);
      at += chunk.length;
    }
    expect(at).toBe(bytes);
    expect(raw.byteCount).toBe(bytes);
    expect(raw.sha256()).toBe(createHash('sha256').update(content).digest('hex'));
    rmSync(file);
  });

  it('can be left early, while more is being read', async () => {
    const { file, content } = bigFile(3 * MIB);
    const raw = new RawBytes(file, process.stdin, false, true);
    for await (const chunk of raw.chunks()) {
      expect(Buffer.compare(chunk, content.subarray(0, chunk.length))).toBe(0);
      break;
    }
    expect(raw.byteCount).toBe(MIB);
    rmSync(file);
  });
});
