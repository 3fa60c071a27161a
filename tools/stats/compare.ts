/**
 * Two samples side by side, as benchstat prints them: `-17.20%` with `p=0.000 n=10`, or `~` when the difference is
 * not significant.
 */
import { mannWhitney, smallestPValue, type MannWhitneyResult } from './mann-whitney.js';
import { geometricMean, median } from './sample.js';

/** A comparison of head with base. */
export interface BenchComparison {
  readonly baseMedian: number;
  readonly headMedian: number;
  /** (head / base - 1) x 100; null when the base median is 0. */
  readonly deltaPercent: number | null;
  readonly pValue: number;
  readonly method: MannWhitneyResult['method'];
  /** Trials of base and head. */
  readonly n: { readonly base: number; readonly head: number };
  readonly alpha: number;
  readonly significant: boolean;
  /** `-17.20%`, `+3.05%`, `~`, or `?` where a significant difference has no percentage (base median 0). */
  readonly text: string;
  /** `p=0.002 n=10`, or `p=0.841 n=9+10` for unequal sizes. */
  readonly detail: string;
  /** Why the comparison cannot say more, with what to do; null when there is nothing to add. */
  readonly note: string | null;
}

/**
 * Compares two samples of one metric by medians and the Mann-Whitney test.
 * @param alpha significance level, default 0.05
 * @throws RangeError when a sample is empty or not finite, or alpha is not between 0 and 1
 */
export function compareSamples(
  base: ArrayLike<number>,
  head: ArrayLike<number>,
  { alpha = 0.05 }: { readonly alpha?: number } = {},
): BenchComparison {
  if (!(alpha > 0 && alpha < 1)) throw new RangeError(`alpha ${alpha} is not between 0 and 1; 0.05 is usual`);
  const test = mannWhitney(base, head);
  const baseMedian = median(base);
  const headMedian = median(head);
  const deltaPercent = baseMedian === 0 ? null : (headMedian / baseMedian - 1) * 100;
  const significant = test.pValue < alpha;
  const n = { base: base.length, head: head.length };
  return {
    baseMedian,
    headMedian,
    deltaPercent,
    pValue: test.pValue,
    method: test.method,
    n,
    alpha,
    significant,
    text: significant ? formatDelta(deltaPercent) : '~',
    detail: formatDetail(test.pValue, n),
    note: noteFor(base, head, alpha),
  };
}

/** A percentage as benchstat writes it: sign, two decimals. `?` for null. */
export function formatDelta(deltaPercent: number | null): string {
  if (deltaPercent === null) return '?';
  const text = deltaPercent.toFixed(2);
  return `${text.startsWith('-') ? '' : '+'}${text}%`;
}

/** `p=0.002 n=10`. */
export function formatDetail(pValue: number, n: BenchComparison['n']): string {
  return `p=${pValue.toFixed(3)} n=${n.base === n.head ? n.base : `${n.base}+${n.head}`}`;
}

function noteFor(base: ArrayLike<number>, head: ArrayLike<number>, alpha: number): string | null {
  if (smallestPValue(base.length, head.length) >= alpha) {
    let needed = 1;
    while (smallestPValue(needed, needed) >= alpha) needed++;
    return `need >= ${needed} trials on each side to detect a difference at alpha level ${alpha}`;
  }
  const values = new Set([...Array.from(base), ...Array.from(head)]);
  return values.size === 1 ? 'all values are equal' : null;
}

/** The `geomean` row over several comparisons: the geometric mean of the ratios, and its text. */
export interface GeomeanRow {
  /** Geometric mean of head / base. */
  readonly ratio: number;
  readonly deltaPercent: number;
  readonly text: string;
  /** Rows that took part: those with both medians above 0. */
  readonly count: number;
}

/** @returns null when no row has both medians above 0 */
export function geomeanRow(
  rows: readonly Pick<BenchComparison, 'baseMedian' | 'headMedian'>[],
): GeomeanRow | null {
  const ratios = rows
    .filter((row) => row.baseMedian > 0 && row.headMedian > 0)
    .map((row) => row.headMedian / row.baseMedian);
  if (ratios.length === 0) return null;
  const ratio = geometricMean(ratios);
  const deltaPercent = (ratio - 1) * 100;
  return { ratio, deltaPercent, text: formatDelta(deltaPercent), count: ratios.length };
}
