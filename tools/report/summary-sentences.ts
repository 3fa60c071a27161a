/** The plain-language summary: sentences that say no more than the intervals support. */
import { cellName, cellsOf, comparableGroups, type Cell } from '../result/cells.js';
import {
  comparisonsOf,
  coverText,
  deltaText,
  differs,
  findingOf,
  metricOf,
  observe,
  whyNotObserved,
} from '../result/comparisons.js';
import { invalidHeadline } from './invalid-packets.js';
import { formatRatio } from '../text/quantities.js';
import type { Run } from '../result/runs.js';
import type { Comparison } from '../result/schema.js';
import { isSourceBound } from '../result/throughput.js';

export interface Sentence {
  /**
   * `caution`: the figures are right and answer another question than one would think. `problem`: do not trust the figures.
   * `finding`: supported by an interval. `note`: none of these.
   */
  kind: 'caution' | 'problem' | 'finding' | 'note';
  text: string;
}

const MOST_FINDINGS = 6;

/** The metrics that a summary speaks of, the most telling first. */
const TOLD = ['pps', 'service.p50Ns', 'service.p99Ns', 'service.p999Ns', 'response.p99Ns', 'response.p999Ns'];

/** What to know of results whose packets came again under the same addresses; null where none did. */
export function repeatedTuplesText(runs: readonly Run[]): string | null {
  const cases = runs.flatMap(({ result }) => result.cases);
  const repeated = cases.filter((one) => one.repeatedTuples === true);
  if (repeated.length === 0) return null;
  const which = repeated.length === cases.length ? '' : ` in ${repeated.length} of ${cases.length} cases`;
  return (
    `Repeated tuples${which}: packets were replayed again under the same addresses, so later ones meet the connections of ` +
    'earlier ones, most of them dead. That is another question than the traffic asks once.'
  );
}

/** What to know of results whose packets came too slowly for the tracker; null where none did. */
export function sourceBoundText(runs: readonly Run[]): string | null {
  const cases = runs.flatMap(({ result }) => result.cases);
  const slow = cases.filter(isSourceBound);
  if (slow.length === 0) return null;
  const which = slow.length === cases.length ? '' : ` in ${slow.length} of ${cases.length} cases`;
  return (
    `Bound by the source${which}: packets were streamed, and came too slowly. The rate is that of reading them, not of the tracker, and ` +
    'designs are not compared by it. Give a larger --store or fewer packets (--limit), so that they are in memory before the start.'
  );
}

/** What a reader must know before any figure, as sentences: what the figures are not about. Mostly nothing. */
export function cautions(runs: readonly Run[]): string[] {
  return [sourceBoundText(runs), repeatedTuplesText(runs)].filter((text) => text !== null);
}

/** What a reader should know first: what was asked, then problems before findings, and findings before notes. */
export function summarySentences(runs: readonly Run[]): Sentence[] {
  const sentences: Sentence[] = [];
  for (const text of cautions(runs)) sentences.push({ kind: 'caution', text });
  for (const { result, label } of runs) {
    const invalid = invalidHeadline(result);
    if (invalid !== null)
      sentences.push({ kind: 'caution', text: `${runs.length > 1 ? `${label}: ` : ''}${invalid}` });
  }
  for (const run of runs) {
    const where = runs.length > 1 ? `${run.label}: ` : '';
    const { result } = run;
    if (!result.valid)
      problem(sentences, `${where}The self-audit failed. Do not use these figures; see the failed checks.`);
    if (result.partial)
      problem(
        sentences,
        `${where}The run was cut short. What is shown was measured, but it is not everything.`,
      );
    if (result.cases.length === 0) problem(sentences, `${where}Nothing was measured.`);
    const [noisy] = comparisonsOf(result).filter((one) => one.control === true && differs(one));
    if (noisy !== undefined) {
      problem(
        sentences,
        `${where}A design compared with itself came out different (${deltaText(noisy)}, ${metricOf(noisy).words}). Differences of that size between designs are noise here.`,
      );
    }
  }
  const groups = comparableGroups(cellsOf(runs));
  for (const run of runs) sentences.push(...findingsOf(run, groups, runs.length > 1 ? `${run.label}: ` : ''));
  if (!sentences.some(({ kind }) => kind === 'finding')) sentences.push(...notesOn(groups));
  return sentences;
}

function problem(sentences: Sentence[], text: string): void {
  sentences.push({ kind: 'problem', text });
}

interface Named {
  comparison: Comparison;
  base: string;
  head: string;
  where: string;
}

function named(run: Run, comparison: Comparison, groups: readonly Cell[][]): Named {
  const find = (id: string): { cell: Cell; group: Cell[] } | null => {
    for (const group of groups) {
      const cell = group.find((one) => one.run === run && one.id === id);
      if (cell !== undefined) return { cell, group };
    }
    return null;
  };
  const base = find(comparison.base);
  const head = find(comparison.head);
  if (base === null || head === null || base.group !== head.group) {
    return { comparison, base: comparison.base, head: comparison.head, where: '' };
  }
  const { workers, input } = head.cell.first;
  return {
    comparison,
    base: cellName(base.cell, base.group),
    head: cellName(head.cell, head.group),
    where: ` on ${input.name} with ${workers} ${workers === 1 ? 'worker' : 'workers'}`,
  };
}

/** What measuring costs: a design beside itself without probes. The comparison table has it; it says nothing about designs. */
function isProbeCost(run: Run, { base, head }: Comparison): boolean {
  const buildOf = (id: string): string | undefined => run.result.cases.find((one) => one.id === id)?.build;
  return buildOf(base) !== buildOf(head);
}

/** One comparison for each input, the largest difference of its most telling metric; then further ones in their order. */
function mostTelling(decided: readonly Comparison[], run: Run): Comparison[] {
  const size = ({ ratio }: Comparison): number => Math.abs(Math.log(ratio ?? 1));
  const byInput = new Map<string, Comparison>();
  for (const one of decided) {
    const input = run.result.cases.find(({ id }) => id === one.head)?.input.name ?? '';
    const best = byInput.get(input);
    if (best === undefined || (best.metric === one.metric && size(one) > size(best))) byInput.set(input, one);
  }
  const chosen = new Set([...byInput.values()].slice(0, MOST_FINDINGS));
  for (const one of decided) if (chosen.size < MOST_FINDINGS) chosen.add(one);
  return [...chosen];
}

function findingsOf(run: Run, groups: readonly Cell[][], prefix: string): Sentence[] {
  const comparisons = comparisonsOf(run.result).filter(
    (one) => one.control !== true && !isProbeCost(run, one),
  );
  if (comparisons.length === 0) return [];
  const told = comparisons
    .filter((one) => TOLD.includes(one.metric))
    .toSorted((a, b) => TOLD.indexOf(a.metric) - TOLD.indexOf(b.metric));
  const sentences: Sentence[] = [];
  const undecided = told.filter((one) => findingOf(one) === 'no-difference-shown').length;
  const decided = told.filter(differs);
  for (const comparison of mostTelling(decided, run)) {
    sentences.push({ kind: 'finding', text: `${prefix}${sentenceFor(named(run, comparison, groups))}` });
  }
  const untold = decided.length - sentences.length;
  if (untold > 0) {
    const subject = untold === 1 ? '1 more difference is' : `${untold} more differences are`;
    sentences.push({ kind: 'note', text: `${prefix}${subject} in the comparison table.` });
  }
  const [open] = told.filter((one) => findingOf(one) === 'unknown' && typeof one.ratio === 'number');
  if (open !== undefined) {
    sentences.push({
      kind: 'note',
      text: `${prefix}Too few trials for a finding (${coverText(open)}): the figures show that it works, and nothing about the designs.`,
    });
  }
  if (undecided > 0) {
    const total = undecided + decided.length;
    const subject =
      undecided < total
        ? `${undecided} of ${total} comparisons show no difference`
        : total === 1
          ? 'The comparison shows no difference'
          : `None of the ${total} comparisons shows a difference`;
    sentences.push({
      kind: decided.length === 0 ? 'finding' : 'note',
      text: `${prefix}${subject} at this number of trials; that does not say that the designs are equal.`,
    });
  }
  return sentences;
}

/** `On …, rculist-sweep handles 7.2 to 7.6 times the packets of timeout-lists (95 %, 5 sessions x 3 trials).` */
function sentenceFor({ comparison, base, head, where }: Named): string {
  const { ratio, low, high, metric } = comparison;
  const cover = coverText(comparison);
  const tail = cover === '' ? '' : ` (${cover})`;
  const range =
    typeof low === 'number' && typeof high === 'number' ? rangeText(low, high) : formatRatio(ratio);
  if (metric === 'pps')
    return `${head} handles ${range} times the packets per second of ${base}${where}${tail}.`;
  return `The ${metricOf(comparison).words} of ${head} is ${range} times that of ${base}${where}${tail}.`;
}

function rangeText(low: number, high: number): string {
  const from = formatRatio(low);
  const to = formatRatio(high);
  return from === to ? from : `${from} to ${to}`;
}

/** What single measurements showed; said as such. */
function notesOn(groups: readonly Cell[][]): Sentence[] {
  const notes: Sentence[] = [];
  for (const group of groups.slice(0, 3)) {
    const [base, ...others] = group;
    if (base === undefined) continue;
    for (const head of others) {
      const [first, ...rest] = observe(base, head).filter(
        (one) => one.metric === 'pps' || one.metric === 'service.p99Ns',
      );
      const silent = whyNotObserved(base, head);
      if (first === undefined && silent === null) continue;
      const { workers, input } = head.first;
      const parts = [
        ...(silent === null ? [] : [`throughput not compared (${silent})`]),
        ...[first, ...rest]
          .filter((one) => one !== undefined)
          .map(({ metric, ratio }) => `${metricOf({ metric }).words} ${formatRatio(ratio)} times`),
      ];
      notes.push({
        kind: 'note',
        text: `${cellName(head, group)} beside ${cellName(base, group)} on ${input.name} with ${workers} ${workers === 1 ? 'worker' : 'workers'}: ${parts.join(', ')}. ${group.every((cell) => cell.cases.length === 1) ? 'Each was measured once' : 'No comparison was made'}, so there is no interval and this is no finding; ctreplay bench compares.`,
      });
    }
  }
  if (notes.length === 0 && groups.length > 0)
    notes.push({ kind: 'note', text: 'One design was measured; there is nothing to compare it with.' });
  return notes;
}
