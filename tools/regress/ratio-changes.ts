/** What an update of the ratios replaces, adds and takes out: for whoever reads its diff. */
import type { Check } from './check.js';
import type { BaselineRatio, RatioBaseline } from './ratio-baseline.js';
import { describeRatio } from './ratio-run.js';
import { describeTimed } from './timed-ratios.js';

/** One line and its details for every ratio of either; nothing for a first baseline. */
export function baselineChanges(before: RatioBaseline | null, now: RatioBaseline, file: string): Check[] {
  if (before === null) return [];
  return [
    ...changes(matrixRatios(before), matrixRatios(now), file),
    ...changes(timedRatios(before), timedRatios(now), file),
    ...frameChanges(before, now, file),
  ];
}

/** What a ratio was, by its name, in words. */
type Described = ReadonlyMap<string, string>;

function matrixRatios({ ratios }: RatioBaseline): Described {
  const nameOf = ({ head, base, metric }: BaselineRatio): string => `${head} against ${base}: ${metric}`;
  return new Map(ratios.map((ratio) => [nameOf(ratio), describeRatio(ratio)]));
}

function timedRatios({ runs }: RatioBaseline): Described {
  return new Map(runs.map((run) => [run.name, describeTimed(run)]));
}

function changes(before: Described, now: Described, file: string): Check[] {
  const names = [...new Set([...before.keys(), ...now.keys()])];
  return names.map((name) => {
    const [was, is] = [before.get(name), now.get(name)];
    const text = was === undefined ? 'added' : is === undefined ? 'taken out' : 'replaced';
    return change(name, text, file, [
      ...(was === undefined ? [] : [`before: ${was}`]),
      ...(is === undefined ? [] : [`now: ${is}`]),
    ]);
  });
}

function frameChanges(before: RatioBaseline, now: RatioBaseline, file: string): Check[] {
  return (['cpuModel', 'machineId', 'throughput', 'mutex'] as const)
    .filter((field) => before[field] !== now[field])
    .map((field) =>
      change(field, `was ${before[field] ?? 'unknown'}, is ${now[field] ?? 'unknown'}`, file, []),
    );
}

function change(name: string, text: string, file: string, details: readonly string[]): Check {
  return { level: 'ratio', name, verdict: 'skipped', text, details, file };
}
