/** What is said first of a result whose packets were largely rejected: its figures are of rejecting them. */
import { invalidRemedy, invalidShare, reasonsOf } from '../result/rejected-input.js';
import type { Result, ResultCase } from '../result/schema.js';
import { formatShare } from '../text/quantities.js';

/** Share of invalid packets above which it is a headline. */
const LARGE_SHARE = 0.1;
const MOST_REASONS = 3;

/**
 * One sentence about the case with the largest share, and what to do; null when no large share is invalid. Where only some designs
 * found packets of an input invalid, that is a difference between them, and said as one (verdict-evidence.ts).
 */
export function invalidHeadline({ cases }: Pick<Result, 'cases'>): string | null {
  const byInput = new Map<string, ResultCase[]>();
  for (const entry of cases) byInput.set(entry.input.name, [...(byInput.get(entry.input.name) ?? []), entry]);
  const worst = [...byInput.values()]
    .filter((own) => own.every((entry) => invalidShare(entry) > LARGE_SHARE))
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
