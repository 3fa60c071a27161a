import { describe, expect, it } from 'vitest';
import { JsonTextError, parseJson, shownJson } from '../../../tools/text/json-text.js';

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

describe('JSON from files', () => {
  it('is parsed, whatever brackets its strings hold', () => {
    const value = { a: '[[{{"\\', b: ['\\"', nested(500)] };
    expect(parseJson(`\ufeff${JSON.stringify(value)}`)).toEqual(value);
    expect(parseJson(nested(100))).toBeInstanceOf(Array);
  });

  it.each([
    [nested(101), 'is nested more than 100 levels deep'],
    ['['.repeat(1_000_000), 'is nested more than 100 levels deep'],
    ['{"a":', 'is not JSON: '],
    ['', 'is not JSON: '],
  ])('refuses %#', (text, message) => {
    expect(() => parseJson(text)).toThrow(JsonTextError);
    expect(() => parseJson(text)).toThrow(message);
  });

  it('is shown in short', () => {
    expect([undefined, null, [1], { a: 1 }, 'x', 5].map(shownJson)).toEqual([
      'nothing',
      'null',
      'a list',
      'an object',
      '"x"',
      '5',
    ]);
    expect(shownJson('y'.repeat(1e6)).length).toBeLessThan(100);
  });
});
