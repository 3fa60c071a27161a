/** Whether a run fits what a container allows, before the system ends the process without a word for touching too much. */
import { EngineError } from '../../engine/host/engine-error.js';
import type { EngineConstants } from '../../engine/host/constants.js';
import type { MemoryPlan } from '../../engine/host/memory-plan.js';
import { cgroupMemoryLimitBytes } from '../measure/cgroup-cpu.js';
import { systemFiles, type SystemFiles } from '../measure/system-files.js';
import { releaseMemory } from './release-memory.js';

const MIB = 1024 ** 2;

/** Staged traffic is held once, and a design's copy of it, beside the table. */
const SHARES_OF_MEMORY = 3;

/** The most that traffic may be staged of in a container, in bytes: larger traffic is streamed. Infinity without a limit. */
export function stagingLimitBytes(files: SystemFiles = systemFiles): number {
  const limitBytes = cgroupMemoryLimitBytes(files);
  if (limitBytes === null) return Number.POSITIVE_INFINITY;
  return Math.max(MIB, Math.floor((limitBytes - process.memoryUsage.rss()) / SHARES_OF_MEMORY));
}

/** Whether there is a limit that `requireMemory` holds a run against. */
export function memoryIsLimited(files: SystemFiles = systemFiles): boolean {
  return cgroupMemoryLimitBytes(files) !== null;
}

/**
 * Refuses a run whose packets and connections, and what the process uses already, come to more than the control group allows. What is
 * laid out and never touched costs nothing.
 * @param slots of the connection table that will be used
 * @throws EngineError naming the limit
 */
export function requireMemory(
  plan: MemoryPlan,
  constants: EngineConstants,
  design: string,
  slots: number,
  files: SystemFiles = systemFiles,
): void {
  const limitBytes = cgroupMemoryLimitBytes(files);
  if (limitBytes === null) return;
  const packetBytes = plan.packetStoreBytes;
  const tableBytes = Math.min(plan.slabSlots, slots) * (constants.CONN_SIZE + constants.SIDE_SIZE);
  const leftBytes = (): number => limitBytes - process.memoryUsage.rss() - packetBytes - tableBytes;
  if (leftBytes() >= 0) return;
  // The memory of the run before may still be waiting for the collector.
  releaseMemory();
  if (leftBytes() >= 0) return;
  const usedBytes = process.memoryUsage.rss();
  const mib = (bytes: number): string => `${Math.ceil(bytes / MIB)} MiB`;
  throw new EngineError({
    design,
    reason:
      `the control group (container) allows ${mib(limitBytes)} of memory: the packets take ${mib(packetBytes)}, their connections ` +
      `${mib(tableBytes)}, and ${mib(usedBytes)} are in use already`,
    advice: 'Raise the limit, or lower --store (larger traffic is streamed), --max-conns or --limit.',
  });
}
