import { describe, expect, it } from 'vitest';
import { compareResults } from '../../../tools/regress/compare-results.js';
import { mergeResults } from '../../../tools/regress/merge-results.js';
import { hashOf, identityDifferences } from '../../../tools/result/identity.js';
import type { Run } from '../../../tools/result/runs.js';
import type { ResultCase } from '../../../tools/result/schema.js';
import { sampleResult } from '../../support/results.js';

function changed(label: string, change: (entry: ResultCase) => void): Run {
  const result = sampleResult({ packets: 300 });
  for (const entry of result.cases) change(entry);
  return { label, file: null, result };
}

/** What two results of one name differ in, and how messages call it. */
const DIFFERENCES: readonly [string, (entry: ResultCase) => void, RegExp][] = [
  [
    'another capture of the same name',
    (entry) => (entry.input.files![0]!.sha256 = 'cd'.repeat(32)),
    /SHA-256 of the input \(abab.* and cdcd/,
  ],
  [
    'another configuration',
    (entry) => (entry.configSha256 = 'cd'.repeat(32)),
    /configuration \(none and cdcd/,
  ],
  ['another number of loops', (entry) => (entry.loops = 20), /loops \(1 and 20\)/],
  [
    'other edits',
    (entry) => (entry.input.edits = { filter: 'tcp' }),
    /edits of the traffic \(filter null and "tcp"\)/,
  ],
  ['other bursts', (entry) => (entry.burst = 10), /packets that leave together \(1 and 10\)/],
  ['another time scale', (entry) => (entry.timeScale = 40), /time scale \(1 and 40\)/],
];

const base = (): Run =>
  changed('base', (entry) => {
    entry.configSha256 = 'none';
    entry.input.edits = {};
    entry.timeScale = 1;
  });

function other(change: (entry: ResultCase) => void): Run {
  return changed('other', (entry) => {
    entry.configSha256 = 'none';
    entry.input.edits = {};
    entry.timeScale = 1;
    change(entry);
  });
}

describe('what a cell is', () => {
  it.each(DIFFERENCES)(
    '%s is another cell: compare and merge refuse, and say in what',
    (_, change, message) => {
      expect(() => compareResults([base()], [other(change)], { alpha: 0.05, acrossMachines: false })).toThrow(
        message,
      );
      expect(() => mergeResults([base(), other(change)], { acrossMachines: true })).toThrow(message);
    },
  );

  it('is the same in results that do not know a part', () => {
    const [first, two] = [base().result.cases[0]!, changed('old', () => {}).result.cases[0]!];
    expect(identityDifferences(first, two)).toEqual([]);
    expect(identityDifferences(two, first)).toEqual([]);
  });

  it('does not hang on the order of keys', () => {
    expect(hashOf({ a: 1, b: { c: 2, d: 3 } })).toBe(hashOf({ b: { d: 3, c: 2 }, a: 1 }));
    expect(hashOf({ a: 1 })).not.toBe(hashOf({ a: 2 }));
    expect(hashOf(null)).toBeNull();
  });
});
