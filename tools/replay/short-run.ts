/** Whether a run was long enough for what this machine does to it. */
import { collectWarnings, WARNING_LIMITS, type Warning } from '../measure/warnings.js';
import type { ResultCase } from '../result/schema.js';
import type { MachineAtStart } from './machine.js';

/**
 * Warns of a run that is so short beside the machine's longest interruption that one more or less shows in its figures, and says how
 * many loops would do.
 */
export function shortRunWarnings(entry: ResultCase, { noise }: MachineAtStart): Warning[] {
  const elapsedNs = entry.throughput?.elapsedNs ?? entry.elapsedNs;
  if (entry.partial === true || noise.maxNs === null) return [];
  const wantedNs = noise.maxNs * WARNING_LIMITS.interruptionsPerRun;
  return collectWarnings({
    longestInterruptionNs: noise.maxNs,
    throughputElapsedNs: elapsedNs,
    // A run of a given time has no number of loops to raise.
    loopsToSteady:
      entry.loops == null || elapsedNs <= 0 ? null : Math.ceil((wantedNs / elapsedNs) * entry.loops),
  });
}
