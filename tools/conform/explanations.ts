/** Differences that the list of deliberate ones explains. */
import type { BehaviourSwitches } from '../../engine/host/run-memory.js';
import type { Comparison, Difference } from './compare-runs.js';
import { DELIBERATE_DIFFERENCES, type DeliberateDifference } from './deliberate-differences.js';
import { isSince, releaseOf } from './release.js';

/** A difference, and what explains it; null when nothing does. */
export interface ExplainedDifference extends Difference {
  readonly explanation: string | null;
  /** Entries of docs/differences.md that explain it; empty when none does. */
  readonly known: readonly string[];
}

/**
 * Explains differences by what a release does otherwise on purpose or by a defect. What our tracker can follow is tried: the packets
 * run again with its switch on, and what agrees then is explained; at last with all switches together. Nothing is explained
 * by its looks where it can be run.
 * @param version line of `ovs-vswitchd --version`; from one without a number nothing is explained
 * @param rerun compares again, with switches
 */
export function explainDifferences(
  differences: readonly Difference[],
  version: string,
  rerun: (switches: BehaviourSwitches) => Comparison,
): ExplainedDifference[] {
  const candidates = DELIBERATE_DIFFERENCES.filter((each) => concerns(each, version));
  let left = [...differences];
  const found = new Map<string, { explanation: string; known: readonly string[] }>();
  const explain = (
    by: readonly DeliberateDifference[],
    isExplained: (difference: Difference) => boolean,
  ): void => {
    const explanation = by.map(({ text }) => text).join('; together with ');
    const known = by.map(({ id }) => id);
    for (const each of left.filter(isExplained)) found.set(each.place, { explanation, known });
    left = left.filter((each) => !found.has(each.place));
  };
  const explainByRun = (by: readonly DeliberateDifference[]): void => {
    if (left.length === 0) return;
    const switches = Object.assign({}, ...by.map((each) => each.switches)) as BehaviourSwitches;
    const remaining = new Set(rerun(switches).differences.map(({ place }) => place));
    explain(by, ({ place }) => !remaining.has(place));
  };
  for (const candidate of candidates)
    if (candidate.applies !== undefined) explain([candidate], candidate.applies);
  const followed = candidates.filter((each) => each.switches !== undefined);
  for (const entry of followed) explainByRun([entry]);
  // What two of them bring about together is gone only with both.
  for (const [index, entry] of followed.entries()) {
    for (const other of followed.slice(index + 1)) explainByRun([entry, other]);
  }
  return differences.map((each) => ({
    ...each,
    ...(found.get(each.place) ?? { explanation: null, known: [] }),
  }));
}

function concerns({ since, until }: DeliberateDifference, version: string): boolean {
  if (releaseOf(version) === null) return false;
  return (
    (since === undefined || isSince(version, since)) && (until === undefined || !isSince(version, until))
  );
}
