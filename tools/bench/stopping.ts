/**
 * Which blocks count, and whether a group needs more of them: more blocks in a matrix of one session, more sessions in one of
 * several. Everything is computed from the trials so far, so a resumed
 * matrix decides as the uninterrupted one would have.
 */
import { normalQuantile } from '../stats/normal.js';
import { mean } from '../stats/sample.js';
import { sessionEstimate } from '../stats/session-estimate.js';
import { detectWarmUp } from '../stats/warm-up.js';
import { primaryMetric } from './metrics.js';
import type { Group } from './matrix-plan.js';
import type { Blocks } from './trial.js';

/** How often a group is repeated. */
export interface RepetitionRule {
  readonly sessions: number;
  /** In each session. */
  readonly trials: number;
  readonly untilPrecision?: number | undefined;
  readonly maxTrials: number;
  readonly confidence: number;
  readonly alpha: number;
}

/** Fewest blocks before a precision may be believed. */
const MIN_PRECISION_TRIALS = 10;
/** Fewest sessions before a precision may be believed: below, one spread in ten is less than a third of what it is. */
const MIN_PRECISION_SESSIONS = 4;
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
  const metric = primaryMetric(group.cells[0]!.rate, blocks);
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

/** The blocks of a session that count. */
export function steadyBlocks(group: Group, blocks: Blocks): Blocks {
  return blocks.slice(groupWarmUp(group, blocks).blocks);
}

/** A session of a group for people; a matrix of one session needs no number. */
export function sessionPlace(group: Group, sessions: number, session: number): string {
  return sessions === 1 ? group.name : `${group.name}, session ${session + 1}`;
}

/** Where a group stands. */
export interface GroupProgress {
  /** Blocks that count, over all sessions. */
  readonly trials: number;
  readonly done: boolean;
  /** Blocks expected in a session; a guess while a precision is sought in one. */
  readonly expected: number;
  /** Worst relative half-width so far; null without a precision to reach or an interval. */
  readonly precision: number | null;
  /** True when the bound on trials ended it before the precision was reached. */
  readonly gaveUp: boolean;
}

/**
 * Decides whether a group is done.
 * @param sessions complete blocks by session
 */
export function groupProgress(
  group: Group,
  sessions: readonly Blocks[],
  rule: RepetitionRule,
): GroupProgress {
  if (rule.sessions > 1) return sessionsProgress(group, sessions, rule);
  const [blocks = []] = sessions;
  if (rule.untilPrecision === undefined && blocks.length < rule.trials) {
    return { trials: blocks.length, done: false, expected: rule.trials, precision: null, gaveUp: false };
  }
  const steady = steadyBlocks(group, blocks);
  const trials = steady.length;
  if (rule.untilPrecision === undefined) {
    // Blocks lost to warming up are made good, within reason.
    const done = trials >= rule.trials || blocks.length >= 2 * rule.trials;
    return { trials, done, expected: Math.max(rule.trials, trials), precision: null, gaveUp: false };
  }
  const target = rule.untilPrecision;
  const least = Math.max(MIN_PRECISION_TRIALS, Math.min(rule.trials, rule.maxTrials));
  const now = precisionOf(group, [steady], rule);
  const expected =
    now === null ? least : Math.min(rule.maxTrials, Math.max(least, Math.ceil(trials * (now / target) ** 2)));
  if (trials >= least && isLook(trials) && now !== null && now <= target) {
    // Two looks in a row: one interval in 200 looks half as wide as it is.
    let before = trials - 1;
    while (!isLook(before)) before--;
    const earlier = precisionOf(group, [steady.slice(0, before)], rule);
    if (earlier !== null && earlier <= target)
      return { trials, done: true, expected: trials, precision: now, gaveUp: false };
  }
  const gaveUp = blocks.length >= rule.maxTrials;
  return { trials, done: gaveUp, expected: Math.max(expected, trials + 1), precision: now, gaveUp };
}

/** Of several sessions: each has its fixed number of blocks, and it is sessions that are added. */
function sessionsProgress(group: Group, all: readonly Blocks[], rule: RepetitionRule): GroupProgress {
  const sessions = all.filter((blocks) => blocks.length >= rule.trials);
  const trials = sessions.reduce((sum, blocks) => sum + steadyBlocks(group, blocks).length, 0);
  const fixed = { trials, expected: rule.trials };
  const target = rule.untilPrecision;
  if (target === undefined) {
    const wanted = group.sessions ?? rule.sessions;
    return { ...fixed, done: sessions.length >= wanted, precision: null, gaveUp: false };
  }
  const steady = sessions.map((blocks) => steadyBlocks(group, blocks));
  const precision = precisionOf(group, steady, rule);
  const least = Math.max(MIN_PRECISION_SESSIONS, rule.sessions);
  if (sessions.length >= least && precision !== null && precision <= target) {
    const earlier = precisionOf(group, steady.slice(0, -1), rule);
    if (earlier !== null && earlier <= target) return { ...fixed, done: true, precision, gaveUp: false };
  }
  const gaveUp = sessions.length >= rule.sessions && (sessions.length + 1) * rule.trials > rule.maxTrials;
  return { ...fixed, done: gaveUp, precision, gaveUp };
}

/** After which numbers of trials the precision is looked at: rarer as one trial more changes less. */
function isLook(trials: number): boolean {
  return trials % Math.max(1, Math.floor(trials / 20)) === 0;
}

/**
 * The worst of: each cell's relative half-width of its median, and each pair's half-width of its ratio, scaled so that at
 * the target a difference of the target's size is found with a probability of 90 %: an interval just as wide as the
 * difference would find it half of the time.
 */
function precisionOf(group: Group, sessions: readonly Blocks[], rule: RepetitionRule): number | null {
  if (sessions.length < 2 && (sessions[0]?.length ?? 0) < 6) return null;
  const metric = primaryMetric(group.cells[0]!.rate, sessions.flat());
  const halfWidth = (logs: readonly (readonly number[])[]): number => {
    const { interval } = sessionEstimate(logs, rule.confidence);
    // Half the width of an interval of logarithms is relative.
    return interval === null ? Infinity : (interval.high - interval.low) / 2;
  };
  const logsOf = new Map<string, number[][]>();
  let worst = 0;
  for (const cell of group.cells) {
    const logs = sessions.map((blocks) => logsIn(blocks, cell.id, metric));
    // A cell without the metric (untimed) has no precision to reach.
    if (logs.some((own, session) => own.length < (sessions[session] as Blocks).length)) continue;
    logsOf.set(cell.id, logs);
    worst = Math.max(worst, halfWidth(logs));
  }
  if (logsOf.size === 0) return null;
  const reach = normalQuantile((1 + rule.confidence) / 2);
  const scale = (normalQuantile(1 - rule.alpha / 2) + normalQuantile(POWER)) / reach;
  for (const pair of group.pairs) {
    const base = logsOf.get(pair.base);
    const head = logsOf.get(pair.head);
    if (pair.kind === 'probes' || base === undefined || head === undefined) continue;
    const differences = base.map((logs, session) =>
      logs.map((log, block) => (head[session] as number[])[block]! - log),
    );
    worst = Math.max(worst, scale * halfWidth(differences));
  }
  return worst;
}

function logsIn(blocks: Blocks, cell: string, metric: string): number[] {
  return blocks.flatMap((block) => {
    const value = block.get(cell)?.[metric];
    return value !== undefined && value > 0 ? [Math.log(value)] : [];
  });
}
