import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { availableDesigns, resolveDesigns } from '../../../engine/host/designs.js';
import { DEFAULT_CONFIG, readConfig } from '../../../tools/config/read-config.js';
import { loadInput } from '../../../tools/conform/conform-setup.js';
import { runThroughOvs } from '../../../tools/conform/ovs-run.js';
import { OvsSandbox } from '../../../tools/conform/ovs-sandbox.js';
import { runConform } from '../../../tools/conform/run-conform.js';
import { CONFORMANCE, haveConformance } from '../../support/conformance.js';
import { orWhySkipped, ovsMissing } from './ovs-available.js';

const OURS = join(import.meta.dirname, '../../../captures/conform');

/** BGP over TCP, two VLAN tags, FTP, IPv6 extension headers; small files. */
const SAMPLE = [
  'tcpdump__tests_bgp-4byte-asn.pcap',
  'tcpdump__tests_802.1ad_QinQ.pcap',
  'zeek__testing_btest_Traces_ftp_ftp-password-pass-command.pcap',
  'zeek__testing_btest_Traces_mobile-ipv6_mip6_brr.pcap',
];

/** Our recordings, their configuration, and how many packets a known revision explains. */
const RECORDED = [
  ['ftp-active-snat', 'ftp-snat', 0],
  ['ftp-passive-snat', 'ftp-snat', 0],
  ['ftp-ipv6-snat', 'ftp-snat-ipv6', 0],
  ['ftp-dnat', 'ftp-dnat', 0],
  ['tftp-snat', 'tftp-snat', 0],
  ['icmp-errors-snat', 'snat', 1],
  ['udp-fragments-snat', 'snat', 0],
  ['snat-port-range', 'snat-port-range', 0],
] as const;

describe.skipIf(ovsMissing !== null)(orWhySkipped('a private Open vSwitch', ovsMissing), () => {
  test('leaves no directory when it is stopped', async () => {
    const sandbox = await OvsSandbox.start();
    expect(await sandbox.version()).toMatch(/^ovs-vswitchd \(Open vSwitch\) \d+\./);
    expect(existsSync(sandbox.directory)).toBe(true);
    await sandbox.stop();
    expect(existsSync(sandbox.directory)).toBe(false);
    await expect(sandbox.appctl('version')).rejects.toThrow('Open vSwitch is not running');
  });

  test.each(RECORDED)('agrees about every packet and the table: %s', async (capture, config, explained) => {
    const { designs } = await runConform(
      [join(OURS, `${capture}.pcap`)],
      readConfig(join(OURS, `${config}.yaml`)),
      'capture',
      resolveDesigns('all'),
    );
    expect(designs).toHaveLength(availableDesigns().length);
    for (const { report } of designs) {
      expect(report.differences.filter((difference) => difference.explanation === null)).toEqual([]);
      expect(report.differences).toHaveLength(explained);
      expect(report.compared).toBe(report.packets);
      expect(report.connections).toBeGreaterThan(0);
    }
  });

  const without = haveConformance ? null : '../shared/conformance is absent';
  describe.skipIf(without !== null)(orWhySkipped('states of a plain commit', without), () => {
    test.each(SAMPLE)('%s', async (name) => {
      const capture = join(CONFORMANCE, 'captures', name);
      const { setup, packets } = await loadInput([capture], DEFAULT_CONFIG, 'frozen');
      const sandbox = await OvsSandbox.start();
      try {
        const run = await runThroughOvs(sandbox, setup, packets);
        const got = run.packets.map((packet, index) => {
          // The switch gives only IP to its tracker; called directly, the tracker says that other packets are invalid.
          const state =
            packet.notTracked === null ? packet.outputs.map((output) => output.state).join() : 'inv|trk';
          return `${index + 1}: ${state}\n`;
        });
        expect(got.join('')).toBe(readFileSync(`${capture}.ctstate`, 'utf8'));
      } finally {
        await sandbox.stop();
      }
    });
  });
});
