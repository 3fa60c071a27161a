/**
 * The Mann-Whitney U test (Wilcoxon rank-sum): whether two independent samples come from one distribution, using
 * ranks only. It is the test that benchstat makes.
 * Source: H. B. Mann and D. R. Whitney, Ann. Math. Stat. 18 (1947); ties: E. L. Lehmann, Nonparametrics (1975), 1.4.
 */
import { normalUpperTail } from './normal.js';
import { assertSample } from './sample.js';

/** Largest sample, on either side, for which the p-value is exact when no two values are equal. */
const EXACT_LIMIT = 50;
/** The same when some values are equal. */
const EXACT_LIMIT_WITH_TIES = 25;

/** Outcome of a test. */
export interface MannWhitneyResult {
  /** U of the first sample: pairs in which its value is the larger, equal pairs counting half. */
  readonly u: number;
  /** Two-sided p-value. */
  readonly pValue: number;
  readonly method: 'exact' | 'normal';
  /** Whether any two values were equal. */
  readonly ties: boolean;
}

/**
 * Two-sided test.
 *
 * Exact for samples up to {@link EXACT_LIMIT} values without ties and {@link EXACT_LIMIT_WITH_TIES} with (the
 * distribution of the rank sum over all ways to split the pooled values); otherwise the normal approximation with
 * correction for ties and continuity. Exact p-values double the smaller tail, at most 1.
 * @throws RangeError when a sample is empty or not finite
 */
export function mannWhitney(first: ArrayLike<number>, second: ArrayLike<number>): MannWhitneyResult {
  assertSample(first, 'first sample');
  assertSample(second, 'second sample');
  const { doubledRanks, tieSizes } = rank(first, second);
  const n1 = first.length;
  const n2 = second.length;
  let doubledSum = 0;
  for (let i = 0; i < n1; i++) doubledSum += doubledRanks[i] as number;
  const u = (doubledSum - n1 * (n1 + 1)) / 2;
  const ties = tieSizes.some((size) => size > 1);
  const limit = ties ? EXACT_LIMIT_WITH_TIES : EXACT_LIMIT;
  if (Math.max(n1, n2) <= limit) {
    return { u, pValue: exactP(doubledRanks, n1, doubledSum), method: 'exact', ties };
  }
  return { u, pValue: normalP(u, n1, n2, tieSizes), method: 'normal', ties };
}

/** Twice the mid-rank of every pooled value (an integer even for ties), and the sizes of the groups of equal values. */
function rank(first: ArrayLike<number>, second: ArrayLike<number>) {
  const pooled = [...Array.from(first), ...Array.from(second)];
  const order = pooled.map((_, i) => i).toSorted((a, b) => (pooled[a] as number) - (pooled[b] as number));
  const doubledRanks = new Int32Array(pooled.length);
  const tieSizes: number[] = [];
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && pooled[order[end] as number] === pooled[order[start] as number]) end++;
    for (let i = start; i < end; i++) doubledRanks[order[i] as number] = start + 1 + end;
    tieSizes.push(end - start);
    start = end;
  }
  return { doubledRanks, tieSizes };
}

/**
 * Counts the subsets of size n1 by their doubled rank sum: `ways[k][s]` after the first i values is the number of
 * k-subsets of them with sum s. Counts are doubles; they only ever add, so their relative error stays below 1e-13.
 */
function exactP(doubledRanks: Int32Array, n1: number, observed: number): number {
  const n = doubledRanks.length;
  // Choosing the smaller side halves the work; the complement's sum determines the sum.
  const size = Math.min(n1, n - n1);
  const total = doubledRanks.reduce((sum, value) => sum + value, 0);
  const target = size === n1 ? observed : total - observed;
  const largestFirst = doubledRanks.toSorted().toReversed();
  let maxSum = 0;
  for (let i = 0; i < size; i++) maxSum += largestFirst[i] as number;
  const width = maxSum + 1;
  const ways = new Float64Array((size + 1) * width);
  ways[0] = 1;
  for (let i = 0; i < n; i++) {
    const step = doubledRanks[i] as number;
    for (let k = Math.min(size, i + 1); k >= 1; k--) {
      const row = k * width;
      const source = row - width;
      for (let sum = maxSum; sum >= step; sum--) {
        const added = ways[source + sum - step] as number;
        if (added !== 0) ways[row + sum] = (ways[row + sum] as number) + added;
      }
    }
  }
  let atMost = 0;
  let atLeast = 0;
  let all = 0;
  for (let sum = 0; sum <= maxSum; sum++) {
    const count = ways[size * width + sum] as number;
    all += count;
    if (sum <= target) atMost += count;
    if (sum >= target) atLeast += count;
  }
  return Math.min(1, (2 * Math.min(atMost, atLeast)) / all);
}

function normalP(u: number, n1: number, n2: number, tieSizes: readonly number[]): number {
  const n = n1 + n2;
  const tieTerm = tieSizes.reduce((sum, size) => sum + (size ** 3 - size), 0) / (n * (n - 1));
  const variance = ((n1 * n2) / 12) * (n + 1 - tieTerm);
  if (variance <= 0) return 1; // all values equal
  const distance = Math.max(0, Math.abs(u - (n1 * n2) / 2) - 0.5);
  return Math.min(1, 2 * normalUpperTail(distance / Math.sqrt(variance)));
}

/**
 * The smallest two-sided exact p-value that samples of these sizes can give: 2 / C(n1 + n2, n1). When it is above
 * alpha, no data can be significant (benchstat: "need >= 4 samples to detect a difference at alpha level 0.05").
 */
export function smallestPValue(n1: number, n2: number): number {
  let ways = 1;
  for (let i = 1; i <= Math.min(n1, n2); i++) ways *= (n1 + n2 - i + 1) / i;
  return Math.min(1, 2 / ways);
}
