/**
 * Wilcoxon's signed-rank test: whether the differences of pairs lie around 0.
 *
 * It is the rank test for trials that ran in blocks. With the order drawn by lot within each block, a design that is no
 * different is as often ahead as behind in a block, whatever the machine did over time: the level holds under drift, and what a
 * block has in common cancels. (The Mann-Whitney test takes all trials as independent.)
 * Source: E. L. Lehmann, Nonparametrics: Statistical Methods Based on Ranks (1975), chapter 3.
 */
import { normalCdf } from './normal.js';
import { assertSample } from './sample.js';

/** Up to this many differences the distribution is enumerated, ties included; beyond, it is normal for all purposes. */
const EXACT_LIMIT = 200;

/** Result of {@link signedRank}. */
export interface SignedRankResult {
  /** Sum of the ranks of positive differences. */
  readonly positiveRankSum: number;
  /** Differences that are not 0; those that are say nothing. */
  readonly n: number;
  /** Two-sided. */
  readonly pValue: number;
}

/**
 * Tests differences against 0.
 * @throws RangeError when there is none or one is not finite
 */
export function signedRank(differences: readonly number[]): SignedRankResult {
  assertSample(differences, 'differences');
  const nonZero = differences.filter((difference) => difference !== 0);
  const n = nonZero.length;
  if (n === 0) return { positiveRankSum: 0, n: 0, pValue: 1 };
  const doubled = doubledRanks(nonZero.map(Math.abs));
  const doubledSum = nonZero.reduce(
    (sum, difference, i) => sum + (difference > 0 ? (doubled[i] as number) : 0),
    0,
  );
  const pValue = n <= EXACT_LIMIT ? exactP(doubled, doubledSum) : normalP(doubled, doubledSum);
  return { positiveRankSum: doubledSum / 2, n, pValue };
}

/** Smallest two-sided p-value that n pairs can give. */
export function smallestSignedRankP(n: number): number {
  return Math.min(1, 2 ** (1 - n));
}

/** Ranks times two, so that midranks of ties are whole. */
function doubledRanks(sizes: readonly number[]): number[] {
  const order = sizes.map((_, i) => i).toSorted((a, b) => (sizes[a] as number) - (sizes[b] as number));
  const ranks = Array.from(sizes, () => 0);
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end + 1 < order.length && sizes[order[end + 1] as number] === sizes[order[start] as number]) end++;
    for (let i = start; i <= end; i++) ranks[order[i] as number] = start + end + 2;
    start = end + 1;
  }
  return ranks;
}

/** Share of all 2^n assignments of signs whose rank sum is at least as far from the middle. */
function exactP(doubled: readonly number[], observed: number): number {
  const total = doubled.reduce((sum, rank) => sum + rank, 0);
  let chance = new Float64Array(total + 1);
  chance[0] = 1;
  let reach = 0;
  for (const rank of doubled) {
    const next = new Float64Array(total + 1);
    for (let sum = 0; sum <= reach; sum++) {
      const half = (chance[sum] as number) / 2;
      next[sum] = (next[sum] as number) + half;
      next[sum + rank] = (next[sum + rank] as number) + half;
    }
    reach += rank;
    chance = next;
  }
  const lower = Math.min(observed, total - observed);
  let tail = 0;
  for (let sum = 0; sum <= lower; sum++) tail += chance[sum] as number;
  return Math.min(1, 2 * tail);
}

function normalP(doubled: readonly number[], observed: number): number {
  const total = doubled.reduce((sum, rank) => sum + rank, 0);
  const variance = doubled.reduce((sum, rank) => sum + rank * rank, 0) / 4;
  // One doubled step of continuity correction.
  const distance = Math.max(0, Math.abs(observed - total / 2) - 1);
  return Math.min(1, 2 * normalCdf(-distance / Math.sqrt(variance)));
}
