import { describe, expect, it } from 'vitest';
import { checkRegressConfig, readRegressConfig } from '../../../tools/regress/regress-config.js';
import { parseThreshold, ThresholdError } from '../../../tools/regress/threshold-expression.js';
import { cellFigures, thresholdChecks } from '../../../tools/regress/thresholds.js';
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
    ['retention.max<25s', { metric: 'retention.max', operator: '<', limit: 25e9, ofBaseline: false }],
    ['pps >= 90% baseline', { metric: 'pps', operator: '>=', limit: 0.9, ofBaseline: true }],
    ['pps > 1.5M', { metric: 'pps', operator: '>', limit: 1.5e6, ofBaseline: false }],
    ['lockWaitShare <= 5%', { limit: 0.05, ofBaseline: false }],
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
    ['service.p99 < 2ms baseline', /1\.5x or 150%/],
  ])('is refused: %s', (text, message) => {
    expect(() => parseThreshold(text)).toThrow(ThresholdError);
    expect(() => parseThreshold(text)).toThrow(message);
  });
});

describe('thresholds against a run', () => {
  const found = cellFigures(sampleResult({ packets: 500, trials: 3, kind: 'bench' }).cases);
  const [cell] = [...found.keys()] as [string];
  const p99 = found.get(cell)!['service.p99']!;
  const judge = (text: string, baseline: typeof found | null, notComparable: string | null = null) =>
    thresholdChecks([parseThreshold(`${text} on ${cell}`)], { found, baseline, notComparable }).map(
      (check) => check.verdict,
    );

  it('pass and fail on the side of the limit', () => {
    expect(judge(`service.p99 <= ${p99}ns`, null)).toEqual(['pass']);
    expect(judge(`service.p99 < ${p99}ns`, null)).toEqual(['regression']);
    expect(judge('service.p99 <= 1x baseline', found)).toEqual(['pass']);
    expect(judge('service.p99 < 100% baseline', found)).toEqual(['regression']);
  });

  it('are inconclusive, never passed, where nothing can be said', () => {
    expect(judge('service.p99 < 2x baseline', null)).toEqual(['inconclusive']);
    expect(judge('service.p99 < 2x baseline', found, 'another machine')).toEqual(['inconclusive']);
    // Work does not depend on the machine.
    expect(judge('locks.ct_lock.perPacket <= 1x baseline', found, 'another machine')).toEqual(['pass']);
    expect(judge('nat.nothing < 3', null)).toEqual(['inconclusive']);
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
    ['thresholds:\n  - pps\n', /regress\.yaml:2: thresholds\.0: 'pps' is no threshold/],
    ['against:\n  treshold: 1\n', /regress\.yaml:\d: against: .*treshold/],
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
    expect((await read(example)).thresholds).toHaveLength(3);
  });
});
