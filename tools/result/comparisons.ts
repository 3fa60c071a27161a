/** Reads comparisons between cells: what may be said of them, and in which words. */
import { formatCounts, formatDelta } from '../stats/compare.js';
import { adjustWithin, isDifference } from '../stats/finding.js';
import { latencyOfCell, medianOf, type Cell } from './cells.js';
import type { Comparison, Result } from './schema.js';
import { percentileOf } from './tail.js';
import { formatCount, formatNs, formatRate, formatRatio, formatShare } from '../text/quantities.js';
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
  const lag = /^expiry\.lag\.(p\d+|max)Ns$/.exec(metric);
  if (lag !== null) {
    const which = lag[1] === 'max' ? 'longest' : (PERCENTILES[lag[1] ?? ''] ?? lag[1]);
    return { words: `${which} expiration lag`, higherIsBetter, format: formatNs };
  }
  if (metric === 'sweeper.cpuShare') return { words: 'sweeper CPU', higherIsBetter, format: formatShare };
  if (metric.endsWith('Ns') || unit === 'ns') return { words: metric, higherIsBetter, format: formatNs };
  if (unit === 'pps') return { words: metric, higherIsBetter, format: formatRate };
  return {
    words: metric,
    higherIsBetter,
    format: metric.toLowerCase().includes('count') ? formatCount : formatRatio,
  };
}

/** What the evidence supports. `unknown`: it could support nothing, so nothing may be said. */
export type Finding = 'better' | 'worse' | 'no-difference-shown' | 'unknown';

/**
 * Judges head against base; every report takes its verdict from here, and here it comes from the one rule of
 * stats/finding.ts. `unknown` where there is no interval or, for want of trials, none that could show a difference.
 */
export function findingOf(comparison: Comparison): Finding {
  const { ratio, low, high, alpha, confidence } = comparison;
  if (typeof ratio !== 'number' || typeof low !== 'number' || typeof high !== 'number') return 'unknown';
  const level = alpha ?? USUAL_ALPHA;
  const pValue = comparison.adjustedP ?? comparison.pValue;
  // A result without p-values: its own word for it, which still needs the interval.
  const adjustedP = pValue ?? (comparison.significant === false ? 1 : 0);
  if (isDifference({ adjustedP, alpha: level, low, high }))
    return ratio > 1 === metricOf(comparison).higherIsBetter ? 'better' : 'worse';
  // The range of three trials covers three times in four; nothing can be shown by it.
  return typeof confidence === 'number' && confidence < 1 - level - 1e-9 ? 'unknown' : 'no-difference-shown';
}

const USUAL_ALPHA = 0.05;

/** Whether the finding is a difference. */
export function differs(comparison: Comparison): boolean {
  const finding = findingOf(comparison);
  return finding === 'better' || finding === 'worse';
}

/** The change as benchstat writes it, `-17.20%`; `~` where none is shown. */
export function deltaText(comparison: Comparison): string {
  return differs(comparison) ? formatDelta(((comparison.ratio as number) - 1) * 100) : '~';
}

const adjusted = new WeakMap<Result, readonly Comparison[]>();

/**
 * The comparisons of a result as they may be shown. Those of before corrections were made get theirs here, so that old results are
 * held to the same rule.
 */
export function comparisonsOf(result: Result): readonly Comparison[] {
  const known = adjusted.get(result);
  if (known !== undefined) return known;
  const all = result.comparisons ?? [];
  const bare = all.flatMap((comparison) =>
    typeof comparison.pValue === 'number' && typeof comparison.adjustedP !== 'number'
      ? [{ comparison, pValue: comparison.pValue }]
      : [],
  );
  const values = adjustWithin(
    bare,
    ({ comparison }) => comparison.kind ?? (comparison.control === true ? 'control' : 'designs'),
  );
  const found = new Map(bare.map(({ comparison }, index) => [comparison, values[index]]));
  const filled = all
    .map((comparison) =>
      found.has(comparison) ? { ...comparison, adjustedP: found.get(comparison) } : comparison,
    )
    .map((comparison) => asMayBeShown(comparison, result));
  adjusted.set(result, filled);
  return filled;
}

/**
 * A comparison of throughput that was not measured with the bare build and without clocks, as in results from before it was
 * measured apart, is shown and claims nothing.
 */
function asMayBeShown(comparison: Comparison, { cases }: Result): Comparison {
  if (comparison.metric !== 'pps') return comparison;
  const base = cases.find(({ id }) => id === comparison.base);
  const head = cases.find(({ id }) => id === comparison.head);
  if (base === undefined || head === undefined || isPaced(head)) return comparison;
  // What measuring costs is for the probed build to show.
  if (throughputOf(base).build !== throughputOf(head).build) return comparison;
  const reason = whyNotCompared(base) ?? whyNotCompared(head);
  if (reason === null) return comparison;
  return {
    ...comparison,
    low: null,
    high: null,
    pValue: null,
    adjustedP: null,
    significant: null,
    text: '~',
    note: `throughput is not compared: ${reason}`,
  };
}

/** `p=0.002 n=5x3`, as benchstat writes it, p after Holm's correction; parts that are not known are left out. */
export function testText(comparison: Comparison): string {
  const parts: string[] = [];
  const pValue = comparison.adjustedP ?? comparison.pValue;
  if (typeof pValue === 'number') parts.push(`p=${pValue.toFixed(3)}`);
  if (typeof comparison.n === 'number') {
    parts.push(`n=${formatCounts({ trials: comparison.n, sessions: comparison.sessions ?? 1 })}`);
  }
  return parts.join(' ');
}

/** What an interval is of. */
export interface Covered {
  readonly confidence?: number | null | undefined;
  readonly n?: number | null | undefined;
  readonly sessions?: number | null | undefined;
}

/**
 * What an interval covers: `95 %, 5 sessions x 3 trials`, or `95 %, within one session only, 15 trials`: the next session may
 * lie outside. Empty where no number of trials is known.
 */
export function coverText({ confidence, n, sessions }: Covered): string {
  if (typeof n !== 'number') return '';
  const level = typeof confidence === 'number' ? `${Number((confidence * 100).toFixed(1))} %` : 'no interval';
  if (typeof sessions === 'number' && sessions > 1) {
    const each = n / sessions;
    return `${level}, ${sessions} sessions x ${Number.isInteger(each) ? each : each.toFixed(1)} ${each === 1 ? 'trial' : 'trials'}`;
  }
  return `${level}, within one session only, ${n === 1 ? '1 trial' : `${n} trials`}`;
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
 * {@link whyNotObserved} allows, tails where interruptions leave them to the tracker (tail.ts).
 */
export function observe(base: Cell, head: Cell): Observation[] {
  const figures: [string, (cell: Cell) => number | null | undefined][] = [
    ['pps', (cell) => medianOf(cell, comparablePps)],
    ['service.p50Ns', (cell) => percentileOf(latencyOfCell(cell, 'service'), 'p50Ns')],
    ['service.p99Ns', (cell) => percentileOf(latencyOfCell(cell, 'service'), 'p99Ns')],
    ['service.p999Ns', (cell) => percentileOf(latencyOfCell(cell, 'service'), 'p999Ns')],
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
