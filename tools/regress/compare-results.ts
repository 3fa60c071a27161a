/** Two sets of stored results side by side: matching cells, metric by metric, as benchstat does it. */
import { METRICS } from '../bench/metrics.js';
import { mutexOf, touchAheadEffect, touchAheadOf } from '../result/cells.js';
import { isPaced, whyNotCompared } from '../result/throughput.js';
import { identityDifferences } from '../result/identity.js';
import type { Run } from '../result/runs.js';
import type { Direction, ResultCase } from '../result/schema.js';
import { interruptedShareOf, isWithheldAt, tailOfMetric, WITHHELD_ADVICE } from '../result/tail.js';
import {
  adjustComparisons,
  compareSamples,
  geomeanRow,
  type BenchComparison,
  type GeomeanRow,
  type ValueKind,
} from '../stats/compare.js';
import { relativeHalfWidth } from '../stats/interval.js';
import { median } from '../stats/sample.js';
import type { SessionEstimate } from '../stats/session-estimate.js';
import { RegressError } from './check.js';

/** One cell, one metric. */
export interface ComparedRow {
  readonly cell: string;
  readonly comparison: BenchComparison;
  /** Half the width of the value's interval as a share of it; null with fewer than two trials. */
  readonly baseSpread: number | null;
  readonly headSpread: number | null;
}

/** All cells of one metric. */
export interface ComparedMetric {
  readonly metric: string;
  readonly unit: string;
  readonly direction: Direction;
  readonly rows: readonly ComparedRow[];
  readonly geomean: GeomeanRow | null;
}

/** What was compared, and what was not and why. */
export interface ComparedResults {
  readonly metrics: readonly ComparedMetric[];
  readonly notes: readonly string[];
}

/** How results are compared. */
export interface CompareOptions {
  readonly alpha: number;
  /** Compare absolute times although the machines differ. */
  readonly acrossMachines: boolean;
}

interface Value {
  readonly metric: string;
  readonly unit: string;
  readonly direction: Direction;
  readonly value: number;
}

/** Figures that depend on the machine, from the trials of one cell. */
function measuredValues(entry: ResultCase): Value[] {
  const values: Value[] = [];
  for (const { name, unit, direction, read } of METRICS) {
    const value = read(entry);
    if (value === null || value === undefined) continue;
    // A throughput that was set is no finding, and a throughput that contains the cost of probes says nothing about the design.
    if ((name === 'pps' && isPaced(entry)) || name === 'probedPps') continue;
    // Interruptions say what may be compared, and are not compared themselves.
    if (name.endsWith('.interruptedShare')) continue;
    values.push({ metric: name, unit, direction, value });
  }
  return values;
}

/** Counts of work per packet, comparable between any two machines. */
function workValues(entry: ResultCase): Value[] {
  const packets = entry.packets.injected;
  if (packets === 0) return [];
  const perPacket = (name: string, count: number | null | undefined): Value[] =>
    count === null || count === undefined
      ? []
      : [{ metric: `${name} per packet`, unit: '1', direction: 'lower-is-better', value: count / packets }];
  const locks = (entry.locks ?? []).filter((line) => line.thread === 'all');
  return [
    ...locks.flatMap((line) => perPacket(`locks.${line.class}`, line.acquisitions)),
    ...perPacket('work.listMoves', entry.workCounts?.listMoves),
    ...perPacket('work.hashProbes', entry.workCounts?.hashProbes),
    ...perPacket('work.bytesCopied', entry.workCounts?.bytesCopied),
  ];
}

/** Trials of one metric by session: a result's file and the process within. */
interface MetricValues {
  readonly first: Value;
  readonly sessions: Map<string, number[]>;
}

/** Trials of one cell by metric. */
type CellValues = Map<string, MetricValues>;

/** A case, and the session it ran in: several results are several sessions. */
interface SessionCase {
  readonly entry: ResultCase;
  readonly session: string;
}

function addValue(cells: Map<string, CellValues>, cell: string, session: string, value: Value): void {
  const metrics: CellValues = cells.get(cell) ?? new Map<string, MetricValues>();
  cells.set(cell, metrics);
  const known = metrics.get(value.metric) ?? { first: value, sessions: new Map<string, number[]>() };
  metrics.set(value.metric, known);
  known.sessions.set(session, [...(known.sessions.get(session) ?? []), value.value]);
}

interface Side {
  /** Metrics by cell that are the machine's. */
  readonly withheld: ReadonlyMap<string, ReadonlySet<string>>;
  readonly cells: ReadonlyMap<string, CellValues>;
  readonly work: ReadonlyMap<string, CellValues>;
  readonly machines: ReadonlySet<string>;
}

function gather(
  cases: readonly SessionCase[],
  read: (entry: ResultCase) => Value[],
): Map<string, CellValues> {
  const cells = new Map<string, CellValues>();
  for (const { entry, session } of cases) {
    for (const value of read(entry)) addValue(cells, cellNameOf(entry), session, value);
  }
  return cells;
}

/** The cell's id; marked where it does not say itself that probes and clocks were left out. */
function cellNameOf({ id, build }: ResultCase): string {
  return build === 'bare' && !id.endsWith('/bare') ? `${id} (bare)` : id;
}

function casesOf(runs: readonly Run[]): SessionCase[] {
  return runs.flatMap(({ result }, run) =>
    result.cases
      .filter((entry) => entry.control !== true)
      .map((entry) => ({ entry, session: `${run}/${entry.session ?? 0}` })),
  );
}

/** Percentiles of a cell that show the machine's interruptions (result/tail.ts), judged over all its trials. */
function withheldTails(cases: readonly ResultCase[]): Map<string, ReadonlySet<string>> {
  const byCell = new Map<string, ResultCase[]>();
  for (const entry of cases) byCell.set(cellNameOf(entry), [...(byCell.get(cellNameOf(entry)) ?? []), entry]);
  return new Map(
    [...byCell].map(([cell, trials]): [string, ReadonlySet<string>] => {
      const withheld = METRICS.map(({ name }) => name).filter((name) => {
        const tail = tailOfMetric(name);
        if (tail === null) return false;
        const shares = trials.flatMap((entry) => interruptedShareOf(entry, tail.kind) ?? []);
        return shares.length > 0 && isWithheldAt(median(shares), tail.key);
      });
      return [cell, new Set(withheld)];
    }),
  );
}

function sideOf(runs: readonly Run[]): Side {
  const cases = casesOf(runs);
  const withheld = withheldTails(cases.map(({ entry }) => entry));
  return {
    withheld,
    cells: gather(cases, (entry) =>
      measuredValues(entry).filter(({ metric }) => withheld.get(cellNameOf(entry))?.has(metric) !== true),
    ),
    work: gather(cases, workValues),
    machines: new Set(runs.map(({ result }) => result.environment.machineId ?? 'unknown')),
  };
}

/**
 * Compares matching cells. Work counts and ratios between designs are always compared; everything that is measured only between
 * results of one machine, or where asked for.
 * @throws RegressError when no cell is in both
 */
export function compareResults(
  base: readonly Run[],
  head: readonly Run[],
  options: CompareOptions,
): ComparedResults {
  const before = sideOf(base);
  const after = sideOf(head);
  const shared = [...before.cells.keys()].filter((cell) => after.cells.has(cell));
  if (shared.length === 0) {
    throw new RegressError(
      `no cell is in both: base has ${list(before.cells.keys())}, head has ${list(after.cells.keys())}; compare results of the same inputs, designs and loads`,
    );
  }
  requireSameCells(base, head);
  const notes = [
    ...missing(before.cells, after.cells, 'base'),
    ...missing(after.cells, before.cells, 'head'),
    ...invalidNotes([...base, ...head]),
    ...settingNotes(base, head, shared, MUTEX),
    ...settingNotes(base, head, shared, TOUCH_AHEAD),
    ...throughputNotes(base, 'base', shared),
    ...throughputNotes(head, 'head', shared),
    ...withheldNotes(before.withheld, after.withheld),
  ];
  const isSameMachine =
    before.machines.size === 1 &&
    !before.machines.has('unknown') &&
    [...after.machines].every((machine) => before.machines.has(machine));
  const timesCount = isSameMachine || options.acrossMachines;
  if (!isSameMachine) {
    notes.push(
      timesCount
        ? 'The results are from different machines: differences of times and rates may be those of the machines.'
        : 'The results are from different machines, so times, rates and shares of the time are not compared; --across-machines does it all the same. Work counts and ratios between designs are compared.',
    );
  }
  return {
    metrics: judged([
      // All that is measured is of the machine: lags and shares of the time as well.
      ...(timesCount ? tables(before.cells, after.cells, shared, 'measured', options) : []),
      ...ratioTables(base, head, options),
      ...tables(before.work, after.work, shared, 'counted', options),
    ]),
    notes,
  };
}

/** @throws RegressError when a name stands for different things in base and head */
function requireSameCells(base: readonly Run[], head: readonly Run[]): void {
  const known = new Map(base.flatMap(({ result }) => result.cases.map((entry) => [entry.id, entry])));
  for (const entry of head.flatMap(({ result }) => result.cases)) {
    const twin = known.get(entry.id);
    const differences = twin === undefined ? [] : identityDifferences(twin, entry);
    if (differences.length > 0) {
      throw new RegressError(
        `${entry.id}: base and head measured different things under this name: they differ in ${differences.join('; ')}. Measure both alike`,
      );
    }
  }
}

function list(names: Iterable<string>): string {
  const all = [...names];
  const shown = all.slice(0, 3).join(', ');
  return all.length === 0 ? 'none' : all.length > 3 ? `${shown}, … (${all.length})` : shown;
}

function missing(
  from: ReadonlyMap<string, unknown>,
  other: ReadonlyMap<string, unknown>,
  name: string,
): string[] {
  const only = [...from.keys()].filter((cell) => !other.has(cell));
  return only.length === 0 ? [] : [`Only in ${name}: ${list(only)}.`];
}

function withheldNotes(...sides: readonly ReadonlyMap<string, ReadonlySet<string>>[]): string[] {
  const names = new Set(sides.flatMap((side) => [...side.values()].flatMap((metrics) => [...metrics])));
  return names.size === 0
    ? []
    : [
        `~ ${[...names].join(', ')} not compared where the machine interrupted or delayed more than half as many packets as lie above: it would be a comparison of machines. ${WITHHELD_ADVICE}`,
      ];
}

function invalidNotes(runs: readonly Run[]): string[] {
  const notes = runs.flatMap(({ label, result }) => [
    ...(result.valid ? [] : [`${label}: its self-audit failed; do not use its figures.`]),
    ...(result.partial ? [`${label}: the run was cut short.`] : []),
  ]);
  // A result that is compared with itself is one.
  return [...new Set(notes)];
}

/** A setting of the engine that cells may differ in. */
interface Setting {
  /** In a sentence, several of them. */
  readonly what: string;
  readonly flag: string;
  readonly read: (entry: ResultCase) => string;
  /** What came of it: cells that are alike in this were measured alike. */
  readonly effect: (entry: ResultCase) => string;
}

const MUTEX: Setting = { what: 'mutexes', flag: '--mutex', read: mutexOf, effect: mutexOf };
const TOUCH_AHEAD: Setting = {
  what: 'settings of touching ahead',
  flag: '--touch-ahead',
  read: touchAheadOf,
  effect: touchAheadEffect,
};

/** Cells that ran under another setting than before: a difference may be that of the setting. */
function settingNotes(
  base: readonly Run[],
  head: readonly Run[],
  shared: readonly string[],
  { what, flag, read, effect }: Setting,
): string[] {
  const [before, after] = [valuesOf(base, read), valuesOf(head, read)];
  const [effectBefore, effectAfter] = [valuesOf(base, effect), valuesOf(head, effect)];
  const changed = shared.filter(
    (cell) => before.get(cell) !== after.get(cell) && effectBefore.get(cell) !== effectAfter.get(cell),
  );
  const [first] = changed;
  if (first === undefined) return [];
  return [
    `Measured with different ${what} (base ${before.get(first)}, head ${after.get(first)}): ${list(changed)}. ` +
      `Differences may be those of the ${what}; measure both with one ${flag}.`,
  ];
}

/** Cells whose throughput is left out, by reason. */
function throughputNotes(runs: readonly Run[], side: string, shared: readonly string[]): string[] {
  const cellsBy = new Map<string, Set<string>>();
  for (const entry of runs.flatMap(({ result }) => result.cases)) {
    const reason = whyNotCompared(entry);
    const name = cellNameOf(entry);
    if (reason === null || isPaced(entry) || !shared.includes(name)) continue;
    cellsBy.set(reason, (cellsBy.get(reason) ?? new Set()).add(name));
  }
  return [...cellsBy].map(
    ([reason, cells]) => `Throughput is not compared (${side}: ${reason}): ${list(cells)}.`,
  );
}

/** A setting of each cell, or what came of it; several joined where its trials differ. */
function valuesOf(runs: readonly Run[], read: (entry: ResultCase) => string): Map<string, string> {
  const found = new Map<string, Set<string>>();
  for (const entry of runs.flatMap(({ result }) => result.cases)) {
    const name = cellNameOf(entry);
    found.set(name, (found.get(name) ?? new Set()).add(read(entry)));
  }
  return new Map([...found].map(([name, values]) => [name, [...values].toSorted().join(' and ')]));
}

/** A table before its verdicts and mean, which depend on all of them. */
type OpenTable = Omit<ComparedMetric, 'geomean'>;

function tables(
  before: ReadonlyMap<string, CellValues>,
  after: ReadonlyMap<string, CellValues>,
  cells: readonly string[],
  kind: ValueKind,
  { alpha }: CompareOptions,
): OpenTable[] {
  const found = new Map<string, { first: Value; rows: ComparedRow[] }>();
  for (const cell of cells) {
    for (const [metric, { first, sessions }] of before.get(cell) ?? []) {
      const other = after.get(cell)?.get(metric);
      if (other === undefined) continue;
      const table = found.get(metric) ?? { first, rows: [] };
      found.set(metric, table);
      const sides = [[...sessions.values()], [...other.sessions.values()]] as const;
      const comparison = compareSamples(...sides, { alpha, kind });
      table.rows.push(rowOf(cell, comparison));
    }
  }
  return [...found].map(([metric, { first, rows }]) => ({
    metric,
    unit: first.unit,
    direction: first.direction,
    rows,
  }));
}

function rowOf(cell: string, comparison: BenchComparison): ComparedRow {
  return {
    cell,
    comparison,
    baseSpread: spreadOf(comparison.base),
    headSpread: spreadOf(comparison.head),
  };
}

function spreadOf({ value, interval }: SessionEstimate): number | null {
  return interval === null ? null : relativeHalfWidth(value, interval);
}

/** Verdicts after Holm's correction over every row of every table, then the means. */
function judged(open: readonly OpenTable[]): ComparedMetric[] {
  const adjusted = adjustComparisons(open.flatMap(({ rows }) => rows.map((row) => row.comparison)));
  let next = 0;
  return open.map((table) => {
    const rows = table.rows.map((row) => rowOf(row.cell, adjusted[next++] as BenchComparison));
    return { ...table, rows, geomean: geomeanRow(rows.map((row) => row.comparison)) };
  });
}

/** Metrics whose ratios between designs are compared. */
const RATIO_METRICS = ['pps', 'service.p50Ns', 'service.p99Ns'];

/** Ratios of a design to the first design of its group, trial by trial: what a machine is like cancels. */
function ratioTables(base: readonly Run[], head: readonly Run[], options: CompareOptions): OpenTable[] {
  const before = ratiosOf(base);
  const after = ratiosOf(head);
  const shared = [...before.keys()].filter((cell) => after.has(cell));
  return tables(before, after, shared, 'measured', options);
}

function ratiosOf(runs: readonly Run[]): Map<string, CellValues> {
  const cells = new Map<string, CellValues>();
  const groups = new Map<string, SessionCase[]>();
  for (const at of casesOf(runs)) {
    const { entry, session } = at;
    // A cell's id with its design taken out names what it may be compared in.
    const key = JSON.stringify([
      session,
      entry.id.replace(`/${entry.design}/`, '/'),
      entry.trial,
      entry.build,
    ]);
    groups.set(key, [...(groups.get(key) ?? []), at]);
  }
  for (const [first, ...others] of groups.values()) {
    if (first === undefined) continue;
    for (const other of others) addRatios(cells, first, other);
  }
  return cells;
}

function addRatios(cells: Map<string, CellValues>, from: SessionCase, to: SessionCase): void {
  const id = `${cellNameOf(to.entry)} / ${from.entry.design}`;
  const base = new Map(measuredValues(from.entry).map((value) => [value.metric, value]));
  const withheld = withheldTails([from.entry, to.entry]);
  for (const { metric, direction, value } of measuredValues(to.entry)) {
    if ([...withheld.values()].some((metrics) => metrics.has(metric))) continue;
    const other = base.get(metric);
    if (other === undefined || other.value <= 0 || !RATIO_METRICS.includes(metric)) continue;
    const ratio = { metric: `${metric} ratio`, unit: '1', direction, value: value / other.value };
    addValue(cells, id, to.session, ratio);
  }
}
