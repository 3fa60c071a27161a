/** --mutex and --touch-ahead: every command that replays takes them, and what it prints tells them. Both are tried in one call. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readResult } from '../../../tools/result/result-file.js';
import type { Result } from '../../../tools/result/schema.js';
import { scratchFolder } from '../../support/command.js';
import { runCommandLine } from '../../support/run-command.js';

const REPLAY = ['replay', '--synth', 'syn-flood', '--packets', '300', '--warmup', '0'];
const ONE = ['--design', 'rculist-sweep'];
const BOTH = ['--mutex', 'backoff', '--touch-ahead', 'on'];

async function printed(...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await runCommandLine([...args, '--json'], scratchFolder());
  // A matrix of one trial may be too little to be valid.
  expect([0, 1], stderr).toContain(code);
  return JSON.parse(stdout);
}

describe('the settings of mutex and of touching ahead', () => {
  it('are glibc and auto by default, and in every result; only others are in the name of the cell', async () => {
    const usual = (await printed(...REPLAY, ...ONE)) as Result;
    expect(usual.configuration).toMatchObject({ mutex: 'glibc', touchAhead: 'auto' });
    for (const entry of usual.cases) {
      expect(entry).toMatchObject({ mutex: 'glibc', touchAhead: 'auto', touchedBatchShare: 0 });
      expect(entry.throughput).toMatchObject({ touchedBatchShare: 0 });
      expect(entry.id).toMatch(/\/w1\/topspeed$/);
    }
    const off = (await printed(...REPLAY, ...ONE, '--touch-ahead', 'off')) as Result;
    expect(off.configuration['touchAhead']).toBe('off');
    for (const entry of off.cases) {
      expect(entry).toMatchObject({ mutex: 'glibc', touchAhead: 'off', touchedBatchShare: 0 });
      expect(entry.id).toMatch(/\/w1\/topspeed\/touch-ahead-off$/);
    }
  });

  it('are in the result and in the tables', async () => {
    const folder = scratchFolder();
    const { code } = await runCommandLine([...REPLAY, ...BOTH, '--out', 'out'], folder);
    expect(code).toBe(0);
    const other = await readResult(join(folder, 'out'));
    expect(other.configuration).toMatchObject({ mutex: 'backoff', touchAhead: 'on' });
    expect(other.cases).toHaveLength(2);
    for (const entry of other.cases) {
      expect(entry).toMatchObject({ mutex: 'backoff', touchAhead: 'on', touchedBatchShare: 1 });
      expect(entry.throughput).toMatchObject({ touchedBatchShare: 1 });
      expect(entry.id).toMatch(/\/w1\/topspeed\/mutex-backoff\/touch-ahead-on$/);
    }
    const [head, ...rows] = readFileSync(join(folder, 'out', 'summary.csv'), 'utf8')
      .trim()
      .split('\r\n');
    const columns = (head as string).split(',');
    const cell = (row: string, name: string): string | undefined => row.split(',')[columns.indexOf(name)];
    expect(rows).toHaveLength(2);
    for (const row of rows) {
      expect(cell(row, 'touch_ahead')).toBe('on');
      expect(cell(row, 'touched_batch_share')).toBe('1');
      expect(cell(row, 'throughput_touched_batch_share')).toBe('1');
    }
  });

  it.each([
    ['--mutex', 'spin', 'glibc, backoff'],
    ['--touch-ahead', 'always', 'auto, on, off'],
  ])('%s %s is refused', async (option, value, choices) => {
    const outcome = await runCommandLine([...REPLAY, option, value], scratchFolder());
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining(choices) as string });
  });

  it.each([
    ['bench', ['--probe-cost', 'none']],
    ['scale', ['--workers', '1']],
  ])('are taken by %s', async (command, more) => {
    const result = (await printed(
      ...[command, '--scenario', 'syn-flood', '--packets', '300', '--trials', '1', '--sessions', '1'],
      ...['--build', 'probed', ...ONE, ...BOTH, ...more],
    )) as Result;
    expect(result.configuration).toMatchObject({ mutex: 'backoff', touchAhead: 'on' });
    expect(result.cases.length).toBeGreaterThan(0);
    for (const entry of result.cases) {
      expect(entry).toMatchObject({ mutex: 'backoff', touchAhead: 'on', touchedBatchShare: 1 });
      expect(entry.id).toContain('/topspeed/mutex-backoff/touch-ahead-on');
    }
  });

  it('are glibc and off by themselves where figures stand beside those of the original', async () => {
    const ovs = async (...args: string[]): Promise<unknown> => {
      const small = ['bench', '--scenario', 'ovs-benchmark', '--trials', '1', '--packets', '300'];
      const { results } = (await printed(...small, ...args)) as {
        results: { mutex: string; touchAhead: string }[];
      };
      return results.map(({ mutex, touchAhead }) => [mutex, touchAhead]);
    };
    expect(await ovs()).toEqual([
      ['glibc', 'off'],
      ['glibc', 'off'],
    ]);
    expect(await ovs(...BOTH)).toEqual([
      ['backoff', 'on'],
      ['backoff', 'on'],
    ]);
    const contention = (...args: string[]): Promise<unknown> =>
      printed(
        ...['contention', '--workload', 'syn-flood', '--packets', '2000', '--threads', '1', '--rounds', '1'],
        ...[...ONE, ...args],
      );
    expect(await contention()).toMatchObject({ mutex: 'glibc', touchAhead: 'off' });
    expect(await contention(...BOTH)).toMatchObject({ mutex: 'backoff', touchAhead: 'on' });
  });
});
