import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compiledDesigns } from '../../../engine/host/design-traits.js';
import type { MutexPolicy } from '../../../engine/host/run-memory.js';
import { compareResults } from '../../../tools/regress/compare-results.js';
import { mergeResults } from '../../../tools/regress/merge-results.js';
import { runOvsBenchmark } from '../../../tools/replay/ovs-benchmark.js';
import { runDesign } from '../../../tools/replay/session.js';
import type { Run } from '../../../tools/result/runs.js';
import type { Result } from '../../../tools/result/schema.js';
import { ctreplay, scratchFolder } from '../../support/command.js';
import { design, replayOptions, scenario } from '../../support/replay.js';
import { sampleResult } from '../../support/results.js';

const POLICIES: readonly MutexPolicy[] = ['glibc', 'backoff'];
const REPLAY = ['replay', '--synth', 'syn-flood', '--packets', '300', '--warmup', '0', '--json'];

function resultOf(args: readonly string[]): Result {
  const { code, stdout, stderr } = ctreplay(args, scratchFolder());
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout) as Result;
}

describe('--mutex', () => {
  it.each(compiledDesigns())('reaches the engine of %s', async (name) => {
    const traffic = await scenario('established', { packets: 300 });
    for (const mutex of POLICIES) {
      const { finished } = await runDesign(traffic, design(name), replayOptions({ mutex, workers: 2 }));
      const { constants: c } = finished.run.engine;
      const word = new DataView(finished.run.memory.buffer).getUint32(c.CONTROL + c.C_MUTEX_POLICY, true);
      expect(word).toBe(mutex === 'backoff' ? c.MUTEX_BACKOFF : c.MUTEX_GLIBC);
    }
  });

  it('is glibc by default, and in every result; only another one is in the name of the cell', () => {
    const usual = resultOf(REPLAY);
    expect(usual.configuration['mutex']).toBe('glibc');
    for (const one of usual.cases) {
      expect(one.mutex).toBe('glibc');
      expect(one.id).toMatch(/\/w1\/topspeed$/);
    }
    const other = resultOf([...REPLAY, '--mutex', 'backoff']);
    expect(other.configuration['mutex']).toBe('backoff');
    for (const one of other.cases) {
      expect(one.mutex).toBe('backoff');
      expect(one.id).toMatch(/\/w1\/topspeed\/mutex-backoff$/);
    }
    expect(ctreplay([...REPLAY, '--mutex', 'spin'], scratchFolder())).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('glibc, backoff') as string,
    });
  });

  it('is taken by bench, its ovs-benchmark, and scale', async () => {
    const folder = scratchFolder();
    mkdirSync(join(folder, 'out'));
    const common = ['--trials', '1', '--packets', '300', '--mutex', 'backoff', '--json'];
    const small = [...common, '--sessions', '1'];
    const matrix = JSON.parse(
      ctreplay(['bench', '--scenario', 'syn-flood', ...small], folder).stdout,
    ) as Result;
    const scaled = JSON.parse(
      ctreplay(['scale', '--scenario', 'syn-flood', '--workers', '1', ...small], folder).stdout,
    ) as Result;
    for (const result of [matrix, scaled]) {
      expect(result.configuration['mutex']).toBe('backoff');
      expect(result.cases.length).toBeGreaterThan(0);
      for (const one of result.cases) {
        expect(one.mutex).toBe('backoff');
        expect(one.id).toContain('/topspeed/mutex-backoff');
      }
    }
    const contention = JSON.parse(
      ctreplay(
        [
          ...[
            'contention',
            '--workload',
            'syn-flood',
            '--packets',
            '2000',
            '--threads',
            '2',
            '--rounds',
            '1',
          ],
          ...['--mutex', 'backoff', '--json'],
        ],
        folder,
      ).stdout,
    ) as { mutex: string };
    expect(contention.mutex).toBe('backoff');
    const ovs = JSON.parse(ctreplay(['bench', '--scenario', 'ovs-benchmark', ...common], folder).stdout) as {
      results: { mutex: string }[];
    };
    expect(ovs.results.map(({ mutex }) => mutex)).toEqual(['backoff', 'backoff']);
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
  const sample = (label: string, mutex: MutexPolicy | undefined): Run => {
    const result = sampleResult({ kind: 'bench', packets: 120 });
    return {
      label,
      file: null,
      result: { ...result, cases: result.cases.map((one) => ({ ...one, mutex })) },
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
    expect(merge(sample('a', 'glibc'), sample('b', 'glibc')).cases).toHaveLength(4);
  });
});
