/** What a finished run counted: verdicts, reasons, work, and what NAT tried. */
import type { ThreadCounters } from '../../engine/host/counters.js';
import { reasonTable } from '../../engine/host/reason-text.js';
import { stateText } from '../../engine/host/state-text.js';
import type { ResultCase } from '../result/schema.js';
import { CLASS_NAMES, distributionOf } from './collect-latency.js';
import { mergeRecordings, readCoarse } from './recording.js';
import type { FinishedRun } from './run-control.js';

/** Packets by ct_state text; fragments that were held get a name of their own. */
export function verdictCounts(heldReason: number, counters: ThreadCounters): Record<string, number> {
  const verdicts: Record<string, number> = {};
  for (const [state, count] of counters.verdicts) verdicts[stateText(state)] = count;
  const held = counters.reasons.get(heldReason) ?? 0;
  if (held > 0) verdicts['held'] = held;
  return verdicts;
}

export function classCounts(classes: ReadonlyMap<number, number>): ResultCase['packets']['byClass'] {
  if (classes.size === 0) return null;
  const named: NonNullable<ResultCase['packets']['byClass']> = {};
  CLASS_NAMES.forEach((name, number) => {
    const count = classes.get(number);
    if (count !== undefined) named[name] = count;
  });
  return named;
}

/** Reasons that say why a packet got less than it asked for. */
export function reasonCounts(
  finished: FinishedRun,
  reasons: ReadonlyMap<number, number>,
): Record<string, number> {
  const c = finished.run.engine.constants;
  const notRejections = new Set([c.R_CREATED, c.R_REOPENED, c.R_FORCED, c.R_FRAGMENT_HELD]);
  const table = reasonTable(c);
  const counts: Record<string, number> = {};
  for (const [code, count] of reasons) {
    if (notRejections.has(code)) continue;
    counts[table.get(code)?.name ?? `reason-${code}`] = count;
  }
  return counts;
}

/** Share of the batches that touched ahead; null where there was none, or the engine does not count them. */
export function touchedShare({ batches }: ThreadCounters): number | null {
  return batches.run === 0 ? null : batches.touched / batches.run;
}

/** What all threads did, counted. */
export function workFigures({ work, locks }: ThreadCounters): ResultCase['workCounts'] {
  const { packets = 0, listMoves, bucketProbes, bytesCopied, ...other } = work;
  return {
    packets,
    locks: Object.fromEntries(
      Object.entries(locks)
        .map(([name, { acquisitions }]): [string, number] => [name, acquisitions])
        .filter(([, count]) => count > 0),
    ),
    listMoves: listMoves ?? null,
    hashProbes: bucketProbes ?? null,
    bytesCopied: bytesCopied ?? null,
    other: Object.fromEntries(Object.entries(other).filter(([, count]) => count > 0)),
  };
}

export function natFigures(
  finished: FinishedRun,
  workers: number,
  work: Readonly<Record<string, number>>,
): ResultCase['nat'] {
  const allocations = work['natAllocations'] ?? 0;
  if (allocations === 0) return null;
  const { run } = finished;
  const recording = mergeRecordings(
    Array.from({ length: workers }, (_, thread) =>
      readCoarse(run, thread, run.engine.constants.H_NAT_CANDIDATES),
    ),
  );
  const tried = distributionOf(recording);
  return {
    allocations,
    failures: work['natFailures'] ?? 0,
    byOccupancy: finished.timeline.natByOccupancy,
    candidates:
      tried === null
        ? null
        : {
            count: tried.count,
            min: tried.minNs ?? null,
            mean: tried.meanNs ?? null,
            p50: tried.p50Ns ?? null,
            p90: tried.p90Ns ?? null,
            p99: tried.p99Ns ?? null,
            max: tried.maxNs ?? null,
          },
  };
}
