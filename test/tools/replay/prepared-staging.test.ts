/** A prepared capture gives the replay the same packets as the capture it was made from, kept or streamed. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { PreparedWriter } from '../../../tools/captures/prepared-writer.js';
import { PREPARED_HEADER_BYTES } from '../../../tools/captures/prepared.js';
import { framesOf } from '../../../tools/replay/packet-source.js';
import { udpFrame } from '../../support/packets.js';
import { captured, framesIn } from '../../support/replay.js';
import { Scratch } from '../captures/scratch.js';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const START_NS = 1_700_000_000_000_000_000n;

const timestampNs = (index: number): bigint =>
  START_NS + BigInt(index * 1_000_003) - (index % 3 === 2 ? 2_000_000n : 0n);

const frameOf = (index: number): Uint8Array =>
  udpFrame({ srcPort: 1 + index, payload: 'x'.repeat(index % 700) });

/** Packets of several blocks, every third a little back in time. */
function prepared(name: string, packets = 6000): string {
  const path = scratch.path(name);
  const writer = new PreparedWriter(path);
  for (let index = 0; index < packets; index += 1) {
    writer.write({ timestampNs: timestampNs(index), frame: frameOf(index) });
  }
  writer.close();
  return path;
}

describe('staging a prepared capture', () => {
  const file = prepared('day.ctp');

  it.each([null, 1, 2500, 6000, 9000])('gives the packets that were prepared, up to %s', async (limit) => {
    const staged = await captured([file], { limit });
    const wanted = Math.min(limit ?? 6000, 6000);
    expect(staged.packets).toBe(wanted);
    const expected = Array.from({ length: wanted }, (_, index) =>
      Buffer.from(frameOf(index)).toString('hex'),
    );
    expect(framesIn(staged).map(({ frame }) => Buffer.from(frame).toString('hex'))).toEqual(expected);
    let lastNs = 0;
    const times = Array.from({ length: wanted }, (_, index) => {
      lastNs = Math.max(lastNs, Number(timestampNs(index) - START_NS));
      return lastNs;
    });
    expect([...framesOf(staged).timesNs]).toEqual(times);
    // A reading that keeps nothing counts the same.
    const { frames: _frames, storeBytes: _bytes, ...counts } = staged;
    expect(await captured([file], { limit, storeBytes: 1 })).toMatchObject(counts);
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
});
