/** Thresholds of the configuration against the figures of a run. */
import type { ResultCase } from '../result/schema.js';
import { median } from '../stats/sample.js';
import { withheldAt } from '../result/tail.js';
import { burdenedPps, comparablePps, isPaced, throughputOf, whyNotCompared } from '../result/throughput.js';
import { LOCK_CLASSES } from '../../engine/host/counters.js';
import { RegressError, type Check } from './check.js';
import { holds, type Threshold } from './threshold-expression.js';
import { PERCENTILE_KEYS, type PLAIN_METRICS } from './threshold-metrics.js';

/** Figures of one cell: the median over its trials, by metric. */
export type CellFigures = Readonly<Record<string, number>>;

/** How the plain metrics are read. */
const METRICS: Readonly<
  Record<(typeof PLAIN_METRICS)[number], (entry: ResultCase) => number | null | undefined>
> = {
  pps: (entry) => (isPaced(entry) ? entry.pacing.achievedPps : comparablePps(entry)),
  mbps: (entry) =>
    isPaced(entry)
      ? entry.pacing.achievedMbps
      : whyNotCompared(entry) === null
        ? throughputOf(entry).mbps
        : null,
  probedPps: burdenedPps,
  'probeCost.nsPerPacket': (entry) => entry.probeCost?.nsPerPacket,
  lockWaitShare: (entry) => entry.lockWaitShare,
  cpuWaitShare: (entry) => entry.cpuWaitShare,
  'connections.created': (entry) => entry.connections?.created,
  'connections.remaining': (entry) => entry.connections?.remaining,
  'connections.peak': (entry) => entry.connections?.peak,
  'memory.bytesPerConnection': (entry) => entry.memory?.bytesPerConnection,
  // A build that counts work, and no translation asked for: none failed.
  'nat.failures': (entry) => entry.nat?.failures ?? (entry.locks == null ? null : 0),
};

/** Every figure of one case that a threshold can name. */
function figuresOf(entry: ResultCase): Record<string, number> {
  const figures: Record<string, number> = {};
  const add = (name: string, value: number | null | undefined): void => {
    if (value !== null && value !== undefined) figures[name] = value;
  };
  for (const [name, read] of Object.entries(METRICS)) add(name, read(entry));
  for (const [name, key] of Object.entries(PERCENTILE_KEYS)) {
    add(`service.${name}`, entry.latency?.service?.overall[key]);
  }
  if (entry.locks == null) return figures;
  const totals = entry.locks.filter(({ thread }) => thread === 'all');
  for (const name of LOCK_CLASSES) {
    // A class that was never taken has no row.
    const lock = totals.find((each) => each.class === name) ?? { acquisitions: 0, contended: 0 };
    add(`locks.${name}.acquisitions`, lock.acquisitions);
    add(`locks.${name}.contended`, lock.contended);
    if (typeof lock.acquisitions === 'number' && entry.packets.injected > 0) {
      add(`locks.${name}.perPacket`, lock.acquisitions / entry.packets.injected);
    }
  }
  return figures;
}

/** Medians over the trials of each cell, without controls. */
export function cellFigures(cases: readonly ResultCase[]): Map<string, CellFigures> {
  const byCell = new Map<string, Record<string, number>[]>();
  for (const entry of cases) {
    if (entry.control === true) continue;
    byCell.set(entry.id, [...(byCell.get(entry.id) ?? []), figuresOf(entry)]);
  }
  return new Map(
    [...byCell].map(([id, trials]) => {
      const names = new Set(trials.flatMap((trial) => Object.keys(trial)));
      const medians = [...names].toSorted().map((name): [string, number] => {
        const values = trials.map((trial) => trial[name]).filter((value) => value !== undefined);
        return [name, median(values)];
      });
      return [id, Object.fromEntries(medians)];
    }),
  );
}

/** Percentiles of a cell that are the machine's rather than the design's, by metric, with the reason (result/tail.ts). */
export type HeldBack = ReadonlyMap<string, Readonly<Record<string, string>>>;

/** Which percentiles are held back, by the median of the interruptions over a cell's trials. */
export function heldBack(cases: readonly ResultCase[]): HeldBack {
  const shares = new Map<string, number[]>();
  for (const entry of cases) {
    const share = entry.latency?.service?.overall.interruptedShare;
    if (entry.control === true || typeof share !== 'number') continue;
    shares.set(entry.id, [...(shares.get(entry.id) ?? []), share]);
  }
  return new Map(
    [...shares].map(([id, values]) => {
      const reasons = Object.entries(PERCENTILE_KEYS).flatMap(([name, key]): [string, string][] => {
        const reason = key === 'meanNs' || key === 'maxNs' ? null : withheldAt(median(values), key);
        return reason === null ? [] : [[`service.${name}`, reason]];
      });
      return [id, Object.fromEntries(reasons)];
    }),
  );
}

/** What thresholds are held against. */
export interface ThresholdContext {
  readonly found: ReadonlyMap<string, CellFigures>;
  /** What of it says nothing of a design; absent: nothing. */
  readonly heldBack?: HeldBack;
  /** Figures of the baseline; null when there is none. */
  readonly baseline: ReadonlyMap<string, CellFigures> | null;
  /** Why the baseline's cell of an id is another cell than the one measured; absent: none is. */
  readonly otherCells?: ReadonlyMap<string, string>;
  /** Why times of the baseline cannot be compared with here; null when they can. */
  readonly notComparable: string | null;
  /** Why throughput of the baseline cannot be; absent or null when it can. */
  readonly throughputNotComparable?: string | null;
}

/**
 * Refuses thresholds about cells that there are none of.
 * @param cells ids of the cells that will be measured
 * @throws RegressError (usage)
 */
export function requireCells(thresholds: readonly Threshold[], cells: readonly string[]): void {
  const lost = thresholds.find((threshold) => !cells.some((id) => id.includes(threshold.cells)));
  if (lost === undefined) return;
  throw new RegressError(
    `thresholds: '${lost.text}': no cell is called like '${lost.cells}'; the cells are ${cells.join(', ')}`,
    2,
  );
}

/** One check per threshold and cell that it is about. */
export function thresholdChecks(thresholds: readonly Threshold[], context: ThresholdContext): Check[] {
  return thresholds.flatMap((threshold) => {
    const cells = [...context.found].filter(([id]) => id.includes(threshold.cells));
    const measured = cells.filter(([, figures]) => figures[threshold.metric] !== undefined);
    if (measured.length === 0) {
      const known = [...new Set(cells.flatMap(([, figures]) => Object.keys(figures)))];
      const text =
        cells.length === 0
          ? `no cell is called like '${threshold.cells}'`
          : `no cell measured ${threshold.metric}; there are ${known.join(', ')}`;
      return [check(threshold, threshold.cells === '' ? 'all cells' : threshold.cells, 'inconclusive', text)];
    }
    return measured.map(([id, figures]) =>
      judge(threshold, id, figures[threshold.metric] as number, context),
    );
  });
}

function judge(threshold: Threshold, id: string, value: number, context: ThresholdContext): Check {
  const { metric, operator, limit, ofBaseline } = threshold;
  const reason = context.heldBack?.get(id)?.[metric];
  if (reason !== undefined) {
    const text = `${metric} is ${show(metric, value)}, and says nothing of the design: ${reason}`;
    return check(threshold, id, 'inconclusive', text);
  }
  if (!ofBaseline) {
    const ok = holds(operator, value, limit);
    return check(threshold, id, ok ? 'pass' : 'regression', `${metric} is ${show(metric, value)}`);
  }
  const before = context.baseline?.get(id)?.[metric];
  if (before === undefined) {
    const text = `the baseline has no ${metric} of this cell; add it with regress --update`;
    return check(threshold, id, 'inconclusive', text);
  }
  const other = context.otherCells?.get(id);
  if (other !== undefined) return check(threshold, id, 'inconclusive', other);
  const throughput = context.throughputNotComparable ?? null;
  if (throughput !== null && /^(pps|mbps)$/.test(metric)) {
    return check(threshold, id, 'inconclusive', throughput);
  }
  if (context.notComparable !== null && isAbsolute(metric)) {
    return check(threshold, id, 'inconclusive', context.notComparable);
  }
  // Nothing, as before, is neither more nor less than a multiple of nothing.
  const ok = (before === 0 && value === 0) || holds(operator, value, before * limit);
  const text = `${metric} is ${show(metric, value)}, the baseline's ${show(metric, before)}`;
  return check(threshold, id, ok ? 'pass' : 'regression', text);
}

/** Whether a metric's value depends on the machine: rates, times, and what shares of the time threads wait. */
function isAbsolute(metric: string): boolean {
  return /^(?:pps|mbps|probedPps)$|^(?:probeCost|service)\.|Share$|\.contended$/.test(metric);
}

function check(threshold: Threshold, cell: string, verdict: Check['verdict'], text: string): Check {
  return { level: 'threshold', name: `${threshold.text}: ${cell}`, verdict, text, details: [] };
}

function show(metric: string, value: number): string {
  const digits = String(Number(value.toPrecision(4)));
  return metric.startsWith('service.') ? `${digits} ns` : digits;
}
