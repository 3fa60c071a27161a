import { spawnSync } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cgroupMemoryLimitBytes, readCgroupCpu } from '../../../tools/measure/cgroup-cpu.js';
import { readEnvironment, type NodeFacts } from '../../../tools/measure/environment.js';
import { coreSiblings, pinThread, planPins, type RunProgram } from '../../../tools/measure/pinning.js';
import {
  currentThreadId,
  machineShares,
  readMachineSchedule,
  readThreadAffinity,
  readThreadSchedule,
  scheduleDifference,
} from '../../../tools/measure/schedstat.js';
import { parseCpuList, systemFiles, type SystemFiles } from '../../../tools/measure/system-files.js';
import { fakeFiles } from './fake-system.js';

const STATUS =
  'Name:\tnode\nCpus_allowed_list:\t0-1,4\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t3\n';

describe('scheduler figures of a thread', () => {
  it('are read from its files', () => {
    const files = fakeFiles({
      '/proc/self/task/77/schedstat': '5000000 250000 42\n',
      '/proc/self/task/77/status': STATUS,
    });
    expect(readThreadSchedule(files, 77)).toEqual({
      runNs: 5_000_000,
      waitNs: 250_000,
      timeslices: 42,
      voluntarySwitches: 12,
      involuntarySwitches: 3,
    });
    expect(readThreadAffinity(files, 77)).toEqual([0, 1, 4]);
  });

  it('are null, never 0, where the system does not report it', () => {
    const none = {
      runNs: null,
      waitNs: null,
      timeslices: null,
      voluntarySwitches: null,
      involuntarySwitches: null,
    };
    expect(readThreadSchedule(fakeFiles(), 1)).toEqual(none);
    // A kernel without scheduler statistics.
    const zeros = fakeFiles({ '/proc/self/task/1/schedstat': '0 0 0\n' });
    expect(readThreadSchedule(zeros, 1)).toEqual(none);
    const some = { runNs: 5, waitNs: 4, timeslices: 3, voluntarySwitches: 2, involuntarySwitches: 1 };
    expect(scheduleDifference(some, none)).toEqual(none);
    expect(scheduleDifference(some, some)).toEqual({
      runNs: 0,
      waitNs: 0,
      timeslices: 0,
      voluntarySwitches: 0,
      involuntarySwitches: 0,
    });
    expect(currentThreadId(fakeFiles())).toBeNull();
  });

  it('show the work of this very thread', (context) => {
    const threadId = currentThreadId(systemFiles);
    if (threadId === null) context.skip('this system has no /proc/thread-self');
    const before = readThreadSchedule(systemFiles, threadId!);
    if (before.runNs === null) context.skip('this kernel keeps no scheduler statistics');
    let x = 0;
    for (let i = 0; i < 20_000_000; i++) x = (x + i) | 0;
    const spent = scheduleDifference(readThreadSchedule(systemFiles, threadId!), before);
    expect(x).not.toBe(0.5);
    expect(spent.runNs).toBeGreaterThan(0);
    expect(spent.waitNs).toBeGreaterThanOrEqual(0);
  });
});

const stat = (steal: number, idle: number): string =>
  `cpu  100 0 50 ${idle} 10 4 6 ${steal} 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n`;

describe('scheduler figures of the machine', () => {
  it('give shares between two reads', () => {
    const earlier = readMachineSchedule(fakeFiles({ '/proc/stat': stat(0, 1000) }));
    const later = readMachineSchedule(fakeFiles({ '/proc/stat': stat(20, 1180) }));
    expect(machineShares(later, earlier)).toEqual({
      stealShare: 0.1,
      idleShare: 0.9,
      interruptShare: 0,
      throttledNs: null,
    });
    expect(machineShares(later, later).stealShare).toBeNull();
    const unknown = readMachineSchedule(fakeFiles());
    expect(unknown).toMatchObject({ stealTicks: null, totalTicks: null });
    expect(machineShares(later, unknown).stealShare).toBeNull();
    expect(readMachineSchedule(fakeFiles({ '/proc/stat': 'cpu  1 2 3\n' })).totalTicks).toBeNull();
  });
});

describe('control groups', () => {
  it('version 2: the tightest quota up the tree, and throttling', () => {
    const files = fakeFiles({
      '/proc/self/cgroup': '0::/box/job\n',
      '/sys/fs/cgroup/box/job/cpu.max': 'max 100000\n',
      '/sys/fs/cgroup/box/cpu.max': '150000 100000\n',
      '/sys/fs/cgroup/box/job/cpu.stat': 'usage_usec 5\nnr_throttled 7\nthrottled_usec 40\n',
      '/sys/fs/cgroup/box/memory.max': '1073741824\n',
      '/sys/fs/cgroup/box/job/memory.max': 'max\n',
    });
    expect(readCgroupCpu(files)).toEqual({ quotaCpus: 1.5, throttledPeriods: 7, throttledNs: 40_000 });
    expect(cgroupMemoryLimitBytes(files)).toBe(2 ** 30);
  });

  it('version 1: no quota is no limit', () => {
    const files = fakeFiles({
      '/proc/self/cgroup': '4:memory:/a\n2:cpu,cpuacct:/a\n0::/\n',
      '/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us': '-1\n',
      '/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us': '100000\n',
      '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '300000\n',
      '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
      '/sys/fs/cgroup/cpu,cpuacct/a/cpu.stat': 'nr_periods 0\nnr_throttled 0\nthrottled_time 9\n',
      '/sys/fs/cgroup/memory/a/memory.limit_in_bytes': '9223372036854771712\n',
    });
    expect(readCgroupCpu(files)).toEqual({ quotaCpus: 3, throttledPeriods: 0, throttledNs: 9 });
    expect(cgroupMemoryLimitBytes(files)).toBeNull();
    expect(readCgroupCpu(fakeFiles())).toEqual({
      quotaCpus: null,
      throttledPeriods: null,
      throttledNs: null,
    });
  });
});

describe('CPU lists', () => {
  it('are read as the kernel writes them', () => {
    expect(parseCpuList('0-3,8,10-11\n')).toEqual([0, 1, 2, 3, 8, 10, 11]);
    for (const bad of [null, '', 'x', '3-1', '0-', '0-99999999999']) expect(parseCpuList(bad)).toBeNull();
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(300), { minLength: 1 }), (cpus) => {
        expect(parseCpuList(cpus.join(','))).toEqual(cpus.toSorted((a, b) => a - b));
      }),
    );
  });
});

const pinnedTo = (list: string): SystemFiles =>
  fakeFiles({ '/proc/self/task/9/status': STATUS.replace('0-1,4', list) });

const works: RunProgram = () => Promise.resolve('');

const siblings = (cpu: number): number[] => [cpu % 2, (cpu % 2) + 2];

const missing: RunProgram = () =>
  Promise.reject(Object.assign(new Error('spawn taskset'), { code: 'ENOENT' }));

const refuses: RunProgram = () =>
  Promise.reject(new Error('failed to set pid 9’s affinity: Invalid argument'));

describe('pinning', () => {
  it('says that it worked only when the system confirms it', async () => {
    const calls: unknown[] = [];
    const run: RunProgram = (program, args) => {
      calls.push([program, ...args]);
      return Promise.resolve('');
    };
    expect(await pinThread(9, 1, { files: pinnedTo('1'), run })).toEqual({
      pinned: true,
      threadId: 9,
      cpu: 1,
    });
    expect(calls).toEqual([['taskset', '-cp', '1', '9']]);
    expect(await pinThread(9, 1, { files: pinnedTo('0-1'), run: works })).toMatchObject({
      pinned: false,
      reason: expect.stringContaining('may still run on CPUs 0,1'),
    });
    expect(await pinThread(8, 1, { files: pinnedTo('1'), run: works })).toMatchObject({
      pinned: false,
      reason: expect.stringContaining('no /proc'),
    });
  });

  it('says why it did not', async () => {
    expect(await pinThread(9, 1, { files: pinnedTo('1'), run: missing })).toMatchObject({
      pinned: false,
      reason: expect.stringContaining('install util-linux'),
    });
    expect(await pinThread(9, 99, { files: pinnedTo('1'), run: refuses })).toMatchObject({
      pinned: false,
      reason: expect.stringContaining('Invalid argument'),
    });
  });

  it('pins a real worker thread by the id it tells', async (context) => {
    const mine = currentThreadId(systemFiles);
    if (mine === null) context.skip('this system has no /proc/thread-self');
    if (spawnSync('taskset', ['--version']).error !== undefined) context.skip('taskset is not installed');
    const cpus = readThreadAffinity(systemFiles, mine!)!;
    const worker = new Worker(
      "const { parentPort } = require('node:worker_threads');" +
        "parentPort.postMessage(require('node:fs').readlinkSync('/proc/thread-self'));" +
        "parentPort.on('message', () => process.exit());",
      { eval: true },
    );
    try {
      const link = await new Promise<string>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
      const threadId = currentThreadId(fakeFiles({}, { '/proc/thread-self': link }))!;
      expect(threadId).not.toBe(mine);
      const cpu = cpus.at(-1)!;
      expect(await pinThread(threadId, cpu, { files: systemFiles })).toEqual({ pinned: true, threadId, cpu });
      expect(readThreadAffinity(systemFiles, mine!)).toEqual(cpus);
      const refused = await pinThread(threadId, 4095, { files: systemFiles });
      expect(refused.pinned).toBe(false);
    } finally {
      await worker.terminate();
    }
  });

  it('plans one worker per core before hyper-threads', () => {
    expect(planPins(2, [0, 1, 2, 3], siblings)).toEqual({ cpus: [0, 1], shared: false, sharedCores: false });
    expect(planPins(3, [0, 1, 2, 3], siblings)).toEqual({
      cpus: [0, 1, 2],
      shared: false,
      sharedCores: true,
    });
    expect(planPins(5, [0, 1, 2, 3], siblings).cpus).toEqual([0, 1, 2, 3, 0]);
    expect(planPins(2, [5, 7], () => null)).toEqual({ cpus: [5, 7], shared: false, sharedCores: false });
    expect(() => planPins(2, [], () => null)).toThrow(/no CPU is allowed/);
    expect(() => planPins(0, [1], () => null)).toThrow(/0 workers/);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 12 }), (workers, count) => {
        const allowed = Array.from({ length: count }, (_, i) => i);
        const plan = planPins(workers, allowed, (cpu) => [cpu & ~1, cpu | 1]);
        expect(plan.cpus).toHaveLength(workers);
        expect(new Set(plan.cpus).size).toBe(Math.min(workers, count));
        expect(plan.shared).toBe(workers > count);
        expect(plan.sharedCores).toBe(workers > Math.ceil(count / 2));
      }),
    );
    expect(
      coreSiblings(fakeFiles({ '/sys/devices/system/cpu/cpu3/topology/thread_siblings_list': '1,3\n' }), 3),
    ).toEqual([1, 3]);
  });
});

describe('environment', () => {
  const facts: NodeFacts = {
    node: 'v20.0.0',
    v8: '11',
    platform: 'linux',
    architecture: 'x64',
    kernel: '6.1',
    cpuModels: ['Some CPU', 'Some CPU', 'Some CPU', 'Some CPU'],
    memoryBytes: 8 * 2 ** 30,
    loadAverage1m: 0.25,
  };
  const texts = {
    '/sys/devices/system/cpu/online': '0-3\n',
    '/proc/self/status': 'Cpus_allowed_list:\t0-2\n',
    '/proc/self/cgroup': '0::/\n',
    '/sys/fs/cgroup/cpu.max': '250000 100000\n',
    '/proc/cpuinfo': 'flags\t: fpu hypervisor\n',
    '/proc/meminfo': 'MemTotal: 9 kB\nMemAvailable:    2048 kB\n',
    '/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor': 'powersave\n',
    '/sys/devices/system/cpu/intel_pstate/no_turbo': '1\n',
    '/etc/os-release': 'PRETTY_NAME="Some Linux 9"\n',
    '/etc/machine-id': 'secret\n',
  };

  it('is read from the system', () => {
    const environment = readEnvironment(fakeFiles(texts), facts);
    expect(environment).toMatchObject({
      coresOnline: 4,
      cpusAllowed: [0, 1, 2],
      cpuQuota: 2.5,
      coresUsable: 2,
      physicalCores: null,
      governor: 'powersave',
      turbo: false,
      virtualized: true,
      memoryAvailableBytes: 2048 * 1024,
      memoryLimitBytes: null,
      loadAverage1m: 0.25,
      os: 'Some Linux 9',
      clockSource: null,
    });
  });

  it('is null where the system does not report it', () => {
    const environment = readEnvironment(fakeFiles(), { ...facts, platform: 'win32' });
    expect(environment).toMatchObject({
      coresOnline: 4,
      coresUsable: 4,
      cpusAllowed: null,
      cpuQuota: null,
      governor: null,
      turbo: null,
      virtualized: null,
      memoryAvailableBytes: null,
      loadAverage1m: null,
      os: 'win32',
    });
  });

  it('has a fingerprint that tells machines apart and gives nothing away', () => {
    const id = readEnvironment(fakeFiles(texts), facts).machineId;
    expect(id).toMatch(/^[0-9a-f]{16}$/);
    expect(readEnvironment(fakeFiles(texts), { ...facts, loadAverage1m: 3 }).machineId).toBe(id);
    expect(readEnvironment(fakeFiles({ ...texts, '/etc/machine-id': 'other' }), facts).machineId).not.toBe(
      id,
    );
    expect(readEnvironment(fakeFiles(texts), { ...facts, cpuModels: ['Other'] }).machineId).not.toBe(id);
  });

  it('of this machine makes sense', () => {
    const environment = readEnvironment(systemFiles);
    expect(environment.coresUsable).toBeGreaterThanOrEqual(1);
    expect(environment.coresUsable).toBeLessThanOrEqual(environment.coresOnline);
    expect(environment.memoryBytes).toBeGreaterThan(2 ** 26);
    expect(environment.node).toBe(process.version);
  });
});
