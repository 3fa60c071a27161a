/** What is done about wrong checksums, and what of it is asked of the tracker. */
import type { BehaviourSwitches } from '../../engine/host/run-memory.js';
import type { TrackerConfig } from './read-config.js';

/**
 * `verify`: a packet with a wrong one is invalid. `fix`: wrong ones are made right while reading. `ignore`: the tracker does not look at
 * them.
 */
export const CHECKSUM_HANDLINGS = ['verify', 'fix', 'ignore'] as const;
export type ChecksumHandling = (typeof CHECKSUM_HANDLINGS)[number];

/** As flags and inputs of matrices give it; absent = `verify`. */
export interface ChecksumChoice {
  readonly checksums?: ChecksumHandling | undefined;
}

/** Whether wrong checksums are made right while reading. */
export function fixesChecksums({ checksums }: ChecksumChoice): boolean {
  return checksums === 'fix';
}

/** A tracker's switches with what the choice asks of it. */
export function checksumSwitches(
  switches: BehaviourSwitches | undefined,
  { checksums }: ChecksumChoice,
): BehaviourSwitches | undefined {
  return checksums === 'ignore' ? { ...switches, checksumsIgnored: true } : switches;
}

/** A configuration with what the choice asks of the tracker. */
export function checksumConfig(config: TrackerConfig, choice: ChecksumChoice): TrackerConfig {
  if (choice.checksums !== 'ignore') return config;
  const { entries } = config;
  return { ...config, entries: { ...entries, switches: checksumSwitches(entries.switches, choice) } };
}
