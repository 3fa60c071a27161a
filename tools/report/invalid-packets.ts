/** What is said first of a result whose packets were largely rejected: its figures are of rejecting them. */
import { CHECKSUM_REMEDY } from '../measure/warnings.js';
import { formatShare } from './quantities.js';
import type { Result, ResultCase } from './schema.js';

/** Share of invalid packets above which it is a headline. */
const LARGE_SHARE = 0.1;
const MOST_REASONS = 3;

/** Share of a case's packets that the tracker found invalid. */
export function invalidShare({ packets }: ResultCase): number {
  const invalid = Object.entries(packets.verdicts)
    .filter(([state]) => state.split('|').includes('inv'))
    .reduce((sum, [, count]) => sum + count, 0);
  return packets.injected === 0 ? 0 : invalid / packets.injected;
}

/** One sentence about the case with the largest share, and what to do; null when no large share is invalid. */
export function invalidHeadline({ cases }: Result): string | null {
  const worst = cases.toSorted((a, b) => invalidShare(b) - invalidShare(a))[0];
  if (worst === undefined || invalidShare(worst) <= LARGE_SHARE) return null;
  const reasons = Object.entries(worst.packets.rejectedByReason ?? {})
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, MOST_REASONS);
  const because =
    reasons.length === 0 ? '' : ` (${reasons.map(([name, count]) => `${name} ${count}`).join(', ')})`;
  const remedy =
    reasons[0]?.[0].endsWith('-checksum') === true
      ? ` ${CHECKSUM_REMEDY}`
      : " 'ctreplay info' tells what the capture holds.";
  return (
    `${formatShare(invalidShare(worst))} of the packets were found invalid${because}: the figures are of rejecting them as much as of ` +
    `tracking.${remedy}`
  );
}
