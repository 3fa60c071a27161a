import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import * as prettier from 'prettier';
import { describe, expect, it } from 'vitest';
import { applyConfig, configSettings } from '../../../tools/config/apply-config.js';
import { ConfigError } from '../../../tools/config/config-error.js';
import { parseSubnet, subnetHolds } from '../../../tools/rewrite/subnet.js';
import { parseConfig } from '../../../tools/config/read-config.js';
import { createRules } from '../../../tools/config/rules.js';
import { configJsonSchema } from '../../../tools/config/schema.js';
import { echoFrame, tcpFrame, udpFrame } from '../../support/packets.js';

const PUBLISHED = fileURLToPath(new URL('../../../docs/schema/config.schema.json', import.meta.url));

function requestFor(text: string, frame: Uint8Array, worker = 0) {
  const rules = createRules(parseConfig(text, 'test.yaml'));
  return rules.requests[rules.choose({ frame, worker })];
}

describe('mistakes in a configuration', () => {
  it.each([
    ['', /test\.yaml:1:1: the file is empty/],
    ['zone: [1', /test\.yaml:\d+:\d+: not valid YAML/],
    ['zone: 70000', /test\.yaml:1:7: zone: /],
    ['zone: 1\nruls: []', /test\.yaml:2:1: ruls: unknown key 'ruls'; did you mean rules\?/],
    ['rules:\n  - comit: true', /test\.yaml:2:5: rules\[0\]\.comit: unknown key.*commit/],
    [
      'rules:\n  - match: {src: 10.0.0.1/8}',
      /test\.yaml:2:18: rules\[0\]\.match\.src: .*behind its prefix; the network is 10\.0\.0\.0\/8/,
    ],
    ['rules:\n  - match: {dst: nowhere}', /rules\[0\]\.match\.dst: 'nowhere' is no network/],
    [
      'rules:\n  - {commit: true, nat: {type: src, addr: 1.2.3.4, port: [9, 3]}}',
      /nat\.port: the range 9 to 3 runs backwards/,
    ],
    ['rules:\n  - {nat: {type: src, addr: 1.2.3.4}}', /needs commit: true/],
    ['rules:\n  - {force: true}', /force needs commit/],
    ['rules:\n  - {timeoutPolicy: fast}', /no timeout policy 'fast'/],
    ['timeoutPolicies: {a: {udp_frist: 3}}', /timeoutPolicies\.a\.udp_frist: unknown key/],
    ['zonePolicies: {5: a}', /no timeout policy 'a'/],
    ['fragments: {max: 0}', /fragments\.max/],
  ])('%j', (text, message) => {
    let error: unknown;
    try {
      parseConfig(text, 'test.yaml');
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message).toMatch(message);
    expect((error as ConfigError).exitCode).toBe(2);
  });

  it('never lets anything but a ConfigError out', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (text) => {
        try {
          createRules(parseConfig(text, 'test.yaml')).choose({ frame: udpFrame(), worker: 0 });
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      }),
    );
  });
});

describe('rules', () => {
  it('without rules everything is committed', () => {
    expect(requestFor('zone: 4', udpFrame())).toMatchObject({ commit: true, zone: 4 });
  });

  it('the first match counts, and without one the packet is only tracked', () => {
    const text = `
zone: 2
rules:
  - {match: {proto: tcp, dport: [20, 21]}, commit: true, helper: ftp, zone: 9}
  - {match: {src: 10.1.1.0/24, proto: udp}, commit: true, mark: {value: 3, mask: 15}}`;
    expect(requestFor(text, tcpFrame({ dstPort: 21 }))).toMatchObject({
      commit: true,
      helper: 'ftp',
      zone: 9,
    });
    expect(requestFor(text, tcpFrame({ dstPort: 22 }))).toEqual({ zone: 2 });
    expect(requestFor(text, udpFrame())).toMatchObject({
      commit: true,
      mark: { value: 3, mask: 15 },
      zone: 2,
    });
    expect(requestFor(text, udpFrame({ src: '10.1.2.1' }))).toEqual({ zone: 2 });
    expect(requestFor(text, Uint8Array.from({ length: 14 }))).toEqual({ zone: 2 });
  });

  it('zones come from the VLAN, the worker or the longest source prefix', () => {
    const tagged = udpFrame({ vlans: [{ id: 77 }] });
    expect(requestFor('zone: {from: vlan, default: 3}', tagged)).toMatchObject({ zone: 77 });
    expect(requestFor('zone: {from: vlan, default: 3}', udpFrame())).toMatchObject({ zone: 3 });
    expect(requestFor('zone: {from: worker, base: 10}', udpFrame(), 4)).toMatchObject({ zone: 14 });
    const subnets =
      'zone: {from: subnet, default: 1, subnets: {10.0.0.0/8: 2, 10.1.0.0/16: 3, "fd00::/8": 4}}';
    expect(requestFor(subnets, udpFrame({ src: '10.1.9.9' }))).toMatchObject({ zone: 3 });
    expect(requestFor(subnets, udpFrame({ src: '10.2.9.9' }))).toMatchObject({ zone: 2 });
    expect(requestFor(subnets, udpFrame({ src: '11.2.9.9' }))).toMatchObject({ zone: 1 });
    expect(requestFor(subnets, echoFrame({ src: 'fd00::1', dst: 'fd00::2' }))).toMatchObject({ zone: 4 });
  });

  it('a policy of the zone is used unless the rule names one', () => {
    const text = `
timeoutPolicies: {slow: {udp_first: 300}, fast: {udp_first: 1}}
zonePolicies: {0: slow}
rules:
  - {match: {dport: 53}, commit: true, timeoutPolicy: fast}
  - {commit: true}`;
    expect(requestFor(text, udpFrame())).toMatchObject({ timeoutPolicy: 2 });
    expect(requestFor(text, udpFrame({ dstPort: 54 }))).toMatchObject({ timeoutPolicy: 1 });
  });

  it('packets of one rule and zone share a request', () => {
    const rules = createRules(parseConfig('zone: {from: vlan}', 'test.yaml'));
    for (let i = 0; i < 100; i++)
      rules.choose({ frame: udpFrame({ vlans: [{ id: 1 + (i % 3) }] }), worker: 0 });
    expect(rules.requests).toHaveLength(3);
  });
});

describe('settings', () => {
  it('reach the tracker', () => {
    const config = parseConfig(
      `
maxConns: 5
tcpSeqCheck: false
zoneLimits: {default: 7, zones: {3: 2}}
timeoutPolicies: {a: {udp_first: 1}}
fragments: {ipv6: false, max: 10}
sweep: {intervalMs: 500, preset: v6}
switches: {ftpIpv4Extended: true}`,
      'test.yaml',
    );
    expect(configSettings(config)).toMatchObject({
      connLimit: 5,
      tcpSeqCheck: false,
      sweepIntervalMs: 500,
      preset: 'v6',
      fragments: { enabled4: true, enabled6: false, maximum: 10, minimum4: 1200 },
      switches: { ftpIpv4Extended: true },
    });
    const calls: unknown[] = [];
    applyConfig(
      {
        setZoneLimit: (zone, limit) => calls.push(['limit', zone, limit]) && 0,
        setTimeoutPolicy: (id, seconds) => calls.push(['policy', id, seconds]) && 0,
      },
      config,
    );
    expect(calls).toEqual([
      ['limit', -1, 7],
      ['limit', 3, 2],
      ['policy', 1, { udp_first: 1 }],
    ]);
    const full = { setZoneLimit: () => 0, setTimeoutPolicy: () => 28 };
    expect(() => applyConfig(full, config)).toThrow(/timeout policy a.*errno 28/);
  });
});

describe('networks', () => {
  it('hold exactly the addresses that share their prefix', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 4, maxLength: 4 }),
        fc.uint8Array({ minLength: 4, maxLength: 4 }),
        fc.nat(32),
        (a, b, bits) => {
          const word = (bytes: Uint8Array): number =>
            new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
          const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
          const base = (word(a) & mask) >>> 0;
          const text = [base >>> 24, (base >>> 16) & 255, (base >>> 8) & 255, base & 255].join('.');
          expect(subnetHolds(parseSubnet(`${text}/${bits}`), b, 0)).toBe((word(b) & mask) >>> 0 === base);
        },
      ),
    );
  });
});

describe('the published schema', () => {
  it('is what the program checks (vitest run FILE -u rewrites it)', async () => {
    const options = (await prettier.resolveConfig(PUBLISHED)) ?? {};
    const text = JSON.stringify(configJsonSchema());
    const formatted = await prettier.format(text, { ...options, filepath: PUBLISHED });
    await expect(formatted).toMatchFileSnapshot(PUBLISHED);
  });
});
