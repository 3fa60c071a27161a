/** Level ratios: what is timed besides the matrix, with figures made up here. */
import { describe, expect, it } from 'vitest';
import { checkRegressConfig } from '../../../tools/regress/regress-config.js';
import {
  measureTimed,
  ratiosOf,
  timedChecks,
  timedConfidence,
  type TimedRatio,
  type TimedRule,
} from '../../../tools/regress/timed-ratios.js';
import type { TimedFigure } from '../../../tools/regress/timed-runs.js';
import { normal, Random } from '../stats/samples.js';

const RULE: TimedRule = {
  tolerances: checkRegressConfig({}, 'test').runs.tolerances,
  confidence: timedConfidence(0.95, 1, 1),
  notComparable: null,
  file: 'f',
};

const figure = (more: Partial<TimedFigure>): TimedFigure => ({
  name: 'cleaned, ns a connection',
  design: 'timeout-lists',
  kind: 'cost',
  direction: 'lower-is-better',
  value: 100,
  over: 'loop',
  ...more,
});

const ratio = (values: readonly number[], more: Partial<TimedRatio> = {}): TimedRatio => ({
  name: 'sweeps: cleaned',
  kind: 'cost',
  direction: 'lower-is-better',
  machineBound: false,
  sessionValues: values,
  ...more,
});

const random = new Random(1);
const sessions = (centre: number, sigma = 0.02, count = 6): number[] =>
  Array.from({ length: count }, () => centre * Math.exp(sigma * normal(random)));

describe('ratios of timed runs', () => {
  it('set a time against the loop, against the first design, or against what ran with it', () => {
    const figures = [figure({}), figure({ design: 'rculist-sweep', value: 150 })];
    expect(ratiosOf('sweeps', figures[0]!, figures, 2)).toMatchObject([
      { name: expect.stringContaining('over the reference loop'), machineBound: true, sessionValues: [50] },
    ]);
    expect(ratiosOf('sweeps', figures[1]!, figures, 2)).toMatchObject([
      { machineBound: true, sessionValues: [75] },
      { name: expect.stringMatching(/of rculist-sweep against timeout-lists$/), sessionValues: [1.5] },
    ]);
    const tail = figure({ kind: 'tail', over: 'nothing', value: 7 });
    expect(ratiosOf('paced', tail, [tail], 2)).toMatchObject([{ machineBound: false, sessionValues: [7] }]);
    for (const machineBound of [true, false]) {
      const divided = figure({
        design: null,
        over: { label: 'over what ran with it', value: 20, machineBound },
      });
      expect(ratiosOf('loading', divided, [divided], 2)).toMatchObject([
        { name: 'loading: cleaned, ns a connection over what ran with it', machineBound, sessionValues: [5] },
      ]);
    }
  });

  it('pass when equal, fail when far worse, and are open when sessions are too far apart', () => {
    const verdict = (then: readonly number[], now: readonly number[], more: Partial<TimedRatio> = {}) =>
      timedChecks([ratio(then, more)], [ratio(now, more)], RULE)[0]!;
    expect(verdict(sessions(1), sessions(1)).verdict).toBe('pass');
    expect(verdict(sessions(1), sessions(1.4)).verdict).toBe('regression');
    expect(verdict(sessions(1), sessions(1.4), { direction: 'higher-is-better' }).verdict).toBe('pass');
    expect(verdict(sessions(1), sessions(1, 0.5))).toMatchObject({ verdict: 'inconclusive', isOpen: true });
    // A tail may be half as bad again, a cost may not.
    expect(verdict(sessions(1), sessions(1.5), { kind: 'tail' }).verdict).toBe('pass');
    expect(verdict(sessions(1), sessions(3), { kind: 'tail' }).verdict).toBe('regression');
  });

  it('are skipped on another machine where they depend on it, and nowhere else', () => {
    const rule = { ...RULE, notComparable: 'measured elsewhere' };
    const checks = (machineBound: boolean) =>
      timedChecks([ratio(sessions(1), { machineBound })], [ratio(sessions(3), { machineBound })], rule)[0]!;
    expect(checks(true)).toMatchObject({ verdict: 'skipped', text: expect.stringContaining('elsewhere') });
    expect(checks(false).verdict).toBe('regression');
  });

  it('that only one side has are inconclusive, and no measuring decides them', () => {
    const checks = timedChecks([ratio([1, 1], { name: 'gone' })], [ratio([1, 1], { name: 'new' })], RULE);
    expect(checks).toMatchObject([
      { name: 'new', verdict: 'inconclusive' },
      { name: 'gone', verdict: 'inconclusive' },
    ]);
    expect(checks.some(({ isOpen }) => isOpen === true)).toBe(false);
  });

  it('at the limit are called a regression in at most 1 of 20', () => {
    let wrong = 0;
    for (let i = 0; i < 400; i++) {
      const checks = timedChecks([ratio(sessions(1, 0.05))], [ratio(sessions(1.15, 0.05))], RULE);
      if (checks[0]!.verdict === 'regression') wrong++;
    }
    expect(wrong / 400).toBeLessThan(0.05);
  });
});

describe('sessions of timed runs', () => {
  const plan = {
    names: ['sweeps'] as const,
    settings: { designs: ['timeout-lists', 'rculist-sweep'], mutex: 'glibc' as const, seed: 5 },
    sessions: 3,
    maxSessions: 10,
  };

  it('are doubled while that is not enough, each with a seed of its own', async () => {
    const seeds: string[] = [];
    let looks = 0;
    const found = await measureTimed(
      plan,
      {
        command: (args) => {
          seeds.push(args[args.indexOf('--seed') + 1] as string);
          const bareNs = { median: 100, min: 90, max: 110, values: [100] };
          const row = (design: string) => ({ design, operation: 'cleaned', connections: 10, bareNs });
          return Promise.resolve({ sweeps: [row('timeout-lists'), row('rculist-sweep')] });
        },
        clock: () => performance.now() * 1e6,
        random: new Random(1),
      },
      () => ++looks === 3,
    );
    expect(looks).toBe(2);
    expect(seeds).toEqual(Array.from({ length: 10 }, (_, i) => String(5 + i)));
    expect(found.map(({ sessionValues }) => sessionValues.length)).toEqual([10, 10, 10]);
    expect(found.at(-1)).toMatchObject({ machineBound: false, sessionValues: Array(10).fill(1) });
  });
});
