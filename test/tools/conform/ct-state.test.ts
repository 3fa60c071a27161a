import { expect, test } from 'vitest';
import { stateText } from '../../../engine/host/state-text.js';
import { TRACKED_STATES } from '../../../tools/conform/ct-state.js';

test('states of tracked packets are those that one pass can leave', () => {
  const texts = TRACKED_STATES.map(stateText);
  expect(texts).toEqual(
    expect.arrayContaining(['trk', 'new|trk', 'est|rpl|inv|trk', 'inv', 'new|rel|trk|dnat']),
  );
  for (const text of ['0', 'new', 'new|est|trk', 'est|inv']) expect(texts).not.toContain(text);
});
