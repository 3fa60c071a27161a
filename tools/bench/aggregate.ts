/** From trials to what a matrix says: a summary per cell, a comparison per pair, and geometric means over groups. */
import { formatDelta, geomeanText } from '../stats/compare.js';
import { adjustWithin, isDifference } from '../stats/finding.js';
import { countOutliers } from '../stats/outliers.js';
import { coefficientOfVariation, mean } from '../stats/sample.js';
import {
  mapInterval,
  positiveEstimate,
  sessionEstimate,
  sessionTest,
  type SessionEstimate,
} from '../stats/session-estimate.js';
import { smallestSignedRankP } from '../stats/signed-rank.js';
import type { CellSummary, Comparison } from '../result/schema.js';
import { comparedByDefault, METRICS, metricSpec, type IsCompared } from './metrics.js';
import type { Cell, Group, Pair } from './matrix-plan.js';
import { withheldComparison } from './tail-rule.js';
import { steadyBlocks, type RepetitionRule } from './stopping.js';
import type { Blocks } from './trial.js';

/** A comparison of a matrix: what a report shows, and how it was made. */
export interface MatrixComparison extends Comparison {
  readonly kind: Pair['kind'];
  readonly test: 'wilcoxon-signed-rank' | 'session-t';
  /** Why it cannot say more; null when there is nothing to add. */
  readonly note: string | null;
}

/** One line over all groups: how head stands to base in one metric. */
export interface GeomeanLine {
  readonly base: string;
  readonly head: string;
  readonly metric: string;
  /** Geometric mean of head / base over the groups. */
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  readonly confidence: number;
  readonly groups: number;
  readonly sessions: number;
  readonly text: string;
}

/** A group with its complete blocks by session. */
export interface MeasuredGroup {
  readonly group: Group;
  readonly sessions: readonly Blocks[];
}

function steadySessions({ group, sessions }: MeasuredGroup): Blocks[] {
  return sessions.map((blocks) => steadyBlocks(group, blocks));
}

/** Metrics that appear in the trials of a cell, known ones first. */
function metricsIn(sessions: readonly Blocks[], cell: string): string[] {
  const found = new Set<string>();
  for (const block of sessions.flat()) for (const name of Object.keys(block.get(cell) ?? {})) found.add(name);
  const known = METRICS.map((metric) => metric.name).filter((name) => found.has(name));
  return [...known, ...[...found].filter((name) => !known.includes(name)).toSorted()];
}

/** Summaries of every cell of a group, one per metric. Outliers are counted and kept. */
export function summarise(measured: MeasuredGroup, rule: RepetitionRule): CellSummary[] {
  const steady = steadySessions(measured);
  return measured.group.cells.flatMap((cell) =>
    metricsIn(steady, cell.id).map((metric) => summary(cell, metric, steady, rule)),
  );
}

function summary(cell: Cell, metric: string, steady: readonly Blocks[], rule: RepetitionRule): CellSummary {
  const sessions = steady
    .map((blocks) => seriesOf(blocks, cell.id, metric))
    .filter((values) => values.length > 0);
  const values = sessions.flat();
  const { value, interval, medians } = typical(sessions, rule.confidence);
  const { unit, direction } = metricSpec(metric);
  return {
    id: cell.id,
    metric,
    unit,
    direction,
    n: values.length,
    sessions: sessions.length,
    values,
    sessionMedians: [...medians],
    median: value,
    low: interval?.low ?? null,
    high: interval?.high ?? null,
    confidence: interval?.confidence ?? null,
    cv: coefficientOfVariation(values),
    outliers: countOutliers(values),
  };
}

/** Typical value of a figure that is never negative: by factors where all values are above 0. */
function typical(sessions: readonly (readonly number[])[], confidence: number): SessionEstimate {
  if (sessions.flat().every((value) => value > 0)) return positiveEstimate(sessions, confidence);
  const plain = sessionEstimate(sessions, confidence);
  return { ...plain, interval: mapInterval(plain.interval, (end) => Math.max(0, end)) };
}

function seriesOf(blocks: Blocks, cell: string, metric: string): number[] {
  return blocks.flatMap((block) => {
    const value = block.get(cell)?.[metric];
    return value === undefined ? [] : [value];
  });
}

/**
 * Comparisons of every pair of every group, by every metric that both sides have. Significance is after Holm's correction
 * over the whole matrix, for designs, controls and the cost of probes each by themselves.
 * @param isCompared absent = the figures that every matrix compares
 */
export function compareMatrix(
  measured: readonly MeasuredGroup[],
  rule: RepetitionRule,
  isCompared: IsCompared = comparedByDefault,
): MatrixComparison[] {
  return adjustMatrix(measured.flatMap((measurement) => compareGroup(measurement, rule, isCompared)));
}

/** Comparisons with their verdicts after the correction over all of them. */
export function adjustMatrix(comparisons: readonly MatrixComparison[]): MatrixComparison[] {
  // What is withheld was not tested.
  const tested = comparisons.flatMap((comparison) =>
    typeof comparison.pValue === 'number' ? [{ comparison, pValue: comparison.pValue }] : [],
  );
  const adjusted = adjustWithin(tested, ({ comparison }) => comparison.kind);
  const found = new Map(tested.map(({ comparison }, index) => [comparison, adjusted[index] as number]));
  return comparisons.map((comparison) => {
    const adjustedP = found.get(comparison);
    return adjustedP === undefined ? comparison : judged(comparison, adjustedP);
  });
}

function compareGroup(
  measured: MeasuredGroup,
  rule: RepetitionRule,
  isCompared: IsCompared,
): MatrixComparison[] {
  const steady = steadySessions(measured);
  const { pairs, cells } = measured.group;
  return pairs.flatMap((pair) =>
    metricsIn(steady, pair.base)
      .filter((metric) => isCompared(metric, cells[0]!.rate))
      .flatMap((metric) => comparePair(pair, metric, steady, rule, cells[0]!.rate.mode === 'topspeed') ?? []),
  );
}

/** Values of a metric on both sides of a pair, in one block. */
interface BothSides {
  readonly base: number;
  readonly head: number;
}

/** Values of both sides of a pair in a block; null where one is missing. */
function bothSides(
  block: Blocks[number],
  pair: Pick<Pair, 'base' | 'head'>,
  metric: string,
): BothSides | null {
  const base = block.get(pair.base)?.[metric];
  const head = block.get(pair.head)?.[metric];
  return base === undefined || head === undefined ? null : { base, head };
}

function hasRatio({ base, head }: BothSides): boolean {
  return base > 0 && head > 0;
}

/** Why blocks without a ratio keep a pair from being compared: by the others alone it would look more equal than it is. */
function ratiolessNote(sessions: readonly (readonly BothSides[])[]): string | null {
  const blocks = sessions.flat();
  const without = blocks.filter((both) => !hasRatio(both)).length;
  if (without === 0) return null;
  return `in ${without} of ${blocks.length} trials it is 0 on a side, and there is no ratio to 0; look at the values of both`;
}

/** Compares the trials of one pair block by block; null where no block has the metric on both sides. */
function comparePair(
  pair: Pair,
  metric: string,
  steady: readonly Blocks[],
  rule: RepetitionRule,
  topSpeed: boolean,
): MatrixComparison | null {
  const sessions = steady
    .map((blocks) => blocks.flatMap((block) => bothSides(block, pair, metric) ?? []))
    .filter((blocks) => blocks.length > 0);
  if (sessions.length === 0) return null;
  const withheld =
    withheldComparison(metric, [pair.base, pair.head], steady.flat(), topSpeed) ?? ratiolessNote(sessions);
  if (withheld !== null) return withheldRow(pair, metric, sessions, rule, withheld);
  const logs = sessions.map((blocks) => blocks.map(({ base, head }) => Math.log(head / base)));
  const { value, interval, medians, trials } = sessionEstimate(logs, rule.confidence);
  const { pValue, smallestP, test } = sessionTest(logs);
  const side = (pick: (both: BothSides) => number): number =>
    positiveEstimate(sessions.map((blocks) => blocks.map(pick))).value;
  const { unit, direction } = metricSpec(metric);
  return {
    base: pair.base,
    head: pair.head,
    metric,
    unit,
    direction,
    baseMedian: side(({ base }) => base),
    headMedian: side(({ head }) => head),
    ratio: Math.exp(value),
    low: interval === null ? null : Math.exp(interval.low),
    high: interval === null ? null : Math.exp(interval.high),
    confidence: interval?.confidence ?? null,
    pValue,
    adjustedP: pValue,
    alpha: rule.alpha,
    n: trials,
    sessions: sessions.length,
    sessionRatios: medians.map(Math.exp),
    significant: false,
    control: pair.kind === 'control',
    text: '~',
    kind: pair.kind,
    test,
    note: smallestP < rule.alpha ? null : tooFewText(trials, rule.alpha),
  };
}

/** The verdict, by the one rule of finding.ts, with what the whole matrix leaves of the p-value. */
function judged(comparison: MatrixComparison, adjustedP: number): MatrixComparison {
  const { alpha, low, high, ratio } = comparison;
  const significant = isDifference({
    adjustedP,
    alpha: alpha as number,
    low: low ?? null,
    high: high ?? null,
  });
  return {
    ...comparison,
    adjustedP,
    significant,
    text: significant ? formatDelta(((ratio as number) - 1) * 100) : '~',
  };
}

/** A comparison that says only why it says nothing. */
function withheldRow(
  pair: Pair,
  metric: string,
  sessions: readonly (readonly unknown[])[],
  rule: RepetitionRule,
  reason: string,
): MatrixComparison {
  const { unit, direction } = metricSpec(metric);
  return {
    base: pair.base,
    head: pair.head,
    metric,
    unit,
    direction,
    alpha: rule.alpha,
    n: sessions.flat().length,
    sessions: sessions.length,
    significant: false,
    control: pair.kind === 'control',
    text: '~',
    kind: pair.kind,
    test: sessions.length > 1 ? 'session-t' : 'wilcoxon-signed-rank',
    note: reason,
  };
}

function tooFewText(trials: number, alpha: number): string {
  let needed = trials;
  while (smallestSignedRankP(needed) >= alpha) needed++;
  return `need >= ${needed} trials to detect a difference at alpha level ${alpha}`;
}

/**
 * Geometric means of the ratios between designs over all groups, per metric: taken block by block over the groups, then like
 * any ratio, so that their intervals hold in the same way. Where there would be no interval of the confidence asked for,
 * there is no line.
 */
export function geomeans(measured: readonly MeasuredGroup[], rule: RepetitionRule): GeomeanLine[] {
  const rows = new Map<string, { base: string; head: string; metric: string; groups: number[][][] }>();
  for (const measurement of measured) {
    const steady = steadySessions(measurement);
    const designOf = new Map(measurement.group.cells.map((cell) => [cell.id, cell.design]));
    const rate = measurement.group.cells[0]!.rate;
    for (const pair of measurement.group.pairs) {
      if (pair.kind !== 'designs') continue;
      const base = designOf.get(pair.base) as string;
      const head = designOf.get(pair.head) as string;
      for (const metric of metricsIn(steady, pair.base)) {
        if (!comparedByDefault(metric, rate)) continue;
        const both = steady.map((blocks) => blocks.flatMap((block) => bothSides(block, pair, metric) ?? []));
        if (both.some((session) => session.length === 0 || !session.every(hasRatio))) continue;
        const logs = both.map((session) => session.map(({ base: of, head: to }) => Math.log(to / of)));
        const cells = [pair.base, pair.head];
        if (withheldComparison(metric, cells, steady.flat(), rate.mode === 'topspeed') !== null) continue;
        const key = JSON.stringify([base, head, metric]);
        const row = rows.get(key) ?? { base, head, metric, groups: [] };
        row.groups.push(logs);
        rows.set(key, row);
      }
    }
  }
  return [...rows.values()].flatMap(({ base, head, metric, groups }) => {
    const { value, interval, sessions } = sessionEstimate(meanOverGroups(groups), rule.confidence);
    const ends = mapInterval(interval, Math.exp);
    if (ends === null || ends.confidence < rule.confidence) return [];
    const ratio = Math.exp(value);
    const { text } = geomeanText(ratio, ends);
    return [{ base, head, metric, ratio, ...ends, groups: groups.length, sessions, text }];
  });
}

/** Means over groups, by session and block, as far as all groups have them. */
function meanOverGroups(groups: readonly (readonly (readonly number[])[])[]): number[][] {
  const sessions = Math.min(...groups.map((group) => group.length));
  return Array.from({ length: sessions }, (_, session) => {
    const own = groups.map((group) => group[session] as readonly number[]);
    const blocks = Math.min(...own.map((values) => values.length));
    return Array.from({ length: blocks }, (__, block) => mean(own.map((values) => values[block] as number)));
  });
}
