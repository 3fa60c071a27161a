/** What is done about wrong checksums, and what of it is asked of the tracker. */
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

/** A configuration with what the choice asks of the tracker. */
export function checksumConfig(config: TrackerConfig, { checksums }: ChecksumChoice): TrackerConfig {
  if (checksums !== 'ignore') return config;
  const { entries } = config;
  return { ...config, entries: { ...entries, switches: { ...entries.switches, checksumsIgnored: true } } };
}

/** Whether the tracker does not look at checksums. */
export function ignoresChecksums({ entries }: TrackerConfig): boolean {
  return entries.switches?.checksumsIgnored === true;
}
