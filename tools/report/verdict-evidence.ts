/** What results say to a verdict: the comparisons that a matrix or trials made, and what became of the traffic. */
import { cellName, cellsOf, comparableGroups, medianOf, pacingText, type Cell } from '../result/cells.js';
import {
  comparisonsOf,
  coverText,
  findingOf,
  metricOf,
  observe,
  whyNotObserved,
} from '../result/comparisons.js';
import {
  outcomeDifferences,
  outcomeOfCell,
  OUTCOMES,
  OUTCOME_NAMES,
  type OutcomeDifference,
} from '../result/outcome.js';
import type { Run } from '../result/runs.js';
import type { Comparison } from '../result/schema.js';
import { keptShare } from '../result/kept-share.js';
import { isPaced } from '../result/throughput.js';
import { formatCount, formatRate, formatRatio, formatShare } from '../text/quantities.js';
import { verdictText, type Evidence, type Topic } from '../result/verdict.js';

/** The figures that a verdict speaks of, those of a topic by preference: with a rate to keep, response times tell more. */
const FIGURES: Readonly<Record<Exclude<Topic, 'locks'>, readonly string[]>> = {
  throughput: ['pps'],
  tail: ['response.p99Ns', 'service.p99Ns'],
  lag: ['expiry.lag.p50Ns'],
};

/** Cells that are compared, with the comparisons of every pair; controls and what measuring costs left out. */
interface Compared {
  readonly group: readonly Cell[];
  readonly base: Cell;
  readonly head: Cell;
  readonly comparisons: readonly Comparison[];
}

/** The verdict over results. */
export interface Verdict {
  /** Empty where fewer than two designs were measured. */
  readonly sentences: readonly string[];
  /** Whether any of them says what an interval supports, be it that no difference is shown. */
  readonly hasFinding: boolean;
}

/**
 * The verdict over results.
 * @param runs each compared within itself; two results beside each other are for `compare`
 */
export function verdictOf(runs: readonly Run[]): Verdict {
  const groups = comparableGroups(cellsOf(runs))
    .map(withoutControls)
    .filter((group) => group.length > 1);
  if (groups.length === 0) return { sentences: [], hasFinding: false };
  if (runs.some(({ result }) => !result.valid)) {
    const text = 'The self-audit failed, so nothing is concluded; see the failed checks.';
    return { sentences: [text], hasFinding: false };
  }
  const evidence = groups.flatMap(pairsOf).flatMap((pair) => evidenceOf(pair, groups.length > 1));
  const outcome = outcomeSentence(groups);
  if (evidence.length === 0) return { sentences: [singleRunSentence(groups), outcome], hasFinding: false };
  const rates = ratesSentence(groups);
  return {
    sentences: verdictText(evidence, [...(rates === null ? [] : [rates]), outcome]),
    hasFinding: evidence.some(({ finding }) => finding !== 'unknown'),
  };
}

/** The sentences of the verdict. */
export function verdictSentences(runs: readonly Run[]): readonly string[] {
  return verdictOf(runs).sentences;
}

function withoutControls(group: readonly Cell[]): Cell[] {
  return group.filter((cell) => cell.first.control !== true && !cell.id.endsWith('/untimed'));
}

function pairsOf(group: readonly Cell[]): Compared[] {
  return group.flatMap((base, at) =>
    group.slice(at + 1).flatMap((head) => {
      const comparisons = comparisonsOf(head.run.result).filter(
        (comparison) =>
          comparison.base === base.id && comparison.head === head.id && comparison.control !== true,
      );
      return comparisons.length === 0 ? [] : [{ group, base, head, comparisons }];
    }),
  );
}

function evidenceOf({ group, base, head, comparisons }: Compared, severalGroups: boolean): Evidence[] {
  const names = { base: cellName(base, group), head: cellName(head, group) };
  const where = severalGroups ? placeOf(head) : '';
  return (Object.keys(FIGURES) as (keyof typeof FIGURES)[]).flatMap((topic) => {
    const own = FIGURES[topic]
      .map((metric) => comparisons.find((comparison) => comparison.metric === metric))
      .filter((item) => item !== undefined);
    // A figure that is withheld says why only when no other of its topic can be shown.
    const chosen = own.find((comparison) => typeof comparison.low === 'number') ?? own[0];
    if (chosen === undefined) return [];
    const { words, format } = metricOf(chosen);
    return [
      {
        topic,
        words,
        ...names,
        where,
        finding: findingOf(chosen),
        low: chosen.low ?? null,
        high: chosen.high ?? null,
        baseText: format(chosen.baseMedian),
        headText: format(chosen.headMedian),
        cover: coverText(chosen),
        withheld: chosen.note ?? null,
      },
    ];
  });
}

/** `established with 2 workers at top speed`. */
function placeOf({ first }: Cell): string {
  const { input, workers } = first;
  const pace = isPaced(first) ? `, ${pacingText(first)}` : '';
  return `${input.name} with ${workers} ${workers === 1 ? 'worker' : 'workers'}${pace}`;
}

/** Whether rates that were asked for were held; null where none was asked for. */
function ratesSentence(groups: readonly (readonly Cell[])[]): string | null {
  const paced = groups.flat().filter((cell) => isPaced(cell.first) && medianOf(cell, keptShare) !== null);
  if (paced.length === 0) return null;
  const short = paced.filter((cell) => !(reachedOf(cell) >= HELD_SHARE));
  if (short.length === 0) {
    const rates = [
      ...new Set(
        paced.map(({ first }) =>
          typeof first.pacing.targetPps === 'number' ? formatRate(first.pacing.targetPps) : pacingText(first),
        ),
      ),
    ];
    return `Every design held the rate asked for (${rates.join(', ')}).`;
  }
  const [worst] = short.toSorted((a, b) => reachedOf(a) - reachedOf(b));
  const group = groups.find((each) => each.includes(worst as Cell)) ?? [];
  const others = short.length === 1 ? '' : `, and ${short.length - 1} more did not hold theirs`;
  return `${cellName(worst as Cell, group)} reached ${shortShare(reachedOf(worst as Cell))} of the rate asked for${others}.`;
}

/** A share that was too small: rounded up to what would have done it would contradict its sentence. */
function shortShare(share: number): string {
  const text = formatShare(share);
  return Math.round(share * 100) / 100 < HELD_SHARE
    ? text
    : `${(Math.floor(share * 1000) / 10).toFixed(1)} %`;
}

/** Of the rate asked for, from which on it counts as held; as the warning has it. */
const HELD_SHARE = 0.99;

function reachedOf(cell: Cell): number {
  return medianOf(cell, keptShare) ?? 0;
}

/** What single runs showed, said as such. */
function singleRunSentence(groups: readonly (readonly Cell[])[]): string {
  const several = groups.some((group) => group.some((cell) => cell.cases.length > 1));
  const begin = several ? 'No comparison was made, so there is no claim' : 'One run of each design: no claim';
  const [group] = groups;
  const [base, head] = group ?? [];
  if (groups.length > 1 || group?.length !== 2 || base === undefined || head === undefined)
    return `${begin}; repeat runs (--trials) for intervals.`;
  const silent = whyNotObserved(base, head);
  const seen = observe(base, head).map(
    ({ metric, ratio }) => `${formatRatio(ratio)} times the ${metricOf({ metric }).words}`,
  );
  const shown =
    seen.length === 0 ? '' : `; ${cellName(head, group)} had ${seen.join(', ')} of ${cellName(base, group)}`;
  const left = silent === null ? '' : ` Throughput is not compared: ${silent}.`;
  return `${begin}${shown}.${left} Repeat (--trials 5) for intervals.`;
}

/**
 * Whether the cells of each group gave the traffic the same outcome, and where they did not, in which.
 * @param everyone what the cells of a group are called together
 * @param nameOf what one is called
 */
export function outcomeSentence(
  groups: readonly (readonly Cell[])[],
  everyone = groups.some((group) => group.length > 2) ? 'All designs' : 'Both designs',
  nameOf: (cell: Cell, group: readonly Cell[]) => string = cellName,
): string {
  const differing = differencesOf(groups);
  const [first] = differing;
  if (first === undefined) {
    const cells = groups.flat();
    const turnedAway = OUTCOMES.filter((outcome) =>
      cells.some((cell) => (outcomeOfCell(cell, outcome) ?? 0) > 0),
    );
    if (turnedAway.length === 0)
      return `${everyone} gave the traffic the same outcome: no packet was turned away.`;
    const names = turnedAway.map(
      (outcome) => `${OUTCOME_NAMES[outcome]} ${rangeOf(cells, (cell) => outcomeOfCell(cell, outcome))}`,
    );
    return `${everyone} gave the traffic the same outcome (packets a run: ${names.join(', ')}).`;
  }
  const more = differing.length > 1 ? ` So in ${differing.length} of the pairs compared.` : '';
  return `The outcome differs${groups.length > 1 ? ` on ${placeOf(first.head)}` : ''}: ${differenceText(first, nameOf)}.${more}`;
}

/** A headline where designs differ in what became of the traffic; null where they do not. */
export function outcomeHeadline(runs: readonly Run[]): string | null {
  const groups = comparableGroups(cellsOf(runs)).map(withoutControls);
  return differencesOf(groups).length === 0 ? null : outcomeSentence(groups);
}

interface Differing {
  readonly group: readonly Cell[];
  readonly base: Cell;
  readonly head: Cell;
  readonly differences: readonly OutcomeDifference[];
}

function differencesOf(groups: readonly (readonly Cell[])[]): Differing[] {
  return groups
    .flatMap((group) =>
      group.flatMap((base, at) =>
        group
          .slice(at + 1)
          .map((head) => ({ group, base, head, differences: outcomeDifferences(base, head) })),
      ),
    )
    .filter(({ differences }) => differences.length > 0)
    .toSorted((a, b) => largest(b) - largest(a));
}

function largest({ differences }: Differing): number {
  return Math.max(...differences.map(({ baseShare, headShare }) => Math.abs(baseShare - headShare)));
}

/** `of 200,000 packets rculist-sweep left 53,150 invalid (27 %), timeout-lists none; NAT failed: 53,150 against none`. */
function differenceText({ group, base, head, differences }: Differing, nameOf: typeof cellName): string {
  const packets = [head, base].map((cell) => medianOf(cell, (entry) => entry.packets.injected) ?? 0);
  const same = packets[0] === packets[1] ? `of ${formatCount(packets[0])} packets ` : '';
  const names = { base: nameOf(base, group), head: nameOf(head, group) };
  const parts = differences.map(({ outcome, ...sides }, index) => {
    const [most, least] =
      sides.head >= sides.base ? (['head', 'base'] as const) : (['base', 'head'] as const);
    const share = (side: 'base' | 'head'): string => ` (${formatShare(sides[`${side}Share`])})`;
    const counted = (side: 'base' | 'head'): string =>
      sides[side] === 0 ? 'none' : `${formatCount(sides[side])}${share(side)}`;
    return index === 0 && outcome === 'invalid'
      ? `${same}${names[most]} left ${formatCount(sides[most])} invalid${share(most)}, ${names[least]} ${counted(least)}`
      : `${OUTCOME_NAMES[outcome]} ${counted(most)} in ${names[most]}, ${counted(least)} in ${names[least]}`;
  });
  return parts.join('; ');
}

function rangeOf(cells: readonly Cell[], figure: (cell: Cell) => number | null): string {
  const known = cells.map(figure).filter((value) => value !== null);
  const [least, most] = [Math.min(...known), Math.max(...known)].map(formatCount);
  return least === most ? (least as string) : `${least} to ${most}`;
}
