import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DEFAULT_CONFIG } from '../../../tools/config/read-config.js';
import { readConformInput } from '../../../tools/conform/conform-input.js';
import { runThroughOvs } from '../../../tools/conform/ovs-run.js';
import { OvsSandbox } from '../../../tools/conform/ovs-sandbox.js';
import { CONFORMANCE, haveConformance } from '../../support/conformance.js';
import { orWhySkipped, ovsMissing } from './ovs-available.js';

/** Two VLAN tags, IPv6 extension headers; small files. */
const SAMPLE = ['tcpdump__tests_802.1ad_QinQ.pcap', 'zeek__testing_btest_Traces_mobile-ipv6_mip6_brr.pcap'];

describe.skipIf(ovsMissing !== null)(orWhySkipped('a private Open vSwitch', ovsMissing), () => {
  test('leaves no directory when it is stopped', async () => {
    const sandbox = await OvsSandbox.start();
    expect(await sandbox.version()).toMatch(/^ovs-vswitchd \(Open vSwitch\) \d+\./);
    expect(existsSync(sandbox.directory)).toBe(true);
    await sandbox.stop();
    expect(existsSync(sandbox.directory)).toBe(false);
    await expect(sandbox.appctl('version')).rejects.toThrow('Open vSwitch is not running');
  });

  const without = haveConformance ? null : '../shared/conformance is absent';
  describe.skipIf(without !== null)(orWhySkipped('states of a plain commit', without), () => {
    test.each(SAMPLE)('%s', async (name) => {
      const capture = join(CONFORMANCE, 'captures', name);
      const sandbox = await OvsSandbox.start();
      try {
        const run = await runThroughOvs(sandbox, await readConformInput([capture], DEFAULT_CONFIG, 'frozen'));
        const got = run.packets.map((packet, index) => {
          // The switch gives only IP to its tracker; called directly, the tracker says that other packets are invalid.
          const state =
            packet.notCompared === null ? packet.outputs.map((output) => output.state).join() : 'inv|trk';
          return `${index + 1}: ${state}\n`;
        });
        expect(got.join('')).toBe(readFileSync(`${capture}.ctstate`, 'utf8'));
      } finally {
        await sandbox.stop();
      }
    });
  });
});
