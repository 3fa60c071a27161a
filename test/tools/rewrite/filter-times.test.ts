/** The schedule of packets that a filter leaves over. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PacketRequest } from '../../../tools/replay/packet-source.js';
import { AS_IT_IS, framesOf, isStreamed, PacketCount } from '../../../tools/replay/packet-source.js';
import { readRanges } from '../../../tools/replay/read-ranges.js';
import { BLOCK_RECORDS } from '../../../tools/captures/record-block.js';
import { scratchFolder } from '../../support/command.js';
import { udpFrame } from '../../support/packets.js';
import { captured } from '../../support/replay.js';
import { pcapBytes } from '../captures/pcap-bytes.js';

const folder = scratchFolder();
const SECOND = 1e9;
const [LEFT_OUT, KEPT] = [udpFrame({ srcPort: 1 }), udpFrame({ srcPort: 2 })];
const FILTER = 'src port 2';

function capture(name: string, records: readonly { seconds: number; data: Uint8Array }[]): string {
  const file = join(folder, name);
  writeFileSync(file, pcapBytes(records));
  return file;
}

async function timesRead(request: PacketRequest): Promise<number[]> {
  const times: number[] = [];
  await readRanges(request, ({ timesNs, count }) => {
    times.push(...timesNs.subarray(0, count));
    return true;
  });
  return times;
}

describe('a filter that leaves out the first packets', () => {
  const file = capture('lead.pcap', [
    { seconds: 100, data: LEFT_OUT },
    { seconds: 102, data: KEPT },
    { seconds: 105, data: KEPT },
  ]);

  it.each([
    { maxGapNs: null, lastNs: 3 * SECOND },
    { maxGapNs: SECOND, lastNs: SECOND },
  ])(
    'leaves out their time, in memory and streamed, with pauses up to $maxGapNs ns',
    async ({ maxGapNs, lastNs }) => {
      const kept = await captured([file], { filter: FILTER, maxGapNs });
      expect([...framesOf(kept).timesNs]).toEqual([0, lastNs]);
      const streamed = await captured([file], { filter: FILTER, maxGapNs, storeBytes: 1 });
      expect(isStreamed(streamed)).toBe(true);
      for (const traffic of [kept, streamed]) {
        expect(traffic).toMatchObject({
          lastNs,
          loopNs: 2 * lastNs,
          longestGap: { ns: lastNs, beforeIndex: 1 },
        });
      }
      expect(await timesRead(streamed.request)).toEqual([0, lastNs]);
    },
  );

  it('of a whole file, or of a whole block, leaves out theirs too', async () => {
    const none = capture('none.pcap', [
      { seconds: 7, data: LEFT_OUT },
      { seconds: 9, data: LEFT_OUT },
    ]);
    const origin = { type: 'capture', files: [none, file] } as const;
    const edits = { ...AS_IT_IS, filter: FILTER };
    expect(await timesRead({ origin, edits, limit: null })).toEqual([0, 3 * SECOND]);
    const leading = Array.from({ length: BLOCK_RECORDS + 1 }, () => ({ seconds: 1, data: LEFT_OUT }));
    const long = capture('long.pcap', [...leading, { seconds: 4, data: KEPT }, { seconds: 6, data: KEPT }]);
    const count = new PacketCount();
    await readRanges({ origin: { type: 'capture', files: [long] }, edits, limit: null }, (range) => {
      count.addRange(range);
      return true;
    });
    expect(count.counts).toMatchObject({ packets: 2, lastNs: 2 * SECOND, loopNs: 4 * SECOND });
  });
});
