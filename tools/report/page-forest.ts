/** The data of the forest plot: every ratio of two designs that has an interval. */
import { cellName, pacingText, type Cell } from '../result/cells.js';
import { comparisonsOf, coverText, findingOf, metricOf } from '../result/comparisons.js';
import type { Run } from '../result/runs.js';

/** A figure of two designs: the ratio with its interval. */
export interface ForestRow {
  /** Where and what: `established, 1 worker: throughput`. */
  name: string;
  ratio: number;
  low: number;
  high: number;
  /** What it means, in words. */
  words: string;
}

/** The comparisons of one pair of designs. */
export interface ForestGroup {
  label: string;
  base: string;
  head: string;
  rows: ForestRow[];
}

/** Rows of a pair: more are not read, and the table of comparisons has them. */
const MOST_ROWS = 24;

const WORDS = {
  better: 'better',
  worse: 'worse',
  'no-difference-shown': 'no difference shown',
  unknown: 'too few trials to tell',
} as const;

/** The ratios, by pair of designs, in the order of the comparisons. */
export function forestOf(runs: readonly Run[], groups: readonly (readonly Cell[])[]): ForestGroup[] {
  const places = new Map<string, { cell: Cell; group: readonly Cell[] }>();
  for (const group of groups)
    for (const cell of group) places.set(`${cell.run.label}\n${cell.id}`, { cell, group });
  const pairs = new Map<string, ForestGroup>();
  for (const run of runs) {
    for (const comparison of comparisonsOf(run.result)) {
      const base = places.get(`${run.label}\n${comparison.base}`);
      const head = places.get(`${run.label}\n${comparison.head}`);
      const { ratio, low, high } = comparison;
      if (
        comparison.control === true ||
        base === undefined ||
        head === undefined ||
        base.group !== head.group
      )
        continue;
      if (!(ratio != null && ratio > 0 && low != null && low > 0 && high != null && high > 0)) continue;
      const names = { base: cellName(base.cell, base.group), head: cellName(head.cell, head.group) };
      const key = `${names.base}\n${names.head}`;
      const pair = pairs.get(key) ?? { label: `${names.head} against ${names.base}`, ...names, rows: [] };
      pairs.set(key, pair);
      const where = groups.length > 1 ? `${placeOf(head.cell, runs.length > 1)}: ` : '';
      const row: ForestRow = {
        name: `${where}${metricOf(comparison).words}`,
        ratio,
        low,
        high,
        words: `${WORDS[findingOf(comparison)]} (${coverText(comparison)})`,
      };
      if (pair.rows.length < MOST_ROWS) pair.rows.push(row);
    }
  }
  return [...pairs.values()];
}

function placeOf({ first, run }: Cell, severalRuns: boolean): string {
  const { input, workers } = first;
  const pace = first.pacing.mode === 'topspeed' ? [] : [pacingText(first)];
  return [
    input.name,
    `${workers} ${workers === 1 ? 'worker' : 'workers'}`,
    ...pace,
    ...(severalRuns ? [run.label] : []),
  ].join(', ');
}
