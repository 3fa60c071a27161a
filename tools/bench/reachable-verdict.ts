/** Whether a matrix can come to a verdict at all: known before it runs, from numbers of trials and comparisons alone. */
import { smallestSignedRankP } from '../stats/signed-rank.js';
import { latencyOf, MatrixError, type MatrixSpec } from './matrix-spec.js';
import type { Group } from './matrix-plan.js';

/** Figures by which two designs are compared in a group at the most (tools/bench/metrics.ts): with times, without, and of the bare build. */
function figuresOf(spec: MatrixSpec): number {
  if (latencyOf(spec).mode !== 'off') return 7;
  return spec.build === 'bare' ? 1 : 3;
}

/**
 * Refuses a matrix none of whose comparisons could be a difference: of one session with so few trials that the signed-rank test's
 * smallest p-value, after Holm's correction, is not below alpha. Several sessions have no such bound. A single trial is let
 * through: nobody takes it for a comparison, and it says so.
 * @throws MatrixError saying how many trials, or sessions, would do
 */
export function requireReachableVerdict(spec: MatrixSpec, groups: readonly Group[]): void {
  if (spec.sessions > 1 || spec.untilPrecision !== undefined || spec.trials === 1) return;
  const pairs = groups.reduce(
    (sum, group) => sum + group.pairs.filter(({ kind }) => kind === 'designs').length,
    0,
  );
  if (pairs === 0) return;
  // Holm's correction asks this of the smallest p-value of the family.
  const comparisons = pairs * figuresOf(spec);
  const canReach = (trials: number): boolean => smallestSignedRankP(trials) * comparisons < spec.alpha;
  if (canReach(spec.trials)) return;
  let needed = spec.trials;
  while (!canReach(needed)) needed++;
  throw new MatrixError(
    `${spec.trials} trials in one session cannot show a difference: there are about ${comparisons} comparisons, and by the signed-rank test ` +
      `that takes ${needed} trials. Give --trials ${needed}, or several sessions (--sessions 5), where few trials do; --trials 1 measures without comparing`,
  );
}
