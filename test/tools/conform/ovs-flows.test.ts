import { describe, expect, test } from 'vitest';
import { parseConformPlan, PLAIN_COMMIT_PLAN } from '../../../tools/conform/conform-plan.js';
import { planToFlows, statePort } from '../../../tools/conform/ovs-flows.js';

function ctFlows(yaml: string): string[] {
  return planToFlows(parseConformPlan(yaml, 'plan.yaml'))
    .filter((flow) => flow.includes('ct('))
    .map((flow) => flow.replace(/^table=0,/, ''));
}

describe('planToFlows', () => {
  test('a plain commit covers both IP versions', () => {
    const flows = planToFlows(PLAIN_COMMIT_PLAN);
    expect(flows).toContain('table=0,priority=60000,ip,actions=ct(zone=0,table=1,commit)');
    expect(flows).toContain('table=0,priority=60000,ipv6,actions=ct(zone=0,table=1,commit)');
  });

  test('every combination of state bits leaves by a port of its own', () => {
    const stateFlows = planToFlows(PLAIN_COMMIT_PLAN).filter((flow) => flow.startsWith('table=1'));
    expect(stateFlows).toHaveLength(256);
    expect(new Set(stateFlows.map((flow) => /output:(\d+)/.exec(flow)?.[1])).size).toBe(256);
    expect(stateFlows[0x21]).toContain('ct_state=+new-est-rel-rpl-inv+trk-snat-dnat');
    expect(stateFlows[0x21]).toContain(`output:${statePort(0x21).number},`);
  });

  test('the first rule has the highest priority, and its fields become match and action', () => {
    const flows = ctFlows(`
rules:
  - match: { src: 10.1.1.0/24, proto: tcp, dport: 21 }
    zone: 1
    commit: true
    helper: ftp
    mark: { value: 5, mask: 255 }
    nat: { type: src, addr: [10.2.2.1, 10.2.2.2], port: [5000, 5001] }
  - zone: 1
    force: true
    nat: { type: none }
`);
    expect(flows).toEqual([
      'priority=60000,tcp,nw_src=10.1.1.0/24,tp_dst=21,actions=ct(zone=1,table=1,commit,' +
        'nat(src=10.2.2.1-10.2.2.2:5000-5001),alg=ftp,exec(set_field:0x5/0xff->ct_mark))',
      'priority=59999,ip,actions=ct(zone=1,table=1,force,nat)',
      'priority=59999,ipv6,actions=ct(zone=1,table=1,force,nat)',
    ]);
  });

  test('IPv6 addresses stand in brackets', () => {
    const flows = ctFlows(
      'rules: [{match: {dst: "fc00::5", proto: udp}, commit: true, nat: {type: dst, addr: "fc00::9", port: 53}}]',
    );
    expect(flows).toEqual([
      'priority=60000,udp6,ipv6_dst=fc00::5,actions=ct(zone=0,table=1,commit,nat(dst=[fc00::9]:53))',
    ]);
  });
});

describe('parseConformPlan', () => {
  const failing: [string, RegExp][] = [
    ['rules: []', /plan.yaml: rules: /],
    ['rules: [{zone: 70000}]', /plan.yaml: rules.0.zone: /],
    ['rules: [{colour: red}]', /plan.yaml: rules.0: .*colour/],
    ['rules: [{match: {dport: 5}}]', /plan.yaml: rules.0: sport and dport need/],
    ['rules: [{match: {src: 10.1.1.1/40}}]', /rules.0.match.src: not an IP address or prefix/],
    ['rules: [{match: {src: 10.1.1.1, dst: "fc00::1"}}]', /different IP versions/],
    ['rules: [{commit: true, helper: ftp}]', /helper ftp needs 'proto: tcp'/],
    ['rules: [{nat: {type: src, addr: 10.1.1.1}}]', /nat type src needs 'commit: true'/],
    ['rules: [{commit: true, nat: {type: src}}]', /nat type src needs addr/],
    ['rules: [{commit: true, nat: {type: none, port: 5}}]', /takes neither addr nor port/],
    ['rules: [{commit: true, nat: {type: dst, addr: 10.1.1.1, port: [9, 5]}}]', /runs backwards/],
    ['rules: [', /plan.yaml: /],
  ];
  test.each(failing)('rejects %s', (yaml, message) => {
    expect(() => parseConformPlan(yaml, 'plan.yaml')).toThrow(message);
  });
});
