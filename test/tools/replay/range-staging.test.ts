/** Captures staged by ranges: the same packets as frame by frame, whatever lies between the frames. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { frameAt } from '../../../tools/replay/frame-range.js';
import { stageOrSurvey, stageTraffic, type StagedTraffic } from '../../../tools/replay/staging.js';
import { captureTraffic, type CaptureFacts, type Traffic } from '../../../tools/replay/traffic.js';
import { scratchFolder } from '../../support/command.js';
import { udpFrame } from '../../support/packets.js';
import { pcapBytes } from '../captures/pcap-bytes.js';
import { PcapngBytes } from '../captures/pcapng-bytes.js';

const folder = scratchFolder();

function fileOf(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const frames = Array.from({ length: 300 }, (_, index) =>
  udpFrame({ srcPort: 1000 + index, payload: new Uint8Array(index % 90) }),
);
/** Every tenth a little back in time, every seventh cut. */
const records = frames.map((data, index) => ({
  seconds: 100 + index,
  subSecond: index % 10 === 9 ? 0 : 500_000,
  data,
  original: data.length + (index % 7 === 6 ? 9 : 0),
}));
const plain = fileOf('plain.pcap', pcapBytes(records));
const raw = fileOf(
  'raw.pcap',
  pcapBytes(
    records.map((record) => ({ ...record, data: record.data.subarray(14), original: record.original - 14 })),
    { linkType: 101 },
  ),
);
const ng = new PcapngBytes();
/** Far more between the packets than packets. */
const sparse = fileOf(
  'sparse.pcapng',
  Buffer.concat([
    ng.section(),
    ng.interface(),
    ...frames
      .slice(0, 40)
      .flatMap((frame, index) => [
        ng.enhanced(frame, { units: BigInt(index) * 1000n }),
        ng.block(0xbad, new Uint8Array(4000)),
      ]),
  ]),
);

/** The same traffic, without its ranges. */
function frameByFrame({ name, forEach }: Traffic): Traffic {
  return { name, forEach };
}

function contents(traffic: StagedTraffic): unknown {
  const visited: [number, string, number][] = [];
  traffic.forEach((frame, index, wireBytes) => {
    visited.push([index, Buffer.from(frame).toString('hex'), wireBytes]);
  });
  const inRanges: [number, string, number][] = [];
  traffic.forEachRange((range, first) => {
    for (let at = 0; at < range.count; at++) {
      const hex = Buffer.from(frameAt(range, at)).toString('hex');
      inRanges.push([first + at, hex, (range.wireBytes ?? range.lengths)[at]!]);
    }
  });
  expect(inRanges).toEqual(visited);
  const { name, packets, frameBytes, timesNs } = traffic;
  return { name, packets, frameBytes, timesNs: [...timesNs], visited };
}

describe('staging by ranges', () => {
  const inputs: [string, string[]][] = [
    ['one file', [plain]],
    ['another link type', [raw]],
    ['several files, of several formats', [plain, sparse, raw]],
    ['packets far apart in the file', [sparse]],
    ['a real capture', ['captures/office-mix.pcap']],
  ];
  it.each(inputs)('gives what frame by frame gives: %s', async (_what, files) => {
    for (const limit of [null, 1, 299, 300, 301, 340]) {
      const expected = contents(await stageTraffic(frameByFrame(captureTraffic(files)), limit));
      expect(contents(await stageTraffic(captureTraffic(files), limit))).toEqual(expected);
      const small = await stageOrSurvey(captureTraffic(files), limit, 1);
      expect(small).toEqual(await stageOrSurvey(frameByFrame(captureTraffic(files)), limit, 1));
    }
  });

  it('tells of each file what was taken of it, and opens none that is not needed', async () => {
    for (const [limit, taken] of [
      [null, [300, 40]],
      [310, [300, 10]],
      [300, [300]],
      [7, [7]],
    ] as const) {
      const facts: CaptureFacts[] = [];
      await stageTraffic(
        captureTraffic([plain, sparse], {}, (each) => facts.push(each)),
        limit,
      );
      expect(facts.map(({ packets }) => packets)).toEqual(taken);
      // A file is hashed when it was read to its end.
      const whole = taken.map((_, file) => limit === null || (file === 0 && limit > 300));
      expect(facts.map(({ sha256 }) => sha256 !== null)).toEqual(whole);
    }
  });

  it('overflows once, and before it reads to the end', async () => {
    let overflows = 0;
    await stageOrSurvey(captureTraffic([plain, plain]), null, 1000, () => overflows++);
    expect(overflows).toBe(1);
    const refuse = (): never => {
      throw new Error('too large');
    };
    await expect(stageOrSurvey(captureTraffic([plain]), null, 1000, refuse)).rejects.toThrow('too large');
  });
});
