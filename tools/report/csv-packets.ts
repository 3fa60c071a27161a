/** CSV tables of what packets met: their latency by kind and slice, over time, and what the tracker said of them. */
import { caseRows, distributionColumns, withheldColumns, type CaseRow } from './csv-case-columns.js';
import { column, forCase, table } from './csv-table.js';
import { TIME_KINDS } from '../result/cells.js';
import type { Run } from '../result/runs.js';
import type { LatencyDistribution, TimelineInterval } from '../result/schema.js';
import { interruptedShareOf, percentileOf } from '../result/tail.js';

interface LatencyRow extends CaseRow {
  time: string;
  slice: string;
  figures: LatencyDistribution;
}

function latencyRows(runs: readonly Run[]): LatencyRow[] {
  const rows: LatencyRow[] = [];
  for (const row of caseRows(runs)) {
    for (const time of TIME_KINDS) {
      const view = row.entry.latency?.[time];
      const add = (slice: string, figures: LatencyDistribution | null | undefined): void => {
        if (figures !== null && figures !== undefined) rows.push({ ...row, time, slice, figures });
      };
      add('all', view?.overall);
      for (const [name, figures] of Object.entries(view?.perClass ?? {})) add(`class:${name}`, figures);
      add('during-sweep', view?.duringSweep);
      add('outside-sweep', view?.outsideSweep);
      for (const worker of row.entry.perWorker ?? []) add(`worker:${worker.worker}`, worker[time]);
    }
    const departure = row.entry.pacing.departureError;
    if (departure !== null && departure !== undefined) {
      rows.push({ ...row, time: 'departure-error', slice: 'all', figures: departure });
    }
    const settled = row.entry.pacing.departureErrorSettled;
    if (settled !== null && settled !== undefined) {
      rows.push({ ...row, time: 'departure-error', slice: 'settled', figures: settled });
    }
  }
  return rows;
}

export const latency = table<LatencyRow>(
  'latency',
  'One row per case, kind of time and slice of the packets.',
  forCase<LatencyRow>([
    column('time', '`service`, `response`, or `departure-error` (how late packets left).', (row) => row.time),
    column(
      'slice',
      '`all`, `class:NAME`, `during-sweep`, `outside-sweep`, `worker:N`, or `settled` (due later than 100 ms after t0).',
      (row) => row.slice,
    ),
    ...distributionColumns<LatencyRow>('', '', (row) => row.figures),
    ...withheldColumns<LatencyRow>('', (row) => row.figures),
  ]),
  latencyRows,
  true,
);

export const timeline = table<CaseRow & { at: TimelineInterval }>(
  'timeline',
  'One row per interval of a case.',
  forCase<CaseRow & { at: TimelineInterval }>([
    column('start_ms', 'Start, in milliseconds from the start of the run.', ({ at }) => at.tMs),
    column('interval_ms', 'Length, in milliseconds.', ({ at }) => at.intervalMs),
    column('packets', 'Packets finished in it.', ({ at }) => at.packets),
    column('pps', 'Packets per second in it.', ({ at }) =>
      at.intervalMs > 0 ? at.packets / (at.intervalMs / 1e3) : null,
    ),
    column('service_p50_ns', 'Median service time, in nanoseconds.', ({ entry, at }) =>
      percentileOf({ ...at, interruptedShare: interruptedShareOf(entry, 'service') }, 'p50Ns'),
    ),
    column(
      'service_p99_ns',
      '99th percentile of service time, in nanoseconds; empty where service_withheld of the summary has it.',
      ({ entry, at }) =>
        percentileOf({ ...at, interruptedShare: interruptedShareOf(entry, 'service') }, 'p99Ns'),
    ),
    column('service_max_ns', 'Largest service time, in nanoseconds.', ({ at }) => at.maxNs),
  ]),
  (runs) => caseRows(runs).flatMap((row) => (row.entry.timeline ?? []).map((at) => ({ ...row, at }))),
  true,
);

type VerdictRow = CaseRow & { what: string; key: string; packets: number };

export const verdicts = table<VerdictRow>(
  'verdicts',
  'What the tracker said: packets by ct_state, and by the reason they were invalid for.',
  forCase<CaseRow & { what: string; key: string; packets: number }>([
    column('what', '`ct_state` or `rejected`.', (row) => row.what),
    column('key', 'The ct_state text, or the reason.', (row) => row.key),
    column('packets', 'Packets.', (row) => row.packets),
  ]),
  (runs) =>
    caseRows(runs).flatMap((row) => [
      ...Object.entries(row.entry.packets.verdicts).map(([key, packets]) => ({
        ...row,
        what: 'ct_state',
        key,
        packets,
      })),
      ...Object.entries(row.entry.packets.rejectedByReason ?? {}).map(([key, packets]) => ({
        ...row,
        what: 'rejected',
        key,
        packets,
      })),
    ]),
);
