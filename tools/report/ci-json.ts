/** JSON that continuous benchmarking services read: github-action-benchmark and Bencher. */
import {
  cellsOf,
  latencyOfCell,
  medianOf,
  mutexOf,
  probeCostOf,
  summaryOf,
  touchAheadOf,
  type Cell,
} from '../result/cells.js';
import { printable } from '../text/escape.js';
import { formatNs } from '../text/quantities.js';
import type { Run } from '../result/runs.js';
import {
  burdenedPps,
  comparablePps,
  figuresBuild,
  isPaced,
  ppsOf,
  throughputBuild,
} from '../result/throughput.js';
import { isWithheldAt, percentileOf, tailOfMetric } from '../result/tail.js';

/** One entry of github-action-benchmark's `customSmallerIsBetter` and `customBiggerIsBetter`. */
export interface GithubBenchmark {
  name: string;
  unit: string;
  value: number;
  range?: string;
  extra?: string;
}

interface Measure {
  /** Name in Bencher; words in github-action-benchmark. */
  slug: string;
  words: string;
  unit: string;
  metric: string;
  higherIsBetter: boolean;
  of: (cell: Cell) => number | null | undefined;
}

const MEASURES: readonly Measure[] = [
  {
    slug: 'throughput',
    words: 'throughput',
    unit: 'packets/s',
    metric: 'pps',
    higherIsBetter: true,
    of: (cell) => medianOf(cell, (entry) => (isPaced(entry) ? ppsOf(entry) : comparablePps(entry))),
  },
  {
    slug: 'burdened-throughput',
    words: 'throughput with the cost of probes or clocks in it',
    unit: 'packets/s',
    metric: 'probedPps',
    higherIsBetter: true,
    of: (cell) => medianOf(cell, burdenedPps),
  },
  {
    slug: 'latency',
    words: 'service time, median',
    unit: 'ns',
    metric: 'service.p50Ns',
    higherIsBetter: false,
    of: (cell) => percentileOf(latencyOfCell(cell, 'service'), 'p50Ns'),
  },
  {
    slug: 'latency-p99',
    words: 'service time, p99',
    unit: 'ns',
    metric: 'service.p99Ns',
    higherIsBetter: false,
    of: (cell) => percentileOf(latencyOfCell(cell, 'service'), 'p99Ns'),
  },
  {
    slug: 'latency-p99-9',
    words: 'service time, p99.9',
    unit: 'ns',
    metric: 'service.p999Ns',
    higherIsBetter: false,
    of: (cell) => percentileOf(latencyOfCell(cell, 'service'), 'p999Ns'),
  },
];

/** The value of a measure in a cell with its interval where the bench gave one; null where not measured. */
function valueOf(
  cell: Cell,
  measure: Measure,
): { value: number; low: number | null; high: number | null } | null {
  const measured = measure.of(cell);
  // A summary of an older result may be of what is not called so any more.
  if (measured === null || measured === undefined) return null;
  const tail = tailOfMetric(measure.metric);
  // A tail that is the machine's is no figure of this program, also where the bench summarised it.
  if (tail !== null && isWithheldAt(latencyOfCell(cell, tail.kind)?.interruptedShare, tail.key)) return null;
  const summary = summaryOf(cell, measure.metric);
  const value = summary?.median ?? measured;
  return { value, low: summary?.low ?? null, high: summary?.high ?? null };
}

function nameOf(cell: Cell, severalRuns: boolean): string {
  return printable(severalRuns ? `${cell.run.label}: ${cell.id}` : cell.id);
}

/**
 * Entries for github-action-benchmark. It takes one direction per file, so throughput (`bigger`) and latency
 * (`smaller`) are two lists.
 */
export function githubBenchmarks(runs: readonly Run[], better: 'bigger' | 'smaller'): GithubBenchmark[] {
  return cellsOf(runs).flatMap((cell) =>
    MEASURES.filter((measure) => measure.higherIsBetter === (better === 'bigger')).flatMap((measure) => {
      const found = valueOf(cell, measure);
      if (found === null) return [];
      const { value, low, high } = found;
      const entry: GithubBenchmark = {
        name: `${nameOf(cell, runs.length > 1)}: ${measure.words}`,
        unit: measure.unit,
        value,
        extra: extraOf(cell),
      };
      if (low !== null && high !== null) entry.range = `± ${Number(((high - low) / 2).toPrecision(3))}`;
      return [entry];
    }),
  );
}

function extraOf(cell: Cell): string {
  const { tool, environment, seed } = cell.run.result;
  const probeCost = probeCostOf(cell);
  return [
    `trials: ${cell.cases.length}`,
    `workers: ${cell.first.workers}`,
    `throughput: ${throughputBuild(cell.first)}`,
    `times: ${figuresBuild(cell.first)}${probeCost === null ? '' : `, which adds ${formatNs(probeCost)} a packet`}`,
    `mutex: ${mutexOf(cell.first)}`,
    `touch-ahead: ${touchAheadOf(cell.first)}`,
    `seed: ${seed}`,
    `ctreplay: ${printable(tool.version)}${tool.commit ? ` ${printable(tool.commit)}` : ''}`,
    ...(environment.cpuModel ? [`cpu: ${printable(environment.cpuModel)}`] : []),
  ].join('\n');
}

type BencherMetric = { value: number; lower_value?: number; upper_value?: number };

/** Bencher Metric Format: benchmark name, then measure, then value with its bounds where there are any. */
export function bencherMetrics(runs: readonly Run[]): Record<string, Record<string, BencherMetric>> {
  // No prototype: a cell may be called __proto__.
  const out = Object.create(null) as Record<string, Record<string, BencherMetric>>;
  for (const cell of cellsOf(runs)) {
    const measures: Record<string, BencherMetric> = {};
    for (const measure of MEASURES) {
      const found = valueOf(cell, measure);
      if (found === null) continue;
      measures[measure.slug] = {
        value: found.value,
        ...(found.low === null ? {} : { lower_value: found.low }),
        ...(found.high === null ? {} : { upper_value: found.high }),
      };
    }
    if (Object.keys(measures).length > 0) out[nameOf(cell, runs.length > 1)] = measures;
  }
  return out;
}
