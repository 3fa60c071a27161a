/**
 * What the scheduler did to a thread: how long it ran, how long it was ready but waited for a CPU, and how often it was
 * switched away from. This distinguishes a starved thread from one that waited for a lock. Also the time that the
 * hypervisor took from the machine (steal).
 *
 * Everything is null where the system does not report it (not Linux, or a kernel without CONFIG_SCHED_INFO); a null is never
 * turned into 0, also not by subtraction.
 * Source: Linux Documentation/scheduler/sched-stats.rst and filesystems/proc.rst.
 */
import { readCgroupCpu } from './cgroup-cpu.js';
import { fieldOf, parseCpuList, readLine, wholeNumber, type SystemFiles } from './system-files.js';

/** Totals of one thread since it started, or a difference of two such. */
export interface ThreadSchedule {
  /** Time on a CPU, ns. */
  readonly runNs: number | null;
  /** Time runnable but waiting for a CPU, ns. */
  readonly waitNs: number | null;
  /** Times it was given a CPU. */
  readonly timeslices: number | null;
  /** Switches because it slept or waited. */
  readonly voluntarySwitches: number | null;
  /** Switches because its time was up or another thread was preferred. */
  readonly involuntarySwitches: number | null;
}

/**
 * The kernel's id of the calling thread, from /proc/thread-self; null where there is none. Call it in the worker: a
 * worker thread of Node has a kernel id of its own.
 */
export function currentThreadId(files: SystemFiles): number | null {
  return wholeNumber(files.link('/proc/thread-self')?.split('/').at(-1));
}

/**
 * Reads the totals of one thread of this process.
 * @param threadId its kernel id, see {@link currentThreadId}
 */
export function readThreadSchedule(files: SystemFiles, threadId: number): ThreadSchedule {
  const folder = `/proc/self/task/${threadId}`;
  const status = files.read(`${folder}/status`);
  const numbers = readLine(files, `${folder}/schedstat`)?.split(/\s+/).map(wholeNumber) ?? [];
  // A kernel without scheduler statistics prints "0 0 0"; a thread that could be asked has run.
  const known = numbers.length >= 3 && numbers.some((value) => value !== 0);
  return {
    runNs: known ? (numbers[0] ?? null) : null,
    waitNs: known ? (numbers[1] ?? null) : null,
    timeslices: known ? (numbers[2] ?? null) : null,
    voluntarySwitches: wholeNumber(fieldOf(status, 'voluntary_ctxt_switches')),
    involuntarySwitches: wholeNumber(fieldOf(status, 'nonvoluntary_ctxt_switches')),
  };
}

/** The CPUs that a thread may run on; null where the system does not report it. */
export function readThreadAffinity(files: SystemFiles, threadId: number): number[] | null {
  return parseCpuList(fieldOf(files.read(`/proc/self/task/${threadId}/status`), 'Cpus_allowed_list'));
}

/** What happened between two reads of one thread; a field is null where either read has none. */
export function scheduleDifference(later: ThreadSchedule, earlier: ThreadSchedule): ThreadSchedule {
  return {
    runNs: difference(later.runNs, earlier.runNs),
    waitNs: difference(later.waitNs, earlier.waitNs),
    timeslices: difference(later.timeslices, earlier.timeslices),
    voluntarySwitches: difference(later.voluntarySwitches, earlier.voluntarySwitches),
    involuntarySwitches: difference(later.involuntarySwitches, earlier.involuntarySwitches),
  };
}

/** CPU time of the whole machine since it started, in clock ticks, and throttling of this control group. */
export interface MachineSchedule {
  /** Time that the hypervisor ran something else while a CPU here had work. */
  readonly stealTicks: number | null;
  /** Idle time, waiting for input and output included. */
  readonly idleTicks: number | null;
  /** All time, idle included, over all CPUs. */
  readonly totalTicks: number | null;
  /** Interrupt and soft interrupt time. */
  readonly interruptTicks: number | null;
  /** Time that the control group was stopped for having used its CPU share, ns. */
  readonly throttledNs: number | null;
}

/** Reads the machine's totals. */
export function readMachineSchedule(files: SystemFiles): MachineSchedule {
  const line = files
    .read('/proc/stat')
    ?.split('\n')
    .find((row) => row.startsWith('cpu '));
  // user nice system idle iowait irq softirq steal; guest times are part of user and nice.
  const ticks = line?.split(/\s+/).slice(1, 9).map(wholeNumber) ?? [];
  const known = ticks.length === 8 && ticks.every((value) => value !== null);
  const at = (index: number): number => ticks[index] ?? 0;
  return {
    stealTicks: known ? at(7) : null,
    idleTicks: known ? at(3) + at(4) : null,
    totalTicks: known ? ticks.reduce<number>((sum, value) => sum + (value ?? 0), 0) : null,
    interruptTicks: known ? at(5) + at(6) : null,
    throttledNs: readCgroupCpu(files).throttledNs,
  };
}

/** Shares of CPU time between two reads, 0 to 1; null where not known or no time passed. */
export interface MachineShares {
  readonly stealShare: number | null;
  readonly idleShare: number | null;
  readonly interruptShare: number | null;
  /** Time throttled between the reads, ns. */
  readonly throttledNs: number | null;
}

/** What the machine did between two reads. */
export function machineShares(later: MachineSchedule, earlier: MachineSchedule): MachineShares {
  const total = difference(later.totalTicks, earlier.totalTicks);
  const share = (ticks: number | null): number | null =>
    ticks === null || total === null || total <= 0 ? null : Math.min(1, Math.max(0, ticks / total));
  return {
    stealShare: share(difference(later.stealTicks, earlier.stealTicks)),
    idleShare: share(difference(later.idleTicks, earlier.idleTicks)),
    interruptShare: share(difference(later.interruptTicks, earlier.interruptTicks)),
    throttledNs: difference(later.throttledNs, earlier.throttledNs),
  };
}

function difference(later: number | null, earlier: number | null): number | null {
  return later === null || earlier === null ? null : later - earlier;
}
