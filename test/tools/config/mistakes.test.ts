import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../tools/config/config-error.js';
import { parseConfig, readConfig } from '../../../tools/config/read-config.js';

function messageOf(text: string): string {
  try {
    parseConfig(text, 'c.yaml');
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a mistake is told with file, line, column, place, what is wrong and what is right', () => {
  it.each([
    // Shape.
    ['zone: x', "c.yaml:1:7: zone: 'x' is not a number or keys with values."],
    ['zone: 1.5', 'c.yaml:1:7: zone: 1.5 is not a whole number'],
    ['zone: -1', 'c.yaml:1:7: zone: -1 is below 0.'],
    ['zone: 70000', 'c.yaml:1:7: zone: 70000 is above 65535.'],
    ['- zone: 1', 'c.yaml:1:1: a list is not keys with values.'],
    [
      'zone: {from: vlan, defualt: 3}',
      "c.yaml:1:20: zone.defualt: unknown key 'defualt'; did you mean default?",
    ],
    ['zone: {from: wlan}', "c.yaml:1:14: zone.from: 'wlan' is none of vlan, worker, subnet."],
    ['zone: {from: subnet}', 'zone.subnets: it is missing; give keys with values.'],
    ['tcpSeqCheck: yes', "c.yaml:1:14: tcpSeqCheck: 'yes' is not true or false."],
    ['rules: {commit: true}', 'c.yaml:1:8: rules: a set of keys is not a list.'],
    ['rules: [{helper: fpt}]', "'fpt' is none of ftp, tftp; did you mean ftp?"],
    ['rules: [{helper: {name: ftp}}]', 'rules[0].helper.port: it is missing; give a number.'],
    ['rules: [{helper: {name: ftp, port: 0}}]', 'c.yaml:1:36: rules[0].helper.port: 0 is below 1.'],
    ['rules: [{commit: true, nat: {}}]', 'rules[0].nat.type: it is missing; give one of none, src, dst.'],
    ['rules: [{nat: {type: snat}}]', "c.yaml:1:22: rules[0].nat.type: 'snat' is none of none, src, dst."],
    ['rules: [{match: {sport: [1, 2, 3]}}]', 'rules[0].match.sport: the list is longer than 2.'],
    ['rules: [{match: {zone: []}}]', 'rules[0].match.zone: it is empty.'],
    ['rules: [{match: 5}]', 'c.yaml:1:17: rules[0].match: 5 is not text or keys with values.'],
    [
      'rules: [{match: {prto: tcp}}]',
      "c.yaml:1:18: rules[0].match.prto: unknown key 'prto'; did you mean proto?",
    ],
    ['rules: [{ports: 5}]', "unknown key 'ports'; the keys here are match, zone, commit, force, nat"],
    ['zoneLimits: {zones: {five: 5}}', "c.yaml:1:22: zoneLimits.zones.five: 'five' is no zone number."],
    ['zoneLimits: {zones: {70000: 5}}', 'c.yaml:1:22: zoneLimits.zones.70000: zone 70000 is above 65535'],
    ['timeoutPolicies: {a: {udp_first: 1s}}', "timeoutPolicies.a.udp_first: '1s' is not a number."],
    ['sweep: {intervalMs: 0}', 'c.yaml:1:21: sweep.intervalMs: 0 is not above 0.'],
    ['fragments: {minSizeV4: 399}', 'c.yaml:1:24: fragments.minSizeV4: 399 is below 400.'],
    ['fragments: {max: 5001}', 'fragments.max: 5001 is above 5000.'],
    // Meaning.
    [
      'zoneLimits: {zones: {1: 5, "01": 6}}',
      "c.yaml:1:28: zoneLimits.zones.01: zone '01' begins with 0; write 1",
    ],
    ['zonePolicies: {"007": default}', "c.yaml:1:16: zonePolicies.007: zone '007' begins with 0; write 7"],
    ['timeoutPolicies: {5: {}, "05": {}}', "timeoutPolicies.05: policy id '05' begins with 0; write 5"],
    [
      'zone: {from: subnet, subnets: {10.0.0.1: 1, 10.0.0.1/32: 2}}',
      "c.yaml:1:45: zone.subnets.10.0.0.1/32: '10.0.0.1/32' is the network '10.0.0.1' once more",
    ],
    [
      'zone: {from: subnet, subnets: {"fd00::/8": 1, "FD00:0::/8": 2}}',
      "'FD00:0::/8' is the network 'fd00::/8'",
    ],
    ['sweep: {preset: v9}', "c.yaml:1:17: sweep.preset: 'v9' is none of v6, v7, v7-fixed,"],
    ['zone: {from: subnet, subnets: {10.0.0.0/99: 1}}', 'c.yaml:1:32: zone.subnets.10.0.0.0/99:'],
    [
      'timeoutPolicies: {default: {}, 0: {}}',
      "c.yaml:1:32: timeoutPolicies.0: policy 0 is also defined as 'default'",
    ],
    ['timeoutPolicies: {4294967296: {}}', 'policy id 4294967296 is above 4294967295'],
    [
      'zonePolicies: {5: 7}',
      "c.yaml:1:19: zonePolicies.5: there is no timeout policy '7'; timeoutPolicies defines none",
    ],
    ['rules: [{mark: 0x1ffffffff}]', 'c.yaml:1:16: rules[0].mark: 8589934591 has more than 32 bits.'],
    ['rules: [{mark: 1/0x1ffffffff}]', 'rules[0].mark: 0x1ffffffff has more than 32 bits.'],
    ['rules: [{mark: red}]', "rules[0].mark: 'red' is no number"],
    [
      `rules: [{label: 0x1${'0'.repeat(32)}}]`,
      `rules[0].label: 0x1${'0'.repeat(32)} has more than 128 bits.`,
    ],
    [
      'rules: [{commit: true, nat: {type: src, addr: 1.1.1.1, addrMax: "::1"}}]',
      'rules[0].nat.addrMax: the range 1.1.1.1 to ::1 mixes IP versions',
    ],
    [
      'rules: [{commit: true, nat: {type: src, addr: 1.1.1.9, addrMax: 1.1.1.1}}]',
      'rules[0].nat.addrMax: the range 1.1.1.9 to 1.1.1.1 runs backwards',
    ],
    [
      'rules: [{match: {proto: icmp, dport: 80}}]',
      'c.yaml:1:38: rules[0].match.dport: protocol icmp has no ports, so that no packet would match',
    ],
    ['rules: [{match: {proto: 47, sport: [1, 5]}}]', 'rules[0].match.sport: protocol 47 has no ports'],
    // Filters: the column is that of the fault within the expression.
    [
      'rules:\n  - match: tcp and prot 21',
      "c.yaml:2:20: rules[0].match: filter 'tcp and prot 21', position 9:",
    ],
    [
      'rules:\n  - match: "tcp and prot 21"',
      "c.yaml:2:21: rules[0].match: filter 'tcp and prot 21', position 9:",
    ],
    [
      'rules:\n  - match: {filter: tcp prot}',
      "c.yaml:2:25: rules[0].match.filter: filter 'tcp prot', position 5:",
    ],
    // YAML.
    ['zone: 1\nzone: 2', "c.yaml:2:1: not valid YAML: Map keys must be unique, and 'zone' is there twice."],
    ['zone: 1\n---\nzone: 2', "c.yaml:2:1: another document begins here ('---'); leave one."],
    ['zone: &a [*a]', 'c.yaml:1:11: the alias *a stands within what it stands for.'],
    [`rules: ${'['.repeat(65)}${']'.repeat(65)}`, 'it is nested more than 64 levels deep.'],
    [`rules: ${'['.repeat(20_000)}`, 'it is nested more than 64 levels deep.'],
    ['timeoutPolicies: {__proto__: {}}', "c.yaml:1:19: '__proto__' cannot be a key"],
    [`zone: [&a 1${', *a'.repeat(1001)}]`, 'it has more than 1000 aliases.'],
    ['zone: *nowhere', 'c.yaml:1:7: the alias *nowhere refers to nothing: there is no &nowhere before it.'],
    ['a: {b: *c}\nd: &c 1', 'c.yaml:1:8: the alias *c refers to nothing'],
    ['# only a comment', 'c.yaml:1:1: the file is empty'],
  ])('%s', (text, message) => {
    expect(messageOf(text)).toContain(message);
  });

  it('aliases that would fill memory are refused', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
    for (let i = 0; i < 9; i++)
      bomb.push(`${'bcdefghij'[i]}: &${'bcdefghij'[i]} [${`*${'abcdefghi'[i]}, `.repeat(9)}]`);
    expect(messageOf(bomb.join('\n'))).toContain('alias');
  });

  it('a file that is not there, or is a folder, is named', () => {
    expect(() => readConfig('/nonexistent/c.yaml')).toThrow(
      '/nonexistent/c.yaml: there is no such file. Check --config.',
    );
    expect(() => readConfig('/')).toThrow(/^\/: .*Check --config/);
  });
});
