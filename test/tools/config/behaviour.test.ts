/** What the keys of a configuration make a tracker do. */
import { describe, expect, it } from 'vitest';
import { DEFAULT_CONFIG, parseConfig } from '../../../tools/config/read-config.js';
import { createRules } from '../../../tools/config/rules.js';
import { configuredTracker } from '../../../tools/oracle/configured-tracker.js';
import { dissect } from '../../support/dissect.js';
import { tcpFrame, udpFrame } from '../../support/packets.js';

/** A tracker under a configuration, fed packet by packet through its rules. */
function bed(text: string | null, design = 'rculist-sweep') {
  const config = text === null ? DEFAULT_CONFIG : parseConfig(text, 'test.yaml');
  const tracker = configuredTracker({ design, preset: null }, config, { slabSlots: 4096 });
  const rules = createRules(config);
  return {
    tracker,
    run(frame: Uint8Array, nowMs = 1000, worker = 0) {
      const request = rules.requests[rules.choose({ frame, worker })] ?? {};
      const handle = tracker.packet(frame);
      const [out] = tracker.execute(handle, request, nowMs).returned;
      const after = handle.copyFrame();
      tracker.release(handle);
      return { state: out?.state ?? 'held', mark: out?.mark ?? 0, zone: request.zone, frame: after };
    },
  };
}

const entriesOf = ({ tracker }: ReturnType<typeof bed>, nowMs = 1000) =>
  tracker.dump(nowMs).map((entry) => ({ zone: entry.zone, mark: entry.mark, label: entry.label }));

describe('zones', () => {
  it('a default limit and that of a zone hold', () => {
    const tested = bed('zone: {from: vlan}\nzoneLimits: {default: 1, zones: {5: 2, 6: 0}}');
    const states = [5, 5, 5, 6, 7, 8].map(
      (id, index) => tested.run(udpFrame({ srcPort: 1000 + index, vlans: [{ id }] })).state,
    );
    expect(states.every((state) => state === 'new|trk')).toBe(true);
    // Zones 7 and 8 share the default entry.
    expect(entriesOf(tested).map(({ zone }) => zone)).toEqual(expect.arrayContaining([5, 5, 7]));
    expect(tested.tracker.connCount).toBe(3);
    const switched = bed(
      'zone: {from: vlan}\nzoneLimits: {default: 1}\nswitches: {defaultLimitPerZone: true}',
    );
    for (const id of [7, 7, 8]) switched.run(udpFrame({ srcPort: 2000 + id, vlans: [{ id }] }));
    expect(switched.tracker.connCount).toBe(2);
  });

  it('a condition on the zone looks at the zone of the packet, not at that of the rule', () => {
    const tested = bed('zone: {from: vlan}\nrules: [{match: {zone: [5, 6]}, commit: true, zone: 9}]');
    const zones = [5, 6, 7].map((id) => tested.run(udpFrame({ srcPort: id, vlans: [{ id }] })).zone);
    expect(zones).toEqual([9, 9, 7]);
    expect(tested.tracker.connCount).toBe(2);
  });
});

describe('timeout policies', () => {
  const secondsOf = (text: string, id: number): number | null => {
    const tested = bed(text);
    tested.run(udpFrame({ vlans: [{ id }] }));
    const [entry] = tested.tracker.dump(1000);
    return entry === undefined ? null : (entry.expirationMs - 1000) / 1000;
  };

  it('follow the zone, by name or id; the name default changes what all others get', () => {
    const text = `
zone: {from: vlan}
timeoutPolicies: {default: {udp_first: 11}, short: {udp_first: 2}, 1: {udp_first: 3}, 77: {udp_single: 9}}
zonePolicies: {5: short, 6: 1, 7: 77, 8: default}`;
    expect([4, 5, 6, 7, 8].map((id) => secondsOf(text, id))).toEqual([11, 2, 3, 60, 11]);
    expect(secondsOf('zone: {from: vlan}', 5)).toBe(60);
  });
});

describe('marks and labels', () => {
  it('of all bits, and under a mask', () => {
    const label = '0x0123456789abcdef0011223344556677';
    const tested = bed(`rules:
  - {match: udp port 1, commit: true, mark: 0xffffffff, label: ${label}}
  - {match: udp port 2, commit: true, mark: 0x5/0xf, label: {value: 1, mask: 0xf}}
  - {match: udp port 3, commit: true, mark: {value: 3, mask: 1}}`);
    expect(tested.run(udpFrame({ dstPort: 1 })).mark).toBe(0xffff_ffff);
    expect(tested.run(udpFrame({ dstPort: 2 })).mark).toBe(5);
    expect(tested.run(udpFrame({ dstPort: 3 })).mark).toBe(3);
    const labels = entriesOf(tested).map((entry) => entry.label);
    expect(new Set(labels)).toEqual(new Set([0n, 1n, BigInt(label)]));
  });
});

describe('translation', () => {
  it('takes packets of the IP version of its addresses only', () => {
    const tested = bed(`rules:
  - {commit: true, nat: {type: src, addr: 192.0.2.1}}
  - {commit: true, nat: {type: src, addr: "2001:db8::99"}}`);
    expect(dissect(tested.run(udpFrame()).frame)).toMatchObject({ src: '192.0.2.1', badChecksums: [] });
    const six = tested.run(udpFrame({ src: 'fd00::1', dst: 'fd00::2' }));
    expect(dissect(six.frame)).toMatchObject({ src: '20010db8000000000000000000000099', badChecksums: [] });
  });
});

describe('helpers', () => {
  const control = { src: '10.0.0.1', dst: '10.0.0.2', srcPort: 40000 };
  const session = (text: string, port: number) => {
    const tested = bed(text);
    const back = { src: control.dst, dst: control.src, srcPort: port, dstPort: control.srcPort };
    tested.run(tcpFrame({ ...control, dstPort: port, flags: 'S', seq: 100 }));
    tested.run(tcpFrame({ ...back, flags: 'SA', seq: 500, ack: 101 }));
    tested.run(tcpFrame({ ...control, dstPort: port, flags: 'A', seq: 101, ack: 501 }));
    const payload = 'PORT 10,0,0,1,39,16\r\n';
    tested.run(tcpFrame({ ...control, dstPort: port, flags: 'PA', seq: 101, ack: 501, payload }));
    const answer = '227 Entering Passive Mode (10,0,0,2,39,17).\r\n';
    tested.run(tcpFrame({ ...back, flags: 'PA', seq: 501, ack: 101 + payload.length, payload: answer }));
    return tested.tracker.expectations().length;
  };

  it('look at a port of their own in both directions', () => {
    const text = 'rules: [{commit: true, helper: {name: ftp, port: 2121}}]';
    expect(session(text, 2121)).toBe(2);
    expect(session('rules: [{commit: true, helper: ftp}]', 2121)).toBe(0);
    expect(session('rules: [{commit: true, helper: ftp}]', 21)).toBe(2);
  });
});

describe('limits and checks', () => {
  it('the connection limit and the window check', () => {
    const limited = bed('maxConns: 2');
    for (let port = 1; port <= 4; port++) limited.run(udpFrame({ srcPort: port }));
    expect(limited.tracker.connCount).toBe(2);
    const stateOfOldData = (text: string | null): string => {
      const tested = bed(text);
      const back = { src: '10.1.1.2', dst: '10.1.1.1', srcPort: 80, dstPort: 40000 };
      tested.run(tcpFrame({ flags: 'S', seq: 1000 }));
      tested.run(tcpFrame({ ...back, flags: 'SA', seq: 5000, ack: 1001 }));
      tested.run(tcpFrame({ flags: 'A', seq: 1001, ack: 5001 }));
      return tested.run(tcpFrame({ flags: 'A', seq: 0x7000_0000, ack: 5001, payload: 'x' })).state;
    };
    expect(stateOfOldData(null)).toBe('inv|trk');
    expect(stateOfOldData('tcpSeqCheck: false')).toBe('est|trk');
  });

  it('established only after a reply, when asked for', () => {
    const third = (text: string | null): string => {
      const tested = bed(text);
      return [1, 2, 3].map(() => tested.run(udpFrame()).state).at(-1) as string;
    };
    expect(third(null)).toBe('est|trk');
    expect(third('switches: {establishedAfterReply: true}')).toBe('new|trk');
  });
});
