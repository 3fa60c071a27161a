import { describe, expect, it } from 'vitest';
import { compiledDesigns } from '../../../engine/host/design-traits.js';
import type { MutexPolicy } from '../../../engine/host/run-memory.js';
import { compareResults } from '../../../tools/regress/compare-results.js';
import { mergeResults } from '../../../tools/regress/merge-results.js';
import { runOvsBenchmark } from '../../../tools/replay/ovs-benchmark.js';
import { runDesign } from '../../../tools/replay/run-control.js';
import type { Run } from '../../../tools/result/runs.js';
import { design, quickPlan, scenario } from '../../support/replay.js';
import { sampleResult } from '../../support/results.js';

const POLICIES: readonly MutexPolicy[] = ['glibc', 'backoff'];

describe('--mutex', () => {
  it.each(compiledDesigns())('reaches the engine of %s', async (name) => {
    const traffic = await scenario('established', { packets: 300 });
    for (const mutex of POLICIES) {
      const finished = await runDesign(traffic, design(name), quickPlan({ mutex, workers: 2 }));
      const { constants: c } = finished.run.engine;
      const word = new DataView(finished.run.memory.buffer).getUint32(c.CONTROL + c.C_MUTEX_POLICY, true);
      expect(word).toBe(mutex === 'backoff' ? c.MUTEX_BACKOFF : c.MUTEX_GLIBC);
    }
  });

  it('is taken by the workload of ovstest', async () => {
    const options = {
      workers: 2,
      packets: 3200,
      batch: 32,
      change: true,
      flavour: 'probed',
      seed: 1,
    } as const;
    await expect(
      runOvsBenchmark(design('timeout-lists'), { ...options, mutex: 'backoff' }),
    ).resolves.toMatchObject({ workers: 2 });
  });
});

describe('results of different mutexes', () => {
  const result = sampleResult({ kind: 'bench', packets: 120 });
  const sample = (label: string, mutex: MutexPolicy | undefined): Run => {
    return {
      label,
      file: null,
      result: { ...result, cases: result.cases.map((entry) => ({ ...entry, mutex })) },
    };
  };
  const notesOf = (base: Run, head: Run): string =>
    compareResults([base], [head], { alpha: 0.05, acrossMachines: false }).notes.join(' ');

  it('are told apart when compared; one that does not say had the long pauses', () => {
    expect(notesOf(sample('a', 'glibc'), sample('b', 'backoff'))).toMatch(
      /different mutexes \(base glibc, head backoff\)/,
    );
    expect(notesOf(sample('a', undefined), sample('b', 'glibc'))).toMatch(
      /different mutexes \(base backoff, head glibc\)/,
    );
    expect(notesOf(sample('a', undefined), sample('b', 'backoff'))).not.toContain('mutex');
  });

  it('are not merged into one cell', () => {
    const merge = (...runs: Run[]) => mergeResults(runs, { acrossMachines: false });
    expect(() => merge(sample('a', 'glibc'), sample('b', 'backoff'))).toThrow(
      /a measured it with the glibc mutex, b with backoff/,
    );
    const later = sample('b', 'glibc');
    for (const entry of later.result.cases) entry.startedAt = '2030-01-01T00:00:00.000Z';
    expect(merge(sample('a', 'glibc'), later).cases).toHaveLength(4);
  });
});
