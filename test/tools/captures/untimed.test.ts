/** pcapng packets without a time that come before any that has one. */
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { convertCapture } from '../../../tools/captures/prepare.js';
import { openCapture } from '../../../tools/captures/reader.js';
import { runCommandLine } from '../../support/run-command.js';
import { tcpFrame } from '../../support/packets.js';
import { PcapngBytes } from './pcapng-bytes.js';
import { readAll, Scratch } from './scratch.js';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const ng = new PcapngBytes();
const DATA = new Uint8Array(60);
const NOW_US = 1_700_000_000_000_000n;
const NOW_NS = NOW_US * 1000n;

function file(name: string, ...blocks: Buffer[]): string {
  return scratch.write(name, Buffer.concat([ng.section(), ng.interface(), ng.interface({ linkType: 189 }), ...blocks]));
}

/** Times of a reading in blocks, since its first packet. */
async function blockTimes(path: string): Promise<number[]> {
  const reader = await openCapture(path, { blocks: true });
  const times: number[] = [];
  for await (const { timesNs, count } of reader.blocks()) times.push(...timesNs.subarray(0, count));
  await reader.close();
  return times;
}

/** Times of a reading record by record, since its first packet, which has to be what blocks give. */
async function timesOf(path: string): Promise<{ firstNs: bigint; sinceNs: number[] }> {
  const { records } = await readAll(path, { trackable: true });
  const firstNs = records[0]!.timestampNs;
  const sinceNs = records.map((record) => Number(record.timestampNs - firstNs));
  expect(await blockTimes(path)).toEqual(sinceNs);
  return { firstNs, sinceNs };
}

describe('packets without a time before the first that has one', () => {
  const simple = ng.simple(DATA);
  const timed = (laterUs: bigint, interfaceNumber = 0): Buffer =>
    ng.enhanced(DATA, { units: NOW_US + laterUs, interfaceNumber });

  it('get its time, record by record and in blocks', async () => {
    const path = file('lead.pcapng', simple, simple, timed(0n), timed(5n), simple, timed(7n));
    expect(await timesOf(path)).toEqual({ firstNs: NOW_NS, sinceNs: [0, 0, 0, 5000, 5000, 7000] });
    const { records } = await readAll(path);
    expect(records.map(({ timestampMissing }) => timestampMissing === true)).toEqual([true, true, false, false, true, false]);
    expect(records.map(({ recordIndex }) => recordIndex)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('also where that one is not tracked, lies behind other blocks, or in another section', async () => {
    const untracked = file('untracked.pcapng', simple, timed(0n, 1), timed(5n));
    expect(await timesOf(untracked)).toEqual({ firstNs: NOW_NS, sinceNs: [0, 5000] });
    const far = file('far.pcapng', simple, ng.block(0xbad, new Uint8Array(9 << 20)), simple, ng.section(), ng.interface(), timed(0n));
    // Too far for the second one: from there on the time is unknown.
    expect((await timesOf(far)).firstNs).toBe(0n);
    const near = file('near.pcapng', simple, ng.block(0xbad, new Uint8Array(3 << 20)), simple, ng.section(), ng.interface(), timed(0n));
    expect(await timesOf(near)).toEqual({ firstNs: NOW_NS, sinceNs: [0, 0, 0] });
  });

  it('are read where none has a time, more than are held too', async () => {
    expect(await timesOf(file('none.pcapng', simple, simple))).toEqual({ firstNs: 0n, sinceNs: [0, 0] });
    const many = 70_000;
    const { sinceNs } = await timesOf(file('many.pcapng', Buffer.concat(Array.from({ length: many }, () => simple))));
    expect(sinceNs).toHaveLength(many);
  });

  it('are handed out before a fault, and kept', async () => {
    const path = file('cut.pcapng', simple, timed(0n).subarray(0, 40));
    const { records } = await readAll(path, { onTruncated: 'keep' });
    expect(records).toHaveLength(1);
  });

  it('invent no gap for info, nor a time for prep', async () => {
    const reply = { src: '10.1.1.2', dst: '10.1.1.1', srcPort: 80, dstPort: 1000 };
    const there = { srcPort: 1000, dstPort: 80 };
    const path = file(
      'handshake.pcapng',
      ng.simple(tcpFrame({ ...there, flags: 'S' })),
      ng.enhanced(tcpFrame({ ...reply, flags: 'SA', ack: 1 }), { units: NOW_US }),
      ng.enhanced(tcpFrame({ ...there, flags: 'A', seq: 1, ack: 1 }), { units: NOW_US + 1000n }),
    );
    const { stdout } = await runCommandLine(['info', path], scratch.folder);
    expect(stdout).toMatch(/new 1, established 2/);
    const out = join(scratch.folder, 'handshake.pcap');
    await convertCapture(path, out, 'pcap');
    const { records } = await readAll(out);
    expect(records.map(({ timestampNs }) => timestampNs - NOW_NS)).toEqual([0n, 0n, 1_000_000n]);
  });
});
