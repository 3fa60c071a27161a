/** Every report says the same of a comparison: what the one rule says, whatever a stored result claims of itself. */
import { describe, expect, it } from 'vitest';
import { comparisonsOf, coverText, deltaText, findingOf } from '../../../tools/result/comparisons.js';
import { CSV_TABLES } from '../../../tools/report/csv-tables.js';
import { junitSuites } from '../../../tools/report/junit.js';
import { markdownText } from '../../../tools/report/markdown.js';
import { comparisonSection } from '../../../tools/report/page-tables.js';
import type { Run } from '../../../tools/result/runs.js';
import type { Comparison } from '../../../tools/result/schema.js';
import { summarySentences } from '../../../tools/report/summary-sentences.js';
import { renderTerminal } from '../../../tools/report/terminal.js';
import { sampleResult } from '../../support/results.js';

/** A run whose comparisons all claim to be a difference of 10 %. */
function runOf(more: Partial<Comparison>, count = 1, build: 'bare' | 'probed' = 'bare'): Run {
  const result = sampleResult({ kind: 'bench', minimal: true });
  for (const entry of result.cases) {
    entry.throughput = { build, timed: false, pps: 1e6, packets: 1e6, elapsedNs: 1e9 };
  }
  const [base, head] = result.cases;
  const comparison: Comparison = {
    base: base!.id,
    head: head!.id,
    metric: 'pps',
    direction: 'higher-is-better',
    baseMedian: 1e6,
    headMedian: 1.1e6,
    ratio: 1.1,
    low: 1.05,
    high: 1.15,
    confidence: 0.95,
    pValue: 0.01,
    alpha: 0.05,
    n: 15,
    sessions: 5,
    significant: true,
    control: false,
    text: '+10.00%',
    ...more,
  };
  const comparisons = Array.from({ length: count }, () => structuredClone(comparison));
  return { label: 'a', file: null, result: { ...result, comparisons } };
}

/** Whether each report calls the comparison a difference. */
function verdicts(run: Run): Record<string, boolean> {
  const { result } = run;
  const csv = CSV_TABLES.find(({ name }) => name === 'comparisons')!;
  const [header, ...rows] = csv
    .render([run])!
    .trim()
    .split('\r\n')
    .map((line) => line.split(','));
  const significant = header!.indexOf('significant');
  const controls: Run = {
    ...run,
    result: {
      ...result,
      comparisons: result.comparisons!.map((comparison) => ({ ...comparison, control: true })),
    },
  };
  const table = renderTerminal([run], { width: 200, colour: false }).split('Comparisons')[1] ?? '';
  return {
    terminal: table.includes('+10.00%'),
    summary: summarySentences([run]).some(({ text }) =>
      / handles .* times the packets per second/.test(text),
    ),
    noise: summarySentences([controls]).some(({ text }) => text.includes('compared with itself')),
    page: String(comparisonSection([run], 100)).includes('>better<'),
    delta: String(comparisonSection([run], 100)).includes('+10.00%'),
    markdown: (markdownText([run]).split('## Comparisons')[1] ?? '').includes('+10.00%'),
    junit: junitSuites([controls])[0]!.cases.some(({ outcome }) => outcome.kind === 'skipped'),
    csv: rows.some((row) => row[significant] === 'true'),
  };
}

const all = (verdict: boolean) =>
  expect.toSatisfy((found: Record<string, boolean>) =>
    Object.values(found).every((value) => value === verdict),
  );

describe('one rule', () => {
  it('calls a difference what is one, everywhere', () => {
    expect(verdicts(runOf({}))).toEqual(all(true));
  });

  it.each<[string, Partial<Comparison>, number]>([
    ['the interval holds 1', { low: 0.99 }, 1],
    ['there is no interval', { low: null, high: null }, 1],
    ['the p-value is too large', { pValue: 0.06 }, 1],
    ['Holm’s correction leaves nothing of it', { adjustedP: 0.4 }, 1],
    ['it is one of ten and was stored before corrections were made', {}, 10],
  ])('calls nothing a difference where %s, whatever the result says of itself', (_, more, count) => {
    expect(verdicts(runOf(more, count))).toEqual(all(false));
  });

  it('calls nothing a difference where the throughput is that of the probed build', () => {
    const run = runOf({}, 1, 'probed');
    expect(verdicts(run)).toEqual(all(false));
    expect(comparisonsOf(run.result)[0]?.note).toBe(
      'throughput is not compared: it is that of the probed build',
    );
  });

  it('says of too few trials that they tell nothing', () => {
    const run = runOf({ n: 3, sessions: 1, confidence: 0.75, pValue: 0.25 });
    const [comparison] = comparisonsOf(run.result);
    expect([findingOf(comparison!), deltaText(comparison!)]).toEqual(['unknown', '~']);
    const texts = summarySentences([run]).map(({ text }) => text);
    expect(texts.join()).toContain('too few trials for a finding');
    expect(texts.join()).not.toContain('shows a difference');
  });

  it('labels what an interval covers', () => {
    expect(coverText({ confidence: 0.95, n: 15, sessions: 5 })).toBe('95 %, 5 sessions x 3 trials');
    expect(coverText({ confidence: 0.95, n: 15, sessions: 1 })).toBe(
      '95 %, within one session only, 15 trials',
    );
    // A result of before there were sessions.
    expect(coverText({ confidence: 0.95, n: 15 })).toBe('95 %, within one session only, 15 trials');
    expect(coverText({ confidence: null, n: 1, sessions: 1 })).toBe(
      'no interval, within one session only, 1 trial',
    );
    expect(coverText({})).toBe('');
    expect(verdicts(runOf({}))['summary']).toBe(true);
    expect(summarySentences([runOf({})])[0]!.text).toContain('95 %, 5 sessions x 3 trials');
  });
});
