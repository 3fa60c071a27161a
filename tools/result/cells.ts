/** Groups the cases of one or more runs into cells: all trials of one design on one input in one configuration. */
import { median } from '../stats/sample.js';
import { mergeDistributions } from './histograms.js';
import { formatRate } from '../text/quantities.js';
import type { Run } from './runs.js';
import { throughputBuild, throughputOf } from './throughput.js';
import type { CellSummary, Contention, LatencyDistribution, ResultCase } from './schema.js';

export interface Cell {
  run: Run;
  id: string;
  /** All trials, in order; at least one. */
  cases: ResultCase[];
  /** The first trial: what is equal in all of them is read from here. */
  first: ResultCase;
}

export type TimeKind = 'service' | 'response';
export const TIME_KINDS: readonly TimeKind[] = ['service', 'response'];

/** The cells of `runs` in the order in which they first appear. */
export function cellsOf(runs: readonly Run[]): Cell[] {
  const cells: Cell[] = [];
  for (const run of runs) {
    const byId = new Map<string, Cell>();
    for (const entry of run.result.cases) {
      const known = byId.get(entry.id);
      if (known === undefined) {
        const cell = { run, id: entry.id, cases: [entry], first: entry };
        byId.set(entry.id, cell);
        cells.push(cell);
      } else {
        known.cases.push(entry);
      }
    }
  }
  return cells;
}

/** The mutex that a case ran with: the one there was, in results from before there was a choice. */
export function mutexOf(entry: ResultCase): 'glibc' | 'backoff' {
  return entry.mutex ?? 'backoff';
}

/** The setting of touching ahead that a case ran with: none touched, in results from before there was a choice. */
export function touchAheadOf(entry: ResultCase): 'auto' | 'on' | 'off' {
  return entry.touchAhead ?? 'off';
}

/** What came of that setting: `auto` that never touched is as good as `off`. */
export function touchAheadEffect(entry: ResultCase): 'auto' | 'on' | 'off' {
  const touched = Math.max(entry.touchedBatchShare ?? 0, entry.throughput?.touchedBatchShare ?? 0) > 0;
  return touchAheadOf(entry) === 'auto' && !touched ? 'off' : touchAheadOf(entry);
}

/** Settings of the engine that the heading of a group names: those that are not the default, as far as a case says what it had. */
export function settingNames({ mutex, touchAhead }: ResultCase): string[] {
  return [
    ...(mutex === 'backoff' ? ['backoff mutex'] : []),
    ...(touchAhead === 'on' || touchAhead === 'off' ? [`touch-ahead ${touchAhead}`] : []),
  ];
}

/** The median of a figure over the trials that have it; null when none has. */
export function medianOf(
  cell: Cell,
  figure: (entry: ResultCase) => number | null | undefined,
): number | null {
  const known = cell.cases
    .map(figure)
    .filter((value): value is number => value !== null && value !== undefined);
  return known.length === 0 ? null : median(known);
}

/** What probes and clocks add to a packet, nanoseconds of worker time, median of the trials; null where it was not measured. */
export function probeCostOf(cell: Cell): number | null {
  return medianOf(cell, (entry) => entry.probeCost?.nsPerPacket);
}

/** The sum of a figure over the trials that have it; null when none has. */
export function totalOf(cell: Cell, figure: (entry: ResultCase) => number | null | undefined): number | null {
  let total: number | null = null;
  for (const entry of cell.cases) {
    const value = figure(entry);
    if (value !== null && value !== undefined) total = (total ?? 0) + value;
  }
  return total;
}

/** The largest of a figure over the trials that have it; null when none has. */
export function largestOf(
  cell: Cell,
  figure: (entry: ResultCase) => number | null | undefined,
): number | null {
  let largest: number | null = null;
  for (const entry of cell.cases) {
    const value = figure(entry);
    if (value !== null && value !== undefined && (largest === null || value > largest)) largest = value;
  }
  return largest;
}

/** What the bench summarised for this cell, for example its interval; undefined where it did not. */
export function summaryOf(cell: Cell, metric: string): CellSummary | undefined {
  return cell.run.result.cells?.find((summary) => summary.id === cell.id && summary.metric === metric);
}

const merged = new WeakMap<Cell, Map<string, LatencyDistribution | null>>();

function mergedOnce(
  cell: Cell,
  key: string,
  part: (entry: ResultCase) => LatencyDistribution | null | undefined,
): LatencyDistribution | null {
  const known = merged.get(cell) ?? new Map<string, LatencyDistribution | null>();
  merged.set(cell, known);
  const before = known.get(key);
  if (before !== undefined) return before;
  const parts = cell.cases
    .map(part)
    .filter((value): value is LatencyDistribution => value !== null && value !== undefined);
  const together = mergeDistributions(parts);
  known.set(key, together);
  return together;
}

/** Service or response time of all trials together; null where it was not measured. */
export function latencyOfCell(cell: Cell, kind: TimeKind): LatencyDistribution | null {
  return mergedOnce(cell, kind, (entry) => entry.latency?.[kind]?.overall);
}

/** Time from expiry to removal, all trials together. */
export function lagOfCell(cell: Cell): LatencyDistribution | null {
  return mergedOnce(cell, 'lag', (entry) => entry.expiry?.lag);
}

/** The lock figures of a cell by class, over all threads, trials added up. Averages are weighted by events. */
export function locksOfCell(cell: Cell): Contention[] {
  const byClass = new Map<string, Contention[]>();
  for (const entry of cell.cases) {
    for (const line of entry.locks ?? []) {
      if (line.thread !== 'all') continue;
      byClass.set(line.class, [...(byClass.get(line.class) ?? []), line]);
    }
  }
  return [...byClass].map(([name, lines]) => addLines(name, lines));
}

function addLines(name: string, lines: readonly Contention[]): Contention {
  const [only] = lines;
  if (lines.length === 1 && only !== undefined) return only;
  const sum = (figure: (line: Contention) => number | null | undefined): number | null =>
    addKnown(lines.map(figure));
  const times = (kind: 'wait' | 'hold'): Contention['wait'] => {
    const parts = lines.map((line) => line[kind]).filter((part) => part !== null && part !== undefined);
    if (parts.length === 0) return null;
    const counted = addKnown(parts.map((part) => part.count));
    const minima = parts.map((part) => part.minNs).filter((value) => value !== null && value !== undefined);
    const maxima = parts.map((part) => part.maxNs).filter((value) => value !== null && value !== undefined);
    // A trial counts by the holds that it stands for, not by those that were timed.
    const weights = lines.flatMap((line) =>
      line[kind] == null ? [] : [(kind === 'hold' ? line.acquisitions : null) ?? line[kind].count ?? 1],
    );
    const weighted = addKnown(
      parts.map((part, index) =>
        part.avgNs === null || part.avgNs === undefined ? null : part.avgNs * (weights[index] as number),
      ),
    );
    const weight = addKnown(weights) ?? 0;
    return {
      count: counted,
      minNs: minima.length === 0 ? null : Math.min(...minima),
      avgNs: weighted === null || weight === 0 ? null : weighted / weight,
      maxNs: maxima.length === 0 ? null : Math.max(...maxima),
      totalNs: addKnown(parts.map((part) => part.totalNs)),
      sampled: parts.some((part) => part.sampled === true),
      sampleInterval: parts[0]?.sampleInterval ?? null,
      clockCostNs: parts[0]?.clockCostNs ?? null,
      winsorisedAt: parts[0]?.winsorisedAt ?? null,
    };
  };
  return {
    class: name,
    thread: 'all',
    acquisitions: sum((line) => line.acquisitions),
    contended: sum((line) => line.contended),
    spins: sum((line) => line.spins),
    futexWaits: sum((line) => line.futexWaits),
    wait: times('wait'),
    hold: times('hold'),
  };
}

function addKnown(values: readonly (number | null | undefined)[]): number | null {
  let total: number | null = null;
  for (const value of values) if (value !== null && value !== undefined) total = (total ?? 0) + value;
  return total;
}

/** Throughput with the harness taken out, median over trials; null at a set rate, where it would be no throughput. */
export function onEnginePpsOf(cell: Cell): number | null {
  return cell.first.pacing.mode === 'topspeed'
    ? medianOf(cell, (entry) => throughputOf(entry).onEnginePps)
    : null;
}

/** Packets injected over all trials. */
export function packetsOf(cell: Cell): number {
  return cell.cases.reduce((sum, entry) => sum + entry.packets.injected, 0);
}

/**
 * Cells that differ only in the design, side by side: the same run, input, workers, pacing target, batch, steering,
 * mutex, touching ahead, and build and timing of both the throughput and everything else. In the order of their first cell.
 */
export function comparableGroups(cells: readonly Cell[]): Cell[][] {
  const groups = new Map<string, Cell[]>();
  for (const cell of cells) {
    const { input, workers, pacing, batch, steer, clock, build, kind } = cell.first;
    const key = JSON.stringify([
      cell.run.label,
      kind,
      input.type,
      input.name,
      input.parameters ?? null,
      workers,
      pacing.mode,
      // A top speed run has no target; a rate that was reached differs from run to run.
      pacing.targetPps ?? pacing.targetMbps ?? pacing.multiplier ?? null,
      batch,
      steer,
      clock,
      build,
      mutexOf(cell.first),
      touchAheadOf(cell.first),
      cell.first.latency?.mode ?? null,
      throughputBuild(cell.first),
    ]);
    groups.set(key, [...(groups.get(key) ?? []), cell]);
  }
  return [...groups.values()];
}

/** What a cell is called beside others: its design, with the options that tell it from a cell of the same design. */
export function cellName(cell: Cell, among: readonly Cell[]): string {
  const { design, designOptions, control, build } = cell.first;
  const preset = designOptions?.['preset'];
  const twins = among.filter((other) => other !== cell && other.first.design === design);
  const named = twins.length > 0 && typeof preset === 'string' ? `${design} (${preset})` : design;
  const marks = [...(control === true ? ['A/A'] : []), ...(build === 'bare' ? ['bare'] : [])];
  return marks.length === 0 ? named : `${named} (${marks.join(', ')})`;
}

/** The pacing of a case in a few words: `top speed`, `target 1.00 M/s`, `capture time × 2`. */
export function pacingText(entry: ResultCase): string {
  const { mode, targetPps, targetMbps, multiplier } = entry.pacing;
  if (mode === 'pps' && typeof targetPps === 'number') return `target ${formatRate(targetPps)}`;
  if (mode === 'mbps' && typeof targetMbps === 'number') return `target ${targetMbps} Mbit/s`;
  if (mode === 'multiplier' && typeof multiplier === 'number') return `capture time × ${multiplier}`;
  return mode === 'topspeed' ? 'top speed' : mode;
}

/** Passes of the sweeper; `sweeps` keeps the first ten thousand only. Null where nobody swept. */
export function sweepsOf({ sweeper, sweeps }: Pick<ResultCase, 'sweeper' | 'sweeps'>): number | null {
  return sweeper?.passes ?? sweeps?.length ?? null;
}
