/** bench, scale and model as a user runs them, with the real engine and matrices as small as they get. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import type { MatrixResult } from '../../../tools/bench/matrix-result.js';
import { identityDifferences } from '../../../tools/result/identity.js';
import type { ResultCase } from '../../../tools/result/schema.js';
import { scratchFolder, type CommandOutcome } from '../../support/command.js';
import { runCommandLine } from '../../support/run-command.js';

// Some start a dozen runs, which takes minutes on a machine that is busy with other things.
vi.setConfig({ testTimeout: 300_000 });

const folder = scratchFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function resultIn(name: string): MatrixResult {
  return JSON.parse(readFileSync(join(folder, name, 'result.json'), 'utf8')) as MatrixResult;
}

/** With what the command said when it failed. */
function expectSuccess({ code, stderr, stdout }: CommandOutcome): void {
  expect(code === 0 ? '' : `exit code ${code}: ${stderr}${stdout}`).toBe('');
}

const run = (...args: string[]): Promise<CommandOutcome> => runCommandLine(args, folder);

describe('ctreplay bench', () => {
  it('runs a bench.yaml with scenarios that need a configuration, and goes on with --resume', async () => {
    writeFileSync(
      join(folder, 'bench.yaml'),
      `inputs:
  - scenario: nat-exhaustion
    parameters: { packets: 3000 }
designs: [timeout-lists, rculist-sweep]
sessions: 1
trials: 1
warmupBlocks: 0
warmupPackets: 1000
probeCost: one
`,
    );
    const small = ['bench', '--matrix', 'bench.yaml', '--out', 'small'];
    const first = await run(...small, '--quiet');
    expectSuccess(first);
    // Quiet, but for what changes what the figures mean: the pool has no tuple left for some packets.
    expect(first.stdout.trimEnd().replaceAll('\n', ' ')).toMatch(
      /^Outcome: The outcome differs on nat-exhaustion with 1 worker: of 3,000 packets rculist-sweep left \d+ invalid/,
    );
    expect(first.stdout).not.toContain('packets/s');
    const result = resultIn('small');
    expect(result).toMatchObject({ partial: false, valid: true });
    expect(
      result.cases.map((entry) => `${entry.design} ${entry.latency?.mode} ${entry.control === true}`),
    ).toEqual([
      'timeout-lists all false',
      'rculist-sweep all false',
      'timeout-lists all true',
      'timeout-lists off false',
      'rculist-sweep off false',
    ]);
    for (const entry of result.cases) {
      expect(entry.packets.injected).toBe(3000);
      // The scenario's translation was in force.
      expect(entry.nat?.allocations ?? 0).toBeGreaterThan(0);
      expect(entry.throughput).toMatchObject({ build: 'bare', timed: false, packets: 3000 });
      if (entry.latency?.mode === 'off') expect(entry.latency.service ?? null).toBeNull();
    }
    const again = await run(...small);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('add --resume');
    const more = await run(...small, '--resume', '--sessions', '2');
    expectSuccess(more);
    expect(more.stdout).toContain('measuring');
    const both = resultIn('small');
    expect(both.cases).toHaveLength(10);
    expect(new Set(both.cases.map((entry) => entry.session))).toEqual(new Set([0, 1]));
    // The second ran in a process of its own, on traffic of its own seed.
    expect(
      new Set(both.cases.map((entry) => JSON.stringify(entry.packets.verdictHash ?? entry.startedAt))).size,
    ).toBeGreaterThan(1);
    const added = await run(...small, '--resume', '--sessions', '2', '--trials', '2');
    expect(added.code).toBe(2);
    expect(added.stderr).toContain('repeat --trials 1 and raise --sessions');
  });

  it('edits, paces and watches as replay does, under the same names', async () => {
    const both = [
      ...['--synth', 'established', '--packets', '4000', '--design', 'rculist-sweep', '--warmup', '0'],
      ...['--filter', 'udp or tcp', '--snaplen', '60', '--max-gap', '1s', '--limit', '1000'],
      ...['--profile', '0s:100k,1s:200k', '--profile-shape', 'step', '--burst', '10', '--timeline', '2ms'],
    ];
    const replayed = await run('replay', ...both, '--out', 'as-replay');
    const matrix = [...both, '--sessions', '1', '--trials', '1', '--control', 'none', '--out', 'as-bench'];
    const measured = await run('bench', ...matrix);
    // So few packets may miss a rate on a busy machine, which is another matter.
    for (const outcome of [replayed, measured]) expect(outcome.code).toBeLessThan(2);
    const [entry, other] = ['as-replay', 'as-bench'].map((name) => resultIn(name).cases[0] as ResultCase);
    expect(other).toMatchObject({
      burst: 10,
      packets: { injected: 1000 },
      input: { edits: { filter: 'udp or tcp', snapLength: 60, maxGapNs: 1e9, limit: 1000 } },
    });
    expect(other!.id).toBe(entry!.id);
    expect(other!.id).toContain('/profile-0ms:100000,1000ms:200000-step');
    expect(identityDifferences(entry!, other!)).toEqual([]);
    for (const each of [entry!, other!]) expect((each.timeline ?? []).length).toBeGreaterThan(1);
    // The rate is that of a scenario's stamps as well.
    const paced = ['--synth', 'syn-flood', '--packets', '500', '--pps', '50k', '--design', 'timeout-lists'];
    await run('replay', ...paced, '--out', 'paced-replay');
    await run('bench', ...paced, '--sessions', '1', '--trials', '1', '--out', 'paced-bench');
    const [first, same] = ['paced-replay', 'paced-bench'].map((name) => resultIn(name).cases[0]);
    expect(identityDifferences(first!, same!)).toEqual([]);
    // What is asked on the command line is what every input of a preset has.
    const list = await run('bench', '--preset', 'paper', '--pps', '7k', '--list');
    expect(list.stdout).toContain('zone-policies/rculist-sweep/w8/7000pps');
    expect(list.stdout).not.toContain('100000pps');
  });

  it.each([
    [['--synth', 'ovs-benchmark', '--clock', 'capture'], '--clock is for a matrix'],
    [['--synth', 'ovs-benchmark', '--timeline', '1s'], '--timeline is for a matrix'],
    [['--synth', 'syn-flood', '--change'], '--change is for --synth ovs-benchmark'],
  ])('%j: an option that would be left unused is wrong usage', async (args, message) => {
    const { code, stderr } = await run('bench', ...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it('lists without running', async () => {
    const list = await run('bench', '--preset', 'paper', '--list');
    expect(list.code).toBe(0);
    expect(list.stdout).toContain('zone-policies/rculist-sweep/w8/100000pps');
    expect((await run('bench', '--list')).stdout).toContain('smoke');
    const dry = await run('bench', '--scenario', 'syn-flood', '--trials', '2', '--dry-run');
    expect(dry.stdout).toContain('1 group(s), 3 cells, 7 sessions x 2 trials each, 42 in all');
  });

  it('what is asked on the command line holds for the inputs of a file too', async () => {
    writeFileSync(
      join(folder, 'asked.yaml'),
      'inputs: [{ scenario: syn-flood, sameAddresses: true }]\ndesigns: [rculist-sweep]\n' +
        'sessions: 1\ntrials: 1\nwarmupBlocks: 0\ncontrol: none\n',
    );
    const asked = ['--packets', '200', '--checksums', 'ignore', '--unique-ip-loops', '2', '--loop', '2'];
    expectSuccess(await run('bench', '--matrix', 'asked.yaml', ...asked, '--quiet', '--out', 'asked'));
    const { cases, configuration } = resultIn('asked');
    expect(cases.map((entry) => entry.packets.injected)).toEqual([400]);
    expect(configuration['inputs']).toEqual([
      {
        ...{ scenario: 'syn-flood', parameters: { packets: 200 }, checksums: 'ignore' },
        ...{ uniqueIpLoops: 2, loop: 2 },
      },
    ]);
  });

  it.each([
    ['designs: [timeout-lists, nope]', [], "wrong-list.yaml:2: designs: 'nope': there is no design 'nope'"],
    ['designs: [rculist-sweep@v0]', [], "there is no preset 'v0'"],
    ['designs: [table-scan]', ['--synth', 'nope'], "there is no scenario 'nope'"],
    ['designs: [table-scan]', ['nope.pcap'], 'nope.pcap: there is no such capture'],
    ['designs: [table-scan]', ['--unique-ip', '--same-addresses'], 'exclude each other'],
    ['designs: [table-scan]', ['--clock', 'capture', '--time-scale', '2'], '--time-scale works with'],
    ['designs: [table-scan]', ['--burst', '4', '--rates', '10mbps'], 'a burst needs a rate in packets'],
  ])('%s %j: a list says what would end the run', async (designs, args, message) => {
    writeFileSync(join(folder, 'wrong-list.yaml'), `inputs: [syn-flood]\n${designs}\n`);
    for (const how of ['--list', '--dry-run']) {
      const { code, stderr, stdout } = await run('bench', '--matrix', 'wrong-list.yaml', ...args, how);
      expect([code, stderr, stdout]).toEqual([2, expect.stringContaining(message), '']);
    }
  });

  it('a burst may go with the rates of a list', async () => {
    const { code, stdout } = await run(
      'bench',
      '--synth',
      'syn-flood',
      '--burst',
      '4',
      '--rates',
      '9k',
      '--list',
    );
    expect([code, stdout]).toEqual([0, expect.stringContaining('syn-flood/rculist-sweep/w1/9000pps')]);
  });

  it.each([
    [['bench', '--rates', '1k'], '--rates is for a matrix'],
    [['bench', '--scenario', 'nope', '--out', 'x'], "there is no scenario 'nope'"],
    [['bench', '--scenario', 'syn-flood', '--design', 'nope'], "there is no design 'nope'"],
    [['bench', '--capture', 'nope.pcap'], 'nope.pcap: there is no such capture'],
    [['bench', '--matrix', 'nope.yaml'], 'nope.yaml: there is no such file'],
    [['bench', '--preset', 'nope'], "--preset: there is no ready-made matrix 'nope'"],
    [['bench', '--preset', 'smoke', '--shard', '3/2'], '2/4'],
    [['bench', '--preset', 'smoke', '--resume'], '--resume needs --out'],
    [['scale', '--scenario', 'syn-flood', '--capture', 'x'], 'exclude each other'],
  ])('%j is wrong usage', async (args, message) => {
    const outcome = await run(...args);
    expect(outcome.stderr).toContain(message);
    expect(outcome.code).toBe(2);
  });

  it('finds a wrong parameter of the last input before the first trial', async () => {
    const inputs = '[syn-flood, { scenario: established, parameters: { flows: 3 } }]';
    writeFileSync(join(folder, 'wrong.yaml'), `inputs: ${inputs}\ndesigns: [rculist-sweep]\n`);
    const outcome = await run('bench', '--matrix', 'wrong.yaml', '--out', 'wrong');
    expect(outcome.stderr).toContain('scenario established has no parameter --flows');
    expect(outcome.code).toBe(2);
    expect(outcome.stdout).toBe('');
    expect(existsSync(join(folder, 'wrong'))).toBe(false);
  });
});

describe('ctreplay scale and model', () => {
  /** With and without lists, and passes over everything or over what is due. */
  const MODELLED = ['rculist-sweep', 'timing-wheel', 'table-scan'];

  it('measure, fit, and predict beside the measurement', async () => {
    const scale = await run(
      ...['scale', '--scenario', 'syn-flood', '--packets', '4000', '--workers', '2'],
      ...['--sessions', '1', '--trials', '1', '--out', 'scale', '--design', MODELLED.join(',')],
    );
    expectSuccess(scale);
    expect(scale.stdout).toContain('syn-flood · rculist-sweep');
    expect(resultIn('scale').scaling).toHaveLength(MODELLED.length);
    const model = await run('model', 'scale', '--cores', '1..4', '--packets', '2000', '--json');
    expectSuccess(model);
    const { series } = JSON.parse(model.stdout) as {
      series: {
        design: string;
        heldOut: { workers: number }[];
        points: {
          workers: number;
          error: number | null;
          refused: string | null;
          predicted: { pps: number } | null;
        }[];
      }[];
    };
    expect(series.map((point) => point.design)).toEqual(MODELLED);
    for (const { points, heldOut } of series) {
      expect(heldOut.map((point) => point.workers)).toEqual([2]);
      expect(points.map((point) => point.workers)).toEqual([1, 2, 4]);
      expect(points[0]?.error).not.toBeNull();
      for (const point of points) {
        expect(point.predicted === null).toBe(point.refused !== null);
        if (point.predicted !== null) expect(point.predicted.pps).toBeGreaterThan(0);
      }
    }
    const text = await run('model', 'scale', '--cores', '1,8', '--packets', '2000');
    expect(text.stdout).toMatch(
      /^Held out: throughput predicted [+-][\d.]+ % at 2 workers from the times of 1$/m,
    );
    expect(text.stdout).toMatch(/^Refused for 8 workers: it lies further beyond/m);
    expect(text.stdout).not.toContain('rest on what was not measured here');
    // Every design to 64 cores, with what that rests on.
    const far = await run('model', 'scale', '--cores', '1..64', '--packets', '2000', '--extrapolate');
    expect(far.stdout.match(/^ +64 +[\d.]+ [kM]\/s .*locks alone/gm)).toHaveLength(MODELLED.length);
    expect(
      far.stdout.match(/rest on what was not measured here:\n {2}Memory and interconnect/g),
    ).toHaveLength(MODELLED.length);
  });

  it('model says what it needs', async () => {
    mkdirSync(join(folder, 'bare'), { recursive: true });
    const scale = await run(
      ...['scale', '--packets', '2000', '--workers', '1', '--design', 'rculist-sweep'],
      ...['--sessions', '1', '--trials', '1', '--bare', '--out', 'bare'],
    );
    expectSuccess(scale);
    const outcome = await run('model', 'bare');
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('holds no case that the model could be fed from');
    expect((await run('model', 'bare', '--cores', '5..2')).code).toBe(2);
  });
});
