/** Inputs whose packets the tracker rejected: what share, why, and what to do about it. */
import { CHECKSUM_REMEDY } from '../measure/warnings.js';
import { invalidPackets } from './outcome.js';
import type { ResultCase } from './schema.js';

type Rejecting = Pick<ResultCase, 'input' | 'packets' | 'partial'>;

/** Share of a case's packets that the tracker found invalid. */
export function invalidShare({ packets }: Pick<ResultCase, 'packets'>): number {
  return packets.injected === 0 ? 0 : invalidPackets({ packets }) / packets.injected;
}

/** Why packets were rejected, the most frequent reason first. */
export function reasonsOf({ rejectedByReason }: ResultCase['packets']): { name: string; count: number }[] {
  return Object.entries(rejectedByReason ?? {})
    .map(([name, count]) => ({ name, count }))
    .toSorted((a, b) => b.count - a.count);
}

/** What to do about a case's invalid packets, by the reason that most of them have. */
export function invalidRemedy({ input, packets }: Pick<ResultCase, 'input' | 'packets'>): string {
  const [most] = reasonsOf(packets);
  if (most?.name.endsWith('-checksum') === true) return CHECKSUM_REMEDY;
  if (most?.name === 'conn-limit' || most?.name === 'slab-full')
    return 'The connection table was full: raise --max-conns.';
  return input.type === 'capture' ? "'ctreplay info' tells what the capture holds." : '';
}

/** What to say of a case all of whose packets were invalid: nothing was measured. Null for any other. */
export function whollyInvalidText(entry: Pick<ResultCase, 'input' | 'packets'>): string | null {
  if (invalidShare(entry) !== 1) return null;
  const reasons = reasonsOf(entry.packets).map(({ name }) => name);
  return [
    `${entry.input.name}: the tracker found every packet invalid (${reasons.length === 0 ? 'no reason noted' : reasons.join(', ')}).`,
    invalidRemedy(entry),
    'Nothing was measured that means anything.',
  ]
    .filter((sentence) => sentence !== '')
    .join(' ');
}

/**
 * What to say of an input of which no run tracked a packet, whatever the design; null where one did. That some designs reject what
 * others track is a difference between them, and a result.
 */
export function rejectedInputText(cases: readonly Rejecting[]): string | null {
  const [first] = cases;
  if (first === undefined) return null;
  if (cases.every(({ packets, partial }) => packets.injected === 0 && partial !== true))
    return `${first.input.name}: no packet was replayed, so nothing was measured. Name an input that has packets, or a longer --duration.`;
  return cases.every((entry) => invalidShare(entry) === 1) ? whollyInvalidText(first) : null;
}
