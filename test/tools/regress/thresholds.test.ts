import { describe, expect, it } from 'vitest';
import { checkRegressConfig, readRegressConfig } from '../../../tools/regress/regress-config.js';
import { parseThreshold, ThresholdError } from '../../../tools/regress/threshold-expression.js';
import { cellFigures, heldBack, thresholdChecks } from '../../../tools/regress/thresholds.js';
import { sampleResult } from '../../support/results.js';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

describe('a threshold', () => {
  it.each([
    [
      'service.p99 < 2x baseline',
      { metric: 'service.p99', operator: '<', limit: 2, ofBaseline: true, cells: '' },
    ],
    ['service.max<25s', { metric: 'service.max', operator: '<', limit: 25e9, ofBaseline: false }],
    ['pps >= 90% baseline', { metric: 'pps', operator: '>=', limit: 0.9, ofBaseline: true }],
    ['pps > 1.5M', { metric: 'pps', operator: '>', limit: 1.5e6, ofBaseline: false }],
    ['lockWaitShare <= 5%', { limit: 0.05, ofBaseline: false }],
    ['cpuWaitShare < 0.2', { limit: 0.2, ofBaseline: false }],
    ['cpuWaitShare <= 150% baseline', { limit: 1.5, ofBaseline: true }],
    ['probeCost.nsPerPacket < 2us', { limit: 2000 }],
    ['probeCost.nsPerPacket < 200', { limit: 200 }],
    ['connections.peak <= 10M', { limit: 10e6 }],
    [
      'locks.ct_lock.perPacket == 2 on syn-flood/timeout-lists',
      { limit: 2, cells: 'syn-flood/timeout-lists' },
    ],
  ])('is read: %s', (text, expected) => {
    expect(parseThreshold(text)).toMatchObject(expected);
  });

  it.each([
    ['', /write metric, comparison and limit/],
    ['p99 below 5ms', /write metric, comparison and limit/],
    ['service.p99 < 5', /is a time; give the limit a unit/],
    ['service.p99 < 2x', /write '2x baseline'/],
    ['service.p99 < 200%', /is a time; give the limit a unit/],
    ['pps >= 90%', /pps is no share; for one of the baseline write 'pps >= 90% baseline'/],
    ['pps >= 90% on flood', /write 'pps >= 90% baseline on flood'/],
    ['probeCost.nsPerPacket < 90%', /write 'probeCost\.nsPerPacket < 90% baseline'/],
    ['connections.peak <= 10m', /m is a unit of time; write 'connections\.peak <= 10M' for millions/],
    ['pps >= 5ms', /pps is no time, and ms is a unit of time; write 'pps >= 5M' for millions/],
    ['nat.failures < 5s', /write 'nat\.failures < 5'/],
    ['lockWaitShare < 5', /a share, from 0 to 1, and 5 is more than all; write 'lockWaitShare < 5%'/],
    ['lockWaitShare < 500%', /500% is more than all; write 'lockWaitShare < 5%'/],
    ['cpuWaitShare < 5ms', /is a share, from 0 to 1; write 'cpuWaitShare < 5%'/],
    ['cpuWaitShare < 1k', /write 'cpuWaitShare < 1%'/],
    ['service.p99 < 2ms baseline', /1\.5x or 150%/],
    ['service.p98 < 5ms', /'service\.p98' is no metric; did you mean 'service\.p9/],
    ['lockwaitshare < 5%', /did you mean 'lockWaitShare'\?/],
    ['locks.ct_lok.contended < 5', /did you mean 'locks\.ct_lock\.contended'\?/],
    ['nonsense < 5', /'nonsense' is no metric; the metrics are pps, /],
    ['response.p99 < 5ms', /response\.p99 is measured only at a rate/],
    ['departure.max < 5ms', /departure\.max is measured only at a rate/],
    ['retention.max < 25s', /retention\.max is measured only where connections expire/],
    ['retention.p98 < 25s', /'retention\.p98' is no metric/],
    ['toString < 1', /'toString' is no metric/],
  ])('is refused: %s', (text, message) => {
    expect(() => parseThreshold(text)).toThrow(ThresholdError);
    expect(() => parseThreshold(text)).toThrow(message);
  });
});

describe('thresholds against a run', () => {
  const found = cellFigures(sampleResult({ packets: 500, trials: 3, kind: 'bench' }).cases);
  const [cell] = [...found.keys()] as [string];
  const p99 = found.get(cell)!['service.p99']!;
  const judge = (
    text: string,
    baseline: typeof found | null,
    notComparable: string | null = null,
    measured: typeof found = found,
  ) =>
    thresholdChecks([parseThreshold(`${text} on ${cell}`)], {
      found: measured,
      baseline,
      notComparable,
    }).map((check) => check.verdict);
  const withWaits = new Map([[cell, { lockWaitShare: 0.1, cpuWaitShare: 0.1 }]]);

  it('pass and fail on the side of the limit', () => {
    expect(judge(`service.p99 <= ${p99}ns`, null)).toEqual(['pass']);
    expect(judge(`service.p99 < ${p99}ns`, null)).toEqual(['regression']);
    expect(judge('service.p99 <= 1x baseline', found)).toEqual(['pass']);
    expect(judge('service.p99 < 100% baseline', found)).toEqual(['regression']);
  });

  it('are inconclusive, never passed, where nothing can be said', () => {
    expect(judge('service.p99 < 2x baseline', null)).toEqual(['inconclusive']);
    expect(judge('service.p99 < 2x baseline', found, 'another machine')).toEqual(['inconclusive']);
    // What share of the time threads wait is the machine's as well.
    expect(judge('lockWaitShare < 9x baseline', withWaits, 'another machine', withWaits)).toEqual([
      'inconclusive',
    ]);
    expect(judge('cpuWaitShare < 9x baseline', withWaits, 'another machine', withWaits)).toEqual([
      'inconclusive',
    ]);
    // Work does not depend on the machine.
    expect(judge('locks.ct_lock.perPacket <= 1x baseline', found, 'another machine')).toEqual(['pass']);
    // The result of another build, which does not measure it.
    const without = new Map([...found].map(([id]) => [id, { pps: 1 }]));
    expect(
      thresholdChecks([parseThreshold('cpuWaitShare < 3%')], {
        found: without,
        baseline: null,
        notComparable: null,
      }),
    ).toMatchObject([{ verdict: 'inconclusive' }]);
    const nowhere = thresholdChecks([parseThreshold('pps > 1 on no-such-cell')], {
      found,
      baseline: null,
      notComparable: null,
    });
    expect(nowhere[0]).toMatchObject({
      verdict: 'inconclusive',
      text: "no cell is called like 'no-such-cell'",
    });
  });
});

describe('nothing against nothing', () => {
  const figures = (value: number) => new Map([['cell', { 'nat.failures': value }]]);
  const verdict = (text: string, now: number, before: number) =>
    thresholdChecks([parseThreshold(text)], {
      found: figures(now),
      baseline: figures(before),
      notComparable: null,
    })[0]?.verdict;

  it('passes, whatever the comparison; something against nothing is judged as it stands', () => {
    for (const operator of ['<', '<=', '>', '>=', '==']) {
      expect([operator, verdict(`nat.failures ${operator} 2x baseline`, 0, 0)]).toEqual([operator, 'pass']);
    }
    expect(verdict('nat.failures < 2x baseline', 1, 0)).toBe('regression');
    expect(verdict('nat.failures < 2x baseline', 0, 1)).toBe('pass');
    expect(verdict('nat.failures > 2x baseline', 0, 1)).toBe('regression');
  });
});

describe('percentiles of packets that the machine interrupted', () => {
  const cases = (interruptedShare: number) =>
    sampleResult({ packets: 500, trials: 3, kind: 'bench' }).cases.map((entry) => {
      const overall = entry.latency?.service?.overall;
      if (overall !== undefined) overall.interruptedShare = interruptedShare;
      return entry;
    });
  const verdicts = (text: string, interruptedShare: number) => {
    const measured = cases(interruptedShare);
    const context = { found: cellFigures(measured), heldBack: heldBack(measured), baseline: null };
    return thresholdChecks([parseThreshold(text)], { ...context, notComparable: null });
  };

  it('neither pass nor fail a gate', () => {
    for (const text of ['service.p99 < 1s', 'service.p99 < 1ns']) {
      const checks = verdicts(text, 0.02);
      expect(new Set(checks.map(({ verdict }) => verdict))).toEqual(new Set(['inconclusive']));
      expect(checks[0]!.text).toMatch(
        /says nothing of the design: the machine interrupted or delayed 2(\.0)? %/,
      );
    }
  });

  it('count where few enough were, and as far as few enough were', () => {
    expect(new Set(verdicts('service.p99 < 1ns', 0.001).map(({ verdict }) => verdict))).toEqual(
      new Set(['regression']),
    );
    expect(new Set(verdicts('service.p50 < 1s', 0.02).map(({ verdict }) => verdict))).toEqual(
      new Set(['pass']),
    );
    expect(new Set(verdicts('service.max < 1ns', 0.02).map(({ verdict }) => verdict))).toEqual(
      new Set(['regression']),
    );
  });
});

describe('figures that nothing happened to count', () => {
  const [entry] = sampleResult({ packets: 500, trials: 1, kind: 'bench' }).cases;
  const cells = (change: object) => [...cellFigures([{ ...entry!, ...change }]).values()][0]!;

  it('are 0 in a build that counts, and missing in one that does not', () => {
    expect(cells({ nat: null, locks: [] })).toMatchObject({
      'nat.failures': 0,
      'locks.fragment_lock.contended': 0,
    });
    expect(cells({ nat: null, locks: null })).not.toHaveProperty('nat.failures');
    expect(cells({ nat: null, locks: null })).not.toHaveProperty(['locks.ct_lock.contended']);
  });
});

const read = (text: string) => {
  const file = join(mkdtempSync(join(tmpdir(), 'ctreplay-regress-')), 'regress.yaml');
  writeFileSync(file, text);
  return readRegressConfig(file);
};

describe('regress.yaml', () => {
  it('fills in defaults and reads thresholds', async () => {
    const config = await read('thresholds:\n  - service.p99 < 2x baseline\nagainst: { threshold: 0.1 }\n');
    expect(config.thresholds[0]).toMatchObject({ metric: 'service.p99' });
    expect(config.against).toMatchObject({ threshold: 0.1, rounds: 24 });
    expect(config.exact).toEqual(checkRegressConfig({}, 'x').exact);
    expect(await read('')).toEqual(checkRegressConfig({}, 'x'));
  });

  it.each([
    ['thresholds:\n  - service.p98 < 1s\n', /regress\.yaml:2: thresholds\.0: .*'service\.p98' is no metric/],
    ['ratios: { metrics: [ppps] }\n', /ratios\.metrics\.0: 'ppps' is no metric; did you mean 'pps'\?/],
    ['ratios: { metrics: [response.p99Ns] }\n', /response\.p99Ns is measured only at a rate/],
    ['thresholds:\n  - pps\n', /regress\.yaml:2: thresholds\.0: 'pps' is no threshold/],
    [`thresholds:\n  - pps < ${'9'.repeat(400)}\n`, /the limit is too large/],
    ['exact: { inputs: [{ scenario: a, limit: 0 }] }\n', /exact\.inputs\.0\.limit: /],
    ['thresholds: &a [*a]\n', /regress\.yaml:1: the alias \*a stands within what it stands for/],
    ['designs: [*a]\n', /regress\.yaml:1: the alias \*a refers to nothing: there is no &a before it/],
    [
      'against:\n  treshold: 1\n',
      /regress\.yaml:2: against\.treshold: unknown key 'treshold'; did you mean threshold\?$/,
    ],
    ['exact:\n  inputs:\n    - { scenario: a, capture: b }\n', /needs either scenario or capture/],
    ['exact:\n  inputs:\n    - { scenario: a }\n    - { scenario: a }\n', /two are called 'a'/],
    ['designs: [\n', /not valid YAML/],
  ])('names what is wrong in %j', async (text, message) => {
    await expect(read(text)).rejects.toThrow(message);
    await expect(read(text)).rejects.toMatchObject({ exitCode: 2 });
  });
});

describe('docs/ci.md', () => {
  it('shows a regress.yaml that is accepted', async () => {
    const text = readFileSync(new URL('../../../docs/ci.md', import.meta.url), 'utf8');
    const example = /```yaml\n(designs:[\s\S]*?)```/.exec(text)![1]!;
    const { thresholds } = await read(example);
    expect(thresholds).toHaveLength(3);
    // Every one of them can be judged by a run.
    const found = cellFigures(sampleResult({ packets: 500, trials: 3, kind: 'bench' }).cases);
    const checks = thresholdChecks(thresholds, { found, baseline: found, notComparable: null });
    expect(checks.map(({ verdict }) => verdict)).not.toContain('inconclusive');
    expect(checks.filter(({ verdict }) => verdict === 'pass').length).toBeGreaterThan(checks.length / 2);
  });
});
