import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  CT_STATE_COUNT,
  formatCtState,
  parseCtState,
  TRACKED_STATES,
} from '../../../tools/conform/ct-state.js';

test('formats bits from low to high', () => {
  expect(formatCtState(0)).toBe('0');
  expect(formatCtState(0x21)).toBe('new|trk');
  expect(formatCtState(0x30)).toBe('inv|trk');
  expect(formatCtState(0x62 | 0x08)).toBe('est|rpl|trk|snat');
});

test('parsing inverts formatting', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: CT_STATE_COUNT - 1 }), (bits) => {
      expect(parseCtState(formatCtState(bits))).toBe(bits);
    }),
  );
});

test('rejects what is no ct_state', () => {
  expect(parseCtState('new|fresh')).toBeNull();
  expect(parseCtState('')).toBeNull();
});

test('states of tracked packets are those that one pass can leave', () => {
  const texts = TRACKED_STATES.map(formatCtState);
  expect(texts).toEqual(
    expect.arrayContaining(['trk', 'new|trk', 'est|rpl|inv|trk', 'inv', 'new|rel|trk|dnat']),
  );
  for (const text of ['0', 'new', 'new|est|trk', 'est|inv']) expect(texts).not.toContain(text);
});
