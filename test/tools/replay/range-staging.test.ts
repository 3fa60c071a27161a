/** Captures read by ranges: the same packets as record by record, whatever lies between the frames. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ethernetOriginalLength, toEthernetFrame } from '../../../tools/captures/link-type.js';
import { openCapture } from '../../../tools/captures/reader.js';
import { loadSource } from '../../../tools/replay/load-source.js';
import { AS_IT_IS, framesOf, isStreamed } from '../../../tools/replay/packet-source.js';
import type { CaptureFacts } from '../../../tools/replay/read-ranges.js';
import { scratchFolder } from '../../support/command.js';
import { udpFrame } from '../../support/packets.js';
import { captured, framesIn } from '../../support/replay.js';
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

interface Packet {
  readonly timeNs: number;
  readonly hex: string;
  readonly wireBytes: number;
}

/** The packets of captures, one behind the other, from their records. */
async function recordByRecord(files: readonly string[]): Promise<Packet[]> {
  const packets: Packet[] = [];
  let baseNs = 0;
  for (const file of files) {
    const before = packets.length;
    const reader = await openCapture(file, { trackable: true });
    let firstNs: bigint | null = null;
    let lastNs = 0;
    for await (const record of reader) {
      firstNs ??= record.timestampNs;
      lastNs = Math.max(lastNs, Number(record.timestampNs - firstNs));
      const frame = toEthernetFrame(record, file);
      const wireBytes = ethernetOriginalLength(record, frame);
      packets.push({ timeNs: baseNs + lastNs, hex: Buffer.from(frame).toString('hex'), wireBytes });
    }
    await reader.close();
    baseNs += lastNs + Math.round(lastNs / (packets.length - before - 1));
  }
  return packets;
}

/** What is to be counted of packets. */
function countsOf(packets: readonly Packet[]): Record<string, unknown> {
  const lengths = packets.map(({ hex }) => hex.length / 2);
  const gaps = packets.map(({ timeNs }, index) => timeNs - (packets[index - 1]?.timeNs ?? timeNs));
  const ns = Math.max(...gaps);
  const lastNs = packets.at(-1)?.timeNs as number;
  const frameBytes = lengths.reduce((sum, length) => sum + length, 0);
  return {
    packets: packets.length,
    frameBytes,
    placeBytes: lengths.reduce((sum, length) => sum + Math.ceil((length + 18) / 64) * 64, 0),
    bits: frameBytes * 8,
    longestFrame: Math.max(...lengths),
    lastNs,
    loopNs: packets.length > 1 ? lastNs + lastNs / (packets.length - 1) : 1000,
    longestGap: { ns, beforeIndex: ns === 0 ? 0 : gaps.indexOf(ns) },
  };
}

describe('staging by ranges', () => {
  const inputs: [string, string[]][] = [
    ['one file', [plain]],
    ['another link type', [raw]],
    ['several files, of several formats', [plain, sparse, raw]],
    ['packets far apart in the file', [sparse]],
    ['a real capture', ['captures/office-mix.pcap']],
  ];
  it.each(inputs)('gives what the records give, kept and counted: %s', async (_what, files) => {
    const all = await recordByRecord(files);
    for (const limit of [null, 1, 299, 300, 301, 340]) {
      const expected = all.slice(0, limit ?? all.length);
      const kept = await captured(files, { limit });
      expect(kept).toMatchObject({ name: files.join(', '), ...countsOf(expected) });
      const { timesNs } = framesOf(kept);
      const packets = framesIn(kept).map(({ frame, wireBytes }, index) => {
        return { timeNs: timesNs[index], hex: Buffer.from(frame).toString('hex'), wireBytes };
      });
      expect(packets).toEqual(expected);
      const streamed = await captured(files, { limit, storeBytes: 1 });
      expect(isStreamed(streamed)).toBe(true);
      expect(streamed).toEqual({ ...kept, frames: null, storeBytes: 1 });
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
      const origin = { type: 'capture', files: [plain, sparse] } as const;
      await loadSource({ origin, edits: AS_IT_IS, limit }, 1e9, (each) => facts.push(each));
      expect(facts.map(({ packets }) => packets)).toEqual(taken);
      // A file is hashed when it was read to its end.
      const whole = taken.map((_, file) => limit === null || (file === 0 && limit > 300));
      expect(facts.map(({ sha256 }) => sha256 !== null)).toEqual(whole);
    }
  });

  it('counts what a filter left out up to the last packet that was wanted', async () => {
    const facts: CaptureFacts[] = [];
    const origin = { type: 'capture', files: [plain, sparse] } as const;
    const edits = { ...AS_IT_IS, filter: 'not src port 1001' };
    for (const [limit, taken] of [
      [2, [3]],
      [299, [300]],
      [300, [300, 1]],
      [null, [300, 40]],
    ] as const) {
      facts.length = 0;
      const { packets } = await loadSource({ origin, edits, limit }, 1e9, (each) => facts.push(each));
      expect(packets).toBe(limit ?? 338);
      expect(facts.map((each) => each.packets)).toEqual(taken);
    }
  });
});

/** A capture whose packets lie in several chunks, so that the memory of one is used again while the next is read. */
describe('a pile of ranges', () => {
  const large = fileOf(
    'large.pcap',
    pcapBytes(
      Array.from({ length: 40_000 }, (_, index) => ({
        seconds: index,
        data: udpFrame({ srcPort: index, payload: new Uint8Array(60 + (index % 9)).fill(index) }),
      })),
    ),
  );

  it.each([
    ['all packets', null],
    ['few of them', 'udp port 77'],
    ['nearly all', 'udp port 2 or (not udp port 1)'],
  ])('holds what was read: %s', async (_what, filter) => {
    const reader = await openCapture(large, { trackable: true });
    const all: Uint8Array[] = [];
    for await (const { frame } of reader) all.push(frame);
    await reader.close();
    const kept = framesIn(await captured([large], { filter }));
    const ports = new Set(kept.map(({ frame }) => frame[34]! * 256 + frame[35]!));
    const expected = all.filter((frame) => ports.has(frame[34]! * 256 + frame[35]!));
    expect(kept.map(({ frame }) => Buffer.from(frame).toString('hex'))).toEqual(
      expected.map((frame) => Buffer.from(frame).toString('hex')),
    );
    expect(kept.length).toBe(filter === null ? 40_000 : filter.includes('77') ? 1 : 39_999);
  });
});
