/** Level ratios: what was measured in some sessions against what the baseline measured in others. */
import { describe, expect, it } from 'vitest';
import type { MatrixResult } from '../../../tools/bench/matrix-result.js';
import {
  parseRatioBaseline,
  ratioBaselineText,
  readRatioBaseline,
  type BaselineRatio,
  type RatioBaseline,
} from '../../../tools/regress/ratio-baseline.js';
import { otherCells, ratioBaselineOf, ratioChecks } from '../../../tools/regress/ratio-run.js';
import { checkRegressConfig } from '../../../tools/regress/regress-config.js';
import { parseThreshold } from '../../../tools/regress/threshold-expression.js';
import { cellFigures, thresholdChecks } from '../../../tools/regress/thresholds.js';
import { normal, Random } from '../stats/samples.js';
import { sampleResult } from '../../support/results.js';

const CONFIG = { ...checkRegressConfig({}, 'test').ratios, metrics: ['pps'], tolerance: 0.15 };

const SAMPLE = sampleResult({ kind: 'bench', minimal: true });

/** A result with one ratio of throughputs, as measured in some sessions. */
function resultOf(ratios: readonly number[]): MatrixResult {
  const ratio = Math.exp(ratios.reduce((sum, each) => sum + Math.log(each), 0) / ratios.length);
  return {
    ...SAMPLE,
    comparisons: [
      {
        base: 'a',
        head: 'b',
        metric: 'pps',
        direction: 'higher-is-better',
        kind: 'designs',
        ratio,
        low: ratio * 0.98,
        high: ratio * 1.02,
        confidence: 0.95,
        n: 3 * ratios.length,
        sessions: ratios.length,
        sessionRatios: [...ratios],
      },
    ],
  } as unknown as MatrixResult;
}

const sessions = (random: Random, count: number, centre: number, sigma = 0.02): number[] =>
  Array.from({ length: count }, () => centre * Math.exp(sigma * normal(random)));

describe('ratios against a baseline', () => {
  const random = new Random(1);
  const verdict = (baseline: RatioBaseline, now: readonly number[]) =>
    ratioChecks(baseline, resultOf(now), CONFIG, 'f')[0]!;

  it('pass when equal, fail when far worse, and are open when sessions are too far apart or too few', () => {
    const baseline = ratioBaselineOf(resultOf(sessions(random, 6, 1.5)), ['pps']);
    expect(verdict(baseline, sessions(random, 6, 1.5)).verdict).toBe('pass');
    expect(verdict(baseline, sessions(random, 6, 1.1)).verdict).toBe('regression');
    expect(verdict(baseline, sessions(random, 6, 1.5, 0.5)).verdict).toBe('inconclusive');
    expect(verdict(baseline, sessions(random, 1, 1.1)).verdict).toBe('inconclusive');
    expect(verdict(baseline, sessions(random, 6, 1.5)).details[0]).toMatch(/n=6x3/);
  });

  it('call a change at the limit a regression in at most 1 of 20, sessions of both included', () => {
    let wrong = 0;
    const runs = process.env['CTREPLAY_LONG'] === undefined ? 160 : 1000;
    for (let run = 0; run < runs; run++) {
      const baseline = ratioBaselineOf(resultOf(sessions(random, 6, 1.5, 0.05)), ['pps']);
      if (verdict(baseline, sessions(random, 6, 1.5 / 1.15, 0.05)).verdict === 'regression') wrong++;
    }
    expect(wrong / runs).toBeLessThan(0.05);
  });

  it('of throughput are left open by a baseline of the probed build, and another mutex or touching ahead is told', () => {
    const bare = ratioBaselineOf(resultOf(sessions(random, 6, 1.5)), ['pps']);
    expect(bare.throughput).toBe('bare');
    const check = verdict({ ...bare, throughput: 'probed' }, sessions(random, 6, 1.5));
    expect(check.verdict).toBe('inconclusive');
    expect(check.text).toMatch(/that of the probed build.*regress --update/);
    const other = verdict({ ...bare, mutex: 'backoff' }, sessions(random, 6, 1.5));
    expect(other.details.join()).toContain('measured with the backoff mutex, this with glibc');
    const touched = verdict({ ...bare, touchAhead: 'on' }, sessions(random, 6, 1.5));
    expect(touched.details.join()).toContain('measured with touch-ahead on, this with');
  });

  it('of cells that are others under the same names are left open, and so are thresholds of the baseline', () => {
    const cellsOf = (flows: number): MatrixResult => {
      const rest = resultOf(sessions(random, 6, 1.5));
      const [entry] = sampleResult({ packets: 500, kind: 'bench' }).cases;
      const input = { ...entry!.input, parameters: { 'active-flows': flows } };
      return { ...rest, cases: ['a', 'b'].map((id) => ({ ...entry!, id, input })) } as MatrixResult;
    };
    const before = cellsOf(1000);
    const baseline = parseRatioBaseline(ratioBaselineText(ratioBaselineOf(before, ['pps'])), 'f');
    const judged = (now: MatrixResult) => [
      ...ratioChecks(baseline, now, CONFIG, 'f'),
      ...thresholdChecks([parseThreshold('service.p99 <= 1x baseline')], {
        found: cellFigures(now.cases),
        baseline: baseline.figures,
        otherCells: otherCells(baseline, now.cases),
        notComparable: null,
      }),
    ];
    expect(judged(cellsOf(1000)).map((check) => check.verdict)).toEqual(['pass', 'pass', 'pass']);
    const others = judged(cellsOf(50_000));
    expect(others.map((check) => check.verdict)).toEqual(others.map(() => 'inconclusive'));
    for (const { text, isOpen } of others) {
      expect(text).toBe(
        "it is another cell than the baseline's: scenario parameters (active-flows 1000 and 50000); measure it again with regress --update",
      );
      expect(isOpen ?? false).toBe(false);
    }
    // A baseline from before knows cells by their names alone.
    const nameless = { ...baseline, identities: new Map() };
    expect(ratioChecks(nameless, cellsOf(50_000), CONFIG, 'f')[0]?.verdict).toBe('pass');
  });

  it('can be held against a baseline of before there were sessions', async () => {
    const old = ratioBaselineOf(resultOf(sessions(random, 6, 1.5)), ['pps']);
    const ratios = old.ratios.map(({ sessionRatios: _gone, ...rest }): BaselineRatio => rest);
    expect(verdict({ ...old, ratios }, sessions(random, 6, 1.5)).verdict).toBe('pass');
    expect(verdict({ ...old, ratios }, sessions(random, 6, 1.1)).verdict).toBe('regression');
    expect((await readRatioBaseline('results/baseline'))!.ratios.length).toBeGreaterThan(0);
  });
});
