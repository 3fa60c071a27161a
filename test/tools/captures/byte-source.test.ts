/** Raw bytes of files: read ahead, and yet what was handed out holds until the chunk after the next is asked for. */
import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { RawBytes } from '../../../tools/captures/byte-source.js';
import { ChunkLedger } from '../../../tools/captures/chunk-memory.js';
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
  it.each([0, 1, MIB - 1, MIB, MIB + 1, 5 * MIB + 123])('give a file of %d bytes', async (bytes) => {
    const { file, content } = bigFile(bytes);
    const raw = new RawBytes(file, process.stdin, true, new ChunkLedger());
    const memory = new Set<ArrayBufferLike>();
    const same = (chunk: Uint8Array, at: number): void => {
      expect(Buffer.compare(chunk, content.subarray(at, at + chunk.length))).toBe(0);
    };
    let at = 0;
    let before: Uint8Array = new Uint8Array(0);
    for await (const chunk of raw.chunks()) {
      // Time for what is read ahead to arrive.
      await delay(20);
      same(chunk, at);
      same(before, at - before.length);
      at += chunk.length;
      before = chunk;
      memory.add(chunk.buffer);
    }
    expect(at).toBe(bytes);
    expect(raw.byteCount).toBe(bytes);
    expect(raw.sha256()).toBe(createHash('sha256').update(content).digest('hex'));
    expect(memory.size).toBe(Math.min(Math.ceil(bytes / MIB), 3));
    rmSync(file);
  });

  it('hold for ever where they are kept', async () => {
    const { file, content } = bigFile(9 * MIB);
    const ledger = new ChunkLedger();
    const raw = new RawBytes(file, process.stdin, false, ledger);
    const kept: [Uint8Array, number][] = [];
    let at = 0;
    for await (const chunk of raw.chunks()) {
      if (kept.length !== 3 && kept.length !== 5) ledger.keep(chunk);
      kept.push([chunk, at]);
      at += chunk.length;
    }
    kept.forEach(([chunk, from], index) => {
      if (index === 3 || index === 5) return;
      expect(Buffer.compare(chunk, content.subarray(from, from + chunk.length)), `chunk ${index}`).toBe(0);
    });
    rmSync(file);
  });

  it('can be left early, while more is being read', async () => {
    const { file, content } = bigFile(3 * MIB);
    const raw = new RawBytes(file, process.stdin, false, new ChunkLedger());
    for await (const chunk of raw.chunks()) {
      expect(Buffer.compare(chunk, content.subarray(0, chunk.length))).toBe(0);
      break;
    }
    expect(raw.byteCount).toBe(MIB);
    rmSync(file);
  });
});
