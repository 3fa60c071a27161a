/** The figures that thresholds can name, by kind; those that the gate's own measurement cannot have stand apart. */
import { LOCK_CLASSES } from '../../engine/host/counters.js';
import { nearestName } from '../text/nearest-name.js';

/** Percentiles and the like by their name in thresholds, and in results. */
export const PERCENTILE_KEYS = {
  mean: 'meanNs',
  p50: 'p50Ns',
  p75: 'p75Ns',
  p90: 'p90Ns',
  p99: 'p99Ns',
  p999: 'p999Ns',
  p9999: 'p9999Ns',
  max: 'maxNs',
} as const;

/** Metrics with one figure each. */
export const PLAIN_METRICS = [
  'pps',
  'mbps',
  'probedPps',
  'probeCost.nsPerPacket',
  'lockWaitShare',
  'cpuWaitShare',
  'connections.created',
  'connections.remaining',
  'connections.peak',
  'memory.bytesPerConnection',
  'nat.failures',
] as const;

/** Figures of a lock class. */
const LOCK_FIGURES = ['acquisitions', 'contended', 'perPacket'] as const;

/** All that a threshold can name. */
const THRESHOLD_METRICS: readonly string[] = [
  ...PLAIN_METRICS,
  ...Object.keys(PERCENTILE_KEYS).map((name) => `service.${name}`),
  ...LOCK_CLASSES.flatMap((name) => LOCK_FIGURES.map((figure) => `locks.${name}.${figure}`)),
];

/** Figures that results have, but not those of the gate: why, and what has them. */
const NEVER_MEASURED: Readonly<Record<string, string>> = {
  response:
    'is measured only at a rate, and the ratios run at top speed; take service times, or bench with --rates and compare the results',
  departure:
    'is measured only at a rate, and the ratios run at top speed; take service times, or bench with --rates and compare the results',
  retention:
    'is measured only where connections expire, and the ratios are over before they do; level exact counts what sweeps remove, and ' +
    'replay with --pps and a long enough --duration measures it',
};

/** Metrics of `ratios.metrics` that top speed measures. */
const RATIO_METRICS: readonly string[] = ['pps', 'service.p50Ns', 'service.p99Ns', 'service.p999Ns'];

/** What is wrong with a name of a metric for thresholds; null when nothing is. */
export function metricFault(name: string): string | null {
  if (THRESHOLD_METRICS.includes(name)) return null;
  const [kind = ''] = name.split('.');
  const reason = NEVER_MEASURED[kind];
  if (reason !== undefined && Object.hasOwn(PERCENTILE_KEYS, name.split('.')[1] ?? ''))
    return `${name} ${reason}`;
  return unknownMetric(name, THRESHOLD_METRICS);
}

/** What is wrong with a name of a metric for `ratios.metrics`; null when nothing is. */
export function ratioMetricFault(name: string): string | null {
  if (RATIO_METRICS.includes(name)) return null;
  if (/^response\.p\d+Ns$/.test(name)) return `${name} ${NEVER_MEASURED['response']}`;
  if (name.startsWith('expiry.lag.')) return `${name} ${NEVER_MEASURED['retention']}`;
  return unknownMetric(name, RATIO_METRICS);
}

function unknownMetric(name: string, known: readonly string[]): string {
  const near = nearestName(name, known);
  const hint = near === null ? `the metrics are ${known.join(', ')}` : `did you mean '${near}'?`;
  return `'${name}' is no metric; ${hint}`;
}
