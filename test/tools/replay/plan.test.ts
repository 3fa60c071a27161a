/** A replay is repeated from its own result: the plan in it says all there is to say. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loopsPerChange } from '../../../tools/replay/plan-loops.js';
import { DEFAULT_PLAN, makePlan, parseLatency, type PlanRequest } from '../../../tools/replay/replay-plan.js';
import type { Result } from '../../../tools/result/schema.js';
import { register } from '../../../tools/commands/replay.js';
import { ctreplay, scratchFolder, type CommandOutcome } from '../../support/command.js';
import { failedChecksButRate } from '../../support/replay.js';
import { runCommand } from '../../support/run-command.js';

const folder = scratchFolder();
const at = (name: string): string => join(folder, name);
const run = (...args: readonly string[]): Promise<CommandOutcome> =>
  runCommand(register, ['replay', ...args]);

async function replayed(...args: readonly string[]): Promise<Result> {
  const { stdout, stderr } = await run(...args, '--json', '--quiet');
  expect(stderr).toBe('');
  const result = JSON.parse(stdout) as Result;
  expect(result.cases.flatMap(failedChecksButRate)).toEqual([]);
  return result;
}

/** What of a result has to come out the same on a capture's clock with one worker. */
function repeatable({ cases, seed, configuration }: Result): unknown {
  return {
    seed,
    configuration,
    cases: cases.map((entry) => ({
      id: entry.id,
      build: entry.build,
      options: entry.designOptions,
      input: entry.input,
      loops: [entry.loops, entry.uniqueIpLoops],
      packets: entry.packets,
      connections: entry.connections,
      locks: entry.workCounts?.locks,
      latency: entry.latency?.mode,
    })),
  };
}

const CAPTURE = at('crr.pcap');
const RULES = at('rules.yaml');
const EXACT = ['--clock', 'capture', '--warmup', '100'];

describe('a plan', () => {
  it('that says nothing is that of the command without options', () => {
    expect(DEFAULT_PLAN).toMatchObject({ build: 'both', workers: 1, loops: 1, latency: { mode: 'all' } });
    expect(makePlan(JSON.parse(JSON.stringify(DEFAULT_PLAN)))).toEqual(DEFAULT_PLAN);
  });

  it.each<[PlanRequest | object, RegExp]>([
    [{ workers: 0 }, /^the plan: workers: /],
    [{ pacing: { mode: 'pps', pps: -1 } }, /^the plan: pacing\.pps: /],
    [{ config: { file: null, entries: { maxConnections: 5 } } }, /^the plan: config\.entries/],
    [{ wrokers: 2 }, /wrokers/],
  ])('that cannot be followed is an error with its place: %j', (request, message) => {
    expect(() => makePlan(request)).toThrow(message);
  });

  it('times packets as --latency says, in one reading of it', () => {
    expect(parseLatency('all')).toEqual({ mode: 'all' });
    expect(parseLatency('sample=100')).toEqual({ mode: 'sample', interval: 100 });
    for (const text of ['', 'some', 'sample=0', 'sample=', 'sample=-1', 'sample=1.5'])
      expect(parseLatency(text)).toBeNull();
  });

  it('has one loop under the addresses as captured, whatever further loops would have', () => {
    expect(loopsPerChange({ loops: 1, uniqueIpLoops: 1 })).toBeNull();
    expect(loopsPerChange({ loops: 2, uniqueIpLoops: 1 })).toBe(1);
    expect(loopsPerChange({ loops: null, uniqueIpLoops: null })).toBeNull();
  });
});

describe('replay --plan', () => {
  beforeAll(() => {
    expect(ctreplay(['synth', 'tcp-crr', '--packets', '600', '-o', 'crr.pcap'], folder).code).toBe(0);
    writeFileSync(
      RULES,
      'maxConns: 900\nsweep: { intervalMs: 700, preset: v6 }\nrules:\n  - match: { proto: tcp }\n    zone: 5\n    commit: true\n',
    );
  });

  it.each<[string, readonly string[]]>([
    ['a scenario with NAT', ['--synth', 'nat-exhaustion', '--packets', '800', '--max-conns', '500']],
    ['a rate', ['--synth', 'tcp-crr', '--packets', '400', '--pps', '20k', '--burst', '4', '--seed', '7']],
    [
      'captures, edited',
      [
        ...[CAPTURE, '--filter', 'tcp', '--srcipmap', '10.0.0.0/8:172.16.0.0/12', '--limit', '500'],
        ...['--build', 'probed'],
      ],
    ],
    [
      'a configuration in loops',
      [CAPTURE, '--config', RULES, '--loop', '3', '--same-addresses', '--build', 'probed'],
    ],
    ['the bare build', [CAPTURE, '--bare', '--design', 'rculist-sweep@v7', '--sweep-interval', '50ms']],
  ])('repeats %s', async (name, args) => {
    const out = at(name);
    const first = await replayed(...args, ...EXACT, '--out', out);
    // The configuration is in the plan: its file is not read again.
    if (args.includes(RULES)) writeFileSync(RULES, 'maxConns: 1\n');
    const again = await replayed('--plan', join(out, 'result.json'));
    expect(repeatable(again)).toEqual(repeatable(first));
    expect(again.cases.length).toBeGreaterThan(0);
  });

  it('takes nothing that the plan says', async () => {
    for (const [args, other] of [
      [['--workers', '2'], '--workers'],
      [[CAPTURE], `the capture ${CAPTURE}`],
      [['--seed', '1'], '--seed'],
      [['--strict'], '--strict'],
    ] as const) {
      expect(await run('--plan', at('a rate'), ...args)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(`--plan and ${other} exclude each other`) as string,
      });
    }
  });

  it('says of a result without plan where it is from, and of a damaged one what is wrong', async () => {
    const result = JSON.parse(readFileSync(at('a rate/result.json'), 'utf8')) as Result;
    const complaint = async (configuration: object): Promise<CommandOutcome> => {
      writeFileSync(at('other.json'), JSON.stringify({ ...result, configuration }));
      return run('--plan', at('other.json'));
    };
    expect(await complaint({ batch: 32, workers: 1 })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /other\.json: holds no plan of a replay.*ctreplay replay --synth/s,
      ) as string,
    });
    expect(await complaint({ ...result.configuration, workers: 'many' })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('other.json: configuration: workers: ') as string,
    });
    const config = { file: null, entries: { zonePolicies: { 3: 'nowhere' } } };
    expect((await complaint({ ...result.configuration, config })).stderr).toMatch(/nowhere/);
    expect((await run('--plan', at('nothing.json'))).stderr).toContain('nothing.json: there is no such file');
  });
});
