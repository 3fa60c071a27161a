/**
 * Every warning through the real path: the program is run, and what the system tells it is changed where the system of the test
 * cannot be made to be so. No facts are supplied by hand.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runMatrixBench } from '../../../tools/bench/run-matrix.js';
import type { MatrixSpec } from '../../../tools/bench/matrix-spec.js';
import { FOUND_WARNING_CODES, WARNING_CODES } from '../../../tools/measure/warnings.js';
import { readEnvironment } from '../../../tools/measure/environment.js';
import { systemFiles } from '../../../tools/measure/system-files.js';
import { mergeResults } from '../../../tools/regress/merge-results.js';
import type { Result } from '../../../tools/report/schema.js';
import { PcapWriter } from '../../../tools/captures/pcap-writer.js';
import { udpFrame } from '../../support/packets.js';
import { ctreplay, scratchFolder } from '../../support/command.js';
import { fakeSystem, type FakeSystem } from '../../support/fake-system.js';
import { sampleResult } from '../../support/results.js';
import { FakeRunner, matrix, type FakeBehaviour } from '../bench/fake-runner.js';

const folder = scratchFolder();
const TIMEOUT_MS = 60_000;

const SHORT = ['--packets', '2000'];
/** A fifth of a second. */
const PACED = ['--packets', '2000', '--pps', '10k'];

interface Raised {
  readonly code: string;
  readonly text: string;
}

function warningsIn(result: Result): Raised[] {
  return [...result.warnings, ...result.cases.flatMap(({ warnings }) => warnings ?? [])];
}

/** Replays a small scenario on a system; gives the warnings of the result. */
function replay(
  system: FakeSystem,
  args: readonly string[] = SHORT,
  env: Record<string, string> = {},
): Raised[] {
  const { stdout, stderr } = ctreplay(
    [
      'replay',
      '--synth',
      'established',
      '--design',
      'rculist-sweep',
      '--warmup',
      '0',
      '--json',
      '--quiet',
      ...args,
    ],
    folder,
    undefined,
    { ...fakeSystem(folder, system), ...env },
  );
  if (stdout === '') throw new Error(stderr);
  return warningsIn(JSON.parse(stdout) as Result);
}

const hasTaskset = (process.env['PATH'] ?? '')
  .split(delimiter)
  .some((path) => existsSync(join(path, 'taskset')));
const cpus = readEnvironment(systemFiles).cpusAllowed?.length ?? 1;
const SCHEDSTAT = '/proc/self/task/*/schedstat';
const STAT = (steal: number, other: number): string => `cpu  ${other} 0 0 1000 0 0 0 ${steal} 0 0\n`;
const THROTTLED = (periods: number, micros: number): string =>
  `usage_usec 1\nnr_periods ${periods}\nnr_throttled ${periods}\nthrottled_usec ${micros}\n`;

/** A system, arguments, a part of the warning's text, and an environment. */
type Way = readonly [
  system: FakeSystem,
  args?: readonly string[],
  text?: RegExp,
  env?: Record<string, string>,
];

/** What raises each warning. */
const CASES: Readonly<Record<string, Way>> = {
  'cpu-starved': [
    { files: { [SCHEDSTAT]: ['1000000 0 1', '2000000 60000000 9'] } },
    PACED,
    // Of the time between the reads: never above 100 %.
    /worker-0 \d\d?\.\d% of their time/,
  ],
  'scheduler-unknown': [{ files: { [SCHEDSTAT]: null } }],
  'too-few-cores': [
    { files: { '/sys/devices/system/cpu/online': '0\n' } },
    SHORT,
    /2 threads want to run on 1 usable cores/,
  ],
  'timer-coarse': [{ clock: 'return Math.floor(now * 50) / 50;' }],
  'timer-costly': [
    { clock: 'let x = 0; for (let i = 0; i < 3000; i++) x += i; globalThis.sink = x; return now;' },
  ],
  'timer-backwards': [{ clock: 'return isMain && calls % 1000 === 0 ? now - 5 : now;' }],
  'clock-source-slow': [
    { files: { '/sys/devices/system/clocksource/clocksource0/current_clocksource': 'hpet\n' } },
  ],
  'rate-not-reached': [{}, ['--packets', '50k', '--pps', '500M']],
  'schedule-slipped': [{}, ['--packets', '50k', '--pps', '500M']],
  'source-too-slow': [{}, ['--packets', '300k', '--store', '2']],
  steal: [{ files: { '/proc/stat': [STAT(0, 1000), STAT(100, 1900)] } }, SHORT, /^10\.0% of CPU time/],
  throttled: [
    {
      files: {
        '/proc/self/cgroup': '0::/pod/container\n',
        '/sys/fs/cgroup/pod/container/cpu.stat': THROTTLED(0, 0),
        // The quota is that of the group around it; read for the quota, before and after.
        '/sys/fs/cgroup/pod/cpu.stat': [THROTTLED(0, 0), THROTTLED(0, 0), THROTTLED(40, 200_000)],
      },
    },
    SHORT,
    /stopped for 200 ms, summed over its CPUs, within/,
  ],
  governor: [{ files: { '/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor': 'powersave\n' } }],
  'frequency-boost': [
    {
      files: {
        '/sys/devices/system/cpu/intel_pstate/no_turbo': null,
        '/sys/devices/system/cpu/cpufreq/boost': '1\n',
        '/proc/cpuinfo': 'model name : test\nflags : fpu tsc\n',
      },
    },
  ],
  noisy: [
    {
      clock:
        'if (isMain && calls % 3000 === 0) globalThis.skew = (globalThis.skew ?? 0) + 5; return now + (globalThis.skew ?? 0);',
    },
  ],
  'load-high': [{ loadAverage: 99 }, SHORT, /load average was 99\.00/],
  'not-pinned': [{}, [...SHORT, '--pin'], /pinning was asked for but failed/, { PATH: '' }],
  'few-samples': [{}],
  'histogram-overflow': [
    { clock: 'return !isMain && calls > 3000 ? now + 7.2e6 : now;' },
    ['--packets', '20k'],
    /^\d+ values lay above/,
  ],
};

describe('warnings of a replay', () => {
  it.each(Object.entries(CASES))(
    '%s',
    (code, [system, args, text, env]) => {
      const raised = replay(system, args, env).find((warning) => warning.code === code);
      expect(raised?.code).toBe(code);
      if (text !== undefined) expect(raised?.text).toMatch(text);
    },
    TIMEOUT_MS,
  );

  it.skipIf(!hasTaskset || cpus < 2)(
    'shared-cores',
    () => {
      const topology = '/sys/devices/system/cpu/cpu*/topology/thread_siblings_list';
      const all = (siblings: string): Raised[] =>
        replay({ files: { [topology]: siblings } }, [...SHORT, '--workers', '2', '--pin']);
      expect(all('0-63\n').map(({ code }) => code)).toContain('shared-cores');
      expect(replay({}, SHORT).map(({ code }) => code)).not.toContain('shared-cores');
    },
    TIMEOUT_MS,
  );

  it(
    'a system that is quiet raises none about itself',
    () => {
      const quiet = replay({
        loadAverage: 0,
        files: {
          '/proc/stat': [STAT(0, 1000), STAT(0, 2000)],
          '/proc/self/cgroup': '0::/\n',
          '/sys/devices/system/cpu/online': '0-7\n',
          '/proc/self/status': 'Cpus_allowed_list:\t0-7\n',
          '/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor': 'performance\n',
          '/sys/devices/system/cpu/cpufreq/boost': '0\n',
          '/sys/devices/system/cpu/intel_pstate/no_turbo': '1\n',
          '/sys/devices/system/clocksource/clocksource0/current_clocksource': 'tsc\n',
        },
      }).map(({ code }) => code);
      for (const code of [
        'steal',
        'throttled',
        'governor',
        'frequency-boost',
        'clock-source-slow',
        'load-high',
        'too-few-cores',
      ]) {
        expect(quiet).not.toContain(code);
      }
    },
    TIMEOUT_MS,
  );
});

/** A whole matrix, from its plan to its result, on a machine that behaves so. */
function bench(behaviour: FakeBehaviour, spec: MatrixSpec): Promise<Result> {
  return runMatrixBench({
    spec,
    shard: null,
    folder: null,
    resume: false,
    load: () => Promise.reject(new Error('nothing is loaded')),
    commandLine: [],
    makeRunner: () => new FakeRunner(behaviour),
  });
}

const MATRIX_CASES: readonly (readonly [string, FakeBehaviour, MatrixSpec])[] = [
  ['few-trials', { seed: 1 }, matrix({ trials: 3 })],
  ['outliers', { seed: 1, sigma: 0.01, machine: (trial) => (trial === 7 ? 0.3 : 1) }, matrix({ trials: 12 })],
  ['not-steady', { seed: 1, sigma: 0.001, machine: (trial) => 1 + trial / 10 }, matrix({ trials: 12 })],
  [
    'probe-cost',
    { seed: 1, speed: ({ role }) => (role === 'bare' ? 2000 : 1000) },
    matrix({ trials: 8, probeCost: 'one' }),
  ],
  ['oversubscribed', { seed: 1 }, matrix({ trials: 6, workers: [64] })],
  [
    'control-differs',
    { seed: 1, speed: ({ role }) => (role === 'control' ? 2000 : 1000) },
    matrix({ trials: 8, control: 'each' }),
  ],
  [
    'matrix-repetitions',
    { seed: 1, sigma: 0.5 },
    matrix({ trials: 10, maxTrials: 10, untilPrecision: 0.001 }),
  ],
];

/** A capture of so many UDP packets, the first of them as a sender's card would still have to complete them. */
function offloaded(name: string, wrong: number, packets: number): void {
  const writer = new PcapWriter(join(folder, name));
  for (let index = 0; index < packets; index++) {
    const frame = udpFrame({
      srcPort: 1000 + index,
      payload: 'x',
      ...(index < wrong ? { badChecksums: ['udp'] as const } : {}),
    });
    writer.write({ timestampNs: BigInt(index), frame });
  }
  writer.close();
}

describe('a capture from the sender', () => {
  const run = (name: string, ...args: string[]) =>
    ctreplay(
      ['replay', name, '--design', 'rculist-sweep', '--warmup', '0', '--out', `${name}-out`, ...args],
      folder,
    );
  const verdictsOf = (name: string): Record<string, number> => {
    const text = readFileSync(join(folder, `${name}-out`, 'result.json'), 'utf8');
    return (JSON.parse(text) as Result).cases[0]!.packets.verdicts;
  };

  it(
    'checksums-wrong: told before the run with the remedy, and a headline after it',
    () => {
      offloaded('some.pcap', 40, 100);
      const { code, stderr, stdout } = run('some.pcap');
      expect(code).toBe(0);
      expect(stderr).toMatch(
        /^warning: some\.pcap: 40\.0% of the packets looked at \(40 of 100\) .*--checksums fix.*--checksums ignore/s,
      );
      expect(stdout.replaceAll(/\s+/g, ' ')).toMatch(
        /Invalid: 40 % of the packets were found invalid \(udp-checksum 40\): .*--checksums fix/,
      );
      const result = JSON.parse(readFileSync(join(folder, 'some.pcap-out', 'result.json'), 'utf8')) as Result;
      expect(warningsIn(result).map((warning) => warning.code)).toContain('checksums-wrong');
      expect(verdictsOf('some.pcap')).toEqual({ 'inv|trk': 40, 'new|trk': 60 });
    },
    TIMEOUT_MS,
  );

  it(
    '--checksums fix and ignore track all of them, staged and streamed, and say nothing',
    () => {
      offloaded('all.pcap', 100, 100);
      for (const args of [
        ['--checksums', 'fix'],
        ['--checksums', 'ignore'],
        ['--checksums', 'fix', '--store', '1'],
      ]) {
        offloaded('large.pcap', 20_000, 20_000);
        const name = args.includes('--store') ? 'large.pcap' : 'all.pcap';
        const { code, stderr } = run(name, '--quiet', ...args);
        expect([args, code, stderr]).toEqual([args, 0, '']);
        expect(Object.keys(verdictsOf(name))).toEqual(['new|trk']);
      }
    },
    TIMEOUT_MS,
  );

  it(
    'one without a packet that would be accepted is refused before it is replayed',
    () => {
      offloaded('none.pcap', 100, 100);
      const { code, stderr, stdout } = run('none.pcap');
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(
        /^ctreplay: none\.pcap: all 100 packets looked at have wrong checksums.*--checksums fix/s,
      );
      // Made right once and for all, it is a capture like any other.
      expect(ctreplay(['prep', 'none.pcap', '-o', 'none.ctp', '--fix-checksums'], folder).code).toBe(0);
      expect(run('none.ctp', '--quiet')).toMatchObject({ code: 0, stderr: '' });
      expect(verdictsOf('none.ctp')).toEqual({ 'new|trk': 100 });
      // A prepared capture is looked at as well.
      expect(ctreplay(['prep', 'none.pcap', '-o', 'wrong.ctp'], folder).code).toBe(0);
      expect(run('wrong.ctp').stderr).toMatch(/all 100 packets looked at have wrong checksums/);
    },
    TIMEOUT_MS,
  );
});

describe('warnings of a matrix', () => {
  it.each(MATRIX_CASES)('%s', async (code, behaviour, spec) => {
    const codes = warningsIn(await bench(behaviour, spec)).map((warning) => warning.code);
    expect(codes).toContain(code);
  });

  it('a quiet one with enough trials raises none of them', async () => {
    const codes = warningsIn(await bench({ seed: 1, sigma: 0.001 }, matrix({ trials: 12 }))).map(
      ({ code }) => code,
    );
    for (const [code] of MATRIX_CASES) expect(codes).not.toContain(code);
  });

  it(
    'probe-cost through the real measurement, with a clock whose reads are dear',
    () => {
      const spin = 'let x = 0; for (let i = 0; i < 20000; i++) x += i; globalThis.sink = x; return now;';
      writeFileSync(
        join(folder, 'bench.yaml'),
        'inputs: [{ scenario: established, parameters: { packets: 3000 } }]\ndesigns: [timeout-lists, rculist-sweep]\ntrials: 2\n',
      );
      const { code: exitCode, stderr } = ctreplay(
        ['bench', '--matrix', 'bench.yaml', '--out', 'dear', '--quiet'],
        folder,
        undefined,
        fakeSystem(folder, { clock: `if (isMain) return now; ${spin}` }),
      );
      expect([exitCode, stderr]).toEqual([0, '']);
      const stdout = readFileSync(join(folder, 'dear', 'result.json'), 'utf8');
      expect(warningsIn(JSON.parse(stdout) as Result).map(({ code }) => code)).toEqual(
        expect.arrayContaining(['probe-cost', 'few-trials']),
      );
    },
    TIMEOUT_MS,
  );
});

describe('warnings of a merge', () => {
  it('merged-machines', () => {
    const run = (machineId: string, seed: number) => {
      const result = sampleResult({ seed, captureName: `${machineId}.pcap` });
      return {
        label: machineId,
        file: null,
        result: { ...result, environment: { ...result.environment, machineId } },
      };
    };
    const merged = mergeResults(
      [run('a', 1), run('b', 2)] as Parameters<typeof mergeResults>[0],
      {
        acrossMachines: true,
      } as never,
    );
    expect(merged.warnings.map(({ code }) => code)).toContain('merged-machines');
  });
});

it('every warning of the closed list has a way in which it is raised here', () => {
  const raised = [
    ...Object.keys(CASES),
    'shared-cores',
    'checksums-wrong',
    ...MATRIX_CASES.map(([code]) => code),
    'merged-machines',
  ];
  expect(raised.toSorted()).toEqual([...WARNING_CODES, ...FOUND_WARNING_CODES].toSorted());
});
