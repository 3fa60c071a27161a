import { describe, expect, it } from 'vitest';
import { paletteOf } from '../../../tools/report/palette.js';

const KNOWN = ['a', 'b', 'c'];

describe('the palette of a page', () => {
  it('gives a design its own colour, whichever others are there, in whatever order', () => {
    for (const names of [['b'], ['c', 'b'], ['a', 'b', 'c']])
      expect(paletteOf(names, KNOWN).indexOf('b')).toBe(1);
  });

  it('gives other names what is free, and then what is beyond', () => {
    expect(paletteOf(['b', 'b@v6', 'a, monday', 'x'], KNOWN)).toEqual(['b@v6', 'b', 'a, monday', 'x']);
  });
});
