import { describe, expect, it } from 'vitest';
import { verdictText, type Evidence } from '../../../tools/result/verdict.js';

function evidence(more: Partial<Evidence> = {}): Evidence {
  return {
    topic: 'throughput',
    words: 'throughput',
    base: 'timeout-lists',
    head: 'rculist-sweep',
    where: '',
    finding: 'better',
    low: 1.2,
    high: 1.4,
    baseText: '1.00 M/s',
    headText: '1.30 M/s',
    cover: '95 %, 5 sessions x 1 trial',
    withheld: null,
    ...more,
  };
}

describe('the words of a verdict', () => {
  it('says a difference with its interval, values and what the interval covers', () => {
    expect(verdictText([evidence()])).toEqual([
      'rculist-sweep handles 1.2 to 1.4 times the packets per second of timeout-lists (1.30 M/s against 1.00 M/s; 95 %, 5 sessions x 1 trial).',
    ]);
  });

  it('claims nothing where no difference is shown, where trials are too few, and where a figure is withheld', () => {
    const texts = [
      evidence({ finding: 'no-difference-shown', low: 0.9, high: 1.1 }),
      evidence({ finding: 'unknown', low: 0.9, high: 1.8 }),
      evidence({
        finding: 'unknown',
        low: null,
        high: null,
        withheld: 'the machine interrupted 1 % of the packets',
      }),
      evidence({ finding: 'unknown', low: null, high: null }),
    ].map((item) => verdictText([item])[0]);
    expect(texts[0]).toMatch(/^Throughput: no difference shown \(rculist-sweep has 0\.9 to 1\.1 times/);
    expect(texts[1]).toMatch(/^Throughput: too few trials for a finding/);
    expect(texts[2]).toBe('Throughput is not compared: the machine interrupted 1 % of the packets.');
    expect(texts[3]).toMatch(/^Throughput is not compared: too few trials for an interval/);
  });

  it('counts the places where there are several, and names the largest difference each way', () => {
    const [text] = verdictText([
      evidence({ where: 'a' }),
      evidence({ where: 'b', low: 2, high: 3 }),
      evidence({ where: 'c', finding: 'worse', low: 0.5, high: 0.6 }),
      evidence({ where: 'd', finding: 'no-difference-shown', low: 0.9, high: 1.1 }),
    ]);
    expect(text).toBe(
      'Throughput, rculist-sweep against timeout-lists, 4 comparisons: better in 2, most (2 to 3 times, b); worse in 1 (0.5 to 0.6 times, c); ' +
        'no difference shown in 1 (95 %, 5 sessions x 1 trial).',
    );
  });

  it('says a difference from 0 by its values, since there is no ratio', () => {
    const lag = {
      topic: 'lag',
      words: 'median expiration lag',
      low: null,
      high: null,
      headText: '5.00 s',
      baseText: '0 ns',
    } as const;
    const one = (more: Partial<Evidence>) => verdictText([evidence({ ...lag, ...more })])[0];
    expect(one({ finding: 'worse', where: 'a' })).toBe(
      'The median expiration lag of rculist-sweep is worse than that of timeout-lists on a (5.00 s against 0 ns; there is no ratio to 0).',
    );
    expect(one({ finding: 'no-difference-shown' })).toBe(
      'Median expiration lag: no difference shown between rculist-sweep and timeout-lists (5.00 s against 0 ns; there is no ratio to 0).',
    );
    const [several] = verdictText([
      evidence({ ...lag, where: 'a', finding: 'worse', low: 1.2, high: 1.3 }),
      evidence({ ...lag, where: 'b', finding: 'worse' }),
    ]);
    expect(several).toContain('worse in 2, most (5.00 s against 0 ns, b)');
  });

  it('calls figures of several places by all their names', () => {
    const [text] = verdictText([
      evidence({ topic: 'tail', words: 'p99 service time', where: 'a' }),
      evidence({ topic: 'tail', words: 'p99 response time', where: 'b', finding: 'worse' }),
    ]);
    expect(text).toMatch(/^P99 service time or p99 response time, rculist-sweep against timeout-lists/);
  });

  it('has at most four sentences, and keeps what is no figure', () => {
    const topics = (['throughput', 'tail', 'lag', 'locks'] as const).map((topic) => evidence({ topic }));
    const texts = verdictText(topics, ['Rates.', 'Outcome.']);
    expect(texts).toHaveLength(4);
    expect(texts.slice(2)).toEqual(['Rates.', 'Outcome.']);
  });
});
