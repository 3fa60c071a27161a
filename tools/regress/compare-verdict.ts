/** The rows of a comparison of two results as evidence for a verdict, and as a forest plot. */
import { forestGroup, forestRow, type ForestGroup } from '../report/forest.js';
import type { Evidence, Topic } from '../result/verdict.js';
import type { Finding } from '../result/comparisons.js';
import { metricOf } from '../result/comparisons.js';
import type { ComparedMetric, ComparedResults, ComparedRow } from './compare-results.js';

/** The metrics that a verdict speaks of; where both times are there, response times tell more. */
const TOPICS: Readonly<Record<string, Topic>> = {
  pps: 'throughput',
  'response.p99Ns': 'tail',
  'service.p99Ns': 'tail',
  'expiry.lag.p50Ns': 'lag',
};

/** Evidence of every row of these metrics: head against base, cell by cell. */
export function compareEvidence({ metrics }: ComparedResults): Evidence[] {
  const chosen = metrics.filter(({ metric }) => metric in TOPICS);
  const hasResponse = new Set(
    chosen
      .filter(({ metric }) => metric === 'response.p99Ns')
      .flatMap(({ rows }) => rows.map(({ cell }) => cell)),
  );
  return chosen.flatMap((metric) =>
    metric.rows
      .filter(({ cell }) => metric.metric !== 'service.p99Ns' || !hasResponse.has(cell))
      .map((row) => evidenceOf(metric, row)),
  );
}

/** What a row's test says of head. */
function findingOfRow({ direction }: ComparedMetric, { comparison }: ComparedRow): Finding {
  if (!comparison.significant) return comparison.pValue === null ? 'unknown' : 'no-difference-shown';
  // Not by the percentage: a base of 0 has none.
  const isHigher = comparison.head.value > comparison.base.value;
  return isHigher === (direction === 'higher-is-better') ? 'better' : 'worse';
}

/** What a row's interval covers; empty where it has none. */
function coverOfRow({ comparison: { ratioInterval, base, head } }: ComparedRow): string {
  return ratioInterval === null
    ? ''
    : `${Number((ratioInterval.confidence * 100).toFixed(1))} %, ${base.sessions} and ${head.sessions} sessions`;
}

/** The forest plot of head against base: every row with an interval, the metrics that a verdict speaks of first. */
export function compareForest({ metrics }: ComparedResults): ForestGroup[] {
  const ordered = [
    ...metrics.filter(({ metric }) => metric in TOPICS),
    ...metrics.filter(({ metric }) => !(metric in TOPICS)),
  ];
  const cells = new Set(metrics.flatMap(({ rows }) => rows.map(({ cell }) => cell)));
  const rows = ordered.flatMap((metric) =>
    metric.rows.flatMap((row) => {
      const { words } = metricOf(metric);
      const { ratioInterval: interval, deltaPercent } = row.comparison;
      const of = {
        ratio: deltaPercent === null ? null : 1 + deltaPercent / 100,
        low: interval?.low ?? null,
        high: interval?.high ?? null,
      };
      const name = cells.size === 1 ? words : `${row.cell}: ${words}`;
      return forestRow(name, of, findingOfRow(metric, row), coverOfRow(row)) ?? [];
    }),
  );
  return [forestGroup({ base: 'base', head: 'head' }, rows)];
}

function evidenceOf(metric: ComparedMetric, row: ComparedRow): Evidence {
  const { cell, comparison } = row;
  const { words, format } = metricOf(metric);
  const interval = comparison.ratioInterval;
  return {
    topic: TOPICS[metric.metric] as Topic,
    words,
    base: 'base',
    head: 'head',
    where: cell,
    finding: findingOfRow(metric, row),
    low: interval?.low ?? null,
    high: interval?.high ?? null,
    baseText: format(comparison.base.value),
    headText: format(comparison.head.value),
    cover: coverOfRow(row),
    withheld: comparison.note,
  };
}
