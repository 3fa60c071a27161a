/** advise as a user runs it, with the real engine and runs as short as they get. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { designLabel, resolveDesigns } from '../../../engine/host/designs.js';
import type { MatrixResult } from '../../../tools/bench/matrix-result.js';
import { scratchFolder, type CommandOutcome } from '../../support/command.js';
import { runCommandLine } from '../../support/run-command.js';

vi.setConfig({ testTimeout: 300_000 });

const folder = scratchFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const IS_LONG = process.env['CTREPLAY_LONG'] !== undefined;

const run = (...args: string[]): Promise<CommandOutcome> => runCommandLine(['advise', ...args], folder);

const SHORT = [
  ...['--synth', 'syn-flood', '--packets', '1000', '--pps', '1k', '--loop', '1', '--time-scale', '400'],
  ...['--warmup', '0', '--trials', '2', '--max-conns', '50k'],
];

describe('ctreplay advise', () => {
  // Whether a rate is held is up to the machine.
  it(
    'runs the designs at top speed and at the rate, and ends in a table and two sentences',
    { retry: 2 },
    async () => {
      const names = ['timeout-lists', 'rculist-sweep'];
      const { code, stdout, stderr } = await run(
        ...[
          ...SHORT,
          '--design',
          names.join(','),
          '--current',
          'timeout-lists',
          '--max-trials',
          '3',
          '--prefer',
          'lag',
          '--out',
          'one',
          '--force',
        ],
      );
      expect(code === 0 ? '' : `${stderr}${stdout}`).toBe('');
      const result = JSON.parse(readFileSync(join(folder, 'one', 'result.json'), 'utf8')) as MatrixResult;
      expect(result.valid).toBe(true);
      const cells = new Set(
        result.cases.map((one) => `${one.design} ${one.build} ${one.pacing.mode} ${one.latency?.mode}`),
      );
      expect(cells).toEqual(
        new Set(names.flatMap((name) => [`${name} bare topspeed off`, `${name} probed pps all`])),
      );
      // Each round in a process of its own; a third where the advice hangs on it.
      const rounds = Math.max(...result.cases.map(({ session }) => session ?? 0)) + 1;
      expect([2, 3]).toContain(rounds);
      expect(new Set(result.cases.map(({ session }) => session)).size).toBe(rounds);
      // Two looks at most: each has half of the error.
      const tested = result.comparisons.filter(({ pValue }) => typeof pValue === 'number');
      for (const { alpha, confidence } of tested) {
        expect(alpha).toBeCloseTo(0.025, 12);
        expect(confidence).toBeCloseTo(0.975, 12);
      }
      expect(result.advice?.confidence).toBeCloseTo(0.975, 12);
      expect(new Set(result.comparisons.map(({ metric }) => metric))).toEqual(
        new Set(['pps', 'service.p99Ns', 'response.p99Ns', 'expiry.lag.p99Ns', 'sweeper.cpuShare']),
      );
      // A thousand packets at top speed are done before a sweeper wakes.
      for (const one of result.cases.filter(({ pacing }) => pacing.mode === 'pps')) {
        expect(one.sweeper?.passes).toBeGreaterThan(0);
        expect(one.sweeper?.cpuShare).toBeLessThanOrEqual(1);
      }
      expect(result.advice).toMatchObject({
        current: 'timeout-lists',
        order: ['outcome', 'lag', 'throughput', 'tail', 'cpu', 'memory'],
      });
      expect(result.advice?.rows.map(({ design }) => design)).toEqual(names);
      for (const row of result.advice?.rows ?? [])
        for (const criterion of ['throughput', 'tail', 'lag', 'cpu', 'memory', 'outcome']) {
          const one = row.figures.find((figure) => figure.criterion === criterion);
          // A tail may be the machine's, and then says so.
          expect(one?.value ?? one?.note ?? null).not.toBeNull();
        }
      // Last of all the sentences, after where the files went.
      const ending = (stdout.split(/^Advice$/m)[1] ?? '').replaceAll(/\s+/g, ' ').trim();
      expect(ending).toBe(result.advice?.sentences.join(' '));
      expect(result.advice?.sentences).toHaveLength(2);
      expect(stdout).toMatch(/^> [a-z-]+ .*\n/m);
      expect(stdout).toContain('Result: one');
      for (const file of ['report.html', 'summary.csv'])
        expect(existsSync(join(folder, 'one', file))).toBe(true);

      const again = await runCommandLine(['report', 'one'], folder);
      expect(
        again.stdout
          .split(/^Advice$/m)[1]
          ?.replaceAll(/\s+/g, ' ')
          .trim(),
      ).toBe(ending);
      const refused = await run(...SHORT, '--design', names.join(','), '--out', 'one');
      expect(refused).toMatchObject({ code: 2, stdout: '' });
    },
  );

  // Minutes of runs: what it tries beside the first is the number of designs.
  it.skipIf(!IS_LONG)(
    'takes every design, prints JSON and nothing else (CTREPLAY_LONG=1 runs it)',
    async () => {
      const designs = resolveDesigns('all').map(designLabel);
      const given = [...SHORT, '--current', designs[0] as string, '--prefer', 'lag', '--json'];
      const { code, stdout, stderr } = await run(...given);
      expect(code === 0 ? '' : stderr).toBe('');
      const { advice } = JSON.parse(stdout) as MatrixResult;
      expect(advice?.rows.map(({ design }) => design)).toEqual(designs);
      expect(advice).toMatchObject({
        current: designs[0],
        order: ['outcome', 'lag', 'throughput', 'tail', 'cpu', 'memory'],
      });
      expect(stderr).toBe('');
    },
  );

  it.each([
    [[], 'name a capture to replay, or a scenario with --synth NAME'],
    [['--synth', 'syn-flood', '--design', 'rculist-sweep'], '--design rculist-sweep is one design'],
    [['--synth', 'syn-flood', '--design', 'nope,rculist-sweep'], "there is no design 'nope'"],
    [
      ['--synth', 'syn-flood', '--current', 'nope'],
      '--current nope is none of the designs compared (timeout-lists,',
    ],
    [['--synth', 'syn-flood', '--prefer', 'beauty'], 'Give one of throughput, tail, lag, cpu, memory.'],
    [['--synth', 'syn-flood', '--latency', 'off'], 'advice needs times'],
    [['--synth', 'syn-flood', '--trials', '1'], 'from 2 to'],
    [['--synth', 'syn-flood', '--trials', '9', '--max-trials', '8'], '--max-trials 8 is below --trials 9'],
    [['--synth', 'syn-flood', '--pps', '1k', '--mbps', '1'], '--pps and --mbps exclude each other'],
    [['-'], 'standard input can be read once'],
    [['nope.pcap', '--synth', 'syn-flood'], 'exclude each other'],
  ])('%j is wrong usage', async (args, message) => {
    const outcome = await run(...args);
    expect(outcome.stderr).toContain(message);
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
  });

  it('refuses an empty capture, and one that is not there, and leaves no folder behind', async () => {
    writeFileSync(
      join(folder, 'empty.pcap'),
      Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex'),
    );
    const empty = await run('empty.pcap', '--out', 'never');
    expect(empty.code).toBe(1);
    expect(empty.stderr).toMatch(/empty\.pcap: .*no packets/);
    expect((await run('missing.pcap', '--out', 'never')).code).toBe(1);
    expect(existsSync(join(folder, 'never'))).toBe(false);
  });
});
