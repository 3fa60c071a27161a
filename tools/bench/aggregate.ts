/** From trials to what a matrix says: a summary per cell, a comparison per pair, and geometric means over groups. */
import { bootstrapInterval } from '../stats/bootstrap.js';
import { formatDelta } from '../stats/compare.js';
import { countOutliers } from '../stats/outliers.js';
import { pairedRatio } from '../stats/ratio.js';
import { coefficientOfVariation, geometricMean, median } from '../stats/sample.js';
import { Random } from '../synth/random.js';
import type { CellSummary, Comparison } from '../report/schema.js';
import { METRICS, metricApplies, metricSpec } from './metrics.js';
import type { Cell, Group, Pair } from './plan.js';
import { signedRank, smallestSignedRankP } from './signed-rank.js';
import { withheldComparison } from './tail-rule.js';
import { steadyBlocks, type RepetitionRule } from './stopping.js';
import type { Blocks } from './trial.js';

/** A comparison of a matrix: what a report shows, and how it was made. */
export interface MatrixComparison extends Comparison {
  readonly kind: Pair['kind'];
  readonly test: 'wilcoxon-signed-rank';
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
  readonly groups: number;
  readonly text: string;
}

/** Metrics that appear in the trials of a cell, known ones first. */
function metricsIn(blocks: Blocks, cell: string): string[] {
  const found = new Set<string>();
  for (const block of blocks) for (const name of Object.keys(block.get(cell) ?? {})) found.add(name);
  const known = METRICS.map((metric) => metric.name).filter((name) => found.has(name));
  return [...known, ...[...found].filter((name) => !known.includes(name)).toSorted()];
}

/** Summaries of every cell of a group, one per metric. Outliers are counted and kept. */
export function summarise(group: Group, blocks: Blocks, rule: RepetitionRule): CellSummary[] {
  const steady = steadyBlocks(group, blocks);
  return group.cells.flatMap((cell) =>
    metricsIn(steady, cell.id).map((metric) => summary(cell, metric, steady, rule)),
  );
}

function summary(cell: Cell, metric: string, blocks: Blocks, rule: RepetitionRule): CellSummary {
  const values = seriesOf(blocks, cell.id, metric);
  const interval = bootstrapInterval(values, median, {
    random: new Random(rule.seed).derive(`summary ${cell.id} ${metric}`),
    confidence: rule.confidence,
    resamples: rule.resamples,
  });
  const { unit, direction } = metricSpec(metric);
  return {
    id: cell.id,
    metric,
    unit,
    direction,
    n: values.length,
    values,
    median: median(values),
    low: interval?.low ?? null,
    high: interval?.high ?? null,
    confidence: interval?.confidence ?? null,
    cv: coefficientOfVariation(values),
    outliers: countOutliers(values),
  };
}

function seriesOf(blocks: Blocks, cell: string, metric: string): number[] {
  return blocks.flatMap((block) => {
    const value = block.get(cell)?.[metric];
    return value === undefined ? [] : [value];
  });
}

/** Comparisons of every pair of a group, by every metric that both sides have. */
export function compareGroup(group: Group, blocks: Blocks, rule: RepetitionRule): MatrixComparison[] {
  const steady = steadyBlocks(group, blocks);
  return group.pairs.flatMap((pair) =>
    metricsIn(steady, pair.base)
      .filter((metric) => metricSpec(metric).compared && metricApplies(metric, group.cells[0]!.rate))
      .flatMap(
        (metric) => comparePair(pair, metric, steady, rule, group.cells[0]!.rate.mode === 'topspeed') ?? [],
      ),
  );
}

/** Compares the trials of one pair block by block; null where no block has the metric, above 0, on both sides. */
function comparePair(
  pair: Pair,
  metric: string,
  blocks: Blocks,
  rule: RepetitionRule,
  topSpeed: boolean,
): MatrixComparison | null {
  const base: number[] = [];
  const head: number[] = [];
  for (const block of blocks) {
    const from = block.get(pair.base)?.[metric];
    const to = block.get(pair.head)?.[metric];
    if (from === undefined || to === undefined || from <= 0 || to <= 0) continue;
    base.push(from);
    head.push(to);
  }
  if (base.length === 0) return null;
  const withheld = withheldComparison(metric, [pair.base, pair.head], blocks, topSpeed);
  if (withheld !== null) return withheldRow(pair, metric, base.length, rule, withheld);
  const { value, interval } = pairedRatio(
    base.map((from, i) => ({ base: [from], head: [head[i] as number] })),
    {
      random: new Random(rule.seed).derive(`ratio ${pair.base} ${pair.head} ${metric}`),
      confidence: rule.confidence,
      resamples: rule.resamples,
    },
  );
  const test = signedRank(base.map((from, i) => Math.log((head[i] as number) / from)));
  const significant = test.pValue < rule.alpha;
  const { unit, direction } = metricSpec(metric);
  return {
    base: pair.base,
    head: pair.head,
    metric,
    unit,
    direction,
    baseMedian: median(base),
    headMedian: median(head),
    ratio: value,
    low: interval?.low ?? null,
    high: interval?.high ?? null,
    confidence: interval?.confidence ?? null,
    pValue: test.pValue,
    alpha: rule.alpha,
    n: base.length,
    significant,
    control: pair.kind === 'control',
    text: significant ? formatDelta((value - 1) * 100) : '~',
    kind: pair.kind,
    test: 'wilcoxon-signed-rank',
    note: noteFor(base.length, rule.alpha),
  };
}

/** A comparison that says only why it says nothing. */
function withheldRow(
  pair: Pair,
  metric: string,
  n: number,
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
    n,
    significant: false,
    control: pair.kind === 'control',
    text: '~',
    kind: pair.kind,
    test: 'wilcoxon-signed-rank',
    note: reason,
  };
}

function noteFor(n: number, alpha: number): string | null {
  if (smallestSignedRankP(n) < alpha) return null;
  let needed = n;
  while (smallestSignedRankP(needed) >= alpha) needed++;
  return `need >= ${needed} trials to detect a difference at alpha level ${alpha}`;
}

/**
 * Geometric means of the ratios between designs over all groups, per metric. Comparisons name cells; `designOf` tells
 * the design of one.
 */
export function geomeans(
  comparisons: readonly MatrixComparison[],
  designOf: (cell: string) => string,
): GeomeanLine[] {
  const rows = new Map<string, { base: string; head: string; metric: string; ratios: number[] }>();
  for (const one of comparisons) {
    if (one.kind !== 'designs' || typeof one.ratio !== 'number' || one.ratio <= 0) continue;
    const base = designOf(one.base);
    const head = designOf(one.head);
    const key = JSON.stringify([base, head, one.metric]);
    const row = rows.get(key) ?? { base, head, metric: one.metric, ratios: [] };
    row.ratios.push(one.ratio);
    rows.set(key, row);
  }
  return [...rows.values()].map(({ base, head, metric, ratios }) => {
    const ratio = geometricMean(ratios);
    return { base, head, metric, ratio, groups: ratios.length, text: formatDelta((ratio - 1) * 100) };
  });
}
