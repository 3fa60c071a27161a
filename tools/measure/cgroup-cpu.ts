/**
 * What the control group allows this process: a share of CPU time (CFS bandwidth), the CPUs, and how often it was
 * stopped for having used its share. Containers limit by these and not by the affinity that tools usually look at.
 * Source: Linux Documentation/admin-guide/cgroup-v2.rst (cpu.max, cpu.stat) and scheduler/sched-bwc.rst (version 1).
 */
import { readLine, wholeNumber, type SystemFiles } from './system-files.js';

/** CPU limits and throttling; null where the group sets no limit or does not report it. */
export interface CgroupCpu {
  /** CPUs' worth of time per period, e.g. 1.5; null without a limit. */
  readonly quotaCpus: number | null;
  /** Periods in which the group, or one around it, was stopped, since it was made. */
  readonly throttledPeriods: number | null;
  /** Time that it was stopped, in ns, summed over its CPUs. */
  readonly throttledNs: number | null;
}

/** Memory limit of the control group in bytes; null without one. */
export function cgroupMemoryLimitBytes(files: SystemFiles): number | null {
  let limit: number | null = null;
  for (const folder of groupFolders(files, 'memory')) {
    for (const name of ['memory.max', 'memory.limit_in_bytes']) {
      const bytes = wholeNumber(readLine(files, `${folder}/${name}`));
      // Version 1 says "no limit" with a number near 2^63.
      if (bytes !== null && bytes < 2 ** 60) limit = Math.min(limit ?? Infinity, bytes);
    }
  }
  return limit;
}

/** Reads the limits; of nested groups the tightest quota counts, and each of them can stop the process. */
export function readCgroupCpu(files: SystemFiles): CgroupCpu {
  let quotaCpus: number | null = null;
  let throttledPeriods: number | null = null;
  let throttledNs: number | null = null;
  for (const folder of groupFolders(files, 'cpu')) {
    const quota = quotaOf(files, folder);
    if (quota !== null) quotaCpus = Math.min(quotaCpus ?? Infinity, quota);
    const stat = files.read(`${folder}/cpu.stat`);
    const periods = statField(stat, 'nr_throttled');
    const micros = statField(stat, 'throttled_usec');
    const stoppedNs = micros === null ? statField(stat, 'throttled_time') : micros * 1000;
    if (periods !== null) throttledPeriods = (throttledPeriods ?? 0) + periods;
    if (stoppedNs !== null) throttledNs = (throttledNs ?? 0) + stoppedNs;
  }
  return { quotaCpus, throttledPeriods, throttledNs };
}

function quotaOf(files: SystemFiles, folder: string): number | null {
  const [max, period] = (readLine(files, `${folder}/cpu.max`) ?? '').split(' ');
  const quota = wholeNumber(max) ?? wholeNumber(readLine(files, `${folder}/cpu.cfs_quota_us`));
  const span = wholeNumber(period) ?? wholeNumber(readLine(files, `${folder}/cpu.cfs_period_us`));
  return quota === null || span === null || span === 0 ? null : quota / span;
}

function statField(text: string | null, name: string): number | null {
  const line = text?.split('\n').find((row) => row.startsWith(`${name} `));
  return wholeNumber(line?.slice(name.length + 1));
}

/** The group's folder and those above it, innermost first, for both hierarchies. */
function groupFolders(files: SystemFiles, controller: string): string[] {
  const folders: string[] = [];
  for (const line of (files.read('/proc/self/cgroup') ?? '').split('\n')) {
    const match = /^\d+:([^:]*):(\/.*)$/.exec(line);
    if (match === null) continue;
    const [, controllers = '', path = '/'] = match;
    let root: string;
    if (controllers === '') root = '/sys/fs/cgroup';
    else if (controllers.split(',').includes(controller)) root = `/sys/fs/cgroup/${controllers}`;
    else continue;
    for (let at = path; ; at = at.slice(0, at.lastIndexOf('/'))) {
      folders.push(at === '/' ? root : `${root}${at}`);
      if (at === '' || at === '/') break;
    }
  }
  return folders;
}
