/** A prepared capture gives the replay the same packets as the capture it was made from, whichever way it is read. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { PreparedWriter } from '../../../tools/captures/prepared-writer.js';
import { PREPARED_HEADER_BYTES } from '../../../tools/captures/prepared.js';
import { isPrepared } from '../../../tools/captures/prepared-file.js';
import { framesOf, type PacketSource } from '../../../tools/replay/packet-source.js';
import { PreparedFrames } from '../../../tools/replay/prepared-frames.js';
import { udpFrame } from '../../support/packets.js';
import { captured, framesIn } from '../../support/replay.js';
import { Scratch } from '../captures/scratch.js';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const START_NS = 1_700_000_000_000_000_000n;

/** Packets of several blocks, every third a little back in time. */
function prepared(name: string, packets = 6000): string {
  const path = scratch.path(name);
  const writer = new PreparedWriter(path);
  for (let index = 0; index < packets; index += 1) {
    writer.write({
      timestampNs: START_NS + BigInt(index * 1_000_003) - (index % 3 === 2 ? 2_000_000n : 0n),
      frame: udpFrame({ srcPort: 1 + index, payload: 'x'.repeat(index % 700) }),
    });
  }
  writer.close();
  return path;
}

function contents(traffic: PacketSource): unknown {
  const { request: _request, frames: _frames, ...known } = traffic;
  const frames = framesIn(traffic).map(({ frame }) => Buffer.from(frame).toString('latin1'));
  return { ...known, frames, timesNs: [...framesOf(traffic).timesNs] };
}

describe('staging a prepared capture', () => {
  const file = prepared('day.ctp');

  it.each([null, 1, 2500, 6000, 9000])(
    'gives what reading it as a capture gives, up to %s packets',
    async (limit) => {
      const staged = await captured([file], { limit });
      expect(staged.frames).toBeInstanceOf(PreparedFrames);
      // An edit that changes nothing has it read like any other capture.
      const read = await captured([file], { limit, maxGapNs: 1e15 });
      expect(read.frames).not.toBeInstanceOf(PreparedFrames);
      const expected = contents(read);
      expect(contents(staged)).toEqual(expected);
      // The second visit leaves the checksums of frames out.
      expect(contents(staged)).toEqual(expected);
    },
  );

  it('is for regular files of that format only', () => {
    expect(isPrepared(file)).toBe(true);
    expect(isPrepared(join(import.meta.dirname, '../../../captures/office-mix.pcap'))).toBe(false);
    expect(isPrepared(scratch.write('short.ctp', readFileSync(file).subarray(0, 5)))).toBe(false);
    expect(isPrepared(scratch.folder)).toBe(false);
    expect(isPrepared(scratch.path('absent.ctp'))).toBe(false);
    expect(isPrepared('-')).toBe(false);
  });

  it('a damaged table and a damaged frame are refused when it is loaded', async () => {
    const bytes = readFileSync(file);
    const table = Buffer.from(bytes);
    table[PREPARED_HEADER_BYTES + 40] = (table[PREPARED_HEADER_BYTES + 40] as number) ^ 1;
    await expect(captured([scratch.write('table.ctp', table)])).rejects.toThrow(
      /record 1, .*table does not match/,
    );

    const frame = Buffer.from(bytes);
    frame[frame.length - 100] = (frame[frame.length - 100] as number) ^ 1;
    await expect(captured([scratch.write('frame.ctp', frame)])).rejects.toThrow(
      /frames does not match.*Prepare it again/s,
    );
  });

  it('a file that was replaced in between is noticed', async () => {
    const path = prepared('replaced.ctp', 100);
    const staged = await captured([path]);
    writeFileSync(path, readFileSync(prepared('other.ctp', 101)));
    expect(() => framesIn(staged)).toThrow(/replaced while it was being loaded/);
  });
});
