import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { traitsOf } from '../../../engine/host/design-traits.js';
import { availableDesigns, DEFAULT_DESIGN, DEFAULT_DESIGNS } from '../../../engine/host/designs.js';
import { parseConfig } from '../../../tools/config/read-config.js';
import type { InputPacket } from '../../../tools/oracle/capture-run.js';
import { Differ } from '../../../tools/oracle/differ.js';
import { echoFrame, tcpFrame, udpFrame } from '../../support/packets.js';
import { design } from '../../support/replay.js';

/** Few tuples and many packets, so that packets meet each other's connections. */
const HOSTS = ['10.1.1.1', '10.1.1.2', '10.1.1.3', '10.2.2.2', '10.1.1.240'];
const PORTS = [21, 53, 80, 1024, 40000];
const FLAGS = ['S', 'SA', 'A', 'FA', 'R', 'RA', 'PA'];

const packet = fc.record({
  gapMs: fc.oneof(
    { weight: 6, arbitrary: fc.nat(50) },
    { weight: 2, arbitrary: fc.nat(5000) },
    { weight: 1, arbitrary: fc.nat(70_000) },
  ),
  protocol: fc.constantFrom('tcp', 'tcp', 'udp', 'udp', 'icmp'),
  src: fc.constantFrom(...HOSTS),
  dst: fc.constantFrom(...HOSTS),
  srcPort: fc.constantFrom(...PORTS),
  dstPort: fc.constantFrom(...PORTS),
  flags: fc.constantFrom(...FLAGS),
  seq: fc.oneof(fc.nat(3), fc.nat(70_000)),
  ack: fc.nat(3),
  vlan: fc.constantFrom(0, 0, 5, 6),
  reply: fc.boolean(),
});
type PacketPlan = typeof packet extends fc.Arbitrary<infer T> ? T : never;

function toFrame(plan: PacketPlan): Uint8Array {
  const ends = { src: plan.src, dst: plan.dst, ...(plan.vlan === 0 ? {} : { vlans: [{ id: plan.vlan }] }) };
  const ports = { srcPort: plan.srcPort, dstPort: plan.dstPort };
  if (plan.protocol === 'icmp') return echoFrame({ ...ends, id: plan.srcPort & 3, reply: plan.reply });
  if (plan.protocol === 'udp') return udpFrame({ ...ends, ...ports });
  return tcpFrame({ ...ends, ...ports, flags: plan.flags, seq: plan.seq, ack: plan.ack });
}

function toPackets(plans: readonly PacketPlan[]): InputPacket[] {
  let ms = 1_700_000_000_000;
  return plans.map((plan, index) => {
    ms += plan.gapMs;
    return { packetNumber: index + 1, timestampNs: BigInt(ms) * 1_000_000n, frame: toFrame(plan) };
  });
}

const configs = {
  plain: '{}\nrules: [{commit: true}]',
  zones: `
zone: {from: vlan}
zoneLimits: {default: 6, zones: {5: 3}}
rules: [{commit: true}]`,
  policies: `
zone: {from: vlan}
timeoutPolicies: {short: {udp_first: 2, udp_single: 2, tcp_syn_sent: 1}, long: {udp_first: 300, udp_single: 300}}
zonePolicies: {5: short, 6: long}
rules: [{commit: true}]`,
  nat: `
rules:
  - {match: {src: 10.1.1.0/24, dst: 10.2.2.2}, commit: true, nat: {type: src, addr: 10.1.1.240, port: [1024, 1027]}}
  - {match: {dst: 10.1.1.240}, nat: {type: none}}
  - {match: {src: 10.2.2.2, proto: udp}, commit: true, nat: {type: dst, addr: 10.1.1.1, addrMax: 10.1.1.3}}
  - {commit: true, nat: {type: none}, mark: 7}`,
  limit: 'maxConns: 4\nrules: [{commit: true}]',
  forced: `
rules:
  - {match: {dport: 53}, commit: true, force: true}
  - {match: {proto: icmp}}
  - {commit: true}`,
};

function parsed(text: string) {
  return parseConfig(text.replace(/^\{\}\n/, ''), 'test.yaml');
}

const PAIRS = [
  ['timeout-lists', 'rculist-sweep'],
  // Each other one against the one that the vectors of the new design were recorded with.
  ...availableDesigns()
    .filter((name) => !DEFAULT_DESIGNS.includes(name))
    .map((name) => [DEFAULT_DESIGN, name] as const),
  ['timeout-lists', 'rculist-sweep@v6'],
  // Presets that sweep alike and lock less.
  ...[traitsOf(DEFAULT_DESIGN).atomicExpiryPreset, traitsOf(DEFAULT_DESIGN).oneHoldPreset].map(
    (preset) => [DEFAULT_DESIGN, `${DEFAULT_DESIGN}@${preset}`] as const,
  ),
] as const;
/** Traces of a configuration and pair; over the six configurations of a long run more than 2,000 for each pair. */
const RUNS_EACH = process.env['CTREPLAY_LONG'] === undefined ? 15 : 340;

describe.each(Object.entries(configs))('generated traces, configuration %s', (_name, text) => {
  const config = parsed(text);
  it.each(PAIRS)('%s and %s differ only as the designs explain', (a, b) => {
    const differ = new Differ([design(a), design(b)], config);
    fc.assert(
      fc.property(fc.array(packet, { minLength: 1, maxLength: 60 }), (plans) => {
        const report = differ.compare(toPackets(plans));
        expect(report.unexplained).toBeNull();
      }),
      { numRuns: RUNS_EACH },
    );
  });
});

describe('what a comparison reports', () => {
  const at = (ms: number, frame: Uint8Array, packetNumber: number): InputPacket => ({
    packetNumber,
    timestampNs: BigInt(ms) * 1_000_000n,
    frame,
  });

  it('an expired connection that still counts against a limit is explained', () => {
    // One connection is allowed. It expires at 60 s; the old design has swept it by then, the new one has not.
    const config = parsed(
      'maxConns: 1\ntimeoutPolicies: {p: {udp_first: 3, udp_single: 3}}\nzonePolicies: {0: p}\nrules: [{commit: true}]',
    );
    const differ = new Differ([design('timeout-lists'), design('rculist-sweep')], config);
    const report = differ.compare([
      at(0, udpFrame({ srcPort: 1000 }), 1),
      at(1, udpFrame({ srcPort: 1000 }), 2),
      at(9000, udpFrame({ srcPort: 2000 }), 3),
      at(9001, udpFrame({ srcPort: 2000, src: '10.1.1.2', dst: '10.1.1.1', dstPort: 2000 }), 4),
      at(9002, udpFrame({ srcPort: 2000 }), 5),
      at(9003, udpFrame({ srcPort: 2000 }), 6),
    ]);
    expect(report.unexplained).toBeNull();
    expect(report.first).not.toBeNull();
    expect(report.explained).not.toHaveLength(0);
  });

  it('the same design twice never differs', () => {
    const differ = new Differ([design('rculist-sweep'), design('rculist-sweep')], parsed(configs.nat));
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 40 }), (plans) => {
        expect(differ.compare(toPackets(plans)).first).toBeNull();
      }),
      { numRuns: 20 },
    );
  });
});
