import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MatrixSpec } from '../../../tools/bench/matrix-spec.js';
import { matrixSummary } from '../../../tools/bench/matrix-text.js';
import { runMatrixBench, type MatrixBenchOptions } from '../../../tools/bench/run-matrix.js';
import type { Cell } from '../../../tools/bench/matrix-plan.js';
import { validateResult } from '../../../tools/result/result-file.js';
import type { ResultCase } from '../../../tools/result/schema.js';
import { FakeRunner, matrix } from './fake-runner.js';

let folder: string;
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'ctreplay-matrix-')), 'out');
});
afterEach(async () => {
  await rm(join(folder, '..'), { recursive: true, force: true });
});

/** A fake that also gives cases, as the replay does. */
class FakeCases extends FakeRunner {
  override async run(cell: Cell, trialSeed: number) {
    const { values } = await super.run(cell, trialSeed);
    const pps = values['pps'] as number;
    const entry: ResultCase = {
      id: cell.id,
      trial: 0,
      kind: 'bench',
      design: cell.design,
      build: 'probed',
      input: { type: 'scenario', name: cell.inputName },
      workers: cell.workers,
      pacing: { mode: 'topspeed', achievedPps: pps },
      batch: 32,
      steer: 'rss',
      clock: 'wall',
      elapsedNs: 1e12 / pps,
      packets: { injected: 1000, verdicts: { new: 1000 } },
      audit: [{ name: 'verdict-sum', ok: true }],
      // Both runs of a trial may warn of the same.
      warnings: ['', ', again'].map((more) => ({
        code: 'timer-coarse',
        text: `the clock is coarse in trial ${this.calls.length}${more}`,
      })),
      ...(cell.role === 'control' ? { control: true } : {}),
    };
    return { values, case: entry };
  }
}

/** The new design has a far shorter tail, on a machine that interrupts so many of the packets. */
class FakeTails extends FakeCases {
  readonly #interruptedShare: number;

  constructor(interruptedShare: number) {
    super({ seed: 3 });
    this.#interruptedShare = interruptedShare;
  }

  override async run(cell: Cell, trialSeed: number) {
    const { values, case: entry } = await super.run(cell, trialSeed);
    const tails = cell.design === 'new' ? 1 : 2;
    const more = { 'service.p99Ns': 2000 * tails, 'service.p999Ns': 8000 * tails };
    return {
      values: { ...values, ...more, 'service.interruptedShare': this.#interruptedShare },
      case: entry,
    };
  }
}

function options(
  spec: MatrixSpec,
  runner: FakeRunner,
  more: Partial<MatrixBenchOptions> = {},
): MatrixBenchOptions {
  return {
    spec,
    shard: null,
    folder,
    resume: false,
    load: () => Promise.reject(new Error('the fake loads nothing')),
    commandLine: ['bench'],
    makeRunner: () => runner,
    ...more,
  };
}

async function onDisk(): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(folder, 'result.json'), 'utf8')) as Record<string, unknown>;
}

/** Replays a file that holds something, under a name that stays. */
class FakeFile extends FakeCases {
  readonly #sha256: string;
  readonly #config: string;

  constructor(sha256: string, config = 'c') {
    super({ seed: 5 });
    this.#sha256 = sha256.repeat(64);
    this.#config = config.repeat(64);
  }

  override async run(cell: Cell, trialSeed: number) {
    const { values, case: entry } = await super.run(cell, trialSeed);
    const files = [{ path: 'in.pcap', sha256: this.#sha256 }];
    const input = { type: 'capture' as const, name: cell.inputName, files };
    return { values, case: { ...entry, input, configSha256: this.#config } };
  }
}

describe('runMatrixBench', () => {
  it('does not go on with other files of the same names, and keeps what was measured', async () => {
    const of = (sessions: number) => matrix({ sessions, trials: 1, workers: [1, 2], warmupBlocks: 0 });
    await runMatrixBench(options(of(2), new FakeFile('a')));
    const before = await readFile(join(folder, 'result.json'), 'utf8');
    const goOn = (runner: FakeFile) => runMatrixBench(options(of(3), runner, { resume: true }));
    await expect(goOn(new FakeFile('b'))).rejects.toThrow(
      /syn-flood\/\w+\/w1\/topspeed is not what was measured before.*SHA-256 of the input \(a{12} and b{12}\).*another --out/,
    );
    await expect(goOn(new FakeFile('a', 'd'))).rejects.toThrow(/configuration \(c{12} and d{12}\)/);
    expect(await readFile(join(folder, 'result.json'), 'utf8')).toBe(before);
    expect((await goOn(new FakeFile('a'))).bench.sessions).toBe(3);
  });

  it('does not go on with another file in a group that had not begun', async () => {
    const spec = matrix({ sessions: 2, trials: 1, workers: [1, 2], warmupBlocks: 0 });
    let trials = 0;
    const hooks = { onTrial: () => void trials++, isInterrupted: () => trials >= 3 };
    await runMatrixBench(options(spec, new FakeFile('a'), { hooks }));
    const before = await readFile(join(folder, 'result.json'), 'utf8');
    await expect(runMatrixBench(options(spec, new FakeFile('b'), { resume: true }))).rejects.toThrow(
      /SHA-256 of the input \(a{12} and b{12}\)/,
    );
    expect(await readFile(join(folder, 'result.json'), 'utf8')).toBe(before);
  });

  it('adds sessions to those of the matrix, of the groups of which more are wanted', async () => {
    const spec = matrix({ sessions: 2, trials: 2, workers: [1, 2] });
    const asked: string[] = [];
    const moreSessions: MatrixBenchOptions['moreSessions'] = ({ bench }, group, sessions) => {
      asked.push(`${group.index}: ${sessions} of ${bench.sessions}`);
      return group.index === 1 && sessions < 5 ? 3 : 0;
    };
    const result = await runMatrixBench(options(spec, new FakeTails(0), { folder: null, moreSessions }));
    expect(asked).toEqual(['0: 2 of 2', '1: 2 of 2', '0: 2 of 5', '1: 5 of 5']);
    expect(result.bench.sessions).toBe(5);
    expect(result.bench.groups.map(({ done }) => done)).toEqual([true, true]);
    const places = result.bench.trials.map(({ cell, session, block }) => `${cell} ${session} ${block}`);
    expect(new Set(places).size).toBe(places.length);
    for (const [index, { cells }] of result.bench.groups.entries()) {
      const own = result.bench.trials.filter(({ cell }) => cells.includes(cell));
      expect(own.length).toBe((index === 0 ? 2 : 5) * 2 * cells.length);
      const [first] = result.comparisons.filter(({ head }) => cells.includes(head));
      expect(first?.sessions).toBe(index === 0 ? 2 : 5);
    }
    const hooks = { isInterrupted: () => true };
    await runMatrixBench(options(spec, new FakeTails(0), { folder: null, moreSessions, hooks }));
    expect(asked).toHaveLength(4);
  });

  it('does not compare tails that are the machine’s, and says why', async () => {
    const spec = matrix({ trials: 8 });
    // 0.1 %: less than half of what lies above p99, more than half of what lies above p99.9.
    const result = await runMatrixBench(options(spec, new FakeTails(0.001)));
    const ofDesigns = result.comparisons.filter((comparison) => comparison.kind === 'designs');
    const p99 = ofDesigns.find((comparison) => comparison.metric === 'service.p99Ns');
    const p999 = ofDesigns.find((comparison) => comparison.metric === 'service.p999Ns');
    expect(p99?.text).toBe('-50.00%');
    expect(p999?.text).toBe('~');
    expect(p999?.ratio ?? null).toBeNull();
    expect(p999?.note).toMatch(/interrupted or delayed 0\.1 % of the packets.*at a rate that both hold/);
    expect(result.geomeans.map((mean) => mean.metric)).not.toContain('service.p999Ns');
    expect(matrixSummary(result)).toContain('interrupted or delayed 0.1 % of the packets');
    validateResult(await onDisk(), 'result.json');
  });

  it('compares tails where few packets were interrupted', async () => {
    const result = await runMatrixBench(options(matrix({ trials: 8 }), new FakeTails(0.0004)));
    const p999 = result.comparisons.find(
      (comparison) => comparison.kind === 'designs' && comparison.metric === 'service.p999Ns',
    );
    expect(p999?.text).toBe('-50.00%');
  });

  it('writes a result that follows the format, with cases in plan order', async () => {
    const spec = matrix({ inputs: ['syn-flood', 'established'], trials: 7 });
    const result = await runMatrixBench(options(spec, new FakeCases({ seed: 1 })));
    validateResult(await onDisk(), 'result.json');
    expect(result).toMatchObject({ partial: false, valid: true });
    expect(result.cases).toHaveLength((2 + 3) * 7);
    expect([...new Set(result.cases.map((entry) => entry.id))]).toEqual([
      'syn-flood/old/w1/topspeed',
      'syn-flood/new/w1/topspeed',
      'syn-flood/old/w1/topspeed/control',
      'established/old/w1/topspeed',
      'established/new/w1/topspeed',
    ]);
    expect(result.comparisons?.filter((comparison) => comparison.control === true)).not.toHaveLength(0);
    expect(result.warnings.find((warning) => warning.code === 'timer-coarse')?.text).toContain(
      'in 35 of 35 trials',
    );
    expect(matrixSummary(result)).toMatch(
      /geomean {2}throughput: new against old [+-][\d.]+% \([+-][\d.]+% \.\. [+-][\d.]+%\) over 2 groups/,
    );
  });

  it('tells of cases as soon as a trial of each cell is there', async () => {
    const runner = new FakeCases({ seed: 1 });
    const reported: string[] = [];
    await runMatrixBench(
      options(matrix({ trials: 3, warmupBlocks: 0 }), runner, {
        onMeasured: (cases) => reported.push(`${cases.length} of ${runner.calls.length}`),
      }),
    );
    expect(reported).toEqual(['3 of 3', '6 of 6', '9 of 9']);
  });

  it('is on disk after every group, marked partial until the last', async () => {
    const spec = matrix({ inputs: ['syn-flood', 'established'], trials: 3, warmupBlocks: 0 });
    const runner = new FakeCases({ seed: 1 });
    let first: { partial: boolean; cases: unknown[] } | null = null;
    await runMatrixBench(
      options(spec, runner, {
        hooks: {
          // Read at once: the next trial would go on meanwhile.
          onTrial: (cell) => {
            if (cell.inputName !== 'established') return;
            first ??= JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')) as typeof first;
          },
        },
      }),
    );
    expect(first).toMatchObject({ partial: true });
    expect((first as unknown as { cases: unknown[] }).cases).toHaveLength(9);
  });

  it('goes on with --resume at the group in which it was cut short, and gives the trials that one run would have', async () => {
    const spec = matrix({ inputs: ['syn-flood', 'established'], trials: 4, warmupBlocks: 0 });
    const runner = new FakeCases({ seed: 1 });
    const cut = await runMatrixBench(
      options(spec, runner, { hooks: { isInterrupted: () => runner.calls.length >= 15 } }),
    );
    expect(cut.partial).toBe(true);
    const second = new FakeCases({ seed: 2 });
    const whole = await runMatrixBench(options(spec, second, { resume: true }));
    expect(whole.partial).toBe(false);
    expect(whole.cases).toHaveLength((3 + 2) * 4);
    // The process that ran the first block of the second group has ended: all of that group runs in the new one.
    expect(second.calls).toHaveLength(2 * 4);
    expect(whole.warnings.find((warning) => warning.code === 'timer-coarse')?.text).toContain(
      'in 20 of 20 trials',
    );
    const again = new FakeCases({ seed: 3 });
    await runMatrixBench(options(spec, again, { resume: true }));
    expect(again.calls).toHaveLength(0);
  });

  it('adds sessions to a finished matrix, and no trials to a session whose process has ended', async () => {
    const spec = matrix({ sessions: 2, trials: 3, warmupBlocks: 0 });
    await runMatrixBench(options(spec, new FakeCases({ seed: 1 })));
    const added = new FakeCases({ seed: 4 });
    const more = await runMatrixBench(options({ ...spec, sessions: 4 }, added, { resume: true }));
    expect(added.calls).toHaveLength(3 * 3 * 2);
    expect(more.cases).toHaveLength(3 * 3 * 4);
    expect([...new Set(more.cases.map((entry) => entry.session))]).toEqual([0, 1, 2, 3]);
    expect(new Set(more.cases.map((entry) => `${entry.id} ${entry.trial}`)).size).toBe(more.cases.length);
    validateResult(await onDisk(), 'result.json');
    const resume = (change: Partial<MatrixSpec>) =>
      runMatrixBench(options({ ...spec, ...change }, new FakeCases({ seed: 5 }), { resume: true }));
    await expect(resume({ sessions: 4, trials: 6 })).rejects.toThrow(
      /repeat --trials 3 and raise --sessions/,
    );
    await expect(resume({ sessions: 3 })).rejects.toThrow(/has 4 sessions, more than the 3 asked for/);
  });

  it('refuses trials for the one session of a finished matrix', async () => {
    const spec = matrix({ trials: 3, warmupBlocks: 0 });
    await runMatrixBench(options(spec, new FakeCases({ seed: 1 })));
    await expect(
      runMatrixBench(options({ ...spec, trials: 6 }, new FakeCases({ seed: 1 }), { resume: true })),
    ).rejects.toThrow(/process has ended/);
  });

  it('gives every session seeds of its own, and every figure what it takes to quote it', async () => {
    const spec = matrix({ sessions: 3, trials: 4, warmupBlocks: 0 });
    const runner = new FakeCases({ seed: 1 });
    const result = await runMatrixBench(options(spec, runner));
    expect(new Set(runner.calls.map((call) => call.trialSeed)).size).toBe(3 * 4);
    for (const cell of result.cells ?? []) {
      expect(cell).toMatchObject({ n: 12, sessions: 3, build: 'probed', commit: result.tool.commit });
      expect(cell.measuredAt).toBe(result.createdAt);
      expect(cell.sessionMedians).toHaveLength(3);
    }
    for (const comparison of result.comparisons) {
      expect(comparison).toMatchObject({ n: 12, sessions: 3, test: 'session-t', build: 'probed' });
    }
  });

  it('reads and goes on from a result of before there were sessions', async () => {
    const spec = matrix({ trials: 4, warmupBlocks: 0 });
    await runMatrixBench(options(spec, new FakeCases({ seed: 1 })));
    const old = await onDisk();
    const { sessions: _s, trialsPerSession: _t, ...bench } = old['bench'] as Record<string, unknown>;
    const trials = (bench['trials'] as object[]).map((trial) => ({ ...trial, session: undefined }));
    const cases = (old['cases'] as object[]).map((trial) => ({ ...trial, session: undefined }));
    const text = JSON.stringify({ ...old, cases, bench: { ...bench, trials } });
    await writeFile(join(folder, 'result.json'), text);
    const none = new FakeCases({ seed: 2 });
    const result = await runMatrixBench(options(spec, none, { resume: true }));
    expect(none.calls).toHaveLength(0);
    expect(result.cells?.[0]).toMatchObject({ n: 4, sessions: 1 });
    await writeFile(join(folder, 'result.json'), text);
    await expect(
      runMatrixBench(options({ ...spec, sessions: 5 }, new FakeCases({ seed: 1 }), { resume: true })),
    ).rejects.toThrow(/was measured in one session, whose process has ended/);
  });

  it('refuses to overwrite, and to resume something else', async () => {
    const spec = matrix({ trials: 2, warmupBlocks: 0 });
    await runMatrixBench(options(spec, new FakeCases({ seed: 1 })));
    await expect(runMatrixBench(options(spec, new FakeCases({ seed: 1 })))).rejects.toThrow(
      /holds a result already; add --resume/,
    );
    await expect(
      runMatrixBench(options({ ...spec, seed: 9 }, new FakeCases({ seed: 1 }), { resume: true })),
    ).rejects.toThrow(/was run with other inputs/);
    const file = await onDisk();
    const tool = { ...(file['tool'] as object), commit: 'another' };
    await writeFile(join(folder, 'result.json'), JSON.stringify({ ...file, tool }));
    await expect(runMatrixBench(options(spec, new FakeCases({ seed: 1 }), { resume: true }))).rejects.toThrow(
      /was measured with ctreplay .*another/,
    );
    const environment = { ...(file['environment'] as object), machineId: 'another' };
    await writeFile(join(folder, 'result.json'), JSON.stringify({ ...file, environment }));
    await expect(runMatrixBench(options(spec, new FakeCases({ seed: 1 }), { resume: true }))).rejects.toThrow(
      /measured on another machine/,
    );
    delete file['bench'];
    await writeFile(join(folder, 'result.json'), JSON.stringify(file));
    await expect(runMatrixBench(options(spec, new FakeCases({ seed: 1 }), { resume: true }))).rejects.toThrow(
      /no matrix that could be resumed/,
    );
  });

  it('an A/A control that differs is a warning about the machine', async () => {
    const spec = matrix({ trials: 8, warmupBlocks: 0 });
    const runner = new FakeCases({
      seed: 1,
      sigma: 0.005,
      speed: (cell) => (cell.role === 'control' ? 1500 : 1000),
    });
    const result = await runMatrixBench(options(spec, runner));
    expect(result.warnings.find((warning) => warning.code === 'control-differs')?.text).toContain('pps +4');
  });
});
