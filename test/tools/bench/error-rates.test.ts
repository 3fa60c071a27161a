/**
 * What the bench finds where nothing is, and what it misses where something is: over many matrices with known
 * distributions. Seeds are fixed, so these tests give one answer; the bounds are what the binomial allows.
 */
import { describe, expect, it, vi } from 'vitest';
import { compareMatrix } from '../../../tools/bench/aggregate.js';
import { driveMatrix } from '../../../tools/bench/drive-matrix.js';
import { checkMatrix, type MatrixSpecInput } from '../../../tools/bench/matrix-spec.js';
import { planMatrix } from '../../../tools/bench/matrix-plan.js';
import { completeSessions } from '../../../tools/bench/trial.js';
import { FakeRunner, fakeSessions, matrix, type FakeBehaviour } from './fake-runner.js';

// A second of computing each; a busy machine takes longer.
vi.setConfig({ testTimeout: 300_000 });

const MATRICES = process.env['CTREPLAY_LONG'] === undefined ? 240 : 2400;

/** Share of matrices in which design `new` was found different from `old` in throughput. */
async function foundShare(
  matrices: number,
  overrides: Partial<MatrixSpecInput>,
  behaviour: (seed: number) => FakeBehaviour,
): Promise<number> {
  let found = 0;
  for (let seed = 0; seed < matrices; seed++) {
    const spec = matrix({ seed, warmupBlocks: 0, ...overrides });
    const groups = planMatrix(spec, 2);
    const { state } = await driveMatrix(groups, spec, fakeSessions(spec, new FakeRunner(behaviour(seed))), {
      trials: [],
      cases: [],
    });
    const [group] = groups;
    const sessions = completeSessions(
      group!.cells.map((cell) => cell.id),
      state.trials,
    );
    const comparison = compareMatrix([{ group: group!, sessions }], spec).find(
      ({ metric, kind }) => metric === 'pps' && kind === 'designs',
    );
    if (comparison?.significant === true) found++;
  }
  return found / matrices;
}

/** Three standard deviations of a share of 0.05, on both sides. */
const SLACK = 3 * Math.sqrt((0.05 * 0.95) / MATRICES);

describe('a design against itself', () => {
  const cases: [string, Partial<MatrixSpecInput>, (seed: number) => FakeBehaviour][] = [
    ['on a quiet machine', {}, (seed) => ({ seed: seed + 1 })],
    [
      'on a machine that gets steadily slower',
      {},
      (seed) => ({ seed: seed + 1, machine: (trial) => Math.exp(-trial * 0.01) }),
    ],
    [
      'on a machine that is disturbed every third trial, in step with the cells',
      {},
      (seed) => ({ seed: seed + 1, machine: (trial) => (trial % 3 === 0 ? 0.7 : 1) }),
    ],
    [
      'on a machine that changes its speed for good',
      {},
      (seed) => ({ seed: seed + 1, machine: (trial) => (trial > 20 ? 0.8 : 1) }),
    ],
  ];

  it.each(cases)('differs about as often as alpha says: %s', async (_, overrides, behaviour) => {
    const share = await foundShare(MATRICES, { trials: 10, ...overrides }, behaviour);
    expect(share).toBeLessThan(0.05 + SLACK);
    expect(share).toBeGreaterThan(0.05 - SLACK - 0.01);
  });

  it('differs no more often when trials are taken until a precision is reached', async () => {
    const matrices = Math.round(MATRICES / 6);
    const share = await foundShare(matrices, { untilPrecision: 0.05, maxTrials: 40 }, (seed) => ({
      seed: seed + 1,
      sigma: 0.04,
    }));
    expect(share).toBeLessThan(0.05 + 3 * Math.sqrt((0.05 * 0.95) / matrices));
  });
});

describe('a design that is slower', () => {
  const { sessions, trials } = checkMatrix({ inputs: ['syn-flood'], designs: ['old'] }, 'defaults');
  const DEFAULT = { sessions, trials };
  const slower =
    (share: number, sigma: number) =>
    (seed: number): FakeBehaviour => ({
      seed: seed + 1,
      sigma,
      speed: (cell) => (cell.design === 'new' ? 1000 * (1 - share) : 1000),
    });

  it('by 5 % is found by the default number of trials in 9 of 10 matrices, with trials that vary by 3 %', async () => {
    expect(await foundShare(Math.round(MATRICES / 2), DEFAULT, slower(0.05, 0.03))).toBeGreaterThan(0.9);
  });

  it('by 2 % is found in 9 of 10 matrices with --until-precision 2%', async () => {
    const share = await foundShare(
      Math.round(MATRICES / 6),
      { untilPrecision: 0.02, maxTrials: 200 },
      slower(0.02, 0.015),
    );
    expect(share).toBeGreaterThanOrEqual(0.86);
  });

  it('is found on a machine whose speed drifts by far more than the difference', async () => {
    const share = await foundShare(Math.round(MATRICES / 3), DEFAULT, (seed) => ({
      ...slower(0.05, 0.02)(seed),
      machine: (trial) => 1 + 0.3 * Math.sin(trial / 15),
    }));
    expect(share).toBeGreaterThan(0.9);
  });
});
