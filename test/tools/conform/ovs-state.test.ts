import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadPackets } from '../../../tools/conform/capture-packets.js';
import { PLAIN_COMMIT_PLAN } from '../../../tools/conform/conform-plan.js';
import { runThroughOvs } from '../../../tools/conform/ovs-run.js';
import { OvsSandbox } from '../../../tools/conform/ovs-sandbox.js';
import type { TrackerRun } from '../../../tools/conform/tracker-run.js';
import { orWhySkipped, ovsMissing } from './ovs-available.js';

const CAPTURES = join(import.meta.dirname, '../../../../shared/conformance/captures');
const capturesMissing = existsSync(CAPTURES) ? null : `${CAPTURES} is absent`;

/** BGP and FTP over TCP, two VLAN tags, IPv6 extension headers; small files. */
const SAMPLE = [
  'tcpdump__tests_bgp-4byte-asn.pcap',
  'tcpdump__tests_802.1ad_QinQ.pcap',
  'zeek__testing_btest_Traces_ftp_ftp-password-pass-command.pcap',
  'zeek__testing_btest_Traces_mobile-ipv6_mip6_brr.pcap',
];

describe.skipIf(ovsMissing !== null)(orWhySkipped('OvsSandbox', ovsMissing), () => {
  test('a stopped instance leaves no directory', async () => {
    const sandbox = await OvsSandbox.start();
    expect(await sandbox.version()).toMatch(/^ovs-vswitchd \(Open vSwitch\) \d+\./);
    expect(existsSync(sandbox.directory)).toBe(true);
    await sandbox.stop();
    expect(existsSync(sandbox.directory)).toBe(false);
    await expect(sandbox.appctl('version')).rejects.toThrow('Open vSwitch is not running');
  });

  const missing = ovsMissing ?? capturesMissing;
  describe.skipIf(missing !== null)(orWhySkipped('states of a plain commit', missing), () => {
    test.each(SAMPLE)('%s', async (name) => {
      const packets = await loadPackets(join(CAPTURES, name), 'frozen');
      const expected = readFileSync(join(CAPTURES, `${name}.ctstate`), 'utf8')
        .trim()
        .split('\n');
      const run = await runInSandbox(packets);
      const got = run.packets.map((packet, index) => {
        // The switch gives only IP to its tracker; called directly, the tracker says that other packets are invalid.
        const state =
          packet.notTracked === null ? packet.outputs.map((output) => output.state).join() : 'inv|trk';
        return `${index + 1}: ${state}`;
      });
      expect(got).toEqual(expected);
    });
  });
});

async function runInSandbox(packets: Parameters<typeof runThroughOvs>[2]): Promise<TrackerRun> {
  const sandbox = await OvsSandbox.start();
  try {
    return await runThroughOvs(sandbox, PLAIN_COMMIT_PLAN, packets);
  } finally {
    await sandbox.stop();
  }
}
