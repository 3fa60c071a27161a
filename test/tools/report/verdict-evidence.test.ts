import { describe, expect, it } from 'vitest';
import { renderTerminal } from '../../../tools/report/terminal.js';
import { outcomeHeadline, verdictSentences } from '../../../tools/report/verdict-evidence.js';
import type { Run } from '../../../tools/result/runs.js';
import type { ResultCase } from '../../../tools/result/schema.js';
import { sampleRuns } from './sample-runs.js';

/** A replay of two designs in which the second leaves `invalid` packets without a NAT tuple. */
function exhausted(invalid: number): Run[] {
  const runs = sampleRuns({ packets: 2000 });
  const [, head] = runs[0]!.result.cases as [ResultCase, ResultCase];
  for (const entry of runs[0]!.result.cases) entry.packets.rejectedByReason = {};
  const { 'new|trk': opened = 0, ...rest } = head.packets.verdicts;
  head.packets.verdicts = {
    ...rest,
    'new|trk': opened - invalid,
    ...(invalid > 0 ? { 'inv|trk': invalid } : {}),
  };
  head.packets.rejectedByReason = invalid > 0 ? { 'nat-exhausted': invalid } : {};
  return runs;
}

describe('outcomes in a verdict', () => {
  it('is a headline, a column and a sentence where designs differ', () => {
    const runs = exhausted(60);
    expect(outcomeHeadline(runs)).toMatch(
      /^The outcome differs: of [\d,]+ packets rculist-sweep left 60 invalid \(3\.0 %\), timeout-lists none; NAT failed 60 \(3\.0 %\) in rculist-sweep, none in timeout-lists\.$/,
    );
    expect(verdictSentences(runs).at(-1)).toBe(outcomeHeadline(runs));
    const text = renderTerminal(runs, { width: 120, colour: false, detail: 'brief' });
    expect(text.startsWith('Outcome: The outcome differs')).toBe(true);
    expect(text).toMatch(/invalid +NAT failed/);
    // What tells the designs apart is there in the narrowest of terminals.
    expect(renderTerminal(runs, { width: 60, colour: false, detail: 'brief' })).toMatch(
      /invalid +NAT failed/,
    );
  });

  it('is the same outcome where there is none, or a few packets only', () => {
    for (const few of [0, 1]) {
      const runs = exhausted(few);
      expect(outcomeHeadline(runs)).toBeNull();
      expect(verdictSentences(runs).at(-1)).toMatch(/^Both designs gave the traffic the same outcome/);
    }
  });

  it('makes no claim of single runs', () => {
    const [first] = verdictSentences(exhausted(0));
    expect(first).toMatch(/^One run of each design: no claim/);
  });

  it('concludes nothing from a result that failed its audit', () => {
    const runs = exhausted(60);
    runs[0]!.result.valid = false;
    expect(verdictSentences(runs)).toEqual([
      'The self-audit failed, so nothing is concluded; see the failed checks.',
    ]);
  });

  it.each([
    [0.986, /^rculist-sweep.* reached 98\.6 % of the rate asked for/m],
    [0.9899, /^rculist-sweep.* reached 98\.9 % of the rate asked for/m],
    [0.4, /^rculist-sweep.* reached 40 % of the rate asked for/m],
    [0.991, /^Every design held the rate asked for/m],
  ])('a rate of which %d was reached is not rounded up to one that was held', (share, sentence) => {
    const runs = sampleRuns({ packets: 500, trials: 6, kind: 'bench' });
    for (const entry of runs[0]!.result.cases) {
      const achievedPps = entry.design === 'rculist-sweep' ? 1e5 * share : 1e5;
      entry.pacing = { ...entry.pacing, mode: 'pps', targetPps: 1e5, achievedPps };
      entry.throughput = null;
    }
    expect(verdictSentences(runs).join('\n')).toMatch(sentence);
  });

  it('has nothing to say of one design', () => {
    expect(verdictSentences(sampleRuns({ designs: ['timeout-lists'], packets: 300 }))).toEqual([]);
  });
});
