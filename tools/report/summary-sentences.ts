/** The plain-language summary: sentences that say no more than the intervals support. */
import { comparisonsOf, deltaText, differs, metricOf } from '../result/comparisons.js';
import type { Run } from '../result/runs.js';
import { isSourceBound } from '../result/throughput.js';
import { invalidHeadline } from './invalid-packets.js';
import { verdictOf } from './verdict-evidence.js';

export interface Sentence {
  /**
   * `caution`: the figures are right and answer another question than one would think. `problem`: do not trust the figures.
   * `finding`: supported by an interval. `note`: none of these.
   */
  kind: 'caution' | 'problem' | 'finding' | 'note';
  text: string;
}

/** What to know of results whose packets came again under the same addresses; null where none did. */
export function repeatedTuplesText(runs: readonly Run[]): string | null {
  const cases = runs.flatMap(({ result }) => result.cases);
  const repeated = cases.filter((entry) => entry.repeatedTuples === true);
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
    const [noisy] = comparisonsOf(result).filter(
      (comparison) => comparison.control === true && differs(comparison),
    );
    if (noisy !== undefined) {
      problem(
        sentences,
        `${where}A design compared with itself came out different (${deltaText(noisy)}, ${metricOf(noisy).words}). Differences of that size between designs are noise here.`,
      );
    }
  }
  for (const { result, label } of runs)
    for (const text of result.advice?.sentences ?? [])
      sentences.push({ kind: 'finding', text: `${runs.length > 1 ? `${label}: ` : ''}${text}` });
  const { sentences: verdict, hasFinding } = verdictOf(runs);
  for (const text of verdict) sentences.push({ kind: hasFinding ? 'finding' : 'note', text });
  if (verdict.length === 0 && runs.some(({ result }) => result.cases.length > 0))
    sentences.push({ kind: 'note', text: 'One design was measured; there is nothing to compare it with.' });
  return sentences;
}

function problem(sentences: Sentence[], text: string): void {
  sentences.push({ kind: 'problem', text });
}
