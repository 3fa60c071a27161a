/** The columns that begin every CSV table, so that tables can be joined and read on their own. */
import type { CsvColumn } from '../text/csv.js';
import type { Run } from '../result/runs.js';
import type { LatencyDistribution, ResultCase } from '../result/schema.js';
import { PERCENTILE_SHARES, percentileOf, withheldReason, type PercentileKey } from '../result/tail.js';

/** A row that belongs to one case of one run. */
export interface CaseRow {
  run: Run;
  entry: ResultCase;
}

/** The cases of all runs in order. */
export function caseRows(runs: readonly Run[]): CaseRow[] {
  return runs.flatMap((run) => run.result.cases.map((entry) => ({ run, entry })));
}

/** Names the case in every table. `run`, `case_id` and `trial` together are the key to join by. */
export const CASE_COLUMNS: readonly CsvColumn<CaseRow>[] = [
  { name: 'run', doc: 'Which run the row is from: the name of its folder.', value: ({ run }) => run.label },
  { name: 'case_id', doc: 'The cell: equal for all its trials.', value: ({ entry }) => entry.id },
  { name: 'trial', doc: 'Number of the trial, from 0.', value: ({ entry }) => entry.trial },
  {
    name: 'session',
    doc: 'Fresh process that the trial ran in, from 0; empty where there was one only.',
    value: ({ entry }) => entry.session,
  },
  { name: 'design', doc: 'Expiration design.', value: ({ entry }) => entry.design },
  {
    name: 'build',
    doc: 'Build that the figures come from, `bare` or `probed`; throughput names its own.',
    value: ({ entry }) => entry.build,
  },
  { name: 'input', doc: 'Scenario or capture.', value: ({ entry }) => entry.input.name },
  { name: 'workers', doc: 'Worker threads.', value: ({ entry }) => entry.workers },
  {
    name: 'probe_cost_ns',
    doc: 'What probes and clocks add to a packet of this case, in nanoseconds of worker time.',
    value: ({ entry }) => entry.probeCost?.nsPerPacket,
  },
];

const FIGURES: readonly [string, keyof LatencyDistribution, string][] = [
  ['count', 'count', 'Values recorded'],
  ['min_ns', 'minNs', 'Smallest'],
  ['mean_ns', 'meanNs', 'Mean'],
  ['stddev_ns', 'stddevNs', 'Standard deviation'],
  ['p50_ns', 'p50Ns', 'Median'],
  ['p75_ns', 'p75Ns', '75th percentile'],
  ['p90_ns', 'p90Ns', '90th percentile'],
  ['p99_ns', 'p99Ns', '99th percentile'],
  ['p99_9_ns', 'p999Ns', '99.9th percentile'],
  ['p99_99_ns', 'p9999Ns', '99.99th percentile'],
  ['max_ns', 'maxNs', 'Largest'],
];

function isPercentile(key: string): key is PercentileKey {
  return key in PERCENTILE_SHARES;
}

/**
 * Why percentiles of a distribution are empty, and how many interruptions there were.
 * @param prefix Put before each name, with its underscore: `service_`.
 */
export function withheldColumns<Row>(
  prefix: string,
  of: (row: Row) => LatencyDistribution | null | undefined,
): CsvColumn<Row>[] {
  return [
    {
      name: `${prefix}interrupted_share`,
      doc: 'Interruptions by the machine per value; a percentile q (0 to 1) is empty unless this is below (1 - q) / 2.',
      value: (row) => of(row)?.interruptedShare,
    },
    {
      name: `${prefix}withheld`,
      doc: 'Which percentiles are empty for that, and why; empty when none is.',
      value: (row) => withheldReason(of(row)),
    },
  ];
}

/**
 * Columns for the figures of a distribution of times.
 * @param prefix Put before each name, with its underscore: `service_`.
 * @param what Words for the description: `service time`.
 * @param only The figures wanted; all of them when left out.
 */
export function distributionColumns<Row>(
  prefix: string,
  what: string,
  of: (row: Row) => LatencyDistribution | null | undefined,
  only?: readonly string[],
): CsvColumn<Row>[] {
  return FIGURES.filter(([name]) => only === undefined || only.includes(name)).map(([name, key, words]) => ({
    name: `${prefix}${name}`,
    doc: `${words}${what === '' ? '' : `, ${what}`}${name.endsWith('_ns') ? ', in nanoseconds' : ''}.`,
    value: (row) => (isPercentile(key) ? percentileOf(of(row), key) : of(row)?.[key]),
  }));
}
