import { describe, expect, it } from 'vitest';
import { summarySentences } from '../../../tools/report/summary-sentences.js';
import type { Comparison, Result } from '../../../tools/result/schema.js';
import { sampleResult } from '../../support/results.js';

/** A comparison of two cells in throughput, well apart from 1. */
function faster(base: string, head: string, ratio: number): Comparison {
  return {
    base,
    head,
    metric: 'pps',
    direction: 'higher-is-better',
    ratio,
    low: ratio * 0.99,
    high: ratio * 1.01,
    confidence: 0.95,
    pValue: 0.0001,
    alpha: 0.05,
    n: 15,
    significant: true,
    control: false,
    text: `x${ratio}`,
  };
}

/** Eight inputs with 1 and 2 workers, and a bare cell of the first; the difference grows with the workers. */
function matrix(probedThroughput = false): Result {
  const [old, young] = sampleResult({ kind: 'bench', minimal: true }).cases;
  const cases: Result['cases'] = [];
  const comparisons: Comparison[] = [];
  for (let input = 1; input <= 8; input++) {
    for (const workers of [1, 2]) {
      const cell = (
        entry: Result['cases'][number] | undefined,
        suffix: string,
        build: 'bare' | 'probed',
      ): string => {
        const id = `in${input}/${entry!.design}/w${workers}${suffix}`;
        const throughput = { build: 'bare', timed: false, pps: 1e6, packets: 1e6, elapsedNs: 1e9 } as const;
        cases.push({
          ...entry!,
          id,
          workers,
          build,
          input: { ...entry!.input, name: `in${input}` },
          ...(probedThroughput ? {} : { throughput }),
        });
        return id;
      };
      const base = cell(old, '', 'probed');
      comparisons.push(faster(base, cell(young, '', 'probed'), 1 + input / 10 + workers));
      if (input === 1) comparisons.push(faster(cell(old, '/bare', 'bare'), base, 0.1));
    }
  }
  return { ...sampleResult({ kind: 'bench', minimal: true }), cases, comparisons };
}

describe('the summary', () => {
  const findings = summarySentences([{ label: 'a', file: null, result: matrix() }]).filter(
    ({ kind }) => kind === 'finding',
  );

  it('tells of all inputs in one sentence, with the largest difference', () => {
    expect(findings[0]?.text).toMatch(
      /^Throughput, rculist-sweep against timeout-lists, 16 comparisons: better in 16, most \(3\.76 to 3\.84 times, in8 with 2 workers\)/,
    );
  });

  it('does not speak of what measuring costs', () => {
    const old = summarySentences([{ label: 'a', file: null, result: matrix(true) }]);
    for (const { text } of [...findings, ...old]) expect(text).not.toContain('/bare');
  });

  it('claims nothing of throughput that is that of the probed build', () => {
    const sentences = summarySentences([{ label: 'a', file: null, result: matrix(true) }]);
    expect(sentences.filter(({ kind }) => kind === 'finding')).toEqual([]);
    expect(sentences.map(({ text }) => text).join(' ')).toContain(
      'Throughput is not compared: it is that of the probed build',
    );
  });

  it('begins with what was asked, where tuples were repeated', () => {
    const result = matrix();
    for (const entry of result.cases) entry.repeatedTuples = true;
    const [first] = summarySentences([{ label: 'a', file: null, result }]);
    expect(first?.kind).toBe('caution');
    expect(first?.text).toMatch(/^Repeated tuples: /);
  });
});
