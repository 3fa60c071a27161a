/**
 * Quantiles of times that a clock rounded. A clock that moves in steps of 10 ns gives 560 or 570 for everything in between, so
 * a median taken from the readings is one of few numbers, and a design that is 1 % faster has the same one. The values between
 * two steps are known by their count only, as in any grouped data, and the quantile is interpolated inside the group.
 * Source: linear interpolation in grouped data, e.g. M. G. Kendall and A. Stuart, The Advanced Theory of Statistics, vol. 1,
 * section 2.6.
 */

/** Values from `lowNs` to `highNs` that were counted together. */
export interface CountedBin {
  readonly lowNs: number;
  /** Highest value of the bin, whole nanoseconds. */
  readonly highNs: number;
  readonly count: number;
}

interface Group {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/**
 * Quantiles by linear interpolation inside the clock's step or the histogram's bin, whichever is wider.
 *
 * A time between two readings of a clock with step s is off by less than s, so each quantile of the readings is within s of the
 * true one; interpolation moves it by at most s / 2. Above about 1000 s bins are wider than steps, and the error is
 * the bin's width, at most 10^-digits of the value.
 * @param bins in ascending order
 * @param shares from 0 to 1, ascending
 * @param stepNs of the clock that gave the values, above 0
 * @returns one value per share, in nanoseconds; null when there are no values
 */
export function groupedQuantiles(
  bins: Iterable<CountedBin>,
  shares: readonly number[],
  stepNs: number,
): (number | null)[] {
  const groups = groupsOf(bins, stepNs);
  const total = groups.reduce((sum, group) => sum + group.count, 0);
  if (total === 0) return shares.map(() => null);
  const values: number[] = [];
  let before = 0;
  let at = 0;
  for (const share of shares) {
    const rank = share * total;
    while (at < groups.length - 1 && before + (groups[at] as Group).count < rank) {
      before += (groups[at] as Group).count;
      at++;
    }
    const { from, to, count } = groups[at] as Group;
    values.push(from + Math.min(1, Math.max(0, (rank - before) / count)) * (to - from));
  }
  return values;
}

/** Bins narrower than a step are taken together: their values are one step of the clock, give or take its own rounding. */
function groupsOf(bins: Iterable<CountedBin>, stepNs: number): Group[] {
  const groups: Group[] = [];
  let tick = Number.NaN;
  let end = 0;
  for (const { lowNs, highNs, count } of bins) {
    if (count === 0) continue;
    const widthNs = highNs - lowNs + 1;
    const here = widthNs >= stepNs ? Number.NaN : Math.round((lowNs + widthNs / 2 - 0.5) / stepNs);
    const last = groups.at(-1);
    if (last !== undefined && here === tick) {
      groups[groups.length - 1] = { ...last, count: last.count + count };
      continue;
    }
    tick = here;
    const from = Number.isNaN(here) ? lowNs : (here - 0.5) * stepNs;
    const to = Number.isNaN(here) ? highNs + 1 : (here + 0.5) * stepNs;
    groups.push({ from: Math.max(from, end), to: Math.max(to, end), count });
    end = Math.max(to, end);
  }
  return groups;
}
