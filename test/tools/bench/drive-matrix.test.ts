import { describe, expect, it } from 'vitest';
import { compareMatrix, geomeans, summarise } from '../../../tools/bench/aggregate.js';
import { driveMatrix, type MatrixState } from '../../../tools/bench/drive-matrix.js';
import { findingOf } from '../../../tools/result/comparisons.js';
import { failureRemarks, InProcessSessions, TrialError } from '../../../tools/bench/session.js';
import type { MatrixSpec } from '../../../tools/bench/matrix-spec.js';
import { planMatrix, type Cell, type Group } from '../../../tools/bench/matrix-plan.js';
import { groupProgress, groupWarmUp } from '../../../tools/bench/stopping.js';
import { completeSessions, type Blocks, type CellRunner } from '../../../tools/bench/trial.js';
import type { ResultCase } from '../../../tools/result/schema.js';
import { FakeRunner, fakeSessions, matrix, type FakeBehaviour } from './fake-runner.js';

const CORES = 2;

async function run(spec: MatrixSpec, behaviour: FakeBehaviour) {
  const groups = planMatrix(spec, CORES);
  const runner = new FakeRunner(behaviour);
  const outcome = await driveMatrix(groups, spec, fakeSessions(spec, runner), { trials: [], cases: [] });
  return { groups, runner, ...outcome };
}

function sessionsOf(group: Group, state: MatrixState): readonly Blocks[] {
  return completeSessions(
    group.cells.map((cell) => cell.id),
    state.trials,
  );
}

function blocksOf(group: Group, state: MatrixState): Blocks {
  return sessionsOf(group, state)[0] as Blocks;
}

describe('driveMatrix', () => {
  it('runs warm-up blocks that are not recorded, then every cell as often as asked', async () => {
    const spec = matrix({ inputs: ['syn-flood', 'established'], trials: 4, warmupBlocks: 2 });
    const { groups, runner, state } = await run(spec, { seed: 1 });
    for (const group of groups) {
      for (const cell of group.cells) {
        expect(state.trials.filter((trial) => trial.cell === cell.id).map((trial) => trial.block)).toEqual([
          0, 1, 2, 3,
        ]);
        expect(runner.calls.filter((call) => call.cell.id === cell.id)).toHaveLength(6);
      }
    }
  });

  it('lets the cells of a group take turns, with one seed per block', async () => {
    const spec = matrix({ trials: 5, warmupBlocks: 0 });
    const { groups, runner } = await run(spec, { seed: 1 });
    const size = groups[0]!.cells.length;
    for (let block = 0; block < 5; block++) {
      const calls = runner.calls.slice(block * size, (block + 1) * size);
      expect(new Set(calls.map((call) => call.cell.id)).size).toBe(size);
      expect(new Set(calls.map((call) => call.trialSeed)).size).toBe(1);
    }
  });

  it('stops between trials when interrupted and keeps whole blocks only', async () => {
    const spec = matrix({ trials: 5, warmupBlocks: 0 });
    const groups = planMatrix(spec, CORES);
    const runner = new FakeRunner({ seed: 1 });
    const outcome = await driveMatrix(
      groups,
      spec,
      fakeSessions(spec, runner),
      { trials: [], cases: [] },
      {
        isInterrupted: () => runner.calls.length >= 8,
      },
    );
    expect(outcome.interrupted).toBe(true);
    expect(runner.calls).toHaveLength(8);
    expect(outcome.state.trials).toHaveLength(6);
  });

  it('saves what there is when a trial fails, and names the cell', async () => {
    const spec = matrix({ trials: 5, warmupBlocks: 0 });
    const groups = planMatrix(spec, CORES);
    const good = new FakeRunner({ seed: 1 });
    const failing: CellRunner = {
      run: (cell, seed) =>
        good.calls.length === 7 ? Promise.reject(new Error('worker 0 died')) : good.run(cell, seed),
    };
    const saved: number[] = [];
    const promise = driveMatrix(
      groups,
      spec,
      new InProcessSessions(spec, () => failing),
      { trials: [], cases: [] },
      {
        save: (state) => {
          saved.push(state.trials.length);
          return Promise.resolve();
        },
      },
    );
    await expect(promise).rejects.toThrow(TrialError);
    await expect(promise).rejects.toThrow(/^syn-flood\/\S+, trial 3: worker 0 died$/);
    expect(saved.at(-1)).toBe(6);
  });

  it('repeats a trial that failed by chance, and tells so once however often it was', async () => {
    const spec = matrix({ trials: 3, warmupBlocks: 0 });
    const groups = planMatrix(spec, CORES);
    const good = new FakeRunner({ seed: 1 });
    let tries = 0;
    const shaky: CellRunner = {
      run: (cell, seed) => {
        tries++;
        return tries === 2 || tries === 5 ? Promise.reject(new Error('worker 0 died')) : good.run(cell, seed);
      },
    };
    const state = { trials: [], cases: [], failures: [] };
    const outcome = await driveMatrix(groups, spec, new InProcessSessions(spec, () => shaky), state);
    expect(outcome.interrupted).toBe(false);
    expect(failureRemarks(state.failures)).toEqual([
      expect.stringMatching(/^2 trials failed and were repeated \(syn-flood.*\): worker 0 died$/),
    ]);
  });

  describe('an input of which no packet is tracked', () => {
    /** A case of the cell, of whose 100 packets `invalid` were rejected. */
    const rejecting = (cell: Cell, invalid: number): ResultCase => ({
      id: cell.id,
      trial: 0,
      kind: 'bench',
      design: cell.design,
      build: 'probed',
      input: { type: 'capture', name: 'office.pcap' },
      workers: 1,
      pacing: { mode: 'topspeed' },
      batch: 32,
      steer: 'rss',
      clock: 'wall',
      elapsedNs: 1e6,
      packets: {
        injected: 100,
        verdicts: { 'inv|trk': invalid, 'new|trk': 100 - invalid },
        rejectedByReason: { 'tcp-checksum': invalid },
      },
      audit: [{ name: 'verdict-sum', ok: true }],
    });
    const drive = (warmupBlocks: number, invalid: (cell: Cell) => number) => {
      const spec = matrix({ trials: 5, warmupBlocks });
      const runner = new FakeRunner({ seed: 1 });
      const rejects: CellRunner = {
        run: async (cell, seed) => ({
          ...(await runner.run(cell, seed)),
          case: rejecting(cell, invalid(cell)),
        }),
      };
      const groups = planMatrix(spec, CORES);
      const state: MatrixState = { trials: [], cases: [], failures: [] };
      const sessions = new InProcessSessions(spec, () => rejects);
      return { done: driveMatrix(groups, spec, sessions, state), runner, cells: groups[0]!.cells.length };
    };

    it.each([0, 1])('is told after the first trial, with what to do (%d warm-up)', async (warmupBlocks) => {
      const { done, runner, cells } = drive(warmupBlocks, () => 100);
      await expect(done).rejects.toThrow(
        /^office\.pcap: the tracker found every packet invalid \(tcp-checksum\)\. Replay with --checksums fix/,
      );
      expect(runner.calls).toHaveLength(cells);
    });

    it('is none where a design tracks some, or one packet is tracked: that is a result', async () => {
      expect(await drive(0, ({ design }) => (design === 'new' ? 100 : 0)).done).toMatchObject({
        interrupted: false,
      });
      expect(await drive(0, () => 99).done).toMatchObject({ interrupted: false });
    });
  });

  it('goes on from earlier trials exactly as the whole run would have', async () => {
    const spec = matrix({ trials: 6, warmupBlocks: 0 });
    const whole = await run(spec, { seed: 3 });
    const groups = planMatrix(spec, CORES);
    const first = new FakeRunner({ seed: 3 });
    const part = await driveMatrix(
      groups,
      spec,
      fakeSessions(spec, first),
      { trials: [], cases: [] },
      {
        isInterrupted: () => first.calls.length >= 9,
      },
    );
    const second = new FakeRunner({ seed: 4 });
    const rest = await driveMatrix(groups, spec, fakeSessions(spec, second), part.state);
    expect([...first.calls, ...second.calls].map((call) => [call.cell.id, call.trialSeed])).toEqual(
      whole.runner.calls.map((call) => [call.cell.id, call.trialSeed]),
    );
    expect(rest.state.trials).toHaveLength(whole.state.trials.length);
  });
});

describe('warming up', () => {
  const cold: FakeBehaviour = { seed: 2, sigma: 0.01, machine: (trial) => (trial < 12 ? 0.6 : 1) };

  it('is detected by blocks, made good, and said', async () => {
    const spec = matrix({ trials: 12, warmupBlocks: 0 });
    const { groups, state, remarks } = await run(spec, cold);
    const [group] = groups;
    const blocks = blocksOf(group!, state);
    // Three cells a block: the first four blocks were cold.
    expect(groupWarmUp(group!, blocks)).toEqual({ blocks: 4, state: 'warm-up' });
    expect(blocks).toHaveLength(16);
    expect(remarks.join()).toContain('the first 4 of 16 trials of each cell were still warming up');
    const pps = summarise({ group: group!, sessions: [blocks] }, spec).find((cell) => cell.metric === 'pps');
    expect(pps?.n).toBe(12);
    expect(pps?.median).toBeGreaterThan(950_000);
  });

  it('is not seen in noise', async () => {
    let seen = 0;
    for (let seed = 0; seed < 60; seed++) {
      const { groups, state } = await run(matrix({ trials: 15, warmupBlocks: 0 }), { seed });
      if (groupWarmUp(groups[0]!, blocksOf(groups[0]!, state)).state === 'warm-up') seen++;
    }
    expect(seen).toBeLessThan(9);
  });
});

describe('summaries', () => {
  it('give median, interval and variation, and keep outliers', async () => {
    const spec = matrix({ trials: 20, warmupBlocks: 0 });
    const { groups, state } = await run(spec, { seed: 5, machine: (trial) => (trial === 31 ? 0.3 : 1) });
    const [group] = groups;
    const cells = summarise({ group: group!, sessions: sessionsOf(group!, state) }, spec).filter(
      (cell) => cell.metric === 'pps',
    );
    expect(cells).toHaveLength(3);
    for (const cell of cells) {
      expect(cell.n).toBe(20);
      expect(cell.low!).toBeLessThan(cell.median!);
      expect(cell.high!).toBeGreaterThan(cell.median!);
      expect(Math.abs(cell.median! / 1e6 - 1)).toBeLessThan(0.04);
      expect(cell.cv).toBeGreaterThan(0.01);
    }
    const disturbed = cells.filter((cell) => cell.values!.some((value) => value < 400_000));
    expect(disturbed).toHaveLength(1);
    expect(disturbed[0]?.outliers).toBeGreaterThanOrEqual(1);
  });

  it('compare times only where throughput is set by the rate', async () => {
    const spec = matrix({ rates: ['100k'], trials: 8, warmupBlocks: 0 });
    const { groups, state } = await run(spec, { seed: 1 });
    const metrics = compareMatrix([{ group: groups[0]!, sessions: sessionsOf(groups[0]!, state) }], spec).map(
      (comparison) => comparison.metric,
    );
    expect(metrics).not.toContain('pps');
    expect(metrics).toContain('response.p50Ns');
  });

  it('say when trials are too few for any finding', async () => {
    const spec = matrix({ trials: 3, warmupBlocks: 0 });
    const { groups, state } = await run(spec, {
      seed: 1,
      speed: (cell) => (cell.design === 'new' ? 9000 : 1000),
    });
    for (const comparison of compareMatrix(
      [{ group: groups[0]!, sessions: sessionsOf(groups[0]!, state) }],
      spec,
    )) {
      expect(comparison.text).toBe('~');
      expect(comparison.note).toBe('need >= 6 trials to detect a difference at alpha level 0.05');
    }
  });

  it('say nothing of a figure that is 0 on a side in some trials, and how many, where the other trials are alike', () => {
    const spec = matrix({ trials: 8, warmupBlocks: 0, control: 'none' });
    const [group] = planMatrix(spec, 2);
    const { pairs, cells } = group!;
    const blocks = Array.from({ length: 8 }, (_, block) => {
      const lagNs = (id: string) => (id === cells[0]!.id && block % 2 === 0 ? 0 : 1e9 * (1 + block / 100));
      return new Map(cells.map(({ id }) => [id, { 'expiry.lag.p50Ns': lagNs(id), pps: 1e6 + block }]));
    });
    const measured = [{ group: group!, sessions: [blocks] }];
    const of = compareMatrix(measured, spec).filter(({ metric }) => metric === 'expiry.lag.p50Ns');
    expect(of).toHaveLength(pairs.length);
    for (const comparison of of) {
      expect(comparison).toMatchObject({ text: '~', n: 8 });
      expect(comparison.ratio).toBeUndefined();
      expect(comparison.note).toMatch(/^in 4 of 8 trials it is 0 on a side/);
      expect(findingOf(comparison)).toBe('unknown');
    }
    expect(geomeans(measured, spec).map(({ metric }) => metric)).toEqual(['pps']);
  });

  it('the geometric mean is over groups, of each pair of designs and metric', async () => {
    const factors: Readonly<Record<string, number>> = { 'syn-flood': 2, established: 8 };
    const spec = matrix({ inputs: ['syn-flood', 'established'], trials: 8, warmupBlocks: 0 });
    const speed = (cell: Cell): number =>
      cell.design === 'new' ? 1000 * (factors[cell.inputName] ?? 1) : 1000;
    const { groups, state } = await run(spec, { seed: 1, speed, sigma: 0.001 });
    const measured = groups.map((group) => ({ group, sessions: sessionsOf(group, state) }));
    const lines = geomeans(measured, spec);
    const pps = lines.find((line) => line.metric === 'pps');
    expect(pps).toMatchObject({ base: 'old', head: 'new', groups: 2 });
    expect(pps?.ratio).toBeCloseTo(4, 1);
  });
});

describe('repeating until precise', () => {
  it('stops when the medians are known and not before two looks agree', async () => {
    const spec = matrix({ untilPrecision: 0.02, maxTrials: 200, warmupBlocks: 0 });
    const { groups, state } = await run(spec, { seed: 8, sigma: 0.02 });
    const [group] = groups;
    const blocks = blocksOf(group!, state);
    const progress = groupProgress(group!, [blocks], spec);
    expect(progress.done).toBe(true);
    expect(progress.gaveUp).toBe(false);
    expect(progress.precision!).toBeLessThanOrEqual(0.02);
    expect(groupProgress(group!, [blocks.slice(0, -1)], spec).done).toBe(false);
    expect(groupProgress(group!, [blocks.slice(0, 15)], spec).done).toBe(false);
    // Noise of 2 % takes more than the fewest trials to a precision of 2 %.
    expect(blocks.length).toBeGreaterThan(15);
  });

  it('takes more trials where there is more noise', async () => {
    const spec = matrix({ untilPrecision: 0.03, maxTrials: 300, warmupBlocks: 0 });
    const calm = await run(spec, { seed: 1, sigma: 0.01 });
    const noisy = await run(spec, { seed: 1, sigma: 0.05 });
    expect(noisy.state.trials.length).toBeGreaterThan(1.5 * calm.state.trials.length);
  });

  it('gives up at the bound and says so', async () => {
    const spec = matrix({ untilPrecision: 0.01, maxTrials: 20, warmupBlocks: 0 });
    const { state, remarks } = await run(spec, { seed: 1, sigma: 0.2 });
    expect(state.trials).toHaveLength(3 * 20);
    expect(remarks.join()).toMatch(/20 trials gave a precision of [\d.]+ %, not 1\.0 %; raise --max-trials/);
  });
});
