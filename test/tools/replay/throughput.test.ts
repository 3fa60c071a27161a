import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { replayedDesigns } from '../../support/designs.js';
import { readMachine } from '../../../tools/replay/machine.js';
import { measureCase, runSession, type CaseRequest } from '../../../tools/replay/session.js';
import { readResult, validateResult } from '../../../tools/result/result-file.js';
import type { RateSearch, Result, ResultCase } from '../../../tools/result/schema.js';
import { scratchFolder, type CommandOutcome } from '../../support/command.js';
import { design, failedChecks, quickPlan, scenario, type PlanChanges } from '../../support/replay.js';
import { sampleResult } from '../../support/results.js';
import { runCommandLine } from '../../support/run-command.js';

const SYNTH = ['replay', '--synth', 'tcp-crr', '--packets', '4000', '--warmup', '0'];

function run(...args: readonly string[]): Promise<CommandOutcome> {
  return runCommandLine(args, scratchFolder());
}

/** What a replay prints, and the result that it leaves. */
async function replayed(
  ...args: readonly string[]
): Promise<{ stdout: string; folder: string; result: Result }> {
  const folder = scratchFolder();
  const { code, stdout, stderr } = await runCommandLine(
    [...args, '--out', 'out', '--no-color', '--verbose'],
    folder,
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return { stdout, folder, result: await readResult(join(folder, 'out')) };
}

function request(changes: Partial<CaseRequest> & Pick<CaseRequest, 'traffic' | 'choice'>): CaseRequest {
  return {
    input: { type: 'scenario', name: 'test' },
    plan: quickPlan({ build: 'both' }),
    id: 'test',
    machine: readMachine(),
    ...changes,
  };
}

describe.each(replayedDesigns())('throughput of %s', (name) => {
  it('comes from a run of the bare build without clocks, everything else from a probed one of the same packets', async () => {
    const traffic = await scenario('tcp-crr', { packets: 6000 });
    const plan = quickPlan({ build: 'both', workers: 2 });
    const entry = await measureCase(request({ traffic, choice: design(name), plan }));
    expect(entry.build).toBe('probed');
    expect(entry.throughput).toMatchObject({ build: 'bare', timed: false, packets: 6000 });
    expect(entry.throughput?.pps).toBeCloseTo((6000 / entry.throughput!.elapsedNs) * 1e9, 3);
    expect(entry.throughput?.elapsedNs).not.toBe(entry.elapsedNs);
    expect(entry.throughput?.harnessShare).toBeGreaterThan(0);
    expect(entry.throughput?.harnessShare).toBeLessThan(1);
    expect(entry.latency?.service?.overall.count).toBe(6000);
    expect(entry.locks?.length).toBeGreaterThan(0);
    const { nsPerPacket, bareNsPerPacket, probedNsPerPacket, clockNsPerPacket } = entry.probeCost!;
    expect(nsPerPacket).toBeCloseTo(probedNsPerPacket - bareNsPerPacket, 6);
    expect(bareNsPerPacket).toBe(entry.throughput?.workerNsPerPacket);
    expect(clockNsPerPacket).toBeGreaterThan(0);
    expect(failedChecks(entry)).toEqual([]);
    const names = entry.audit.map((check) => check.name);
    expect(names).toEqual(
      expect.arrayContaining(['verdict-sum', 'verdict-sum (throughput run)', 'same-packets']),
    );
  });

  it('decides the same with and without probes, which is checked where it has to be so', async () => {
    const traffic = await scenario('tcp-crr', { packets: 3000 });
    const plan = quickPlan({ build: 'both', clock: 'capture', loops: 2 });
    const entry = await measureCase(request({ traffic, choice: design(name), plan }));
    expect(entry.audit.find((check) => check.name === 'same-verdicts')).toMatchObject({ ok: true });
    expect(failedChecks(entry)).toEqual([]);
  });

  it('is measured in the one run there is where that is bare and not timed', async () => {
    const traffic = await scenario('tcp-crr', { packets: 2000 });
    const plan = quickPlan({ build: 'bare', latency: { mode: 'off' } });
    const runs: string[] = [];
    const entry = await measureCase(request({ traffic, choice: design(name), plan }), {
      onRun: (_label, purpose) => runs.push(purpose),
    });
    expect(runs).toEqual(['all']);
    expect(entry.throughput).toMatchObject({ build: 'bare', timed: false, elapsedNs: entry.elapsedNs });
    expect(entry.probeCost ?? null).toBeNull();
    expect(entry.locks).toBeNull();
  });
});

describe('replay', () => {
  let both: Awaited<ReturnType<typeof replayed>>;
  beforeAll(async () => {
    both = await replayed(...SYNTH);
  });

  it('shows both runs, and names the build of every table', () => {
    const { stdout } = both;
    expect(stdout).toMatch(/^tcp-crr · 1 worker · top speed/);
    for (const table of [
      'Throughput · bare build, packets not timed',
      'Run for everything below · probed build, packets timed',
      'Latency · probed build, packets timed',
      'Locks · probed build, packets timed',
    ]) {
      expect(stdout).toContain(table);
    }
    expect(stdout.replaceAll(/\s+/g, ' ')).toMatch(
      /rculist-sweep had [\d.]+ times the throughput, .* of timeout-lists/,
    );
    expect(stdout).toMatch(/Latency .*measuring/);
  });

  it('stores it for every format', async () => {
    const { folder } = both;
    const [head = '', first = ''] = readFileSync(join(folder, 'out', 'summary.csv'), 'utf8').split('\r\n');
    const fields = Object.fromEntries(head.split(',').map((name, i) => [name, first.split(',')[i]]));
    expect(fields).toMatchObject({ build: 'probed', throughput_build: 'bare', throughput_timed: 'false' });
    expect(Number(fields['throughput_pps'])).not.toBe(Number(fields['achieved_pps']));
    expect(fields['probe_cost_ns']).not.toBe('');
    const page = readFileSync(join(folder, 'out', 'report.html'), 'utf8');
    for (const text of ['Throughput: bare build, packets not timed', 'Measuring adds to a packet']) {
      expect(page).toContain(text);
    }
    const { stdout: markdown } = await runCommandLine(['report', 'out', '--format', 'markdown'], folder);
    expect(markdown).toContain('Throughput: bare build, packets not timed.');
    expect(markdown).toContain('measuring');
  });

  it('--build probed measures once, and compares no throughput', async () => {
    const { result, stdout } = await replayed(...SYNTH, '--build', 'probed');
    for (const entry of result.cases) {
      expect(entry.throughput).toMatchObject({ build: 'probed', timed: true, elapsedNs: entry.elapsedNs });
      expect(entry.probeCost ?? null).toBeNull();
    }
    const printed = stdout.replaceAll(/\s+/g, ' ');
    expect(printed).toContain(
      'Throughput is not compared: it is that of the probed build, with every clock read in it.',
    );
    expect(printed).not.toContain('times the throughput');
    expect(stdout).toContain('Throughput · probed build, packets timed');
  });

  it('--bare measures once, without contention, and times only when told to', async () => {
    const { result } = await replayed(...SYNTH, '--bare', '--design', 'rculist-sweep');
    expect(result.configuration).toMatchObject({ build: 'bare', latency: { mode: 'off' } });
    for (const entry of result.cases) {
      expect(entry.build).toBe('bare');
      expect(entry.locks).toBeNull();
      expect(entry.throughput).toMatchObject({ build: 'bare', timed: false });
    }
    const timed = await replayed(...SYNTH, '--bare', '--latency', 'all');
    expect(timed.stdout.replaceAll(/\s+/g, ' ')).toContain(
      'Throughput is not compared: packets were timed, and clock reads are in it.',
    );
    const named = await replayed(
      ...SYNTH,
      '--build',
      'bare',
      '--latency',
      'all',
      '--design',
      'rculist-sweep',
    );
    for (const entry of [...timed.result.cases, ...named.result.cases]) {
      expect(entry.throughput).toMatchObject({ build: 'bare', timed: true });
      expect(entry.latency?.service?.overall.count).toBe(4000);
    }
    expect(await run(...SYNTH, '--bare', '--build', 'probed')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--bare and --build probed exclude each other') as string,
    });
  });

  it('at a given rate makes the probed run only, and claims nothing of throughput', async () => {
    const folder = scratchFolder();
    // Not the exit code: a machine that is busy does not keep the rate.
    const args = [...SYNTH, '--pps', '20k', '--no-color', '--out', 'out'];
    const { stdout } = await runCommandLine(args, folder);
    for (const entry of (await readResult(join(folder, 'out'))).cases) {
      expect(entry.throughput).toMatchObject({ build: 'probed', timed: true });
      expect(entry.probeCost ?? null).toBeNull();
      expect(entry.audit.map(({ name }) => name).join(' ')).not.toContain('throughput run');
    }
    expect(stdout).not.toMatch(/throughput [×~]/);
  });

  it('streams both runs from the source', async () => {
    const args = ['--synth', 'syn-flood', '--packets', '20k', '--store', '1', '--warmup', '0'];
    for (const entry of (await replayed('replay', ...args)).result.cases) {
      expect(entry.input.streamed).toBeTruthy();
      expect(entry.packets.injected).toBe(20_000);
      expect(entry.throughput).toMatchObject({ build: 'bare', packets: 20_000 });
      expect(entry.throughput?.sourceWaits).toBeGreaterThanOrEqual(0);
    }
  });
});

describe('an interrupted session', () => {
  const session = async (interruptIn: 'throughput' | 'figures'): Promise<Result> => {
    const traffic = await scenario('established', { packets: 1000, 'active-flows': 50 });
    let purpose = '';
    return runSession(
      {
        traffic,
        input: { type: 'scenario', name: 'established' },
        plan: quickPlan({
          designs: ['timeout-lists', 'rculist-sweep'],
          build: 'both',
          loops: null,
          durationMs: 250,
        }),
        commandLine: ['replay'],
      },
      {
        onRun: (_label, now) => (purpose = now),
        onStart: (interrupt) => void (purpose === interruptIn && setTimeout(interrupt, 60)),
      },
    );
  };

  it('in the first run keeps throughput, marked as cut short', async () => {
    const result = await session('throughput');
    expect(result.cases.flatMap(failedChecks)).toEqual([]);
    expect(result).toMatchObject({ partial: true, valid: true });
    expect(result.cases).toHaveLength(1);
    expect(result.cases[0]).toMatchObject({ build: 'bare', partial: true, locks: null });
    expect(result.cases[0]?.throughput).toMatchObject({ build: 'bare', partial: true });
    expect(result.cases[0]?.throughput?.pps).toBeGreaterThan(0);
  });

  it('in the second run keeps both', async () => {
    const result = await session('figures');
    expect(result.cases.flatMap(failedChecks)).toEqual([]);
    expect(result).toMatchObject({ partial: true, valid: true });
    expect(result.cases).toHaveLength(1);
    expect(result.cases[0]).toMatchObject({ build: 'probed', partial: true });
    expect(result.cases[0]?.throughput).toMatchObject({ build: 'bare' });
    expect(result.cases[0]?.throughput?.partial).toBeUndefined();
  });

  it('begins no run after the signal', async () => {
    const traffic = await scenario('established', { packets: 1000, 'active-flows': 50 });
    const runs: string[] = [];
    const result = await runSession(
      {
        traffic,
        input: { type: 'scenario', name: 'established' },
        plan: quickPlan({ designs: ['timeout-lists', 'rculist-sweep'], build: 'both' }),
        commandLine: ['replay'],
      },
      { onRun: (_label, purpose) => runs.push(purpose), isInterrupted: () => runs.length > 0 },
    );
    expect(runs).toEqual(['throughput']);
    expect(result.cases.flatMap(failedChecks)).toEqual([]);
    expect(result).toMatchObject({ partial: true, valid: true });
    expect(result.cases).toHaveLength(1);
    expect(result.cases[0]?.throughput).toMatchObject({ build: 'bare', packets: 1000 });
  });
});

describe('a search for the highest rate', () => {
  const search = async (objective: string, changes: PlanChanges): Promise<Result> => {
    return runSession({
      traffic: await scenario('established', { packets: 2000, 'active-flows': 50 }),
      input: { type: 'scenario', name: 'established' },
      plan: quickPlan({
        designs: ['rculist-sweep'],
        warmupPackets: 100,
        search: { objective, stepMs: 30 },
        ...changes,
      }),
      commandLine: ['replay'],
    });
  };

  /** The bound and the steps of a search, after checking that each step says what its run was and came to. */
  function foundBy(
    result: Result,
    boundNs: number,
  ): { search: RateSearch; top: ResultCase; steps: ResultCase[] } {
    expect(validateResult(result, 'result.json')).toBe(result);
    expect(result.rateSearches).toHaveLength(1);
    const [found] = result.rateSearches as [RateSearch];
    const [top, ...steps] = result.cases as [ResultCase, ...ResultCase[]];
    expect(top.pacing.mode).toBe('topspeed');
    // It begins with what top speed reached, and each step is a run at the rate that it names.
    expect(found.steps[0]?.pps).toBe(top.pacing.achievedPps);
    expect(steps.map(({ id }) => id)).toEqual(found.steps.map(({ caseId }) => caseId));
    for (const [index, { pps, held }] of found.steps.entries()) {
      const { pacing, latency } = steps[index] as ResultCase;
      expect(pacing.mode).toBe('pps');
      expect(pacing.targetPps).toBeCloseTo(Math.round(pps), 6);
      expect(held).toBe((latency?.service?.overall.p50Ns ?? Infinity) < boundNs);
    }
    const held = found.steps.filter((step) => step.held).map(({ pps }) => pps);
    expect(found.bestPps).toBe(held.length === 0 ? null : Math.max(...held));
    // A rate that was too high is an answer: it spoils nothing. In so short a run a busy machine may let nothing through.
    const whole = result.cases.filter(({ packets }) => packets.injected > 0);
    expect(whole.flatMap(failedChecks)).toEqual([]);
    expect(result.cases.flatMap(({ audit }) => audit.map((check) => check.name))).not.toContain(
      'rate-achieved',
    );
    return { search: found, top, steps };
  }

  it('takes its bound from the bare build without clocks, and holds rates with clocks and no probes', async () => {
    const objective = 'service.p50<1s';
    // Long steps: in shorter ones a busy machine may let nothing through, and so end the search.
    const result = await search(objective, { build: 'both', search: { objective, stepMs: 300 } });
    const { search: found, top, steps } = foundBy(result, 1e9);
    expect(top).toMatchObject({ build: 'bare', latency: { mode: 'off' } });
    for (const step of steps) expect(step).toMatchObject({ build: 'bare', latency: { mode: 'all' } });
    expect(found).toMatchObject({ build: 'bare', timed: true, objective });
    expect(found.bestPps).not.toBeNull();
    // Above what top speed reached there is nothing to look for.
    if (found.steps[0]?.held === true) expect(found.steps).toHaveLength(1);
  });

  it('is made with probes where those are asked for, and halves the rate while none holds', async () => {
    const result = await search('service.p50<1ns', {});
    const { search: found, top } = foundBy(result, 1);
    for (const entry of result.cases) expect(entry.build).toBe('probed');
    expect(found).toMatchObject({ build: 'probed', timed: true });
    // No packet takes less than a nanosecond, so no rate holds, down to the last that is tried.
    expect(found.bestPps).toBeNull();
    const first = top.pacing.achievedPps as number;
    expect(found.steps.map(({ pps }) => pps)).toEqual(
      Array.from({ length: 11 }, (_, step) => first / 2 ** step),
    );
  });
});

describe('bench', () => {
  it('measures throughput bare and tails probed, in each trial', async () => {
    const folder = scratchFolder();
    writeFileSync(
      join(folder, 'bench.yaml'),
      'inputs: [{ scenario: syn-flood, parameters: { packets: 2000 } }]\ndesigns: [timeout-lists, rculist-sweep]\n' +
        'sessions: 1\ntrials: 1\nwarmupBlocks: 0\nwarmupPackets: 500\nprobeCost: one\ncontrol: none\n',
    );
    const measured = async (...more: string[]): Promise<Result> => {
      const args = ['bench', '--matrix', 'bench.yaml', '--json', ...more];
      const { stdout, stderr } = await runCommandLine(args, folder);
      expect(stderr).toBe('');
      return JSON.parse(stdout) as Result;
    };
    const both = await measured();
    for (const entry of both.cases) {
      expect(entry.build).toBe('probed');
      expect(entry.throughput).toMatchObject({ build: 'bare', timed: false, packets: 2000 });
      expect(entry.latency?.mode).toBe(entry.id.endsWith('/untimed') ? 'off' : 'all');
      if (entry.id.endsWith('/untimed')) expect(entry.probeCost?.clockNsPerPacket).toBe(0);
    }
    const metrics = new Set(both.cells?.map(({ metric }) => metric));
    expect([...metrics]).toEqual(expect.arrayContaining(['pps', 'probeCost.nsPerPacket', 'service.p99Ns']));
    const [pps] = both.cells!.filter(({ metric }) => metric === 'pps');
    expect(pps?.values).toEqual(
      both.cases.filter(({ id }) => id === pps?.id).map(({ throughput }) => throughput?.pps),
    );
    expect(both.comparisons?.map(({ metric }) => metric)).toContain('pps');

    const probed = await measured('--build', 'probed');
    expect(probed.cells?.map(({ metric }) => metric)).toContain('probedPps');
    expect(probed.comparisons?.map(({ metric }) => metric)).not.toContain('pps');
    expect(probed.comparisons?.map(({ metric }) => metric)).not.toContain('probedPps');

    const bare = await measured('--bare');
    expect(bare.comparisons?.map(({ metric }) => metric)).toContain('pps');
    expect(bare.cases.every(({ locks, latency }) => locks === null && latency?.mode === 'off')).toBe(true);
  });

  it('runs the workload of ovstest bare, and names the build', async () => {
    const args = ['bench', '--scenario', 'ovs-benchmark', '--packets', '2000'];
    expect((await run(...args)).stdout).toMatch(/packets\/s\), bare build\n/);
    expect((await run(...args, '--build', 'probed')).stdout).toMatch(
      /probed build, whose cost differs by design/,
    );
    const { results } = JSON.parse((await run(...args, '--json')).stdout) as { results: { build: string }[] };
    expect(results.map(({ build }) => build)).toEqual(['bare', 'bare']);
  });
});

describe('results from before throughput was measured apart', () => {
  it('are read, and their throughput is that of the probed build: shown, and not compared', async () => {
    const folder = scratchFolder();
    mkdirSync(join(folder, 'old'));
    const old = sampleResult({ kind: 'bench', trials: 2, packets: 400, oldShape: true });
    writeFileSync(join(folder, 'old', 'result.json'), JSON.stringify(old));
    expect(old.comparisons?.some(({ metric, significant }) => metric === 'pps' && significant)).toBe(true);
    const report = async (format: string): Promise<string> => {
      const { code, stdout } = await runCommandLine(['report', 'old', '--format', format], folder);
      expect(code).toBe(0);
      return stdout;
    };
    const terminal = await report('table');
    expect(terminal).toContain('Throughput · probed build, packets timed');
    expect(terminal).toMatch(/pps .*~/);
    expect(await report('markdown')).toContain('not compared: it is that of the probed build');
    const compared = await runCommandLine(['compare', 'old', 'old'], folder);
    expect(compared.stdout).toContain('Throughput is not compared (base: it is that of the probed build');
    expect(compared.stdout).not.toMatch(/^pps/m);
    // Another result: the same trials twice would be refused.
    const cases = old.cases.map((entry) => ({ ...entry, startedAt: '2020-01-01T00:00:00.000Z' }));
    mkdirSync(join(folder, 'older'));
    writeFileSync(join(folder, 'older', 'result.json'), JSON.stringify({ ...old, cases }));
    expect((await runCommandLine(['merge', 'old', 'older', '-o', 'merged'], folder)).code).toBe(0);
  });

  it('are not merged with those that have it', async () => {
    const folder = scratchFolder();
    for (const [name, oldShape] of [
      ['old', true],
      ['new', false],
    ] as const) {
      mkdirSync(join(folder, name));
      const result = sampleResult({ kind: 'bench', packets: 200, oldShape });
      for (const entry of result.cases) entry.mutex = 'glibc';
      writeFileSync(join(folder, name, 'result.json'), JSON.stringify(result));
    }
    const { code, stderr } = await runCommandLine(['merge', 'old', 'new', '-o', 'merged'], folder);
    expect(code).toBe(1);
    expect(stderr).toMatch(/old and new measured it with different builds/);
  });
});
