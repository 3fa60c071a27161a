/** Two sets of stored results side by side: matching cells, metric by metric, as benchstat does it. */
import { METRICS } from '../bench/metrics.js';
import { mutexOf } from '../report/cells.js';
import { isPaced, whyNotCompared } from '../report/throughput.js';
import type { Run } from '../report/runs.js';
import type { Direction, ResultCase } from '../report/schema.js';
import { compareSamples, geomeanRow, type BenchComparison, type GeomeanRow } from '../stats/compare.js';
import { relativeHalfWidth } from '../stats/interval.js';
import { bootstrapInterval } from '../stats/bootstrap.js';
import type { RandomSource } from '../stats/random-source.js';
import { median } from '../stats/sample.js';
import { RegressError } from './check.js';
import { isAbsolute } from './thresholds.js';

/** One cell, one metric. */
export interface ComparedRow {
  readonly cell: string;
  readonly comparison: BenchComparison;
  /** Half the width of the interval of the median as a share of it; null with fewer than two trials. */
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
  readonly random: RandomSource;
}

interface Value {
  readonly metric: string;
  readonly unit: string;
  readonly direction: Direction;
  readonly value: number;
}

/** Figures that depend on the machine, from the trials of one cell. */
function measuredValues(one: ResultCase): Value[] {
  const values: Value[] = [];
  for (const { name, unit, direction, read } of METRICS) {
    const value = read(one);
    if (value === null || value === undefined) continue;
    // A throughput that was set is no finding, and one with the cost of probes in it is none about the design.
    if ((name === 'pps' && isPaced(one)) || name === 'probedPps') continue;
    values.push({ metric: name, unit, direction, value });
  }
  return values;
}

/** Counts of work per packet, comparable between any two machines. */
function workValues(one: ResultCase): Value[] {
  const packets = one.packets.injected;
  if (packets === 0) return [];
  const perPacket = (name: string, count: number | null | undefined): Value[] =>
    count === null || count === undefined
      ? []
      : [{ metric: `${name} per packet`, unit: '1', direction: 'lower-is-better', value: count / packets }];
  const locks = (one.locks ?? []).filter((line) => line.thread === 'all');
  return [
    ...locks.flatMap((line) => perPacket(`locks.${line.class}`, line.acquisitions)),
    ...perPacket('work.listMoves', one.workCounts?.listMoves),
    ...perPacket('work.hashProbes', one.workCounts?.hashProbes),
    ...perPacket('work.bytesCopied', one.workCounts?.bytesCopied),
  ];
}

/** Trials of one cell by metric. */
type CellValues = ReadonlyMap<string, { readonly first: Value; readonly values: number[] }>;

interface Side {
  readonly cells: ReadonlyMap<string, CellValues>;
  readonly work: ReadonlyMap<string, CellValues>;
  readonly machines: ReadonlySet<string>;
}

function gather(cases: readonly ResultCase[], read: (one: ResultCase) => Value[]): Map<string, CellValues> {
  const cells = new Map<string, Map<string, { first: Value; values: number[] }>>();
  for (const one of cases) {
    const name = cellNameOf(one);
    const cell = cells.get(name) ?? new Map<string, { first: Value; values: number[] }>();
    cells.set(name, cell);
    for (const value of read(one)) {
      const known = cell.get(value.metric);
      if (known === undefined) cell.set(value.metric, { first: value, values: [value.value] });
      else known.values.push(value.value);
    }
  }
  return cells;
}

/** The cell's id; marked where it does not say itself that probes and clocks were left out. */
function cellNameOf({ id, build }: ResultCase): string {
  return build === 'bare' && !id.endsWith('/bare') ? `${id} (bare)` : id;
}

function sideOf(runs: readonly Run[]): Side {
  const cases = runs.flatMap(({ result }) => result.cases.filter((one) => one.control !== true));
  return {
    cells: gather(cases, measuredValues),
    work: gather(cases, workValues),
    machines: new Set(runs.map(({ result }) => result.environment.machineId ?? 'unknown')),
  };
}

/**
 * Compares matching cells. Work counts and ratios between designs are always compared; absolute times and rates only between
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
  const notes = [
    ...missing(before.cells, after.cells, 'base'),
    ...missing(after.cells, before.cells, 'head'),
    ...invalidNotes([...base, ...head]),
    ...mutexNotes(base, head, shared),
    ...throughputNotes(base, 'base', shared),
    ...throughputNotes(head, 'head', shared),
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
        : 'The results are from different machines, so times and rates are not compared; --across-machines does it all the same. Work counts and ratios between designs are compared.',
    );
  }
  const metrics = tables(before.cells, after.cells, shared, options);
  return {
    metrics: [
      ...metrics.filter(({ metric }) => timesCount || !isAbsolute(metric)),
      ...ratioTables(base, head, options),
      ...tables(before.work, after.work, shared, options),
    ],
    notes,
  };
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

function invalidNotes(runs: readonly Run[]): string[] {
  return runs.flatMap(({ label, result }) => [
    ...(result.valid ? [] : [`${label}: its self-audit failed; do not use its figures.`]),
    ...(result.partial ? [`${label}: the run was cut short.`] : []),
  ]);
}

/** Cells that met at another mutex than before: a difference may be that of the mutex. */
function mutexNotes(base: readonly Run[], head: readonly Run[], shared: readonly string[]): string[] {
  const before = mutexesOf(base);
  const after = mutexesOf(head);
  const changed = shared.filter((cell) => before.get(cell) !== after.get(cell));
  if (changed.length === 0) return [];
  const [first] = changed as [string];
  return [
    `Measured with different mutexes (base ${before.get(first)}, head ${after.get(first)}): ${list(changed)}. Differences may be those of the mutexes; ` +
      `measure both with one --mutex.`,
  ];
}

/** Cells whose throughput is left out, by reason. */
function throughputNotes(runs: readonly Run[], side: string, shared: readonly string[]): string[] {
  const cellsBy = new Map<string, Set<string>>();
  for (const one of runs.flatMap(({ result }) => result.cases)) {
    const reason = whyNotCompared(one);
    const name = cellNameOf(one);
    if (reason === null || isPaced(one) || !shared.includes(name)) continue;
    cellsBy.set(reason, (cellsBy.get(reason) ?? new Set()).add(name));
  }
  return [...cellsBy].map(
    ([reason, cells]) => `Throughput is not compared (${side}: ${reason}): ${list(cells)}.`,
  );
}

function mutexesOf(runs: readonly Run[]): Map<string, string> {
  const found = new Map<string, Set<string>>();
  for (const one of runs.flatMap(({ result }) => result.cases)) {
    const name = cellNameOf(one);
    found.set(name, (found.get(name) ?? new Set()).add(mutexOf(one)));
  }
  return new Map([...found].map(([name, mutexes]) => [name, [...mutexes].toSorted().join(' and ')]));
}

function tables(
  before: ReadonlyMap<string, CellValues>,
  after: ReadonlyMap<string, CellValues>,
  cells: readonly string[],
  options: CompareOptions,
): ComparedMetric[] {
  const rows = new Map<string, { first: Value; rows: ComparedRow[] }>();
  for (const cell of cells) {
    for (const [metric, { first, values }] of before.get(cell) ?? []) {
      const other = after.get(cell)?.get(metric);
      if (other === undefined) continue;
      const table = rows.get(metric) ?? { first, rows: [] };
      rows.set(metric, table);
      table.rows.push(rowOf(cell, values, other.values, options));
    }
  }
  return [...rows].map(([metric, { first, rows: own }]) => ({
    metric,
    unit: first.unit,
    direction: first.direction,
    rows: own,
    geomean: geomeanRow(own.map((row) => row.comparison)),
  }));
}

function rowOf(cell: string, base: number[], head: number[], options: CompareOptions): ComparedRow {
  return {
    cell,
    comparison: compareSamples(base, head, { alpha: options.alpha }),
    baseSpread: spreadOf(base, options.random),
    headSpread: spreadOf(head, options.random),
  };
}

function spreadOf(values: readonly number[], random: RandomSource): number | null {
  const interval = bootstrapInterval(values, median, { random, resamples: 1000 });
  return interval === null ? null : relativeHalfWidth(median(values), interval);
}

/** Metrics whose ratios between designs are compared. */
const RATIO_METRICS = ['pps', 'service.p50Ns', 'service.p99Ns'];

/** Ratios of a design to the first design of its group, trial by trial: what a machine is like cancels. */
function ratioTables(base: readonly Run[], head: readonly Run[], options: CompareOptions): ComparedMetric[] {
  const before = ratiosOf(base);
  const after = ratiosOf(head);
  return tables(
    before,
    after,
    [...before.keys()].filter((cell) => after.has(cell)),
    options,
  );
}

function ratiosOf(runs: readonly Run[]): Map<string, CellValues> {
  const cells = new Map<string, Map<string, { first: Value; values: number[] }>>();
  for (const { result } of runs) {
    const groups = new Map<string, ResultCase[]>();
    for (const one of result.cases) {
      if (one.control === true) continue;
      // A cell's id with its design taken out names what it may be compared in.
      const key = JSON.stringify([one.id.replace(one.design, ''), one.trial, one.build]);
      groups.set(key, [...(groups.get(key) ?? []), one]);
    }
    for (const [first, ...others] of groups.values()) {
      if (first === undefined) continue;
      for (const other of others) addRatios(cells, first, other);
    }
  }
  return cells;
}

function addRatios(
  cells: Map<string, Map<string, { first: Value; values: number[] }>>,
  from: ResultCase,
  to: ResultCase,
): void {
  const id = `${cellNameOf(to)} / ${from.design}`;
  const base = new Map(measuredValues(from).map((value) => [value.metric, value]));
  for (const { metric, direction, value } of measuredValues(to)) {
    const other = base.get(metric);
    if (other === undefined || other.value <= 0 || !RATIO_METRICS.includes(metric)) continue;
    const cell = cells.get(id) ?? new Map<string, { first: Value; values: number[] }>();
    cells.set(id, cell);
    const name = `${metric} ratio`;
    const ratio = { metric: name, unit: '1', direction, value: value / other.value };
    const known = cell.get(name);
    if (known === undefined) cell.set(name, { first: ratio, values: [ratio.value] });
    else known.values.push(ratio.value);
  }
}
