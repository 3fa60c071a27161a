/** Reads comparisons between cells: what may be said of them, and in which words. */
import { latencyOfCell, medianOf, type Cell } from './cells.js';
import { formatCount, formatNs, formatRate, formatRatio } from './quantities.js';
import type { Run } from './runs.js';
import type { Comparison } from './schema.js';
import { comparablePps, isPaced, throughputOf, whyNotCompared } from './throughput.js';

/** What a metric's name means: words for a sentence, which way is better, how a value is written. */
export interface Metric {
  words: string;
  higherIsBetter: boolean;
  format: (value: number | null | undefined) => string;
}

const PERCENTILES: Readonly<Record<string, string>> = {
  p50: 'median',
  p75: 'p75',
  p90: 'p90',
  p99: 'p99',
  p999: 'p99.9',
  p9999: 'p99.99',
  max: 'maximum',
  mean: 'mean',
  min: 'minimum',
};

/** Words and format for a metric name such as `pps`, `service.p99Ns` or `locks.ct_lock.waitTotalNs`. */
export function metricOf(comparison: Pick<Comparison, 'metric' | 'direction' | 'unit'>): Metric {
  const { metric, direction, unit } = comparison;
  const time = /^(service|response)\.(p\d+|max|mean|min)Ns$/.exec(metric);
  const higherIsBetter =
    direction === 'higher-is-better' || ((direction ?? null) === null && metric === 'pps');
  if (metric === 'pps') return { words: 'throughput', higherIsBetter, format: formatRate };
  if (time !== null) {
    return {
      words: `${PERCENTILES[time[2] ?? ''] ?? time[2]} ${time[1]} time`,
      higherIsBetter,
      format: formatNs,
    };
  }
  if (metric.endsWith('Ns') || unit === 'ns') return { words: metric, higherIsBetter, format: formatNs };
  if (unit === 'pps') return { words: metric, higherIsBetter, format: formatRate };
  return {
    words: metric,
    higherIsBetter,
    format: metric.toLowerCase().includes('count') ? formatCount : formatRatio,
  };
}

/** What the intervals support. `unknown`: no interval, so nothing may be said. */
export type Finding = 'better' | 'worse' | 'no-difference-shown' | 'unknown';

/**
 * Judges head against base. A difference counts only where the comparison is marked significant and the interval
 * of the ratio, if there is one, leaves 1 out.
 */
export function findingOf(comparison: Comparison): Finding {
  const { ratio, low, high, significant } = comparison;
  if (ratio === null || ratio === undefined || (significant === null && low === null)) return 'unknown';
  const interval = low !== null && low !== undefined && high !== null && high !== undefined;
  if (significant === undefined || significant === null) {
    if (!interval) return 'unknown';
    if (low <= 1 && high >= 1) return 'no-difference-shown';
  } else if (!significant || (interval && low <= 1 && high >= 1)) {
    return 'no-difference-shown';
  }
  return ratio > 1 === metricOf(comparison).higherIsBetter ? 'better' : 'worse';
}

/** A comparison as it may be told. */
export interface ToldComparison extends Comparison {
  /** Why nothing is claimed, as the end of a sentence; absent where the comparison speaks for itself. */
  readonly reason?: string;
}

/**
 * The comparisons of a run as they may be told. One of throughput that was not measured with the bare build and without clocks, as
 * in results from before it was measured apart, is shown and claims nothing.
 */
export function comparisonsOf(run: Run): ToldComparison[] {
  const cases = new Map(run.result.cases.map((one) => [one.id, one]));
  return (run.result.comparisons ?? []).map((one): ToldComparison => {
    const base = cases.get(one.base);
    const head = cases.get(one.head);
    if (one.metric !== 'pps' || base === undefined || head === undefined || isPaced(head)) return one;
    // What measuring costs is for the probed build to show.
    if (throughputOf(base).build !== throughputOf(head).build) return one;
    const reason = whyNotCompared(base) ?? whyNotCompared(head);
    if (reason === null) return one;
    return { ...one, low: null, high: null, pValue: null, significant: null, text: '~', reason };
  });
}

/** `p=0.000 n=10`, as benchstat writes it; parts that are not known are left out. */
export function testText(comparison: ToldComparison): string {
  if (comparison.reason !== undefined) return `not compared: ${comparison.reason}`;
  const parts: string[] = [];
  if (comparison.pValue !== null && comparison.pValue !== undefined)
    parts.push(`p=${comparison.pValue.toFixed(3)}`);
  if (comparison.n !== null && comparison.n !== undefined) parts.push(`n=${comparison.n}`);
  return parts.join(' ');
}

/** The interval of the ratio, `0.12 .. 0.13`; empty where there is none. */
export function intervalText(comparison: Comparison): string {
  const { low, high } = comparison;
  if (low === null || low === undefined || high === null || high === undefined) return '';
  return `${formatRatio(low)} .. ${formatRatio(high)}`;
}

/** A ratio between two cells of single runs. There is no interval, so it is an observation and no finding. */
export interface Observation {
  metric: string;
  baseValue: number;
  headValue: number;
  ratio: number;
}

/**
 * Throughput, p50, p99 and p99.9 service time of `head` over those of `base`, where both have them; throughput only as
 * {@link whyNotObserved} allows.
 */
export function observe(base: Cell, head: Cell): Observation[] {
  const figures: [string, (cell: Cell) => number | null | undefined][] = [
    ['pps', (cell) => medianOf(cell, comparablePps)],
    ['service.p50Ns', (cell) => latencyOfCell(cell, 'service')?.p50Ns],
    ['service.p99Ns', (cell) => latencyOfCell(cell, 'service')?.p99Ns],
    ['service.p999Ns', (cell) => latencyOfCell(cell, 'service')?.p999Ns],
  ];
  const observations: Observation[] = [];
  for (const [metric, figure] of figures) {
    const baseValue = figure(base);
    const headValue = figure(head);
    if (typeof baseValue !== 'number' || typeof headValue !== 'number' || baseValue <= 0) continue;
    observations.push({ metric, baseValue, headValue, ratio: headValue / baseValue });
  }
  return observations;
}

/** Why nothing is said of the throughput of two cells, as the end of a sentence; null where something is, or it was given. */
export function whyNotObserved(base: Cell, head: Cell): string | null {
  if (isPaced(base.first) || isPaced(head.first)) return null;
  return whyNotCompared(base.first) ?? whyNotCompared(head.first);
}
