import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { minimize } from '../../../tools/oracle/minimize.js';

describe('minimize', () => {
  it('finds exactly the elements that are needed, in order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(500), { minLength: 1, maxLength: 80 }), fc.nat(3), (items, more) => {
        const needed = items.slice(0, 1 + more);
        const shows = (some: readonly number[]): boolean => needed.every((each) => some.includes(each));
        expect(minimize(items, shows)).toEqual(items.filter((each) => needed.includes(each)));
      }),
    );
  });

  it('refuses a list that does not show it', () => {
    expect(() => minimize([1, 2], () => false)).toThrow(RangeError);
  });
});
