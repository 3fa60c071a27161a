import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PcapWriter } from '../../../tools/captures/pcap-writer.js';
import { openScenario } from '../../../tools/synth/registry.js';
import { drainSource } from '../../../tools/synth/write-capture.js';
import { title, VARIANTS } from './support/variants.js';

const available = spawnSync('tshark', ['--version']).status === 0;
const PACKETS = process.env['CTREPLAY_LONG'] ? 50_000 : 1500;
const TIMEOUT_MS = 900_000;
const CHECKS = ['ip', 'tcp', 'udp'].flatMap((protocol) => ['-o', `${protocol}.check_checksum:TRUE`]);
/** Status 0 is bad, 1 good, 2 unverified (as in a quoted, cut packet), 3 not present. */
const BAD = [
  '_ws.malformed',
  ...['ip', 'tcp', 'udp', 'icmp', 'icmpv6'].map((protocol) => `${protocol}.checksum.status == 0`),
  'ip.bogus_header_length',
  'tcp.len < 0',
].join(' || ');
/** Filters, and how many packets they let through at least. */
const GOOD: readonly (readonly [filter: string, least: number])[] = [
  ['tcp.checksum.status == 1', 10 * PACKETS],
  ['ftp.request.command == "EPRT" || ftp.request.command == "PORT"', 10],
  ['ftp.response.code == 227 || ftp.response.code == 229', 10],
  ['dns.flags.response == 1 && dns.a', 100],
  ['ip.reassembled.length || ipv6.reassembled.length', 100],
  ['vlan.id == 101', 100],
  ['icmp.type == 3 && udp', 10],
];

describe.runIf(available)('tshark (skipped where it is not installed)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ctreplay-synth-'));
  const file = join(folder, 'all.pcap');

  // One file and few runs of tshark: starting it takes longer than reading the packets.
  beforeAll(() => {
    const writer = new PcapWriter(file);
    for (const variant of VARIANTS) {
      const { source } = openScenario(variant.name, { ...variant.parameters, packets: PACKETS }, 3);
      drainSource(source, (record) => writer.write(record));
    }
    writer.close();
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  function frameNumbers(filter: string): number[] {
    const fields = ['-T', 'fields', '-e', 'frame.number'];
    const output = execFileSync('tshark', ['-n', '-r', file, ...CHECKS, '-Y', filter, ...fields], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return output.split('\n').filter(Boolean).map(Number);
  }

  /** How many packets each filter lets through, in one pass. */
  function counts(filters: readonly string[]): number[] {
    const output = execFileSync(
      'tshark',
      ['-n', '-q', '-r', file, ...CHECKS, '-z', `io,stat,0,${filters.join(',')}`],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    );
    const row = output.split('\n').find((line) => line.includes('<>')) ?? '';
    // Packets and bytes of each, after the interval.
    const cells = row.split('|').map((cell) => cell.trim());
    return filters.map((_, index) => Number(cells[2 + 2 * index]));
  }

  it(
    'finds no malformed packet and no bad checksum in any scenario, verifies checksums, and reads FTP, DNS, fragments and VLANs as such',
    () => {
      const [bad, ...good] = counts([BAD, ...GOOD.map(([filter]) => filter)]);
      for (const [index, [filter, least]] of GOOD.entries()) {
        expect(good[index], filter).toBeGreaterThan(least);
      }
      // Which they are takes another pass.
      const where = bad === 0 ? [] : frameNumbers(BAD);
      expect(
        where.map((n) => {
          const variant = VARIANTS[Math.floor((n - 1) / PACKETS)]!;
          return `${title(variant)}: packet ${(n - 1) % PACKETS}`;
        }),
      ).toEqual([]);
      expect(bad).toBe(0);
    },
    TIMEOUT_MS,
  );
});
