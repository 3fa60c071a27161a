/** Whether the source of streamed packets decided how fast they were replayed. */
import type { ResultCase } from '../result/schema.js';

/** A rate is missed when it is short by more than this share: as the warning `rate-not-reached` has it. */
const RATE_SHORT = 0.01;

/**
 * `source` when workers waited for packets of the source although they were due: at top speed the rate is then the source's for
 * that time; at a given rate only where it was missed. Null where the packets were there in time.
 * @param kept share of the rate asked for; null where none was
 */
export function boundOf(
  { waits }: { readonly waits: number } = { waits: 0 },
  kept: number | null = null,
): ResultCase['bound'] {
  if (waits === 0) return null;
  return kept !== null && kept >= 1 - RATE_SHORT ? null : 'source';
}
