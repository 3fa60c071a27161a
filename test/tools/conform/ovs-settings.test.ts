import { describe, expect, test } from 'vitest';
import { traitsOf } from '../../../engine/host/design-traits.js';
import { availableDesigns } from '../../../engine/host/designs.js';
import { BY_DESIGN } from '../../../tools/conform/design-explanation.js';
import { compareDesign } from '../../../tools/conform/run-conform.js';
import { echoFrame, tcpFrame, udpFrame } from '../../support/packets.js';
import { conformInput, statesOf, throughOvs, unexplained } from './inputs.js';
import { orWhySkipped, ovsMissing } from './ovs-available.js';

const CLIENT = '10.1.1.1';
const SERVER = '10.1.1.2';

describe.skipIf(ovsMissing !== null)(orWhySkipped('configurations in Open vSwitch', ovsMissing), () => {
  test('zone limits, timeout policies, marks and labels mean the same there', async () => {
    const input = conformInput(
      `
zone: { from: vlan, default: 1 }
zoneLimits: { default: 4, zones: { 7: 2 } }
timeoutPolicies: { short: { udp_first: 3, udp_single: 4, udp_multiple: 5, icmp_first: 2 } }
zonePolicies: { 7: short }
tcpSeqCheck: false
fragments: { max: 100, minSizeV4: 500 }
rules:
  - match: { proto: udp, dport: 53 }
    commit: true
    mark: { value: 0x50, mask: 0xf0 }
    label: { value: "0xabc0000000000000001", mask: "0xfff0000000000000001" }
  - match: { proto: udp, dport: 54 }
    nat: { type: none }
  - commit: true
`,
      [
        ...[1, 2, 3].map((srcPort): [number, Uint8Array] => [0, udpFrame({ srcPort, vlans: [{ id: 7 }] })]),
        ...[1, 2, 3, 4, 5].map((srcPort): [number, Uint8Array] => [1, udpFrame({ srcPort })]),
        [2, udpFrame({ srcPort: 9, dstPort: 54 })],
        [3, echoFrame({ vlans: [{ id: 7 }] })],
        [2500, udpFrame({ srcPort: 53, dstPort: 1, src: SERVER, dst: CLIENT, vlans: [{ id: 7 }] })],
        // The second of zone 7 has expired by now, so there is room again.
        [3500, echoFrame({ vlans: [{ id: 7 }] })],
        [3500, tcpFrame({ flags: 'S', seq: 1000 })],
        [
          3600,
          tcpFrame({
            flags: 'SA',
            seq: 5000,
            ack: 1001,
            src: SERVER,
            dst: CLIENT,
            srcPort: 80,
            dstPort: 40000,
          }),
        ],
        [3700, tcpFrame({ flags: 'A', seq: 900_000_000, ack: 5001 })],
      ],
    );
    const { run, version } = await throughOvs(input);
    for (const design of availableDesigns()) {
      const report = compareDesign({ design, preset: null }, input, run, version);
      expect(unexplained(report)).toEqual([]);
      expect(report.compared).toBe(input.packets.length);
    }
    expect(run.table.some(({ mark, labels }) => mark === 0x50 && labels !== null)).toBe(true);
    expect(run.table.filter(({ zone }) => zone === 7)).toHaveLength(2);
  });

  test('a third packet without an answer is new in Open vSwitch 3.1: explained by running again with the switch', async () => {
    const input = conformInput(
      'zone: 0',
      [0, 10, 20].map((ms) => [ms, udpFrame({})]),
    );
    const { run, version } = await throughOvs(input);
    expect(statesOf(run)).toEqual(['new|trk', 'new|trk', 'new|trk']);
    for (const design of availableDesigns()) {
      const choice = { design, preset: null };
      const report = compareDesign(choice, input, run, version);
      expect(report.differences).toEqual([
        expect.objectContaining({
          place: 'state of 3 at 3',
          tracker: 'est|trk',
          ovs: 'new|trk',
          explanation: expect.stringContaining('97211927f'),
        }),
      ]);
      // The revision explains nothing in a release that does not have it.
      const older = compareDesign(choice, input, run, 'ovs-vswitchd (Open vSwitch) 2.17.2');
      expect(unexplained(older)).toHaveLength(1);
    }
  });

  test('a re-opened connection keeps its only port in the design of Open vSwitch, which explains one that removes it at once', async () => {
    const out = { src: CLIENT, dst: SERVER, srcPort: 40000, dstPort: 80 };
    const back = { src: SERVER, dst: '10.1.1.240', srcPort: 80, dstPort: 5000 };
    const input = conformInput(
      `
rules:
  - { match: { src: ${CLIENT} }, commit: true, nat: { type: src, addr: 10.1.1.240, port: 5000 } }
  - { nat: { type: none } }
`,
      [
        [0, tcpFrame({ ...out, flags: 'S', seq: 1000 })],
        [0, tcpFrame({ ...back, flags: 'SA', seq: 9000, ack: 1001 })],
        [0, tcpFrame({ ...out, flags: 'RA', seq: 1001, ack: 9001 })],
        [0, tcpFrame({ ...out, flags: 'S', seq: 500_000 })],
      ],
    );
    const { run, version } = await throughOvs(input);
    expect(statesOf(run).at(-1)).toBe('new|trk');
    for (const design of availableDesigns()) {
      const report = compareDesign({ design, preset: null }, input, run, version);
      expect(unexplained(report)).toEqual([]);
      const explanations = new Set(report.differences.map(({ explanation }) => explanation));
      expect([...explanations]).toEqual(traitsOf(design).expireRemoves ? [BY_DESIGN] : []);
    }
  });
});
