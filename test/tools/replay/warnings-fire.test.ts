/**
 * Every warning through the real path: the program is run, and what the system tells it is changed where the system of the test
 * cannot be made to be so. No facts are supplied by hand. Warnings that do not exclude each other share a run.
 */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runMatrixBench } from '../../../tools/bench/run-matrix.js';
import type { MatrixSpec } from '../../../tools/bench/matrix-spec.js';
import { register as registerReplay } from '../../../tools/commands/replay.js';
import { FOUND_WARNING_CODES, WARNING_CODES } from '../../../tools/measure/warnings.js';
import { readEnvironment } from '../../../tools/measure/environment.js';
import { systemFiles } from '../../../tools/measure/system-files.js';
import { mergeResults } from '../../../tools/regress/merge-results.js';
import { readResult } from '../../../tools/result/result-file.js';
import type { Run } from '../../../tools/result/runs.js';
import type { Result } from '../../../tools/result/schema.js';
import { ctreplay, scratchFolder } from '../../support/command.js';
import { fakeSystem, type FakeSystem } from '../../support/fake-system.js';
import { writeOffloaded } from '../../support/offloaded.js';
import { sampleResult } from '../../support/results.js';
import { runCommand } from '../../support/run-command.js';
import { FakeRunner, matrix, type FakeBehaviour } from '../bench/fake-runner.js';

const folder = scratchFolder();
const TIMEOUT_MS = 60_000;

const QUICK = ['--design', 'rculist-sweep', '--warmup', '0', '--json', '--quiet'];
const SHORT = ['--synth', 'established', '--packets', '2000'];
/** A fifth of a second. */
const PACED = [...SHORT, '--pps', '10k'];

interface Raised {
  readonly code: string;
  readonly text: string;
}

function warningsIn(result: Result): Raised[] {
  return [...result.warnings, ...result.cases.flatMap(({ warnings }) => warnings ?? [])];
}

/** Replays on a system; gives the warnings of the result. */
function replay(system: FakeSystem, args: readonly string[], env: Record<string, string> = {}): Raised[] {
  const { stdout, stderr } = ctreplay(['replay', ...QUICK, ...args], folder, undefined, {
    ...fakeSystem(folder, system),
    ...env,
  });
  if (stdout === '') throw new Error(stderr);
  return warningsIn(JSON.parse(stdout) as Result);
}

const hasTaskset = (process.env['PATH'] ?? '')
  .split(delimiter)
  .some((path) => existsSync(join(path, 'taskset')));
const cpus = readEnvironment(systemFiles).cpusAllowed?.length ?? 1;
const SCHEDSTAT = '/proc/self/task/*/schedstat';
/** Of a thread that waits for a CPU for 60 ms from each read to the next. */
const WAITING = Array.from({ length: 8 }, (_, read) => `${read + 1}000000 ${read * 60}000000 ${read + 1}`);
const STAT = (steal: number, other: number): string => `cpu  ${other} 0 0 1000 0 0 0 ${steal} 0 0\n`;
const THROTTLED = (periods: number, micros: number): string =>
  `usage_usec 1\nnr_periods ${periods}\nnr_throttled ${periods}\nthrottled_usec ${micros}\n`;

/** A run, and the warnings that it raises with a part of their text. */
interface Situation {
  readonly system: FakeSystem;
  readonly args: readonly string[];
  readonly env?: Record<string, string>;
  readonly raises: Readonly<Record<string, RegExp>>;
}

const SITUATIONS: Readonly<Record<string, Situation>> = {
  'a busy container': {
    system: {
      loadAverage: 99,
      files: {
        [SCHEDSTAT]: WAITING,
        '/sys/devices/system/cpu/online': '0\n',
        '/sys/devices/system/clocksource/clocksource0/current_clocksource': 'hpet\n',
        '/proc/stat': [STAT(0, 1000), STAT(100, 1900)],
        '/proc/self/cgroup': '0::/pod/container\n',
        '/sys/fs/cgroup/pod/container/cpu.stat': THROTTLED(0, 0),
        // The quota is that of the group around it; read for the quota, before and after.
        '/sys/fs/cgroup/pod/cpu.stat': [THROTTLED(0, 0), THROTTLED(0, 0), THROTTLED(40, 200_000)],
        '/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor': 'powersave\n',
        '/sys/devices/system/cpu/intel_pstate/no_turbo': null,
        '/sys/devices/system/cpu/cpufreq/boost': '1\n',
        '/proc/cpuinfo': 'model name : test\nflags : fpu tsc\n',
      },
    },
    args: PACED,
    raises: {
      // Of the time between the reads: never above 100 %.
      'cpu-starved': /worker-0 \d\d?\.\d% of their time/,
      'too-few-cores': /2 threads want to run on 1 usable cores/,
      'clock-source-slow': /hpet/,
      steal: /^10\.0% of CPU time/,
      throttled: /stopped for 200 ms, summed over its CPUs, within/,
      governor: /powersave/,
      'frequency-boost': /may raise its frequency/,
      'load-high': /load average was 99\.00/,
      'few-samples': /^2000 values/,
    },
  },
  'more than there is room for': {
    system: {},
    args: [
      '--synth',
      'syn-flood',
      '--packets',
      '400k',
      '--store',
      '2',
      '--pps',
      '500M',
      '--max-conns',
      '1000',
    ],
    raises: {
      'rate-not-reached': /of 500000000 packets a second/,
      'schedule-slipped': /^1% of packets left more than/,
      'source-too-slow': /could not keep up with the rate/,
      'table-full': /^399000 packets found the connection table full \(limit 1000\)/,
    },
  },
  'three threads on two cores, one of which feeds them': {
    system: {
      files: {
        '/sys/devices/system/cpu/online': '0-1\n',
        '/proc/self/status': 'Cpus_allowed_list:\t0-1\n',
      },
    },
    args: ['--synth', 'established', '--packets', '20k', '--store', '1', '--build', 'probed'],
    raises: { 'too-few-cores': /^3 threads want to run on 2 usable cores/ },
  },
  'FTP in loops, where little is known': {
    system: { files: { [SCHEDSTAT]: null } },
    args: ['--synth', 'ftp-alg', '--packets', '3000', '--loop', '3', '--pin'],
    // No taskset.
    env: { PATH: '' },
    raises: {
      'scheduler-unknown': /does not report/,
      'not-pinned': /pinning was asked for but failed/,
      'loop-addresses': /\d+ FTP messages named an address/,
    },
  },
  'a clock of large steps': {
    system: { clock: 'return Math.floor(now * 50) / 50;' },
    args: SHORT,
    raises: { 'timer-coarse': /steps by/ },
  },
  'a run of a moment on a machine that stops at times': {
    system: {
      clock:
        'if (isMain && calls % 3000 === 0) globalThis.skew = (globalThis.skew ?? 0) + 5; return now + (globalThis.skew ?? 0);',
    },
    args: SHORT,
    raises: { 'too-short': /interrupts a thread for up to .*; --loop \d+ is long enough$/ },
  },
  'a clock that is dear, and unsteady': {
    system: {
      clock:
        'let x = 0; for (let i = 0; i < 3000; i++) x += i; globalThis.sink = x; return isMain && calls % 1000 === 0 ? now - 5 : now;',
    },
    // Enough packets for one interruption of the run without clocks to be no matter.
    args: ['--synth', 'established', '--packets', '50k'],
    raises: {
      'timer-costly': /one read of the clock costs/,
      'timer-backwards': /went backwards \d+ times/,
      'probe-cost': /^probes and clocks take [5-9]\d\.\d% of a packet/,
    },
  },
  'a machine that stops at times': {
    system: {
      // So often that some stops lie between a worker's packets, however often it has read the clock before.
      clock:
        'if (!isMain) return now + 7.2e6 * Math.floor(calls / 10000);' +
        'if (calls % 3000 === 0) globalThis.skew = (globalThis.skew ?? 0) + 5; return now + (globalThis.skew ?? 0);',
    },
    args: ['--synth', 'established', '--packets', '400k'],
    raises: { noisy: /lost \d+\.\d% of its time/, 'histogram-overflow': /^\d+ values lay above/ },
  },
};

const seen = new Map<string, Raised[]>();

function raisedIn(name: string): readonly Raised[] {
  const { system, args, env } = SITUATIONS[name]!;
  const raised = seen.get(name) ?? replay(system, args, env);
  seen.set(name, raised);
  return raised;
}

describe.each(Object.entries(SITUATIONS))('%s raises', (name, { raises }) => {
  it.each(Object.entries(raises))(
    '%s',
    (code, text) => {
      const raised = raisedIn(name).find((warning) => warning.code === code);
      expect(raised?.code).toBe(code);
      expect(raised?.text).toMatch(text);
    },
    TIMEOUT_MS,
  );
});

describe('warnings of a replay', () => {
  it.skipIf(!hasTaskset || cpus < 2)(
    'shared-cores',
    () => {
      const topology = '/sys/devices/system/cpu/cpu*/topology/thread_siblings_list';
      const raised = replay({ files: { [topology]: '0-63\n' } }, [
        ...SHORT,
        '--build',
        'probed',
        '--workers',
        '2',
        '--pin',
      ]);
      expect(raised.map(({ code }) => code)).toContain('shared-cores');
    },
    TIMEOUT_MS,
  );

  it(
    'a system that is quiet raises none about itself',
    () => {
      const quiet = replay(
        {
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
        },
        [...SHORT, '--build', 'probed'],
      ).map(({ code }) => code);
      for (const code of [
        'steal',
        'throttled',
        'governor',
        'frequency-boost',
        'clock-source-slow',
        'load-high',
        'too-few-cores',
        'shared-cores',
        'checksums-wrong',
        'table-full',
        'loop-addresses',
      ]) {
        expect(quiet).not.toContain(code);
      }
    },
    TIMEOUT_MS,
  );

  it(
    'checksums-wrong: told before the run with the remedy, and a headline after it',
    async () => {
      const file = join(folder, 'some.pcap');
      writeOffloaded(file, 40, 100);
      const args = [
        'replay',
        file,
        '--design',
        'rculist-sweep',
        '--warmup',
        '0',
        '--out',
        join(folder, 'some'),
      ];
      const { code, stderr, stdout } = await runCommand(registerReplay, args);
      expect(code).toBe(0);
      expect(stderr).toMatch(
        /^warning: some\.pcap: 40\.0% of the packets looked at \(40 of 100\) .*--checksums fix.*--checksums ignore/s,
      );
      // In the first line, and once among the warnings.
      expect(stdout.replaceAll(/\s+/g, ' ').trim()).toMatch(
        /^Invalid: 40 % of the packets were found invalid \(udp-checksum 40\): .*--checksums fix/,
      );
      const result = await readResult(join(folder, 'some'));
      const raised = warningsIn(result).filter((warning) => warning.code === 'checksums-wrong');
      expect(raised).toHaveLength(1);
      expect(result.cases[0]!.packets.verdicts).toEqual({ 'inv|trk': 40, 'new|trk': 60 });
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

/** Every trial is faster than the one before. */
const RISING: FakeBehaviour = { seed: 1, sigma: 0.001, machine: (trial) => 1 + trial / 10 };

const MATRIX_CASES: readonly (readonly [code: string, FakeBehaviour, MatrixSpec])[] = [
  ['few-trials', { seed: 1 }, matrix({ trials: 3 })],
  ['outliers', { seed: 1, sigma: 0.01, machine: (trial) => (trial === 7 ? 0.3 : 1) }, matrix({ trials: 12 })],
  ['not-steady', RISING, matrix({ trials: 12 })],
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

  it('of several sessions: few trials in each are enough, and one that is not steady is named', async () => {
    const few = warningsIn(await bench({ seed: 1, sigma: 0.001 }, matrix({ sessions: 3, trials: 3 })));
    expect(few.map(({ code }) => code)).not.toContain('few-trials');
    const rising = warningsIn(await bench(RISING, matrix({ sessions: 2, trials: 12 })));
    expect(rising.find(({ code }) => code === 'not-steady')?.text).toMatch(
      /syn-flood, 1 worker, topspeed, session 1; syn-flood, 1 worker, topspeed, session 2$/,
    );
  });
});

describe('warnings of a merge', () => {
  it('merged-machines', () => {
    const run = (machineId: string, seed: number): Run => {
      const result = sampleResult({ seed, captureName: `${machineId}.pcap` });
      const environment = { ...result.environment, machineId };
      return { label: machineId, file: null, result: { ...result, environment } };
    };
    const merged = mergeResults([run('a', 1), run('b', 2)], { acrossMachines: true });
    expect(merged.warnings.map(({ code }) => code)).toContain('merged-machines');
  });
});

it('every warning of the closed list has a way in which it is raised here', () => {
  const raised = [
    ...Object.values(SITUATIONS).flatMap(({ raises }) => Object.keys(raises)),
    'shared-cores',
    'checksums-wrong',
    ...MATRIX_CASES.map(([code]) => code),
    'merged-machines',
  ];
  // In two ways: with a sweeper and with a feeder more than there are cores.
  const twice = 'too-few-cores';
  expect(raised.toSorted()).toEqual([...WARNING_CODES, ...FOUND_WARNING_CODES, twice].toSorted());
});
