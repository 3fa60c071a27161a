import { describe, expect, test } from 'vitest';
import { compareRuns, type Difference } from '../../../tools/conform/compare-runs.js';
import type { ConformRun, OutputPacket } from '../../../tools/conform/conform-run.js';
import { parseConntrackDump } from '../../../tools/conform/dump-parse.js';
import { explainDifferences } from '../../../tools/conform/explanations.js';
import { layerDifferences } from '../../../tools/conform/layer-check.js';
import { isSince } from '../../../tools/conform/release.js';
import { takeChoice } from '../../../tools/conform/nat-choice.js';
import { buildFrame, quoteOf, udpFrame } from '../../support/packets.js';

const ENTRY =
  'udp,orig=(src=10.1.1.1,dst=10.1.1.2,sport=1,dport=2),reply=(src=10.1.1.2,dst=10.1.1.1,sport=2,dport=1),timeout=60';

function output(packetIndex: number, state: string, frame = udpFrame()): OutputPacket {
  return { packetIndex, state, frame };
}

function run(outputs: readonly (readonly OutputPacket[])[], table = ''): ConformRun {
  return {
    packets: outputs.map((each) => ({ outputs: each, notCompared: null })),
    table: parseConntrackDump(table),
  };
}

function places(ours: ConformRun, theirs: ConformRun): string[] {
  return compareRuns(ours, theirs).differences.map(({ place }) => place);
}

describe('compareRuns', () => {
  test('equal runs agree', () => {
    const first = run([[output(0, 'new|trk')], []], ENTRY);
    expect(compareRuns(first, first)).toEqual({ compared: 2, notCompared: {}, agreeing: 2, differences: [] });
  });

  test('state, bytes, order and table each show, at the packet that they belong to', () => {
    const theirs = run([[output(0, 'new|trk')], [], [output(2, 'est|trk'), output(1, 'est|trk')]], ENTRY);
    expect(
      places(
        run([
          [output(0, 'est|trk')],
          [],
          [output(2, 'est|trk'), output(1, 'est|trk', udpFrame({ dstPort: 9 }))],
        ]),
        theirs,
      ),
    ).toEqual(['state of 1 at 1', 'frame of 2 at 3', 'table udp 0 [10.1.1.1]:1>[10.1.1.2]:2']);
    expect(places(run([[output(0, 'new|trk')], [output(1, 'trk')], []], ENTRY), theirs)).toEqual([
      'outputs at 2',
      'outputs at 3',
    ]);
  });

  test('the seconds left count, and a frame difference names its bytes', () => {
    expect(places(run([], ENTRY), run([], ENTRY.replace('60', '59')))).toHaveLength(1);
    const [difference] = compareRuns(
      run([[output(0, 'trk', udpFrame({ srcPort: 1, payload: 'ab', badChecksums: ['udp'] }))]]),
      run([[output(0, 'trk', udpFrame({ srcPort: 1, payload: 'ab' }))]]),
    ).differences;
    expect(difference?.tracker).toMatch(/^10\.1\.1\.1:1>10\.1\.1\.2:53 udp, 4\d: [0-9a-f]{2,4}$/);
  });

  test('what the switch did not give to its tracker is not compared', () => {
    const theirs: ConformRun = { packets: [{ outputs: [], notCompared: 'not IP' }], table: [] };
    expect(compareRuns(run([[output(0, 'inv|trk')]]), theirs)).toEqual({
      compared: 0,
      notCompared: { 'not IP': 1 },
      agreeing: 0,
      differences: [],
    });
  });
});

describe('explainDifferences', () => {
  const OVS31 = 'ovs-vswitchd (Open vSwitch) 3.1.0';
  const difference = (mine: OutputPacket, their: OutputPacket): Difference[] => [
    ...compareRuns(run([[mine]]), run([[their]])).differences,
  ];

  test('what a switch makes go away is explained by its revision, nothing else is', () => {
    const found = difference(output(0, 'est|trk'), output(0, 'new|trk'));
    const gone = { compared: 1, notCompared: {}, agreeing: 1, differences: [] };
    const [explained] = explainDifferences(found, OVS31, () => gone);
    expect(explained?.explanation).toMatch(/97211927f/);
    const stays = { compared: 1, notCompared: {}, agreeing: 0, differences: found };
    expect(explainDifferences(found, OVS31, () => stays)[0]?.explanation).toBeNull();
    expect(explained?.known).toEqual(['established-after-reply']);
    expect(explainDifferences(found, 'Open vSwitch 2.17.2', () => gone)[0]?.known).not.toContain(
      'established-after-reply',
    );
    expect(explainDifferences(found, 'a build without number', () => gone)[0]?.explanation).toBeNull();
  });

  test('a release has what came at or before it', () => {
    const line = (version: string): string => `ovs-vswitchd (Open vSwitch) ${version}`;
    expect(isSince(line('3.1.0'), [[3, 1, 0]])).toBe(true);
    expect(isSince(line('3.0.9'), [[3, 1, 0]])).toBe(false);
    expect(isSince(line('4.0.0'), [[3, 7, 0]])).toBe(true);
    expect(isSince(line('2.17.9'), [[3, 1, 0]])).toBe(false);
    const backported = [[3, 3, 9], [3, 4, 6], [3, 7, 1]] as const; // prettier-ignore
    const has = (version: string): boolean => isSince(line(version), backported);
    expect(['3.3.8', '3.4.5', '3.5.9', '3.7.0'].map(has)).toEqual([false, false, false, false]);
    expect(['3.3.9', '3.3.10', '3.4.6', '3.7.1', '3.8.0', '4.0.0'].map(has)).toEqual(
      Array.from({ length: 6 }, () => true),
    );
  });

  /** An ICMP error of the original direction behind SNAT, about an answer to 10.1.1.1 or as it was sent, to 10.3.3.3. */
  const error = (quotedDst: string, rest: number, src = '10.3.3.3'): Uint8Array =>
    buildFrame({
      ipv4: { src, dst: '10.2.2.2' },
      icmp: {
        type: 3,
        code: 3,
        rest,
        quote: quoteOf(
          udpFrame({ src: '10.2.2.2', dst: quotedDst, srcPort: 7, dstPort: 9, payload: 'x' }),
          28,
        ),
      },
    });
  const explanationOf = (mine: Uint8Array, their: Uint8Array, state: string): string | null => {
    const found = difference(output(0, state, mine), output(0, state, their));
    expect(found).toHaveLength(1);
    const stays = { compared: 1, notCompared: {}, agreeing: 0, differences: found };
    return explainDifferences(found, OVS31, () => stays)[0]?.explanation ?? null;
  };

  test('a quoted packet that only the switch translated is explained in the original direction', () => {
    const [mine, their] = [error('10.1.1.1', 0), error('10.3.3.3', 0)];
    const state = 'rel|trk|snat';
    expect(explanationOf(mine, their, state)).toMatch(/ed44eefb8/);
    // In the reply direction both translate it; an answer from elsewhere, or another changed byte, is something else.
    expect(explanationOf(mine, their, 'rel|rpl|trk|snat')).toBeNull();
    expect(explanationOf(mine, error('10.3.3.9', 0), state)).toBeNull();
    expect(explanationOf(mine, error('10.3.3.3', 1), state)).toBeNull();
    expect(explanationOf(mine, error('10.1.1.1', 0, '10.3.3.4'), state)).toBeNull();
  });

  test('a garbled MTU is explained only when the checksum makes up for it', () => {
    const tooBig = (mtu: number): Uint8Array =>
      buildFrame({
        ipv6: { src: 'fc00::fe', dst: 'fc00::1' },
        icmpv6: {
          type: 2,
          code: 0,
          rest: mtu,
          quote: quoteOf(udpFrame({ src: 'fc00::1', dst: 'fc00::2' }), 48),
        },
      });
    const state = 'rel|rpl|trk|dnat';
    expect(explanationOf(tooBig(1280), tooBig(1538), state)).toMatch(/defect of every revision/);
    const wrongSum = tooBig(1538);
    wrongSum[57]! ^= 1;
    expect(explanationOf(tooBig(1280), wrongSum, state)).toBeNull();
    expect(explanationOf(tooBig(1280), tooBig(1538), 'rel|rpl|trk')).toBeNull();
  });
});

describe('layerDifferences', () => {
  const packet = (frame: Uint8Array) => ({ frame, timestampMs: 0, requestIndex: 0 });
  const tracked = { outputs: [], notCompared: null };
  const untracked = { outputs: [], notCompared: 'not IP' };

  test('a packet that only one side takes for IP is a difference', () => {
    const [ip, snap] = [udpFrame(), buildFrame({ ipv4: { src: '10.0.0.1', dst: '10.0.0.2' }, snap: true })];
    const arp = buildFrame({ etherType: 0x0806, payload: new Uint8Array(46) });
    const packets = [ip, snap, arp].map(packet);
    expect(layerDifferences(packets, { packets: [tracked, tracked, untracked], table: [] })).toEqual([]);
    const found = layerDifferences(packets, { packets: [tracked, untracked, tracked], table: [] });
    expect(found.map(({ place, tracker, ovs }) => [place, tracker, ovs])).toEqual([
      ['layers of 2', 'IP', 'not IP'],
      ['layers of 3', 'not IP', 'IP'],
    ]);
  });
});

describe('takeChoice', () => {
  const request = {
    commit: true,
    nat: { type: 'src', minAddress: '10.9.0.1', maxAddress: '10.9.0.8', ports: [5000, 5007] },
  } as const;
  const there = (state: string, srcPort: number): { outputs: OutputPacket[]; notCompared: null } => ({
    outputs: [output(4, state, udpFrame({ src: '10.9.0.3', srcPort }))],
    notCompared: null,
  });

  test('a new translated packet fixes address and port', () => {
    expect(takeChoice(request, 4, there('new|trk|snat', 5002))).toEqual({
      commit: true,
      nat: { type: 'src', minAddress: '10.9.0.3', maxAddress: '10.9.0.3', ports: [5002, 5002] },
    });
  });

  test('exhaustion, known connections, other packets and ports out of range leave the range', () => {
    for (const state of ['new|trk', 'est|trk|snat']) {
      expect(takeChoice(request, 4, there(state, 5002))).toBe(request);
    }
    expect(takeChoice(request, 3, there('new|trk|snat', 5002))).toBe(request);
    expect(takeChoice(request, 4, there('new|trk|snat', 6000))).toBe(request);
    const single = { ...request, nat: { type: 'src', minAddress: '10.9.0.1', ports: [1, 1] } } as const;
    expect(takeChoice(single, 4, there('new|trk|snat', 1))).toBe(single);
  });
});
