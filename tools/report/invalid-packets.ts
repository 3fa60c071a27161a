/** What is said first of a result whose packets were largely rejected: its figures are of rejecting them. */
import { CHECKSUM_REMEDY } from '../measure/warnings.js';
import { invalidPackets } from '../result/outcome.js';
import { formatShare } from '../text/quantities.js';
import type { Result, ResultCase } from '../result/schema.js';

/** Share of invalid packets above which it is a headline. */
const LARGE_SHARE = 0.1;
const MOST_REASONS = 3;

/** Share of a case's packets that the tracker found invalid. */
function invalidShare({ packets }: Pick<ResultCase, 'packets'>): number {
  return packets.injected === 0 ? 0 : invalidPackets({ packets }) / packets.injected;
}

/** What to do about a case's invalid packets, by the reason that most of them have. */
function invalidRemedy({ input, packets }: Pick<ResultCase, 'input' | 'packets'>): string {
  const [most] = reasonsOf(packets);
  if (most?.name.endsWith('-checksum') === true) return CHECKSUM_REMEDY;
  if (most?.name === 'conn-limit' || most?.name === 'slab-full')
    return 'The connection table was full: raise --max-conns.';
  return input.type === 'capture' ? "'ctreplay info' tells what the capture holds." : '';
}

/**
 * One sentence about the case with the largest share, and what to do; null when no large share is invalid. Where only some designs
 * found packets of an input invalid, that is a difference between them, and said as one (verdict-evidence.ts).
 */
export function invalidHeadline({ cases }: Pick<Result, 'cases'>): string | null {
  const byInput = new Map<string, ResultCase[]>();
  for (const one of cases) byInput.set(one.input.name, [...(byInput.get(one.input.name) ?? []), one]);
  const worst = [...byInput.values()]
    .filter((own) => own.every((one) => invalidShare(one) > LARGE_SHARE))
    .flat()
    .toSorted((a, b) => invalidShare(b) - invalidShare(a))[0];
  if (worst === undefined) return null;
  const reasons = reasonsOf(worst.packets).slice(0, MOST_REASONS);
  const because =
    reasons.length === 0 ? '' : ` (${reasons.map(({ name, count }) => `${name} ${count}`).join(', ')})`;
  const text =
    `${formatShare(invalidShare(worst))} of the packets were found invalid${because}: the figures are of rejecting them as much as of ` +
    `tracking. ${invalidRemedy(worst)}`;
  return text.trimEnd();
}

function reasonsOf({ rejectedByReason }: ResultCase['packets']): { name: string; count: number }[] {
  return Object.entries(rejectedByReason ?? {})
    .map(([name, count]) => ({ name, count }))
    .toSorted((a, b) => b.count - a.count);
}

/** What to say of a case all of whose packets were invalid: nothing was measured. Null for any other. */
export function whollyInvalidText(one: Pick<ResultCase, 'input' | 'packets'>): string | null {
  if (invalidShare(one) !== 1) return null;
  const reasons = reasonsOf(one.packets).map(({ name }) => name);
  return [
    `${one.input.name}: the tracker found every packet invalid (${reasons.length === 0 ? 'no reason noted' : reasons.join(', ')}).`,
    invalidRemedy(one),
    'Nothing was measured that means anything.',
  ]
    .filter((sentence) => sentence !== '')
    .join(' ');
}
