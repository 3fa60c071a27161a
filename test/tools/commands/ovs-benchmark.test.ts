import { describe, expect, it } from 'vitest';
import { register as registerBench } from '../../../tools/commands/bench.js';
import { register } from '../../../tools/commands/ovs-benchmark.js';
import { runCommand } from '../../support/run-command.js';

const SMALL = ['--packets', '6400', '--batch', '32', '--change', '--bare', '--json'];

interface Figures {
  readonly results: readonly Record<string, unknown>[];
}

/** Everything printed but what the clock gave. */
function withoutTimes(stdout: string): unknown {
  return (JSON.parse(stdout) as Figures).results.map(({ elapsed_ms: _elapsed, pps: _pps, ...rest }) => rest);
}

describe('ovs-benchmark', () => {
  it('prints what bench --scenario ovs-benchmark prints', async () => {
    const own = await runCommand(register, ['ovs-benchmark', ...SMALL]);
    const alias = await runCommand(registerBench, ['bench', '--scenario', 'ovs-benchmark', ...SMALL]);
    expect(own).toMatchObject({ code: 0, stderr: '' });
    expect(withoutTimes(own.stdout)).toEqual(withoutTimes(alias.stdout));
    const { results } = JSON.parse(own.stdout) as Figures;
    expect(results).toHaveLength(2);
    expect(results[0]).toMatchObject({
      build: 'bare',
      packets: 6400,
      batch: 32,
      change: true,
      touchAhead: 'off',
    });
    expect(Object.keys(results[0] ?? {}).slice(0, 7)).toEqual([
      'design',
      'workers',
      'packets',
      'elapsed_ms',
      'pps',
      'batch',
      'change',
    ]);
  });

  it('of an even number of runs the median lies between the two in the middle', async () => {
    const args = ['--packets', '200k', '--design', 'timeout-lists', '--trials', '2'];
    const { stdout } = await runCommand(register, ['ovs-benchmark', ...args]);
    const [, shown, first, second] = (
      /conntrack: +(\d+) ms[^]*median of 2: (\d+) (\d+) ms/.exec(stdout) ?? []
    ).map(Number);
    // Each of the three is rounded to a millisecond.
    expect(Math.abs((shown as number) - ((first as number) + (second as number)) / 2)).toBeLessThanOrEqual(1);
    const rate = Number(/\((\d+) packets\/s\)/.exec(stdout)?.[1]);
    expect(Math.abs(200_000 / rate - (shown as number) / 1000)).toBeLessThan(0.001);
  });
});
