/** The figures of a trial that a matrix summarises and compares. */
import { lagQuantileNs } from '../result/lag-quantile.js';
import type { Direction, ResultCase } from '../result/schema.js';
import { burdenedPps, comparablePps, isPaced } from '../result/throughput.js';
import { interruptedShareOf } from '../result/tail.js';
import type { TimeKind } from '../result/cells.js';
import type { Rate } from './rate.js';
import { interruptionsMetric } from './tail-rule.js';
import type { Blocks, TrialValues } from './trial.js';

/** A figure by name, with its unit and which way is better. */
export interface MetricSpec {
  readonly name: string;
  readonly unit: string;
  readonly direction: Direction;
  /** Whether two designs are compared by it; the others are only summarised. */
  readonly compared: boolean;
  read(entry: ResultCase): number | null | undefined;
}

function time(name: string, read: MetricSpec['read']): MetricSpec {
  return { name, unit: 'ns', direction: 'lower-is-better', compared: true, read };
}

/** Interruptions by the machine per packet: what tails are judged by (tail-rule.ts). */
function interruptions(kind: TimeKind): MetricSpec {
  return {
    name: interruptionsMetric(kind),
    unit: '1',
    direction: 'lower-is-better',
    compared: false,
    read: (entry) => interruptedShareOf(entry, kind),
  };
}

/** Every metric, in the order of reports. */
export const METRICS: readonly MetricSpec[] = [
  {
    name: 'pps',
    unit: 'pps',
    direction: 'higher-is-better',
    compared: true,
    // At a given rate too, where it says whether that was held; comparedByDefault keeps it out of comparisons.
    read: (entry) => (isPaced(entry) ? entry.pacing.achievedPps : comparablePps(entry)),
  },
  { name: 'probedPps', unit: 'pps', direction: 'higher-is-better', compared: false, read: burdenedPps },
  {
    name: 'probeCost.nsPerPacket',
    unit: 'ns',
    direction: 'lower-is-better',
    compared: false,
    read: (entry) => entry.probeCost?.nsPerPacket,
  },
  time('service.p50Ns', (entry) => entry.latency?.service?.overall.p50Ns),
  time('service.p99Ns', (entry) => entry.latency?.service?.overall.p99Ns),
  time('service.p999Ns', (entry) => entry.latency?.service?.overall.p999Ns),
  time('response.p50Ns', (entry) => entry.latency?.response?.overall.p50Ns),
  time('response.p99Ns', (entry) => entry.latency?.response?.overall.p99Ns),
  time('response.p999Ns', (entry) => entry.latency?.response?.overall.p999Ns),
  interruptions('service'),
  interruptions('response'),
  time('expiry.lag.p50Ns', (entry) => lagQuantileNs(entry, 'p50Ns')),
  // Summarised, and compared by who asks for it: each figure that is compared makes the others' tests stricter.
  {
    name: 'expiry.lag.p99Ns',
    unit: 'ns',
    direction: 'lower-is-better',
    compared: false,
    read: (entry) => lagQuantileNs(entry, 'p99Ns'),
  },
  time('expiry.lag.maxNs', (entry) => lagQuantileNs(entry, 'maxNs')),
  {
    name: 'sweeper.cpuShare',
    unit: '1',
    direction: 'lower-is-better',
    compared: false,
    read: (entry) => entry.sweeper?.cpuShare,
  },
  {
    name: 'lockWaitShare',
    unit: '1',
    direction: 'lower-is-better',
    compared: false,
    read: (entry) => entry.lockWaitShare,
  },
  {
    name: 'cpuWaitShare',
    unit: '1',
    direction: 'lower-is-better',
    compared: false,
    read: (entry) => entry.cpuWaitShare,
  },
  {
    name: 'connections.remaining',
    unit: '1',
    direction: 'lower-is-better',
    compared: false,
    read: (entry) => entry.connections?.remaining,
  },
];

/** What is known of a metric by name; metrics that are not in the list count as times. */
export function metricSpec(name: string): Pick<MetricSpec, 'unit' | 'direction' | 'compared'> {
  return (
    METRICS.find((metric) => metric.name === name) ?? {
      unit: 'ns',
      direction: 'lower-is-better',
      compared: true,
    }
  );
}

/** The figures of a finished case; what was not measured is left out. */
export function valuesOf(entry: ResultCase): TrialValues {
  const values: Record<string, number> = {};
  for (const metric of METRICS) {
    const value = metric.read(entry);
    if (value !== null && value !== undefined && Number.isFinite(value)) values[metric.name] = value;
  }
  return values;
}

/**
 * The metric that decides when a group has been measured precisely enough: throughput at top speed, where only the probed build
 * ran its own; with a rate to keep, throughput is given and the response time is what counts.
 */
export function primaryMetric(rate: Rate, blocks: Blocks): string {
  if (rate.mode !== 'topspeed') return 'response.p50Ns';
  const measured = blocks.some((block) => [...block.values()].some(({ pps }) => pps !== undefined));
  return measured ? 'pps' : 'probedPps';
}

/** Whether two designs are compared by a metric at a rate. */
export type IsCompared = (metric: string, rate: Rate) => boolean;

/** The figures that every matrix compares, where they mean anything: a throughput that was set is not a finding. */
export const comparedByDefault: IsCompared = (metric, rate) =>
  metricSpec(metric).compared && (metric !== 'pps' || rate.mode === 'topspeed');
