/** The machine a run is on, read once at its start: the environment part of a result, and what warnings want to know. */
import { calibrateClock, type ClockFigures } from '../measure/clock.js';
import { readEnvironment, type EnvironmentFigures } from '../measure/environment.js';
import { probeNoise, type NoiseFigures } from '../measure/noise.js';
import { machineShares, readMachineSchedule, type MachineSchedule } from '../measure/schedstat.js';
import { systemFiles } from '../measure/system-files.js';
import type { WarningFacts } from '../measure/warnings.js';
import type { Environment, ResultCase } from '../result/schema.js';

/** The machine before a run. */
export interface MachineAtStart {
  readonly figures: EnvironmentFigures;
  readonly clock: ClockFigures;
  readonly noise: NoiseFigures;
  readonly schedule: MachineSchedule;
  /** When that was, by `performance.now` in ns. */
  readonly atNs: number;
}

const NOISE_PROBE_MS = 50;

/** Calibrates the clock, probes for noise and reads the environment; keeps the thread busy for about a tenth of a second. */
export function readMachine(): MachineAtStart {
  const source = { name: 'performance.now', nowNs: () => performance.now() * 1e6 };
  return {
    figures: readEnvironment(systemFiles),
    clock: calibrateClock(source),
    noise: probeNoise({ clock: source, probeMs: NOISE_PROBE_MS }),
    schedule: readMachineSchedule(systemFiles),
    atNs: source.nowNs(),
  };
}

/** The environment of a result, and facts for warnings about the machine itself. */
export interface MachineReport {
  readonly environment: Environment;
  readonly facts: WarningFacts;
}

/**
 * Closes the book: what the machine did since `start` is added.
 * @param cases what was measured: a read of the clock costs no more than the workers found
 */
export function reportMachine(
  start: MachineAtStart,
  pinned: boolean | null,
  cases: readonly ResultCase[] = [],
): MachineReport {
  const { figures, clock, noise } = start;
  const costNs = Math.min(clock.costNs, ...cases.flatMap((entry) => entry.timer?.costNs ?? []));
  const shares = machineShares(readMachineSchedule(systemFiles), start.schedule);
  return {
    environment: {
      machineId: figures.machineId,
      cpuModel: figures.cpuModel,
      coresOnline: figures.coresOnline,
      coresUsable: figures.coresUsable,
      architecture: figures.architecture,
      os: figures.os,
      kernel: figures.kernel,
      governor: figures.governor,
      memoryBytes: figures.memoryBytes,
      node: figures.node,
      v8: figures.v8,
      clock: { source: clock.source, costNs, stepNs: clock.stepNs },
      noise: {
        probeMs: noise.probeMs,
        cv: noise.cv,
        p50Ns: noise.p50Ns,
        p99Ns: noise.p99Ns,
        maxNs: noise.maxNs,
        interruptionsPerSecond: noise.interruptionsPerSecond,
        lostShare: noise.lostShare,
      },
      stealShare: shares.stealShare,
      loadAverage1m: figures.loadAverage1m,
      pinned,
    },
    facts: {
      stealShare: shares.stealShare,
      throttledNs: shares.throttledNs,
      // Of the time between the two reads: neither fact says anything without the other.
      throttledSpanNs: performance.now() * 1e6 - start.atNs,
      governor: figures.governor,
      turbo: figures.turbo,
      virtualized: figures.virtualized,
      clockSource: figures.clockSource,
      noiseLostShare: noise.lostShare,
      loadAverage1m: figures.loadAverage1m,
      coresUsable: figures.coresUsable,
    },
  };
}
