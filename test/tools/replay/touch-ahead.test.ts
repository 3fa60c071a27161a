import { describe, expect, it } from 'vitest';
import { compiledDesigns } from '../../../engine/host/design-traits.js';
import { loadEngine } from '../../../engine/host/module.js';
import type { TouchAhead } from '../../../engine/host/run-memory.js';
import { DEFAULT_CONFIG } from '../../../tools/config/read-config.js';
import { measuredSeries } from '../../../tools/model/feed.js';
import { compareResults } from '../../../tools/regress/compare-results.js';
import { runExact, type ExactFigures } from '../../../tools/regress/exact-run.js';
import { packetsOf } from '../../../tools/regress/level-exact.js';
import { mergeResults } from '../../../tools/regress/merge-results.js';
import { cellsOf, comparableGroups } from '../../../tools/result/cells.js';
import { markdownText } from '../../../tools/report/markdown.js';
import type { Run } from '../../../tools/result/runs.js';
import type { ResultCase } from '../../../tools/result/schema.js';
import { design, failedChecks, replayCase, scenario } from '../../support/replay.js';
import { sampleResult } from '../../support/results.js';

describe('--touch-ahead', () => {
  it.each(compiledDesigns())(
    'of %s: auto touches once the table is large; what the tracker did is the same',
    async (name) => {
      const { TOUCH_AHEAD_CONNECTIONS: limit } = loadEngine(name, 'bare').constants;
      // Every packet is a connection of its own: two thirds of the way the table is small.
      const traffic = await scenario('syn-flood', { packets: limit * 1.5 });
      const run = (touchAhead: TouchAhead): Promise<ResultCase> =>
        replayCase(traffic, name, { touchAhead, clock: 'capture', warmupPackets: 64 });
      const [auto, on, off] = [await run('auto'), await run('on'), await run('off')];
      const shares = [auto, on, off].map((entry) => entry.touchedBatchShare ?? null);
      expect(shares.slice(1)).toEqual([1, 0]);
      // Loosely a third.
      expect(shares[0]).toBeGreaterThan(0.1);
      expect(shares[0]).toBeLessThan(0.5);
      for (const entry of [auto, on]) {
        expect(failedChecks(entry)).toEqual([]);
        expect(entry.packets.verdicts).toEqual(off.packets.verdicts);
        expect(entry.workCounts).toEqual(off.workCounts);
        for (const figure of ['created', 'expired', 'forced', 'remaining'] as const)
          expect(entry.connections?.[figure]).toBe(off.connections?.[figure]);
      }
      expect([auto, on, off].map((entry) => entry.touchAhead)).toEqual(['auto', 'on', 'off']);
    },
    60_000,
  );
});

describe('results of different settings', () => {
  const sample = (label: string, touchAhead: TouchAhead | undefined, share: number): Run => {
    const result = sampleResult({ kind: 'bench', packets: 120 });
    const cases = result.cases.map((entry): ResultCase => ({
      ...entry,
      touchAhead,
      touchedBatchShare: share,
      throughput: {
        ...(entry.throughput as NonNullable<ResultCase['throughput']>),
        touchedBatchShare: share,
      },
    }));
    return { label, file: null, result: { ...result, cases } };
  };
  const notesOf = (base: Run, head: Run): string =>
    compareResults([base], [head], { alpha: 0.05, acrossMachines: false }).notes.join(' ');
  const off = sample('off', 'off', 0);
  const old = sample('old', undefined, 0);
  const on = sample('on', 'on', 1);
  const auto = sample('auto', 'auto', 0.4);
  const small = sample('small', 'auto', 0);

  it('are told apart when compared; one that does not say never touched, and neither did auto in a small table', () => {
    expect(notesOf(off, on)).toMatch(
      /different settings of touching ahead \(base off, head on\).*--touch-ahead/,
    );
    expect(notesOf(old, auto)).toMatch(/different settings of touching ahead \(base off, head auto\)/);
    for (const [base, head] of [
      [off, off],
      [old, off],
      [old, small],
      [auto, small],
    ] as const) {
      expect(notesOf(base, head)).not.toContain('touching ahead');
    }
  });

  it('are not merged into one cell', () => {
    const merge = (...runs: Run[]) => mergeResults(runs, { acrossMachines: false });
    expect(() => merge(off, on)).toThrow(/off measured it with touch-ahead off, on with on/);
    expect(() => merge(old, auto)).toThrow(/touch-ahead off, auto with auto/);
    expect(merge(old, small).cases).toHaveLength(4);
    expect(merge(auto, small).cases).toHaveLength(4);
  });

  it('stand in groups of their own, which say so', () => {
    const both = { ...on.result, cases: [...on.result.cases, ...auto.result.cases] };
    const named = both.cases.map((entry) => ({ ...entry, id: `${entry.id}/${entry.touchAhead}` }));
    const run: Run = { label: 'both', file: null, result: { ...both, cases: named } };
    const groups = comparableGroups(cellsOf([run]));
    expect(groups.map(([first]) => first?.first.touchAhead)).toEqual(['on', 'auto']);
    expect(markdownText([run])).toContain(', touch-ahead on');
  });

  it('are series of their own for the model', () => {
    const cases = [...on.result.cases, ...off.result.cases].map((entry) => ({
      ...entry,
      design: 'rculist-sweep',
    }));
    const inputs = measuredSeries({ ...on.result, cases }, 'r.json').map(({ input }) => input);
    expect(inputs.map((name) => name.split(', ')[1])).toEqual(['touch-ahead on', 'touch-ahead off']);
  });
});

describe('exact figures', () => {
  it.each(compiledDesigns())('of %s are the same with and without', async (name) => {
    for (const input of ['established', 'fragments', 'ftp-alg', 'icmp-mix']) {
      const traffic = await scenario(input, { packets: 600 });
      const packets = packetsOf({ traffic });
      const figures = (touchAhead: TouchAhead): ExactFigures =>
        runExact(design(name), { name: input, packets, config: DEFAULT_CONFIG, touchAhead }, 1);
      expect(figures('on')).toEqual(figures('off'));
    }
  });
});
