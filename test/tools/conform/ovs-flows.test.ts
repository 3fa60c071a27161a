import { describe, expect, test } from 'vitest';
import { TRACKED_STATES } from '../../../tools/conform/ct-state.js';
import { requestsToFlows, statePort } from '../../../tools/conform/ovs-flows.js';
import type { ExecRequest } from '../../../engine/host/exec-params.js';

function ctFlows(...requests: ExecRequest[]): string[] {
  return requestsToFlows(requests).filter((flow) => flow.includes('ct('));
}

describe('requestsToFlows', () => {
  test('a plain commit covers both IP versions', () => {
    const flows = ctFlows({ commit: true, zone: 0 });
    expect(flows).toHaveLength(2);
    expect(flows[0]).toMatch(
      /^table=0,priority=10,ip,dl_src=02:00:00:00:00:00,actions=ct\(zone=0,table=1,commit\)$/,
    );
    expect(flows[1]).toMatch(/,ipv6,/);
  });

  test('every state leaves by a port of its own', () => {
    const stateFlows = requestsToFlows([{}]).filter((flow) => flow.startsWith('table=1,priority=10'));
    expect(stateFlows).toHaveLength(TRACKED_STATES.length);
    expect(new Set(stateFlows.map((flow) => /output:(\d+)/.exec(flow)?.[1])).size).toBe(stateFlows.length);
    const ofNew = stateFlows.find((flow) => flow.includes('ct_state=+new-est-rel-rpl-inv+trk-snat-dnat'));
    expect(ofNew).toContain(`output:${statePort(0x21).number},`);
  });

  test('translation, marks and helpers become arguments of ct()', () => {
    expect(
      ctFlows({ commit: true, zone: 3, nat: { type: 'src', minAddress: '10.0.0.9', ports: [5000, 5003] } }),
    ).toEqual([expect.stringContaining('ct(zone=3,table=1,commit,nat(src=10.0.0.9:5000-5003))')]);
    expect(
      ctFlows({ commit: true, nat: { type: 'dst', minAddress: 'fc00::1', maxAddress: 'fc00::2' } }),
    ).toEqual([expect.stringMatching(/,ipv6,.*nat\(dst=\[fc00::1\]-\[fc00::2\]\)/)]);
    expect(ctFlows({ commit: true, mark: { value: 3, mask: 15 } })[0]).toContain(
      'exec(set_field:0x3/0xf->ct_mark)',
    );
    const ftp = ctFlows({ commit: true, helper: 'ftp' });
    expect(ftp.filter((flow) => flow.includes('alg=ftp')).every((flow) => /,(tcp|tcp6),/.test(flow))).toBe(
      true,
    );
  });

  test('what OpenFlow has no words for is an error', () => {
    expect(() => requestsToFlows([{ mark: { value: 1, mask: 1 } }])).toThrow(
      /mark only together with commit/,
    );
    expect(() => requestsToFlows([{ helper: 'ftp' }])).toThrow(/helper only together with commit/);
  });
});
