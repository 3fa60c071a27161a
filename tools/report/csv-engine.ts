/** CSV tables about the engine: locks, expiration, sweeps, occupancy, NAT. */
import { caseRows, distributionColumns, type CaseRow } from './csv-case-columns.js';
import type { CsvColumn } from '../text/csv.js';
import { column, forCase, table } from './csv-table.js';
import type { Run } from '../result/runs.js';
import type { Contention, ExpiryGroup, NatOccupancyPoint, Sweep } from '../result/schema.js';
import { interruptedShareOf, percentileOf } from '../result/tail.js';

type LockRow = CaseRow & { line: Contention };

function lockColumns(kind: 'wait' | 'hold'): CsvColumn<LockRow>[] {
  const figure = (
    name: string,
    doc: string,
    key: 'minNs' | 'avgNs' | 'maxNs' | 'totalNs',
  ): CsvColumn<LockRow> => column(`${kind}_${name}_ns`, doc, ({ line }) => line[kind]?.[key]);
  return [
    figure('min', `Shortest ${kind} above 0, in nanoseconds.`, 'minNs'),
    figure('avg', `Mean ${kind}, in nanoseconds.`, 'avgNs'),
    figure('max', `Longest ${kind}, in nanoseconds.`, 'maxNs'),
    ...(kind === 'hold'
      ? [
          column<LockRow>(
            'hold_clock_cost_ns',
            'What the clock cost in each timed hold, taken off the figures, in nanoseconds; empty where it is in them.',
            ({ line }) => line.hold?.clockCostNs,
          ),
        ]
      : []),
    figure('total', `All ${kind}s together, in nanoseconds; scaled up where they were sampled.`, 'totalNs'),
    column(`${kind}_sample_interval`, `One ${kind} in so many was timed; 1 for all.`, ({ line }) =>
      line[kind]?.sampled === true ? line[kind].sampleInterval : line[kind]?.sampled === false ? 1 : null,
    ),
  ];
}

export const locks = table<LockRow>(
  'locks',
  'One row per case, lock class and thread: the figures of Linux lock_stat, in nanoseconds.',
  forCase<CaseRow & { line: Contention }>([
    column('lock_class', '`ct_lock`, `conn_lock`, …', ({ line }) => line.class),
    column('thread', '`all`, `sweeper` or `worker-N`.', ({ line }) => line.thread),
    column('acquisitions', 'Times the lock was taken.', ({ line }) => line.acquisitions),
    column('contended', 'Times it was not free at once.', ({ line }) => line.contended),
    column('spins', 'Spins while it was not free.', ({ line }) => line.spins),
    column('futex_waits', 'Times a thread went to sleep for it.', ({ line }) => line.futexWaits),
    column(
      'waits_per_packet',
      'Contended acquisitions per packet of the case; threads `all` only.',
      ({ entry, line }) =>
        line.thread === 'all' && typeof line.contended === 'number' && entry.packets.injected > 0
          ? line.contended / entry.packets.injected
          : null,
    ),
    ...lockColumns('wait'),
    ...lockColumns('hold'),
  ]),
  (runs) => caseRows(runs).flatMap((row) => (row.entry.locks ?? []).map((line) => ({ ...row, line }))),
  true,
);

type ExpiryRow = CaseRow & { scope: string; group: ExpiryGroup };

function expiryRows(runs: readonly Run[]): ExpiryRow[] {
  return caseRows(runs).flatMap((row) => {
    const { expiry } = row.entry;
    if (expiry === null || expiry === undefined) return [];
    const present = (expiry.staleTimeline ?? [])
      .map((at) => at.expiredPresent)
      .filter((n) => typeof n === 'number');
    const all: ExpiryGroup = {
      key: '',
      removed: row.entry.connections?.expired,
      lag: expiry.lag,
      expiredPresentMax: present.length === 0 ? null : present.reduce((a, b) => Math.max(a, b)),
    };
    return [
      { ...row, scope: 'all', group: all },
      ...(expiry.perZone ?? []).map((group) => ({ ...row, scope: 'zone', group })),
      ...(expiry.perPolicy ?? []).map((group) => ({ ...row, scope: 'policy', group })),
    ];
  });
}

export const expiry = table<ExpiryRow>(
  'expiry',
  'How late expired connections were removed: one row per case, and per zone and timeout policy.',
  forCase<CaseRow & { scope: string; group: ExpiryGroup }>([
    column('scope', '`all`, `zone` or `policy`.', (row) => row.scope),
    column('key', 'Zone, policy id or `others`; empty for `all`.', (row) => row.group.key),
    column('removed', 'Connections removed because their time was up.', (row) => row.group.removed),
    column(
      'expired_present_max',
      'Most connections that were expired and still there.',
      (row) => row.group.expiredPresentMax,
    ),
    ...distributionColumns<ExpiryRow>(
      'lag_',
      'from expiry to removal, of those removed',
      (row) => row.group.lag,
    ),
  ]),
  expiryRows,
  true,
);

export const sweeps = table<CaseRow & { sweep: Sweep }>(
  'sweeps',
  'One row per sweep.',
  forCase<CaseRow & { sweep: Sweep }>([
    column('start_ms', 'Start, in milliseconds from the start of the run.', (row) => row.sweep.startMs),
    column('duration_ns', 'Duration, in nanoseconds.', (row) => row.sweep.durationNs),
    column('checked', 'Connections looked at.', (row) => row.sweep.checked),
    column('cleaned', 'Connections removed.', (row) => row.sweep.cleaned),
    column(
      'longest_hold_ns',
      'Longest time a lock was held, in nanoseconds.',
      (row) => row.sweep.longestHoldNs,
    ),
    column(
      'wake_up_lag_ns',
      'From when it was due to when it ran, in nanoseconds.',
      (row) => row.sweep.wakeUpLagNs,
    ),
  ]),
  (runs) => caseRows(runs).flatMap((row) => (row.entry.sweeps ?? []).map((sweep) => ({ ...row, sweep }))),
);

interface OccupancyPoint {
  tMs: number;
  expiredPresent?: number | null | undefined;
  nConn?: number | null | undefined;
  slabInUse?: number | null | undefined;
  gracePending?: number | null | undefined;
}

export const occupancy = table<CaseRow & { at: OccupancyPoint }>(
  'occupancy',
  'What was in the table over time: one row per sampled moment.',
  forCase<CaseRow & { at: OccupancyPoint }>([
    column('t_ms', 'Milliseconds from the start of the run.', ({ at }) => at.tMs),
    column('expired_present', 'Connections expired and still in the table.', ({ at }) => at.expiredPresent),
    column('connections', 'Connections in the table.', ({ at }) => at.nConn),
    column('slab_in_use', 'Slots of the slab taken.', ({ at }) => at.slabInUse),
    column('grace_pending', 'Slots that wait for a grace period.', ({ at }) => at.gracePending),
  ]),
  (runs) =>
    caseRows(runs).flatMap((row) => {
      const points = new Map<number, OccupancyPoint>();
      for (const point of [
        ...(row.entry.expiry?.staleTimeline ?? []),
        ...(row.entry.memory?.timeline ?? []),
      ]) {
        points.set(point.tMs, { ...points.get(point.tMs), ...point });
      }
      return [...points.values()].toSorted((a, b) => a.tMs - b.tMs).map((at) => ({ ...row, at }));
    }),
);

export const nat = table<CaseRow & { at: NatOccupancyPoint }>(
  'nat',
  'What a NAT allocation costs as its pool fills.',
  forCase<CaseRow & { at: NatOccupancyPoint }>([
    column('occupancy', 'Share of the pool in use, 0 to 1.', ({ at }) => at.occupancy),
    column('allocations', 'Allocations at this occupancy.', ({ at }) => at.allocations),
    column('failures', 'Of them, those that found no free tuple.', ({ at }) => at.failures),
    column('mean_candidates', 'Tuples tried per allocation.', ({ at }) => at.meanCandidates),
    column(
      'service_p50_ns',
      'Median service time of the allocating packets, in nanoseconds.',
      ({ entry, at }) =>
        percentileOf({ ...at, interruptedShare: interruptedShareOf(entry, 'service') }, 'p50Ns'),
    ),
    column('service_p99_ns', '99th percentile of it, in nanoseconds.', ({ entry, at }) =>
      percentileOf({ ...at, interruptedShare: interruptedShareOf(entry, 'service') }, 'p99Ns'),
    ),
    column(
      'service_max_ns',
      'Largest, to the width of a histogram bin, in nanoseconds.',
      ({ at }) => at.maxNs,
    ),
  ]),
  (runs) => caseRows(runs).flatMap((row) => (row.entry.nat?.byOccupancy ?? []).map((at) => ({ ...row, at }))),
);
