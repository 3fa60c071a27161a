/** What becomes of checks that stay inconclusive. */
import { describe, expect, it } from 'vitest';
import {
  exitCodeOf,
  inconclusiveSentence,
  type Check,
  type CheckVerdict,
} from '../../../tools/regress/check.js';
import { rerun } from '../../../tools/regress/gate.js';
import type { LevelOptions } from '../../../tools/regress/gate-options.js';
import { gateJunit, gateMarkdown, gateText, githubAnnotations } from '../../../tools/regress/gate-text.js';
import { checkRegressConfig } from '../../../tools/regress/regress-config.js';

const CONFIG = checkRegressConfig({}, 'test');
const check = (name: string, verdict: CheckVerdict, isOpen = false): Check => ({
  level: 'ratio',
  name,
  verdict,
  text: `${name} text`,
  details: [],
  isOpen,
});
const findings = (checks: readonly Check[]) => ({ checks, facts: ['fact'], written: [] });

describe('measuring again', () => {
  it('is done once, with twice the rounds, for what is open and for nothing else', async () => {
    const asked: Partial<LevelOptions>[] = [];
    const found = findings([
      check('fine', 'pass'),
      check('open', 'inconclusive', true),
      check('not in the baseline', 'inconclusive'),
    ]);
    const outcome = await rerun(found, CONFIG, (more) => {
      asked.push(more);
      return Promise.resolve(findings([check('open', 'pass'), check('fine', 'regression')]));
    });
    expect(asked).toHaveLength(1);
    expect([...(asked[0]?.only ?? [])]).toEqual(['open']);
    expect(asked[0]?.config?.ratios.sessions).toBe(2 * CONFIG.ratios.sessions);
    expect(asked[0]?.config?.ratios.maxSessions).toBe(2 * CONFIG.ratios.maxSessions);
    expect(asked[0]?.config?.against.rounds).toBe(2 * CONFIG.against.rounds);
    expect(asked[0]?.config?.runs.maxRounds).toBe(2 * CONFIG.runs.maxRounds);
    expect(outcome.checks.map(({ verdict }) => verdict)).toEqual(['pass', 'pass', 'inconclusive']);
    expect(outcome.checks[1]?.text).toContain('measured once more with twice the rounds');
    expect(outcome.checks[1]?.details).toContain('the first time: open text');
  });

  it('is not done where nothing is open', async () => {
    const found = findings([check('fine', 'pass'), check('missing', 'inconclusive')]);
    expect(await rerun(found, CONFIG, () => Promise.reject(new Error('ran')))).toBe(found);
  });
});

describe('an inconclusive check', () => {
  const open = [check('fine', 'pass'), check('open', 'inconclusive', true)];

  it('ends the gate as the user chose, and is told in any case', () => {
    expect((['tell', 'fail', 'pass'] as const).map((policy) => exitCodeOf(open, policy))).toEqual([
      98, 99, 0,
    ]);
    expect(exitCodeOf([...open, check('bad', 'regression')], 'pass')).toBe(99);
    for (const policy of ['tell', 'fail', 'pass'] as const) {
      const note = inconclusiveSentence(open, policy, true);
      expect(note).toMatch(/^1 check is inconclusive, measured once more with twice the rounds/);
      expect(note).toContain(policy === 'tell' ? 'exit code 98' : `--inconclusive ${policy}`);
      const report = {
        checks: open,
        createdAt: '2026-11-28T10:00:00Z',
        facts: [],
        inconclusive: policy,
        note,
      };
      expect(gateText(report, true).trimEnd().split('\n').at(-1)).toBe(note);
      expect(gateMarkdown(report)).toContain('1 check is inconclusive');
      expect(gateJunit(report)).toContain(policy === 'fail' ? 'failures="1"' : 'failures="0"');
      expect(gateJunit(report)).toContain('inconclusive: open text');
      expect(githubAnnotations(open, policy)[0]).toMatch(policy === 'fail' ? /^::error / : /^::warning /);
    }
    expect(inconclusiveSentence([check('fine', 'pass')], 'pass', true)).toBeNull();
  });
});
