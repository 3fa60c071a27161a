/**
 * Which blocks count, and whether a group needs more of them. Everything is computed from the trials so far, so a resumed
 * matrix decides as the uninterrupted one would have.
 */
import { relativeHalfWidth } from '../stats/interval.js';
import { normalQuantile } from '../stats/normal.js';
import { pairedRatio } from '../stats/ratio.js';
import { mean } from '../stats/sample.js';
import { precisionState } from '../stats/trial-count.js';
import { detectWarmUp } from '../stats/warm-up.js';
import { Random } from '../synth/random.js';
import { primaryMetric } from './metrics.js';
import type { Group } from './plan.js';
import type { Blocks } from './trial.js';

/** How often a group is repeated. */
export interface RepetitionRule {
  readonly trials: number;
  readonly untilPrecision?: number | undefined;
  readonly maxTrials: number;
  readonly confidence: number;
  readonly alpha: number;
  readonly resamples: number;
  readonly seed: number;
}

/** Fewest blocks before a precision may be believed. */
const MIN_PRECISION_TRIALS = 10;
/** Levels that differ by less are one level. */
const LEVEL_TOLERANCE = 0.02;
/** Probability with which a difference of the size of the precision is to be found. */
const POWER = 0.9;

/** How a group's blocks begin. */
export interface GroupWarmUp {
  /** Blocks at the start that do not count. */
  readonly blocks: number;
  /** `unsteady`: the level still changed near the end; then every block counts. */
  readonly state: 'steady' | 'warm-up' | 'unsteady';
}

/**
 * Finds blocks that the machine was still warming up in. Looks at the level of whole blocks, over all their cells, and
 * drops whole blocks: what is dropped cannot depend on which design was ahead.
 */
export function groupWarmUp(group: Group, blocks: Blocks): GroupWarmUp {
  const metric = primaryMetric(group.cells[0]!.rate);
  const levels: number[] = [];
  for (const block of blocks) {
    const logs: number[] = [];
    for (const values of block.values()) {
      const value = values[metric];
      if (value !== undefined && value > 0) logs.push(Math.log(value));
    }
    if (logs.length === 0) return { blocks: 0, state: 'steady' };
    levels.push(Math.exp(mean(logs)));
  }
  if (levels.length < 8) return { blocks: 0, state: 'steady' };
  const found = detectWarmUp(levels, { minLength: 2, tolerance: LEVEL_TOLERANCE, minSteadyShare: 0.5 });
  if (found.steadyFrom === null) return { blocks: 0, state: 'unsteady' };
  return found.steadyFrom === 0
    ? { blocks: 0, state: 'steady' }
    : { blocks: found.steadyFrom, state: 'warm-up' };
}

/** The blocks that count. */
export function steadyBlocks(group: Group, blocks: Blocks): Blocks {
  return blocks.slice(groupWarmUp(group, blocks).blocks);
}

/** Where a group stands. */
export interface GroupProgress {
  /** Blocks that count. */
  readonly trials: number;
  readonly done: boolean;
  /** Blocks expected in all; a guess while a precision is sought. */
  readonly expected: number;
  /** Worst relative half-width so far; null without a precision to reach or an interval. */
  readonly precision: number | null;
  /** True when the bound on trials ended it before the precision was reached. */
  readonly gaveUp: boolean;
}

/** Decides whether a group is done. */
export function groupProgress(group: Group, blocks: Blocks, rule: RepetitionRule): GroupProgress {
  const steady = steadyBlocks(group, blocks);
  const trials = steady.length;
  if (rule.untilPrecision === undefined) {
    // Blocks lost to warming up are made good, within reason.
    const done = trials >= rule.trials || blocks.length >= 2 * rule.trials;
    return { trials, done, expected: Math.max(rule.trials, trials), precision: null, gaveUp: false };
  }
  const target = rule.untilPrecision;
  const least = Math.max(MIN_PRECISION_TRIALS, Math.min(rule.trials, rule.maxTrials));
  const now = precisionOf(group, steady, rule);
  const expected =
    now === null ? least : Math.min(rule.maxTrials, Math.max(least, Math.ceil(trials * (now / target) ** 2)));
  if (trials >= least && now !== null && now <= target) {
    // Two looks in a row: one interval in 200 looks half as wide as it is.
    const before = precisionOf(group, steady.slice(0, -1), rule);
    if (before !== null && before <= target)
      return { trials, done: true, expected: trials, precision: now, gaveUp: false };
  }
  const gaveUp = blocks.length >= rule.maxTrials;
  return { trials, done: gaveUp, expected: Math.max(expected, trials + 1), precision: now, gaveUp };
}

/**
 * The worst of: each cell's relative half-width of its median, and each pair's half-width of its ratio, scaled so that at
 * the target a difference of the target's size is found with a probability of 90 %: an interval just as wide as the
 * difference would find it half of the time.
 */
function precisionOf(group: Group, blocks: Blocks, rule: RepetitionRule): number | null {
  if (blocks.length < 6) return null;
  const metric = primaryMetric(group.cells[0]!.rate);
  const options = { confidence: rule.confidence, resamples: rule.resamples };
  const random = (what: string): Random => new Random(rule.seed).derive(`precision ${group.index} ${what}`);
  const series = (id: string): number[] =>
    blocks.flatMap((block) => {
      const value = block.get(id)?.[metric];
      return value !== undefined && value > 0 ? [value] : [];
    });
  let worst: number | null = null;
  const take = (halfWidth: number | null): void => {
    if (halfWidth !== null) worst = Math.max(worst ?? 0, halfWidth);
  };
  for (const cell of group.cells) {
    const values = series(cell.id);
    if (values.length < 6) return null;
    take(
      precisionState(values, rule.untilPrecision ?? 1, { ...options, random: random(cell.id) })
        .relativeHalfWidth,
    );
  }
  const reach = normalQuantile((1 + rule.confidence) / 2);
  const scale = (normalQuantile(1 - rule.alpha / 2) + normalQuantile(POWER)) / reach;
  for (const pair of group.pairs) {
    if (pair.kind === 'probes') continue;
    const base = series(pair.base);
    const head = series(pair.head);
    const pairs = base.map((value, i) => ({ base: [value], head: [head[i] as number] }));
    const { value, interval } = pairedRatio(pairs, { ...options, random: random(pair.head) });
    take(interval === null ? null : (relativeHalfWidth(value, interval) ?? 0) * scale);
  }
  return worst;
}
