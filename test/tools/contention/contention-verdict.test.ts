import { describe, expect, it } from 'vitest';
import { contentionEvidence } from '../../../tools/contention/contention-verdict.js';
import type { ContentionResult, ThroughputRatio } from '../../../tools/contention/contention-result.js';

/** As many ratios, each about `median` in every round. */
function findings(ratios: number, rounds: number, median: number): (string | undefined)[] {
  const values = Array.from(
    { length: rounds },
    (_, round) => median * (1 + (round % 2 === 0 ? 0.01 : -0.01)),
  );
  const ratio = { median, min: median * 0.99, max: median * 1.01, values };
  const row: ThroughputRatio = { workload: 'syn-flood', threads: 1, design: 'new', against: 'old', ratio };
  const result = { ratios: Array.from({ length: ratios }, () => row), rounds } as unknown as ContentionResult;
  return [...new Set(contentionEvidence(result).map(({ finding }) => finding))];
}

describe('the verdict of contention', () => {
  it.each([
    [1, 5, 6],
    [3, 6, 7],
    [9, 8, 9],
  ])(
    'of %i ratios: %i rounds are too few to say anything, whatever they are, and %i are enough',
    (ratios, few, enough) => {
      expect(findings(ratios, few, 2)).toEqual(['unknown']);
      expect(findings(ratios, few, 1)).toEqual(['unknown']);
      expect(findings(ratios, enough, 2)).toEqual(['better']);
      expect(findings(ratios, enough, 0.5)).toEqual(['worse']);
      expect(findings(ratios, enough, 1)).toEqual(['no-difference-shown']);
    },
  );
});
