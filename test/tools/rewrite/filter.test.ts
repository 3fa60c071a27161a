import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileFilter, FilterError } from '../../../tools/rewrite/filter.js';
import { parseFilter } from '../../../tools/rewrite/filter-parser.js';
import {
  buildFrame,
  echoFrame,
  fragmentRanges,
  tcpFrame,
  udpFrame,
  writeFragment,
} from '../../support/packets.js';

const web = tcpFrame({ src: '10.1.1.1', dst: '10.2.0.9', srcPort: 40000, dstPort: 80 });
const ftp6 = tcpFrame({ src: '2001:db8::1', dst: '2001:db8:1::2', srcPort: 21, dstPort: 1500 });
const dns = udpFrame({
  src: '192.168.7.7',
  dst: '10.1.1.1',
  srcPort: 53,
  dstPort: 5353,
  vlans: [{ id: 10 }],
});
const ping = echoFrame({ src: '10.1.1.1', dst: '10.9.9.9', vlans: [{ id: 20 }, { id: 30 }] });
const ping6 = echoFrame({ src: '2001:db8::1', dst: '2001:db8::2' });
const arp = Uint8Array.from({ length: 60 }, (_, i) => (i === 12 ? 0x08 : i === 13 ? 0x06 : 0));
const FRAMES = { web, ftp6, dns, ping, ping6, arp };

function matches(expression: string): string[] {
  const test = compileFilter(expression);
  return Object.entries(FRAMES)
    .filter(([, frame]) => test(frame))
    .map(([name]) => name);
}

function errorOf(expression: string): FilterError {
  try {
    parseFilter(expression);
  } catch (error) {
    if (error instanceof FilterError) return error;
    throw error;
  }
  throw new Error(`'${expression}' was accepted`);
}

describe('conditions', () => {
  it.each([
    ['tcp', ['web', 'ftp6']],
    ['udp', ['dns']],
    ['icmp', ['ping']],
    ['icmp6', ['ping6']],
    ['ip', ['web', 'dns', 'ping']],
    ['ip6', ['ftp6', 'ping6']],
    ['arp', ['arp']],
    ['vlan', ['dns', 'ping']],
    ['vlan 20', ['ping']],
    ['vlan 30', []],
    ['host 10.1.1.1', ['web', 'dns', 'ping']],
    ['src host 10.1.1.1', ['web', 'ping']],
    ['src 10.1.1.1', ['web', 'ping']],
    ['dst host 10.1.1.1', ['dns']],
    ['host 2001:DB8:0::1', ['ftp6', 'ping6']],
    ['ip host 10.9.9.9', ['ping']],
    ['net 10.0.0.0/8', ['web', 'dns', 'ping']],
    ['src and dst net 10.0.0.0/8', ['web', 'ping']],
    ['src or dst net 192.168.0.0/16', ['dns']],
    ['net 10', ['web', 'dns', 'ping']],
    ['net 10.2', ['web']],
    ['net 192.168', ['dns']],
    ['net 10.2.0.0 mask 255.255.0.0', ['web']],
    ['dst net 2001:db8:1::/48', ['ftp6']],
    ['src 192.168.0.0/16', ['dns']],
    ['port 80', ['web']],
    ['port http', ['web']],
    ['tcp port 21', ['ftp6']],
    ['udp port 21', []],
    ['src port 53', ['dns']],
    ['dst port 53', []],
    ['portrange 1000-6000', ['ftp6', 'dns']],
    ['tcp dst portrange 1500-1500', ['ftp6']],
    ['proto 17', ['dns']],
    ['ip proto \\tcp', ['web']],
    ['ip6 proto tcp', ['ftp6']],
    ['proto icmp6', ['ping6']],
    ['greater 60 and arp', ['arp']],
    ['less 59', ['web', 'dns', 'ping']],
  ])('%s', (expression, expected) => {
    expect(matches(expression)).toEqual(expected);
  });

  it('joins, negates and groups as pcap-filter does', () => {
    expect(matches('tcp and port 21')).toEqual(['ftp6']);
    expect(matches('TCP && PORT 21')).toEqual(['ftp6']);
    expect(matches('not tcp')).toEqual(['dns', 'ping', 'ping6', 'arp']);
    expect(matches('!tcp and !udp and !(icmp or icmp6)')).toEqual(['arp']);
    // Equal precedence, from the left: (udp or tcp) and port 80.
    expect(matches('udp or tcp and port 80')).toEqual(['web']);
    expect(matches('udp or (tcp and port 80)')).toEqual(['web', 'dns']);
    // `not` binds to the condition behind it only.
    expect(matches('not tcp and ip6')).toEqual(['ping6']);
  });

  it('a bare value takes the qualifiers of the condition before', () => {
    expect(matches('tcp port 80 or 21')).toEqual(['web', 'ftp6']);
    expect(matches('src port 53 or 5353')).toEqual(['dns']);
    expect(matches('port (80 or 21)')).toEqual(['web', 'ftp6']);
    expect(matches('host 10.9.9.9 or 192.168.7.7')).toEqual(['dns', 'ping']);
    expect(matches('dst host 10.9.9.9 or not 10.1.1.1')).toEqual(['web', 'ftp6', 'ping', 'ping6', 'arp']);
  });

  it('a later fragment has its protocol and no ports; the first has both', () => {
    const whole = udpFrame({ srcPort: 7, dstPort: 9, payload: new Uint8Array(3000) });
    const fragments = fragmentRanges(3008, 20, 1500).map((range, index) => {
      const into = new Uint8Array(1600);
      return into.subarray(0, writeFragment(into, 0, whole, { range, id: 5, more: index < 2 }));
    });
    expect(fragments.map((frame) => compileFilter('udp')(frame))).toEqual([true, true, true]);
    expect(fragments.map((frame) => compileFilter('port 9')(frame))).toEqual([true, false, false]);
  });

  it('looks behind IPv6 extension headers', () => {
    const frame = buildFrame({
      ipv6: { src: '2001:db8::1', dst: '2001:db8::2', extensions: [{ type: 0 }] },
      udp: { srcPort: 7, dstPort: 9 },
    });
    expect(compileFilter('udp port 9')(frame)).toBe(true);
  });
});

describe('errors name the position and what to do', () => {
  it.each([
    ['tcp and prot 21', 9, "did you mean 'proto'?"],
    ['', 1, 'it is empty'],
    ['   ', 4, 'it is empty'],
    ['tcp and', 8, 'the end stands where a condition is expected'],
    ['and tcp', 1, "'and' stands where"],
    ['((tcp)', 1, "this '(' is not closed"],
    ['tcp)', 4, "this ')' closes nothing"],
    ['tcp udp', 5, "no 'and' or 'or' before it"],
    ['tcp adn udp', 5, "did you mean 'and'?"],
    ['tcp[13] & 2 != 0', 4, 'not supported'],
    ['ether host 1:2:3:4:5:6', 1, 'not supported'],
    ['80', 1, 'write port 80 or proto 80'],
    ['10.0.0.1', 1, 'write host 10.0.0.1'],
    ['tcp and 80', 9, 'write port 80'],
    ['net 10.0.0.1/8', 5, 'the network is 10.0.0.0/8'],
    ['net 10.0.0.0/33', 5, 'prefix length from 0 to 32'],
    ['host 10.0.0.0/8', 6, 'write net 10.0.0.0/8'],
    ['host example.org', 6, 'names are not looked up'],
    ['host', 5, "the end stands where a value for 'host' is expected"],
    ['ip host ::1', 9, "which 'ip' excludes"],
    ['tcp host 10.0.0.1', 10, "write 'tcp and host 10.0.0.1'"],
    ['icmp port 7', 11, "'icmp' has no ports"],
    ['port 65536', 6, 'no port from 0 to 65535'],
    ['port htpp', 6, "did you mean 'http'?"],
    ['port 1-5', 6, 'write portrange 1-5'],
    ['portrange 9-3', 11, 'write 3-9'],
    ['portrange 9', 11, 'no port range'],
    ['vlan 4096', 6, 'no VLAN id from 0 to 4095'],
    ['proto 256', 7, 'no protocol'],
    ['less tcp', 6, 'no length in bytes'],
    ['net 10.0.0.0 mask 255.0.255.0', 5, 'no IPv4 network mask'],
    ['tcp and \u00fcdp', 9, 'does not belong in a filter'],
    [`${'('.repeat(200)}tcp${')'.repeat(200)}`, 101, 'nested more than 100'],
    [`${'not '.repeat(5000)}tcp`, 401, 'nested more than 100'],
    ['constructor', 1, 'no word of the filter language'],
    ['port toString', 6, 'no port'],
  ])('%s', (expression, position, text) => {
    const error = errorOf(expression);
    expect(error.message).toContain(text);
    expect(error.offset + 1).toBe(position);
    expect(error.message).toContain(`position ${position}:`);
  });

  it('any text is a filter or a FilterError', () => {
    const word = fc.constantFrom(
      ...'tcp udp ip ip6 src dst host net port portrange proto vlan and or not ( ) 10.0.0.1 10.0.0.0/8 21 1-5 ::1 mask less 5 ! && \\tcp'.split(
        ' ',
      ),
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(word, { maxLength: 12 }).map((words) => words.join(' ')),
    );
    let accepted = 0;
    fc.assert(
      fc.property(text, fc.uint8Array({ maxLength: 80 }), (expression, frame) => {
        try {
          expect(typeof compileFilter(expression)(frame)).toBe('boolean');
          accepted += 1;
        } catch (error) {
          expect(error).toBeInstanceOf(FilterError);
          expect((error as FilterError).offset).toBeLessThanOrEqual(expression.length);
        }
      }),
      { numRuns: 3000 },
    );
    expect(accepted).toBeGreaterThan(20);
  });
});

/** An array that notes reads outside it. */
function watched(bytes: Uint8Array): { frame: Uint8Array; outside: () => number } {
  let outside = 0;
  const frame = new Proxy(bytes, {
    get(target, key) {
      if (
        typeof key === 'string' &&
        /^-?\d+$/.test(key) &&
        !(Number(key) >= 0 && Number(key) < target.length)
      ) {
        outside += 1;
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { frame, outside: () => outside };
}

describe('properties', () => {
  it('a chain of any length is evaluated from the left', () => {
    const chain = Array.from({ length: 50_000 }, (_, i) => `port ${i + 1}`).join(' or ');
    const test = compileFilter(chain);
    expect(test(udpFrame({ srcPort: 60_000, dstPort: 50_000 }))).toBe(true);
    expect(test(udpFrame({ srcPort: 60_000, dstPort: 50_001 }))).toBe(false);
    const condition = fc.constantFrom('tcp', 'udp', 'ip', 'ip6', 'vlan', 'arp');
    const rest = fc.array(fc.tuple(fc.constantFrom('and', 'or'), fc.boolean(), condition), { maxLength: 8 });
    fc.assert(
      fc.property(condition, rest, fc.constantFrom(...Object.values(FRAMES)), (first, more, frame) => {
        const holds = (expression: string): boolean => compileFilter(expression)(frame);
        let expected = holds(first);
        let text = first;
        for (const [join, negated, word] of more) {
          const value = holds(word) !== negated;
          expected = join === 'and' ? expected && value : expected || value;
          text += ` ${join} ${negated ? 'not ' : ''}${word}`;
        }
        expect(holds(text), text).toBe(expected);
      }),
    );
  });

  const everything = compileFilter(
    'vlan 5 or host 10.0.0.1 or net 2001:db8::/33 or src and dst port 21 or portrange 1-9 or proto 3 or arp or less 20',
  );

  it('never reads outside a frame, however it is cut or damaged', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(FRAMES)),
        fc.nat(120),
        fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 6 }),
        (frame, keep, changes) => {
          const damaged = frame.slice(0, keep);
          for (const [at, value] of changes) if (at < damaged.length) damaged[at] = value;
          const { frame: seen, outside } = watched(damaged);
          everything(seen);
          expect(outside()).toBe(0);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('a prefix of n bits holds exactly the addresses that share them', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.nat(0xffffffff), fc.nat(32), (a, b, bits) => {
        const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
        const text = (n: number): string => [24, 16, 8, 0].map((s) => (n >>> s) & 255).join('.');
        const near = ((a & mask) | (b & ~mask)) >>> 0;
        const test = compileFilter(`src net ${text((a & mask) >>> 0)}/${bits}`);
        expect(test(udpFrame({ src: text(near), dst: '0.0.0.0' }))).toBe(true);
        expect(test(udpFrame({ src: text(b), dst: text(a) }))).toBe(((a ^ b) & mask) === 0);
      }),
    );
  });

  it('not is the complement, and De Morgan holds', () => {
    const condition = fc.constantFrom(
      'tcp',
      'udp',
      'ip',
      'vlan',
      'port 80',
      'host 10.1.1.1',
      'net 10.2',
      'arp',
    );
    fc.assert(
      fc.property(condition, condition, fc.constantFrom(...Object.values(FRAMES)), (a, b, frame) => {
        const holds = (expression: string): boolean => compileFilter(expression)(frame);
        expect(holds(`not ${a}`)).toBe(!holds(a));
        expect(holds(`not (${a} or ${b})`)).toBe(holds(`not ${a} and not ${b}`));
        expect(holds(`not (${a} and ${b})`)).toBe(holds(`(not ${a}) or (not ${b})`));
      }),
    );
  });
});
