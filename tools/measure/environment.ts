/**
 * On what a result was measured: program versions, processor, what of it may be used, and how it is set. Everything that
 * the system does not report is null.
 */
import { createHash } from 'node:crypto';
import os from 'node:os';
import { cgroupMemoryLimitBytes, readCgroupCpu } from './cgroup-cpu.js';
import { coreSiblings } from './pinning.js';
import { fieldOf, kibibytes, parseCpuList, readLine, wholeNumber, type SystemFiles } from './system-files.js';

/** Facts about the machine at the start of a run. */
export interface EnvironmentFigures {
  /** Fingerprint of the machine: absolute times are compared only where it is equal. Holds no name or address. */
  readonly machineId: string;
  readonly node: string;
  readonly v8: string;
  readonly architecture: string;
  readonly os: string;
  readonly kernel: string;
  readonly cpuModel: string | null;
  readonly coresOnline: number;
  /** CPUs that this process may run on (affinity). */
  readonly cpusAllowed: readonly number[] | null;
  /** CPUs' worth of time that the control group allows; null without a limit. */
  readonly cpuQuota: number | null;
  /** What can run at the same time: the least of online, allowed and quota, rounded down, at least 1. */
  readonly coresUsable: number;
  /** Physical cores among the allowed CPUs; null where the topology is not known. */
  readonly physicalCores: number | null;
  readonly governor: string | null;
  /** Whether the processor may raise its frequency above the nominal one. */
  readonly turbo: boolean | null;
  readonly maxFrequencyKhz: number | null;
  readonly clockSource: string | null;
  /** Whether a hypervisor is below; null where the system does not report it. */
  readonly virtualized: boolean | null;
  readonly memoryBytes: number;
  readonly memoryAvailableBytes: number | null;
  readonly memoryLimitBytes: number | null;
  readonly loadAverage1m: number | null;
}

/** What Node reports of the system; injected for tests. */
export interface NodeFacts {
  readonly node: string;
  readonly v8: string;
  readonly platform: string;
  readonly architecture: string;
  readonly kernel: string;
  readonly cpuModels: readonly string[];
  readonly memoryBytes: number;
  readonly loadAverage1m: number;
}

/** Facts of the running process. */
function nodeFacts(): NodeFacts {
  return {
    node: process.version,
    v8: process.versions.v8,
    platform: process.platform,
    architecture: process.arch,
    kernel: os.release(),
    cpuModels: os.cpus().map((cpu) => cpu.model),
    memoryBytes: os.totalmem(),
    loadAverage1m: os.loadavg()[0] ?? 0,
  };
}

/** Reads the environment. */
export function readEnvironment(files: SystemFiles, facts: NodeFacts = nodeFacts()): EnvironmentFigures {
  const online = parseCpuList(readLine(files, '/sys/devices/system/cpu/online'));
  const coresOnline = online?.length ?? Math.max(1, facts.cpuModels.length);
  const cpusAllowed = parseCpuList(fieldOf(files.read('/proc/self/status'), 'Cpus_allowed_list'));
  const cpuQuota = readCgroupCpu(files).quotaCpus;
  const cpuinfo = files.read('/proc/cpuinfo');
  const cpu = cpusAllowed?.[0] ?? 0;
  const memoryLimitBytes = cgroupMemoryLimitBytes(files);
  const flags = fieldOf(cpuinfo, 'flags');
  return {
    machineId: fingerprint(files, facts, coresOnline),
    node: facts.node,
    v8: facts.v8,
    architecture: facts.architecture,
    os: osName(files, facts),
    kernel: facts.kernel,
    cpuModel: facts.cpuModels[0] ?? fieldOf(cpuinfo, 'model name'),
    coresOnline,
    cpusAllowed,
    cpuQuota,
    coresUsable: Math.max(
      1,
      Math.floor(Math.min(coresOnline, cpusAllowed?.length ?? Infinity, cpuQuota ?? Infinity)),
    ),
    physicalCores: countPhysicalCores(files, cpusAllowed ?? online),
    governor: readLine(files, `/sys/devices/system/cpu/cpu${cpu}/cpufreq/scaling_governor`),
    turbo: readTurbo(files),
    maxFrequencyKhz: wholeNumber(
      readLine(files, `/sys/devices/system/cpu/cpu${cpu}/cpufreq/cpuinfo_max_freq`),
    ),
    clockSource: readLine(files, '/sys/devices/system/clocksource/clocksource0/current_clocksource'),
    virtualized: flags === null ? null : flags.split(/\s+/).includes('hypervisor'),
    memoryBytes: facts.memoryBytes,
    memoryAvailableBytes: kibibytes(fieldOf(files.read('/proc/meminfo'), 'MemAvailable')),
    memoryLimitBytes:
      memoryLimitBytes !== null && memoryLimitBytes < facts.memoryBytes ? memoryLimitBytes : null,
    // Windows has no load average and Node reports 0 there.
    loadAverage1m: facts.platform === 'win32' ? null : facts.loadAverage1m,
  };
}

function osName(files: SystemFiles, facts: NodeFacts): string {
  const release = files
    .read('/etc/os-release')
    ?.split('\n')
    .find((line) => line.startsWith('PRETTY_NAME='));
  return release?.slice('PRETTY_NAME='.length).replaceAll('"', '').trim() ?? facts.platform;
}

function countPhysicalCores(files: SystemFiles, cpus: readonly number[] | null): number | null {
  if (cpus === null) return null;
  const cores = cpus.map((cpu) => coreSiblings(files, cpu)?.join(',') ?? null);
  return cores.includes(null) ? null : new Set(cores).size;
}

function readTurbo(files: SystemFiles): boolean | null {
  const noTurbo = readLine(files, '/sys/devices/system/cpu/intel_pstate/no_turbo');
  if (noTurbo !== null) return noTurbo === '0';
  const boost = readLine(files, '/sys/devices/system/cpu/cpufreq/boost');
  return boost === null ? null : boost === '1';
}

/**
 * A hash of what makes times comparable: processor, cores, memory in whole GiB, and the installation's id where there is
 * one. The id itself is not in it in any readable form.
 */
function fingerprint(files: SystemFiles, facts: NodeFacts, coresOnline: number): string {
  const parts = [
    facts.platform,
    facts.architecture,
    facts.cpuModels[0] ?? '',
    coresOnline,
    Math.round(facts.memoryBytes / 2 ** 30),
    readLine(files, '/etc/machine-id') ?? '',
  ];
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16);
}
