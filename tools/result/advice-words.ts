/** How the figures that designs are chosen by are called and written, in sentences and tables. */
import { formatBytes, formatShare } from '../text/quantities.js';
import { metricOf } from './comparisons.js';
import type { CriterionName } from './schema.js';

/** Of criteria that no metric stands behind. */
const WORDS: Readonly<Record<CriterionName, string>> = {
  outcome: 'packets turned away',
  throughput: 'throughput',
  tail: 'p99 time',
  lag: 'p99 expiration lag',
  cpu: 'sweeper CPU',
  memory: 'bytes per connection',
};

/** What a criterion is called in the middle of a sentence, where this metric stands behind it. */
export function criterionWords(criterion: CriterionName, metric: string | undefined): string {
  return metric === undefined ? WORDS[criterion] : metricOf({ metric }).words;
}

/** A value of a criterion as people read it. */
export function criterionValue(
  criterion: CriterionName,
  metric: string | undefined,
  value: number | null | undefined,
): string {
  if (criterion === 'outcome') return formatShare(value);
  if (criterion === 'memory') return formatBytes(value);
  return metricOf({ metric: metric ?? '' }).format(value);
}
