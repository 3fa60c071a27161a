/** A replay that had to wait for the source of its packets says so wherever its figures are shown. */
import { beforeAll, describe, expect, it } from 'vitest';
import { sourceChecks } from '../../../tools/bench/replay-runner.js';
import { valuesOf } from '../../../tools/bench/metrics.js';
import { runSession, type SessionHooks } from '../../../tools/replay/session.js';
import { markdownText } from '../../../tools/report/markdown.js';
import { renderPage } from '../../../tools/report/page.js';
import type { Result } from '../../../tools/result/schema.js';
import { result as resultSchema } from '../../../tools/result/schema.js';
import { summarySentences } from '../../../tools/report/summary-sentences.js';
import { renderTerminal } from '../../../tools/report/terminal.js';
import { quickPlan, scenario, type PlanChanges } from '../../support/replay.js';

const PACKETS = 20_000;
const DESIGNS = ['timeout-lists', 'rculist-sweep'];

/** The same traffic through both designs, from memory or through rings of 1 MiB. */
async function session(
  storeBytes: number,
  { fault, ...changes }: PlanChanges & Pick<SessionHooks, 'fault'>,
): Promise<Result> {
  const traffic = await scenario('established', { packets: PACKETS }, 1, storeBytes);
  const request = {
    traffic,
    input: { type: 'scenario', name: 'established' },
    plan: quickPlan({ designs: DESIGNS, warmupPackets: 0, ...changes }),
    commandLine: [],
  } as const;
  return runSession(request, { fault });
}

/** The source stops for a while once a worker has nothing left to do. */
const slowSource = {
  kind: 'stall',
  thread: 'feeder',
  place: 'empty',
  afterPackets: 8000,
  stallMs: 40,
} as const;
const SMALL = 1024 ** 2;

async function reports(
  result: Result,
): Promise<{ terminal: string; text: string; markdown: string; page: string }> {
  const runs = [{ label: 'a', file: null, result }];
  return {
    terminal: renderTerminal(runs, { width: 4000, colour: false }),
    text: summarySentences(runs)
      .map(({ text }) => text)
      .join('\n'),
    markdown: markdownText(runs),
    page: await renderPage(runs),
  };
}

describe('at top speed', () => {
  let bound: Result;
  beforeAll(async () => {
    bound = await session(SMALL, { build: 'both', fault: slowSource });
  });

  it('the result and each of its cases say that the source bound them', () => {
    expect(bound.bound).toBe('source');
    expect(bound.cases.map((entry) => entry.bound)).toEqual(['source', 'source']);
    expect(bound.cases.every((entry) => (entry.throughput?.sourceWaits ?? 0) > 0)).toBe(true);
    expect(bound.valid).toBe(true);
    expect(resultSchema.parse(JSON.parse(JSON.stringify(bound))).bound).toBe('source');
  });

  it('so does the first line of every report, and no throughput is compared', async () => {
    const { terminal, text, markdown, page } = await reports(bound);
    expect(terminal).toMatch(/^Caution: Bound by the source: /);
    expect(text).toMatch(/^Bound by the source: /);
    expect(markdown).toMatch(/^# ctreplay results \(bound by the source\)\n/);
    expect(page).toContain('Bound by the source: ');
    for (const shown of [terminal, text, markdown]) expect(shown).not.toMatch(/throughput (× )?\d/);
    expect(terminal).toContain('designs are not compared by it');
  });

  it('it is no valid cell of a matrix, and has no throughput there', () => {
    for (const entry of bound.cases) {
      expect(sourceChecks(entry)).toMatchObject([{ name: 'source-kept-up', ok: false }]);
      expect(Object.keys(valuesOf(entry)).filter((name) => /pps/i.test(name))).toEqual([]);
    }
  });

  it('nothing is said of packets that are in memory', async () => {
    const staged = await session(1e9, { build: 'both' });
    expect(staged.bound ?? null).toBeNull();
    expect(staged.cases.map((entry) => entry.bound ?? null)).toEqual([null, null]);
    expect(staged.cases.flatMap(sourceChecks)).toEqual([]);
    const { terminal, text } = await reports(staged);
    expect(terminal + text).not.toContain('Bound by the source');
  });
});

describe('at a rate', () => {
  it('that was held all the same, the waits are a warning and no bound', async () => {
    const held = await session(SMALL, { pacing: { mode: 'pps', pps: 20_000 }, fault: slowSource });
    for (const entry of held.cases) {
      expect(entry.input.streamed?.waits).toBeGreaterThan(0);
      expect(entry.warnings?.map(({ code }) => code)).toContain('source-too-slow');
    }
    // Where the machine was too slow for the rate as well, the bound is right to be there.
    const missed = held.cases.filter(({ pacing }) => (pacing.achievedPps ?? 0) < 19_800);
    expect(held.cases.filter((entry) => entry.bound === 'source')).toEqual(missed);
  });

  it('that was missed, they are', async () => {
    const fault = { ...slowSource, stallMs: 300 };
    const missed = await session(SMALL, { pacing: { mode: 'pps', pps: 100_000 }, fault });
    expect(missed.cases.map((entry) => entry.bound)).toEqual(['source', 'source']);
  });
});
