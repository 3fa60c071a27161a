/** The list of deliberate differences: complete in the documentation, and each recognised where a real switch shows it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { availableDesigns } from '../../../engine/host/designs.js';
import { compareRuns } from '../../../tools/conform/compare-runs.js';
import { DELIBERATE_DIFFERENCES } from '../../../tools/conform/deliberate-differences.js';
import { onlyMovedTextDiffers } from '../../../tools/conform/ftp-moved-text.js';
import { compareDesign } from '../../../tools/conform/run-conform.js';
import { tcpFrame, udpFrame, type Endpoints, type TcpSpec } from '../../support/packets.js';
import { conformInput, throughOvs, unexplained } from './inputs.js';
import { orWhySkipped, ovsMissing } from './ovs-available.js';

const DOCUMENT = readFileSync(join(import.meta.dirname, '../../../docs/differences.md'), 'utf8');

test('docs/differences.md has a row for every entry, with its revisions, and no others', () => {
  const rows = new Map(
    [...DOCUMENT.matchAll(/^\| `([a-z0-9-]+)` +\|(.*)$/gm)].map(([, id = '', rest = '']) => [id, rest]),
  );
  expect([...rows.keys()].toSorted()).toEqual(DELIBERATE_DIFFERENCES.map(({ id }) => id).toSorted());
  for (const { id, text, until } of DELIBERATE_DIFFERENCES) {
    const row = rows.get(id) ?? '';
    for (const revision of text.match(/\b[0-9a-f]{9}\b/g) ?? [])
      expect([id, row]).toEqual([id, expect.stringContaining(revision)]);
    for (const release of until ?? [])
      expect([id, row]).toEqual([id, expect.stringContaining(release.join('.'))]);
  }
});

test('every entry says how conform knows it, or why it cannot meet it', () => {
  for (const { id, switches, applies, notMet } of DELIBERATE_DIFFERENCES) {
    const ways = [switches, applies, notMet].filter((each) => each !== undefined);
    expect([id, ways.length]).toEqual([id, 1]);
  }
});

const CLIENT = '10.0.0.10';
const SERVER = '192.0.2.21';
const OUTSIDE = '203.0.113.200';

const SNAT = `
rules:
  - { match: tcp and src net 10.0.0.0/8 and dst port 21, commit: true, helper: ftp, nat: { type: src, addr: ${OUTSIDE} } }
  - { match: tcp and src port 21, commit: true, helper: ftp, nat: { type: none } }
`;

/** A control connection whose client announces an address, with so many bytes behind it. */
function ftp(bytes: number): [number, Uint8Array][] {
  const text = `PORT 10,0,0,10,195,80\r\n${'ABCDEFGHIJKLMNOPQRSTUVWXYZ'.repeat(Math.ceil(bytes / 26)).slice(0, bytes)}`;
  const out = (options: Endpoints & Partial<TcpSpec>): Uint8Array =>
    tcpFrame({ src: CLIENT, dst: SERVER, srcPort: 50_000, dstPort: 21, ...options });
  const back = (options: Endpoints & Partial<TcpSpec>): Uint8Array =>
    tcpFrame({ src: SERVER, dst: OUTSIDE, srcPort: 21, dstPort: 50_000, ...options });
  return [
    out({ flags: 'S', seq: 1000 }),
    back({ flags: 'SA', seq: 9000, ack: 1001 }),
    out({ flags: 'A', seq: 1001, ack: 9001 }),
    out({ flags: 'PA', seq: 1001, ack: 9001, payload: text }),
    back({ flags: 'A', seq: 9001, ack: 1001 + text.length }),
  ].map((frame, index): [number, Uint8Array] => [index, frame]);
}

const tcpSession = (): [number, Uint8Array][] => {
  const out = (flags: string, seq: number, ack: number): Uint8Array =>
    tcpFrame({ src: CLIENT, dst: SERVER, flags, seq, ack });
  const back = (flags: string, seq: number, ack: number): Uint8Array =>
    tcpFrame({ src: SERVER, dst: CLIENT, srcPort: 80, dstPort: 40_000, flags, seq, ack });
  return [
    out('S', 1000, 0),
    back('SA', 5000, 1001),
    out('A', 1001, 5001),
    out('FA', 1001, 5001),
    back('FA', 5001, 1002),
    out('A', 1002, 5002),
  ].map((frame, index): [number, Uint8Array] => [index, frame]);
};

describe('onlyMovedTextDiffers', () => {
  const [, , , [, mine] = [0, new Uint8Array()]] = ftp(400);
  const differs = (theirs: Uint8Array): boolean => {
    const run = (frame: Uint8Array) => ({
      packets: [{ outputs: [{ packetIndex: 0, state: 'est|trk|snat', frame }], notCompared: null }],
      table: [],
    });
    return compareRuns(run(mine), run(theirs)).differences.every(onlyMovedTextDiffers);
  };
  const at = mine.length - 400 - 18;
  /** What the defect makes of an address that grew by `growth` bytes. */
  const garbled = (growth: number): Uint8Array => {
    const frame = mine.slice();
    const addressBytes = '10,0,0,10'.length;
    const total = mine.length - growth - at;
    const end = at + addressBytes + (total % 256) - (addressBytes - growth);
    for (let i = end; i < mine.length - growth; i++) frame[i] = mine[i + growth]!;
    return frame;
  };

  test('knows text of which too little was moved, and nothing else', () => {
    for (const growth of [1, 2, 4]) expect([growth, differs(garbled(growth))]).toEqual([growth, true]);
    const spoiled = garbled(4);
    spoiled[mine.length - 50]! ^= 1;
    expect(differs(spoiled)).toBe(false);
    const otherAddress = garbled(4);
    otherAddress[at]! ^= 1;
    expect(differs(otherAddress)).toBe(false);
    const udp = udpFrame();
    expect(differs(udp)).toBe(false);
  });
});

describe.skipIf(ovsMissing !== null)(orWhySkipped('through Open vSwitch', ovsMissing), () => {
  const cases = [
    ['FTP with 300 bytes behind the address', SNAT, ftp(300), 'ftp-long-payload'],
    ['FTP with 9000 bytes behind the address', SNAT, ftp(9000), 'ftp-long-payload'],
    ['FTP with 65,377 bytes behind the address', SNAT, ftp(65_377), 'ftp-long-payload'],
    [
      'a commit with nat of type none',
      'rules: [{ commit: true, nat: { type: none } }]',
      tcpSession(),
      'bare-nat-commit',
    ],
    [
      'the same with UDP, in which two differences meet',
      'rules: [{ commit: true, nat: { type: none } }]',
      [0, 1, 2].flatMap((index): [number, Uint8Array][] => [
        [index * 10, udpFrame({ srcPort: 1000 })],
        [index * 10 + 5, udpFrame({ srcPort: 1001 + index })],
      ]),
      'bare-nat-commit',
    ],
  ] as const;

  test.each(cases)('%s is explained', async (_name, yaml, packets, id) => {
    const input = conformInput(yaml, packets);
    const { run, version } = await throughOvs(input);
    for (const design of availableDesigns()) {
      const report = compareDesign({ design, preset: null }, input, run, version);
      expect(unexplained(report)).toEqual([]);
      if (/ 3\.1\./.test(version))
        expect(new Set(report.differences.flatMap(({ known }) => known))).toContain(id);
    }
  });
});
