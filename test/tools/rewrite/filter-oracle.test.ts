/** Filters against tcpdump, which compiles the same expressions with libpcap, and against tshark. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileFilter } from '../../../tools/rewrite/filter.js';
import { Random } from '../../../tools/random/random.js';
import { buildFrame, echoFrame, tcpFrame, udpFrame } from '../../support/packets.js';

const hasTcpdump = spawnSync('tcpdump', ['--version']).status === 0;
const hasTshark = spawnSync('tshark', ['--version']).status === 0;

/** Untagged IP packets without extension headers: the traffic for which pcap-filter and this language mean the same. */
function traffic(vlans: readonly number[] = []): Uint8Array[] {
  const random = new Random(7);
  const pick = <T>(values: readonly T[]): T => values[random.below(values.length)] as T;
  const ports = [21, 53, 80, 443, 1024, 5000];
  const hosts4 = ['10.1.1.1', '10.1.200.2', '10.2.0.3', '192.168.7.7', '172.16.0.1'];
  const hosts6 = ['2001:db8::1', '2001:db8:1::2', 'fd00::3'];
  return Array.from({ length: 400 }, () => {
    const hosts = random.below(3) === 0 ? hosts6 : hosts4;
    const ends = {
      src: pick(hosts),
      dst: pick(hosts),
      ...(vlans.length > 0 ? { vlans: [pick(vlans)] } : {}),
    };
    const withPorts = { ...ends, srcPort: pick(ports), dstPort: pick(ports) };
    switch (random.below(4)) {
      case 0:
        return echoFrame(ends);
      case 1:
        return udpFrame(withPorts);
      case 2:
        return tcpFrame({ ...withPorts, payload: new Uint8Array(random.below(60)) });
      default:
        return hosts === hosts6
          ? buildFrame({ ...tags(ends), ipv6: { ...ends, nextHeader: 47 }, payload: new Uint8Array(12) })
          : buildFrame({ ...tags(ends), ipv4: { ...ends, protocol: 47 }, payload: new Uint8Array(12) });
    }
  });
}

function tags({ vlans }: { vlans?: number[] }): { vlans?: number[] } {
  return vlans === undefined ? {} : { vlans };
}

/** Numbers of the packets that tcpdump copies from one capture to another. */
function copiedByTcpdump(file: string, expression: string): number[] {
  const copy = `${file}.passed`;
  const { status, stderr } = spawnSync('tcpdump', ['-r', file, '-w', copy, expression], { encoding: 'utf8' });
  // libpcap notices contradictions such as `tcp and udp`, and refuses what would never match.
  if (stderr.includes('expression rejects all packets')) return [];
  if (status !== 0) throw new Error(`tcpdump refused '${expression}': ${stderr}`);
  const bytes = readFileSync(copy);
  const numbers: number[] = [];
  for (let at = 24; at < bytes.length; at += 16 + bytes.readUInt32LE(at + 8)) {
    numbers.push(bytes.readUInt32LE(at));
  }
  return numbers;
}

const atom = fc.constantFrom(
  ...['tcp', 'udp', 'icmp', 'icmp6', 'ip', 'ip6', 'port 53', 'src port 21', 'udp dst port (443 or 5000)'],
  ...[
    'tcp portrange 50-443',
    'host 10.1.1.1',
    'dst host fd00::3',
    'src net 10.1.0.0/16',
    'net 2001:db8::/32',
  ],
  ...['ip src and dst net 10.0.0.0/8', 'ip6 proto 17', 'proto 47', 'src or dst port 80'],
);
/** Expressions whose conditions all mean the same to libpcap. */
const expressions = fc.letrec<{ whole: string; part: string }>((tie) => ({
  whole: fc
    .tuple(
      tie('part'),
      fc.array(fc.tuple(fc.constantFrom('and', 'or', '&&', '||'), tie('part')), { maxLength: 3 }),
    )
    .map(([first, more]) => [first, ...more.flat()].join(' ')),
  part: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    atom,
    atom.map((text) => `not ${text}`),
    tie('whole').map((text) => `(${text})`),
    tie('whole').map((text) => `!(${text})`),
  ),
})).whole;

function pcapOf(frames: readonly Uint8Array[]): Uint8Array {
  const header = Buffer.alloc(24);
  [0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1].forEach((value, index) => header.writeUInt32LE(value, index * 4));
  const records = frames.map((frame, index) => {
    const record = Buffer.alloc(16);
    // The number of the packet is its time, so that output names it.
    [index, 0, frame.length, frame.length].forEach((value, at) => record.writeUInt32LE(value, at * 4));
    return Buffer.concat([record, frame]);
  });
  return Buffer.concat([header, ...records]);
}

const EXPRESSIONS = [
  'tcp',
  'ip',
  'ip6',
  'icmp',
  'icmp6',
  'udp or tcp and port 80',
  'tcp and port 21',
  'not tcp port 80',
  'not tcp and not udp',
  'host 10.1.1.1',
  'src host 10.1.1.1 and dst host 192.168.7.7',
  'src 10.1.1.1 or dst 2001:db8::1',
  'src and dst net 10.0.0.0/8',
  'src or dst net 10.1.128.0/17',
  'net 10',
  'net 10.2',
  'net 192.168 or 172.16',
  'net 10.1.0.0 mask 255.255.0.0',
  'dst net 2001:db8::/33',
  'ip host 10.1.1.1',
  'ip6 host fd00::3',
  'port 21 or 53 or 80',
  'tcp port 21 or 53 and not udp',
  'port (21 or 443)',
  'src port 21 and dst port 21',
  'src and dst port 21',
  'dst portrange 1000-6000',
  'udp portrange 50-60',
  'proto 47',
  'ip proto 47',
  'ip6 proto \\udp',
  'ip proto \\tcp and src port http',
  'not host 10.1.1.1 and not 10.2.0.3',
  'host 10.1.1.1 or 10.2.0.3 and port 53',
  'less 60',
  'greater 62',
  '!(ip6 || tcp) && !icmp',
];

/** Expressions that libpcap refuses; both should. */
const REFUSED = ['tcp host 10.1.1.1', 'icmp port 7', 'net 10.0.0.1/8', 'tcp and 80', 'tcp udp', 'port'];

describe('the same packets pass as with', () => {
  let folder: string;
  let file: string;
  const frames = traffic();
  const passing = (expression: string): number[] => {
    const test = compileFilter(expression);
    return frames.flatMap((frame, index) => (test(frame) ? [index] : []));
  };

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ctreplay-filter-'));
    file = join(folder, 'traffic.pcap');
    writeFileSync(file, pcapOf(frames));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.skipIf(!hasTcpdump)('tcpdump (skipped where it is not installed)', () => {
    let both = 0;
    for (const expression of EXPRESSIONS) {
      const output = execFileSync('tcpdump', ['-nn', '-tt', '-q', '-r', file, expression], {
        stdio: ['ignore', 'pipe', 'ignore'],
        encoding: 'utf8',
      });
      const theirs = output
        .split('\n')
        .filter((line) => /^\d+\.\d{6} /.test(line))
        .map((line) => Number.parseInt(line, 10));
      const ours = passing(expression);
      expect(ours, expression).toEqual(theirs);
      if (ours.length > 0 && ours.length < frames.length) both += 1;
    }
    // Nearly every expression tells packets apart, or the comparison would show nothing.
    expect(both).toBeGreaterThan(EXPRESSIONS.length - 4);
  });

  it.skipIf(!hasTcpdump)('tcpdump on random expressions (skipped where it is not installed)', () => {
    fc.assert(
      fc.property(expressions, (expression) => {
        expect(passing(expression), expression).toEqual(copiedByTcpdump(file, expression));
      }),
      { numRuns: process.env['CTREPLAY_LONG'] ? 2000 : 25 },
    );
  });

  it.skipIf(!hasTcpdump)('tcpdump behind a VLAN tag (skipped where it is not installed)', () => {
    const tagged = traffic([5, 6]);
    const path = join(folder, 'tagged.pcap');
    writeFileSync(path, pcapOf(tagged));
    const taggedPassing = (expression: string): number[] => {
      const test = compileFilter(expression);
      return tagged.flatMap((frame, index) => (test(frame) ? [index] : []));
    };
    expect(copiedByTcpdump(path, 'vlan 5').length).toBeGreaterThan(50);
    for (const id of ['vlan', 'vlan 5', 'vlan 6', 'vlan 7']) {
      expect(taggedPassing(id), id).toEqual(copiedByTcpdump(path, id));
    }
    fc.assert(
      fc.property(expressions, fc.constantFrom('vlan', 'vlan 5'), (expression, vlan) => {
        // pcap-filter looks behind the tag from the word vlan on; here every condition does.
        const theirs = copiedByTcpdump(path, `${vlan} and (${expression})`);
        expect(taggedPassing(`${vlan} and (${expression})`), expression).toEqual(theirs);
        if (vlan === 'vlan') expect(taggedPassing(expression), expression).toEqual(theirs);
      }),
      { numRuns: process.env['CTREPLAY_LONG'] ? 1000 : 15 },
    );
  });

  it.skipIf(!hasTcpdump).each(REFUSED)(
    'tcpdump, which refuses %s (skipped where it is not installed)',
    (expression) => {
      expect(spawnSync('tcpdump', ['-r', file, '-d', expression]).status).not.toBe(0);
      expect(() => compileFilter(expression)).toThrow();
    },
  );

  it.skipIf(!hasTshark)(
    'tshark on VLAN tags and extension headers (skipped where it is not installed)',
    () => {
      const special = [
        udpFrame({ dstPort: 53, vlans: [{ id: 10 }] }),
        tcpFrame({ dstPort: 53, vlans: [{ id: 10 }, { id: 20 }] }),
        udpFrame({ dstPort: 53, src: '2001:db8::1', dst: '2001:db8::2' }),
        buildFrame({
          ipv6: { src: '2001:db8::1', dst: '2001:db8::2', extensions: [{ type: 0 }, { type: 60 }] },
          udp: { srcPort: 7, dstPort: 53 },
        }),
        buildFrame({
          ipv6: { src: '2001:db8::1', dst: '2001:db8::9', extensions: [{ type: 0 }] },
          tcp: { srcPort: 53, dstPort: 9 },
        }),
      ];
      const path = join(folder, 'special.pcap');
      writeFileSync(path, pcapOf(special));
      const pairs: readonly [string, string][] = [
        ['port 53', 'tcp.port==53 || udp.port==53'],
        ['udp dst port 53', 'udp.dstport==53'],
        ['vlan', 'vlan'],
        ['tcp and ip6', 'tcp && ipv6'],
        ['dst host 2001:db8::9', 'ipv6.dst==2001:db8::9'],
      ];
      for (const [expression, display] of pairs) {
        const output = execFileSync(
          'tshark',
          ['-r', path, '-Y', display, '-T', 'fields', '-e', 'frame.number'],
          {
            stdio: ['ignore', 'pipe', 'ignore'],
            encoding: 'utf8',
          },
        );
        const theirs = output
          .split('\n')
          .filter(Boolean)
          .map((line) => Number(line) - 1);
        const test = compileFilter(expression);
        expect(
          special.flatMap((frame, index) => (test(frame) ? [index] : [])),
          expression,
        ).toEqual(theirs);
      }
    },
  );
});
