/**
 * The step of a clock: the distance of the readings that it can give, found from the residues of differences.
 *
 * The smallest difference seen is not the step: two reads are at least one read apart, so a clock that moves every 10 ns and
 * takes 50 ns to read never shows less than 50. What shows the step is that all differences are multiples of it.
 *
 * Those of readings in a row lie close together: 242, 253, 264 and 275 are multiples of 11, and of 11.5 to within a nanosecond.
 * Differences between readings that lie several reads apart are many more multiples, which a wrong step cannot all meet.
 */

/** Differences above this quantile are left out: over a long one the rounding of the step adds up. */
const KEPT_SHARE = 0.9;
/** So many of the differences must lie on the lattice; the others may be readings that were interrupted. */
const ON_LATTICE_SHARE = 0.95;
/** A step that fits as well has as many on its lattice, but for so many by chance. */
const AS_MANY_SHARE = 0.01;
/** A wrong step has about a quarter of the differences near its multiples; one that has fewer than this of a few is not tried on all. */
const PROMISING_SHARE = 0.8;
const SAMPLE_COUNT = 256;
/** Steps tried: the most frequent difference divided by 1, 2, ... so many. */
const MOST_DIVISORS = 4000;
/** A clock that counts in whole nanoseconds rounds each reading, so a difference may be 1 off; and the step tried a little. */
const ROUNDING_NS = 1.25;
/** Nothing finer is looked for: it is the unit of the clocks there are. */
const FINEST_NS = 1;

/**
 * The step of which (nearly) all differences are multiples, to the rounding of the clock's unit; 1 ns when there is none. Of
 * several it is the one that fits best for its size, and of those that fit as well the largest. Differences must be above 0 and
 * should differ among each other: where all are equal, they do not show the step.
 * @param ascendingNs differences between readings in a row that differ, sorted
 * @param spansNs sorted differences of readings up to several reads apart, those in a row included
 */
export function latticeStep(ascendingNs: ArrayLike<number>, spansNs: ArrayLike<number>): number {
  const usual = mostFrequent(countKept(ascendingNs));
  const weighted = countKept(spansNs);
  const few = sampleOf(weighted);
  const found: { step: number; misfit: number; onLatticeShare: number }[] = [];
  for (let divisor = 1; divisor <= MOST_DIVISORS && usual / divisor >= 2 * FINEST_NS; divisor++) {
    const near = refined(few, usual / divisor, usual);
    if (fitOf(few, near).onLatticeShare < PROMISING_SHARE) continue;
    const step = refined(weighted, near, usual);
    const { onLatticeShare, misfit } = fitOf(weighted, step);
    if (onLatticeShare >= ON_LATTICE_SHARE) found.push({ step, misfit, onLatticeShare });
  }
  // Steps of 1 ns and less fit everything that a clock of whole nanoseconds can say.
  if (found.length === 0) return Math.min(FINEST_NS, usual);
  const best = Math.min(...found.map(({ misfit }) => misfit));
  const most = Math.max(...found.map(({ onLatticeShare }) => onLatticeShare));
  const close = found.filter(
    ({ misfit, onLatticeShare }) =>
      misfit <= Math.max(best * 1.25, 0.005) && onLatticeShare >= most - AS_MANY_SHARE,
  );
  return Number(Math.max(...close.map(({ step }) => step)).toPrecision(4));
}

/** Differences, each once and ascending, and how often each came. Arrays, because they are gone through a hundred times. */
interface Weighted {
  readonly values: Float64Array;
  readonly weights: Float64Array;
}

/** How often each difference came, the longest left out. */
function countKept(ascendingNs: ArrayLike<number>): Weighted {
  const kept = Math.max(1, Math.floor(ascendingNs.length * KEPT_SHARE));
  const values = new Float64Array(kept);
  const weights = new Float64Array(kept);
  let count = 0;
  for (let i = 0; i < kept; i++) {
    const value = ascendingNs[i] as number;
    if (count === 0 || values[count - 1] !== value) values[count++] = value;
    weights[count - 1] = (weights[count - 1] as number) + 1;
  }
  return { values: values.subarray(0, count), weights: weights.subarray(0, count) };
}

/** Of several that came as often, the shortest. */
function mostFrequent({ values, weights }: Weighted): number {
  let most = 0;
  for (let i = 1; i < weights.length; i++) {
    if ((weights[i] as number) > (weights[most] as number)) most = i;
  }
  return values[most] as number;
}

/** Some of the differences, evenly from the shortest to the longest. */
function sampleOf(all: Weighted): Weighted {
  const every = Math.ceil(all.values.length / SAMPLE_COUNT);
  if (every <= 1) return all;
  const chosen = (_value: number, at: number): boolean => at % every === 0;
  return { values: all.values.filter(chosen), weights: all.weights.filter(chosen) };
}

/** Differences that the step is found from first, in times the usual one; then twice as long ones, and so on. */
const FIRST_TIMES = 1.5;

/**
 * The step that fits best when each difference is the multiple that it is closest to. Longer differences come in as the step gets better: before
 * that they seem to be other multiples than they are.
 */
function refined({ values, weights }: Weighted, first: number, usual: number): number {
  let step = first;
  const longest = values.at(-1) ?? 0;
  let isWhole = false;
  for (let upTo = FIRST_TIMES * usual; !isWhole; upTo *= 2) {
    // All of them twice.
    isWhole = upTo >= 2 * longest;
    let sum = 0;
    let multiples = 0;
    for (let at = 0; at < values.length; at++) {
      const value = values[at] as number;
      if (value > upTo) break;
      const weight = weights[at] as number;
      sum += value * weight;
      multiples += Math.round(value / step) * weight;
    }
    if (multiples > 0) step = sum / multiples;
  }
  return step;
}

/** The share of the differences that lie on the lattice, and how far these are off it, as a share of the step (root mean square). */
function fitOf({ values, weights }: Weighted, step: number): { onLatticeShare: number; misfit: number } {
  // With a fine step everything would be near a multiple: near then means less.
  const tolerance = Math.min(ROUNDING_NS, step / 8);
  let onLattice = 0;
  let squares = 0;
  let all = 0;
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as number;
    const weight = weights[at] as number;
    const residue = Math.abs(value - step * Math.round(value / step));
    if (residue <= tolerance) onLattice += weight;
    // What lies off the lattice counts as well: else the step that leaves out what does not suit it would fit best.
    squares += Math.min(residue, tolerance) ** 2 * weight;
    all += weight;
  }
  return {
    onLatticeShare: onLattice / Math.max(all, 1),
    misfit: Math.sqrt(squares / Math.max(all, 1)) / step,
  };
}
