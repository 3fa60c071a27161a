/** The rows of a comparison of two results as evidence for a verdict. */
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

function evidenceOf(metric: ComparedMetric, { cell, comparison }: ComparedRow): Evidence {
  const { words, format } = metricOf(metric);
  const interval = comparison.ratioInterval;
  const higherIsBetter = metric.direction === 'higher-is-better';
  const finding: Finding = comparison.significant
    ? (comparison.deltaPercent ?? 0) > 0 === higherIsBetter
      ? 'better'
      : 'worse'
    : interval === null
      ? 'unknown'
      : 'no-difference-shown';
  return {
    topic: TOPICS[metric.metric] as Topic,
    words,
    base: 'base',
    head: 'head',
    where: cell,
    finding,
    low: interval?.low ?? null,
    high: interval?.high ?? null,
    baseText: format(comparison.base.value),
    headText: format(comparison.head.value),
    cover:
      interval === null
        ? ''
        : `${Number((interval.confidence * 100).toFixed(1))} %, ${comparison.base.sessions} and ${comparison.head.sessions} sessions`,
    withheld: comparison.note,
  };
}
