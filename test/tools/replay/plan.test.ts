/** A replay is repeated from its own result: the plan in it says all there is to say. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  DEFAULT_PLAN,
  loopsPerChange,
  makePlan,
  parseLatency,
  type PlanRequest,
} from '../../../tools/replay/replay-plan.js';
import type { Result } from '../../../tools/result/schema.js';
import { ctreplay, scratchFolder, type CommandOutcome } from '../../support/command.js';

const folder = scratchFolder();
const run = (...args: readonly string[]): CommandOutcome => ctreplay(args, folder);

function replayed(...args: readonly string[]): Result {
  const { code, stdout, stderr } = run('replay', ...args, '--json', '--quiet');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Result;
}

/** What of a result has to come out the same on a capture's clock with one worker. */
function repeatable({ cases, seed, configuration }: Result): unknown {
  return {
    seed,
    configuration,
    cases: cases.map((one) => ({
      id: one.id,
      build: one.build,
      options: one.designOptions,
      input: one.input,
      loops: [one.loops, one.uniqueIpLoops],
      packets: one.packets,
      connections: one.connections,
      locks: one.workCounts?.locks,
      latency: one.latency?.mode,
    })),
  };
}

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
    expect(run('synth', 'tcp-crr', '--packets', '600', '--out', 'crr.pcap').code).toBe(0);
    writeFileSync(
      join(folder, 'rules.yaml'),
      'maxConns: 900\nsweep: { intervalMs: 700, preset: v6 }\nrules:\n  - match: { proto: tcp }\n    zone: 5\n    commit: true\n',
    );
  });

  it.each<[string, readonly string[]]>([
    ['a scenario with NAT', ['--synth', 'nat-exhaustion', '--packets', '800', '--max-conns', '500']],
    ['a rate', ['--synth', 'tcp-crr', '--packets', '400', '--pps', '20k', '--burst', '4', '--seed', '7']],
    [
      'captures, edited',
      ['crr.pcap', '--filter', 'tcp', '--srcipmap', '10.0.0.0/8:172.16.0.0/12', '--limit', '500'],
    ],
    ['a configuration in loops', ['crr.pcap', '--config', 'rules.yaml', '--loop', '3', '--same-addresses']],
    ['the bare build', ['crr.pcap', '--bare', '--design', 'rculist-sweep@v7', '--sweep-interval', '50']],
  ])('repeats %s', (name, args) => {
    const out = `out-${name.replaceAll(/\W+/g, '-')}`;
    const first = replayed(...args, ...EXACT, '--out', out);
    // The configuration is in the plan: its file is not read again.
    writeFileSync(join(folder, 'rules.yaml'), 'maxConns: 1\n', { flag: name.includes('config') ? 'w' : 'a' });
    const again = replayed('--plan', join(out, 'result.json'));
    expect(repeatable(again)).toEqual(repeatable(first));
    expect(again.cases.length).toBeGreaterThan(0);
  });

  it('takes nothing that the plan says', () => {
    const out = 'out-a-rate';
    for (const [args, other] of [
      [['--workers', '2'], '--workers'],
      [['crr.pcap'], 'the capture crr.pcap'],
      [['--seed', '1'], '--seed'],
      [['--strict'], '--strict'],
    ] as const) {
      expect(run('replay', '--plan', out, ...args)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(`--plan and ${other} exclude each other`) as string,
      });
    }
  });

  it('says of a result without plan where it is from, and of a damaged one what is wrong', () => {
    const result = JSON.parse(readFileSync(join(folder, 'out-a-rate', 'result.json'), 'utf8')) as Result;
    const write = (name: string, configuration: object): string => {
      writeFileSync(join(folder, name), JSON.stringify({ ...result, configuration }));
      return name;
    };
    const old = write('old.json', { batch: 32, workers: 1 });
    expect(run('replay', '--plan', old)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /old\.json: holds no plan of a replay.*ctreplay replay --synth/s,
      ) as string,
    });
    const wrong = write('wrong.json', { ...result.configuration, workers: 'many' });
    expect(run('replay', '--plan', wrong)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('wrong.json: configuration: workers: ') as string,
    });
    expect(run('replay', '--plan', 'nothing.json').stderr).toContain('nothing.json: there is no such file');
  });
});
