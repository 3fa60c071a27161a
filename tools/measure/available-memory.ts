/** Memory that the system can still give to this process. */
import { cgroupMemoryLimitBytes } from './cgroup-cpu.js';
import { fieldOf, kibibytes, type SystemFiles } from './system-files.js';

/**
 * The smaller of what the machine has available and what the control group leaves beside the process's own; null where the system
 * reports neither. Other processes of the group are not counted.
 */
export function availableMemoryBytes(files: SystemFiles): number | null {
  const available = kibibytes(fieldOf(files.read('/proc/meminfo'), 'MemAvailable'));
  const limit = cgroupMemoryLimitBytes(files);
  if (limit === null) return available;
  const resident = kibibytes(fieldOf(files.read('/proc/self/status'), 'VmRSS')) ?? 0;
  return Math.min(available ?? Number.POSITIVE_INFINITY, Math.max(0, limit - resident));
}
