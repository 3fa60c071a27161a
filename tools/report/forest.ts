/** The data of a forest plot, on the page and as text: every ratio of two designs, or of two results, that has an interval. */
import { cellName, pacingText, type Cell } from '../result/cells.js';
import { comparisonsOf, coverText, findingOf, metricOf, type Finding } from '../result/comparisons.js';
import type { Run } from '../result/runs.js';

/** A figure of two sides: the ratio with its interval. */
export interface ForestRow {
  /** Where and what: `established, 1 worker: throughput`. */
  name: string;
  ratio: number;
  low: number;
  high: number;
  finding: Finding;
  /** What it means, in words. */
  words: string;
}

/** The comparisons of one pair of designs, or of two results. */
export interface ForestGroup {
  label: string;
  base: string;
  head: string;
  rows: ForestRow[];
  /** Rows that are in the tables only. */
  left: number;
}

/** Rows of a pair: more are not read, and the table of comparisons has them. */
const MOST_ROWS = 24;

const WORDS = {
  better: 'better',
  worse: 'worse',
  'no-difference-shown': 'no difference shown',
  unknown: 'too few trials to tell',
} as const;

/** A ratio with its interval as a row; null where it has none, or none that a logarithmic axis can show. */
export function forestRow(
  name: string,
  of: {
    ratio?: number | null | undefined;
    low?: number | null | undefined;
    high?: number | null | undefined;
  },
  finding: Finding,
  cover: string,
): ForestRow | null {
  const { ratio, low, high } = of;
  if (!(ratio != null && ratio > 0 && low != null && low > 0 && high != null && high > 0)) return null;
  return { name, ratio, low, high, finding, words: `${WORDS[finding]} (${cover})` };
}

/** The rows of a pair as far as they are read, and how many are left. */
export function forestGroup(
  names: Pick<ForestGroup, 'base' | 'head'>,
  rows: readonly ForestRow[],
): ForestGroup {
  return {
    label: `${names.head} against ${names.base}`,
    ...names,
    rows: rows.slice(0, MOST_ROWS),
    left: Math.max(0, rows.length - MOST_ROWS),
  };
}

/** The ratios, by pair of designs, in the order of the comparisons. */
export function forestOf(runs: readonly Run[], groups: readonly (readonly Cell[])[]): ForestGroup[] {
  const places = new Map<string, { cell: Cell; group: readonly Cell[] }>();
  for (const group of groups)
    for (const cell of group) places.set(`${cell.run.label}\n${cell.id}`, { cell, group });
  const pairs = new Map<string, { names: Pick<ForestGroup, 'base' | 'head'>; rows: ForestRow[] }>();
  for (const run of runs) {
    for (const comparison of comparisonsOf(run.result)) {
      const base = places.get(`${run.label}\n${comparison.base}`);
      const head = places.get(`${run.label}\n${comparison.head}`);
      if (
        comparison.control === true ||
        base === undefined ||
        head === undefined ||
        base.group !== head.group
      )
        continue;
      const where = groups.length > 1 ? `${placeOf(head.cell, runs.length > 1)}: ` : '';
      const row = forestRow(
        `${where}${metricOf(comparison).words}`,
        comparison,
        findingOf(comparison),
        coverText(comparison),
      );
      if (row === null) continue;
      const names = { base: cellName(base.cell, base.group), head: cellName(head.cell, head.group) };
      const key = `${names.base}\n${names.head}`;
      const pair = pairs.get(key) ?? { names, rows: [] };
      pairs.set(key, pair);
      pair.rows.push(row);
    }
  }
  return [...pairs.values()].map(({ names, rows }) => forestGroup(names, rows));
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
