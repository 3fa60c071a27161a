/** What an update of the ratios tells. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { baselineChanges } from '../../../tools/regress/ratio-changes.js';
import {
  ratioBaselineText,
  readRatioBaseline,
  type BaselineRatio,
  type RatioBaseline,
} from '../../../tools/regress/ratio-baseline.js';
import type { TimedRatio } from '../../../tools/regress/timed-ratios.js';
import { scratchFolder } from '../../support/command.js';

const ratio = (head: string, value: number): BaselineRatio => ({
  base: 'a',
  head,
  metric: 'pps',
  direction: 'higher-is-better',
  ratio: value,
  low: value - 0.125,
  high: value + 0.125,
  confidence: 0.95,
  n: 18,
  sessionRatios: [value, value],
});
const timed = (name: string, sessionValues: readonly number[]): TimedRatio => ({
  name,
  kind: 'cost',
  direction: 'lower-is-better',
  machineBound: false,
  sessionValues,
});
const baseline = (
  ratios: BaselineRatio[],
  runs: TimedRatio[],
  throughput: 'bare' | 'probed',
): RatioBaseline => ({
  machineId: 'm',
  cpuModel: 'cpu',
  measuredAt: '2026-11-28T10:00:00.000Z',
  throughput,
  mutex: 'glibc',
  touchAhead: 'off',
  ratios,
  runs,
  figures: new Map(),
  identities: new Map(),
});

describe('an update of the ratios', () => {
  it('says what it replaces, adds and takes out', () => {
    const before = baseline([ratio('b', 1.25), ratio('gone', 2)], [timed('sweeps: x', [1, 2])], 'probed');
    const now = baseline([ratio('b', 1.5), ratio('new', 3)], [timed('sweeps: x', [4])], 'bare');
    const changes = baselineChanges(before, now, 'f').map(({ name, text, details }) => [
      name,
      text,
      ...details,
    ]);
    expect(changes).toEqual([
      [
        'b against a: pps',
        'replaced',
        'before: ratio 1.25 (1.13 .. 1.38, n=2x9)',
        'now: ratio 1.5 (1.38 .. 1.63, n=2x9)',
      ],
      ['gone against a: pps', 'taken out', expect.stringMatching(/^before: ratio 2 /)],
      ['new against a: pps', 'added', expect.stringMatching(/^now: ratio 3 /)],
      [
        'sweeps: x',
        'replaced',
        'before: median 1.5 (1 .. 2, 2 sessions)',
        'now: median 4 (4 .. 4, 1 sessions)',
      ],
      ['throughput', 'was probed, is bare'],
    ]);
    expect(baselineChanges(null, now, 'f')).toEqual([]);
  });

  it('writes what the next run reads', async () => {
    const now = baseline([ratio('b', 1.5)], [timed('sweeps: x', [0.125, 4])], 'bare');
    const folder = join(scratchFolder(), 'base');
    mkdirSync(folder);
    writeFileSync(join(folder, 'ratios.json'), ratioBaselineText(now));
    expect(await readRatioBaseline(folder)).toMatchObject({ ratios: now.ratios, runs: now.runs });
  });
});
