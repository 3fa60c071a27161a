import fc from 'fast-check';
import { isIPv6 } from 'node:net';
import { describe, expect, it } from 'vitest';
import { compareAddresses, formatAddress, parseAddress } from '../../../engine/host/addresses.js';
import { designLabel, resolveDesigns } from '../../../engine/host/designs.js';
import { coalescedState } from '../../../engine/host/dump-text.js';
import { STATE_BITS, stateText } from '../../../engine/host/state-text.js';
import { attributeValues, TIMEOUT_ATTRIBUTES } from '../../../engine/host/timeout-attributes.js';

describe('addresses', () => {
  it.each([
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:DB8::1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['1::', '1::'],
  ])('%s is written as %s (RFC 5952)', (text, canonical) => {
    const { family, bytes } = parseAddress(text);
    expect(formatAddress(family, bytes)).toBe(canonical);
  });

  it('any bytes survive their text', () => {
    const sparse = fc.array(fc.constantFrom(0, 0, 0, 1, 0xff), { minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(sparse, (list) => {
        const bytes = Uint8Array.from(list);
        const text = formatAddress(6, bytes);
        expect(isIPv6(text)).toBe(true);
        expect(parseAddress(text)).toEqual({ family: 6, bytes });
      }),
    );
  });

  it.each([
    ...['', '1', '10.0.0', '10.0.0.256', '010.0.0.1', 'localhost', 'fe80::1%eth0', ':', ':::', '::1::'],
    ...['1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '12345::', '1.2.3.4::', 'g::'],
  ])("'%s' is none", (text) => {
    expect(() => parseAddress(text)).toThrow(RangeError);
  });

  it('compare as numbers', () => {
    const order = ['9.255.255.255', '10.0.0.1', '10.0.0.255', '10.0.1.0'].map(parseAddress);
    expect(order.toReversed().toSorted(compareAddresses)).toEqual(order);
  });
});

describe('ct_state', () => {
  it('every value has the names of its bits, from low to high', () => {
    for (let state = 1; state < 256; state++) {
      const bits = stateText(state)
        .split('|')
        .map((name) => (STATE_BITS as readonly string[]).indexOf(name));
      expect(bits).toEqual(bits.toSorted());
      expect(bits.reduce((sum, bit) => sum | (1 << bit), 0)).toBe(state);
    }
    expect([0, 0x21, 0x2a, 0x30, 0x6a].map(stateText)).toEqual([
      '0',
      'new|trk',
      'est|rpl|trk',
      'inv|trk',
      'est|rpl|trk|snat',
    ]);
  });
});

describe('the state that a dump shows for two ends (spec §9)', () => {
  it.each([
    ['SYN_SENT', 'CLOSED', 'SYN_SENT'],
    ['ESTABLISHED', 'SYN_SENT', 'ESTABLISHED'],
    ['FIN_WAIT_2', 'CLOSING', 'TIME_WAIT'],
    ['TIME_WAIT', 'TIME_WAIT', 'TIME_WAIT'],
    ['CLOSED', 'SYN_RECV', 'ESTABLISHED'],
  ] as const)('%s and %s: %s', (original, reply, shown) => {
    expect(coalescedState(original, reply)).toBe(shown);
  });
});

describe('timeout attributes', () => {
  it('go to their places, in any case of letters', () => {
    const values = attributeValues({ UDP_First: 7, icmp_reply: 0 });
    expect(values[TIMEOUT_ATTRIBUTES.indexOf('udp_first')]).toBe(7);
    expect(values[TIMEOUT_ATTRIBUTES.indexOf('icmp_reply')]).toBe(0);
    expect(values.filter((value) => value === 0xffff_ffff)).toHaveLength(TIMEOUT_ATTRIBUTES.length - 2);
  });

  it.each([{ udp_frist: 1 }, { udp_first: -1 }, { udp_first: 1.5 }, { udp_first: 2 ** 32 - 1 }])(
    '%j is refused',
    (seconds) => expect(() => attributeValues(seconds as Record<string, number>)).toThrow(/udp_fr?i/),
  );
});

describe('design names', () => {
  const entries = [
    { name: 'late', order: 3, testsOnly: false },
    { name: 'second', order: 2, testsOnly: false },
    { name: 'broken', order: 1, testsOnly: true },
    { name: 'also-second', order: 2, testsOnly: false },
    { name: 'first', order: 1, testsOnly: false },
  ];
  const labels = (option: string): string[] => resolveDesigns(option, entries).map(designLabel);

  it('all, lists, presets, without doubles', () => {
    expect(labels('all')).toEqual(['first', 'also-second', 'second', 'late']);
    expect(labels('late, first,late')).toEqual(['late', 'first']);
    expect(labels('second@v7,second')).toEqual(['second@v7', 'second']);
    expect(labels('broken')).toEqual(['broken']);
  });

  it('one that does not exist is told with those that do', () => {
    expect(() => labels('fir')).toThrow(/'fir'.*first, also-second, second, late/);
    expect(() => resolveDesigns('all', [])).toThrow(/npm run build/);
  });

  it('no part of a preset is left out', () => {
    expect(() => labels('first,all@v7')).toThrow(/'all@v7'.*a preset belongs to a design.*@v7/);
    expect(labels('second@v7@v6')).toEqual(['second@v7@v6']);
  });
});
