/** All conformance captures, one after the other, through Open vSwitch: minutes on a busy machine, so only on request. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { availableDesigns } from '../../../engine/host/designs.js';
import { parseConfig } from '../../../tools/config/read-config.js';
import { readConformInput } from '../../../tools/conform/conform-input.js';
import { compareDesign } from '../../../tools/conform/run-conform.js';
import { CONFORMANCE, haveConformance } from '../../support/conformance.js';
import { throughOvs, unexplained } from './inputs.js';
import { orWhySkipped, ovsMissing } from './ovs-available.js';

const missing =
  ovsMissing ??
  (haveConformance ? null : '../shared/conformance is absent') ??
  (process.env['CTREPLAY_LONG'] === undefined ? 'a long run; set CTREPLAY_LONG=1' : null);

const CONFIGS: readonly (readonly [string, string])[] = [
  ['everything committed', 'zone: 0'],
  [
    'source translation with helpers',
    `
rules:
  - { match: { proto: tcp, dport: 21 }, commit: true, helper: ftp, nat: { type: src, addr: 192.0.2.1 } }
  - { match: { proto: udp, dport: 69 }, commit: true, helper: tftp, nat: { type: src, addr: 192.0.2.1 } }
  - { commit: true, nat: { type: src, addr: 192.0.2.1 } }
  - { commit: true, nat: { type: src, addr: "2001:db8::99" } }
`,
  ],
  [
    'zones with limits and few ports at several addresses',
    `
switches: { establishedAfterReply: true }
zone: { from: subnet, subnets: { 10.0.0.0/8: 5, 192.168.0.0/16: 6 }, default: 9 }
zoneLimits: { default: 60, zones: { 5: 20 } }
rules:
  - { commit: true, mark: 7, nat: { type: src, addr: 192.0.2.1, addrMax: 192.0.2.8, port: [3000, 3040] } }
  - { commit: true, nat: { type: src, addr: "2001:db8::99", addrMax: "2001:db8::9f", port: [3000, 3010] } }
`,
  ],
  [
    'forced destination translation',
    `
switches: { establishedAfterReply: true }
rules:
  - { commit: true, force: true, nat: { type: dst, addr: 192.0.2.1, addrMax: 192.0.2.3, port: [80, 99] } }
  - { commit: true, nat: { type: dst, addr: "2001:db8::99" } }
`,
  ],
];

describe.skipIf(missing !== null)(
  orWhySkipped('all conformance captures through Open vSwitch', missing),
  () => {
    test.each(CONFIGS)('%s', { timeout: 600_000 }, async (_name, yaml) => {
      const folder = join(CONFORMANCE, 'captures');
      const captures = readdirSync(folder).filter((name) => name.endsWith('.pcap'));
      const paths = captures.toSorted().map((name) => join(folder, name));
      const input = await readConformInput(paths, parseConfig(yaml, 'test.yaml'), 'frozen');
      const { run, version } = await throughOvs(input);
      for (const design of availableDesigns()) {
        const report = compareDesign({ design, preset: null }, input, run, version);
        expect(unexplained(report)).toEqual([]);
        // Some 9 % of these packets are not IP; hardly any has an address that is not known.
        expect(report.compared).toBeGreaterThan(0.9 * input.packets.length);
      }
    });
  },
);
