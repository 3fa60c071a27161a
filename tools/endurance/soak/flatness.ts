/** Whether a figure stays where it is over a long run. */
import { median, quantile } from '../../stats/sample.js';

/** How a figure is judged. */
export interface FlatnessRule {
  readonly name: string;
  readonly unit: string;
  /** What of a stretch stands for it: `low` leaves out what a collector of garbage takes back. */
  readonly level: 'median' | 'low';
  /** Growth that counts as none: the larger of a share of the early level and a number. */
  readonly share: number;
  readonly least: number;
}

export interface Flatness {
  readonly rule: FlatnessRule;
  /** Level of the first and of the last third after the warm-up; null where there are too few samples. */
  readonly early: number | null;
  readonly late: number | null;
  readonly allowed: number | null;
  readonly isFlat: boolean;
}

/** Samples of a third below which nothing is said. */
const LEAST_SAMPLES = 3;
const LOW = 0.2;

/** Compares the first third with the last. Only growth is a fault: what shrinks does not fill a machine. Samples in order of time. */
export function judge(rule: FlatnessRule, samples: readonly (number | null)[]): Flatness {
  const known = samples.filter((sample) => sample !== null);
  const third = Math.floor(known.length / 3);
  if (third < LEAST_SAMPLES) return { rule, early: null, late: null, allowed: null, isFlat: false };
  const level = (values: readonly number[]): number =>
    rule.level === 'median' ? median(values) : quantile(values, LOW);
  const early = level(known.slice(0, third));
  const late = level(known.slice(-third));
  const allowed = Math.max(Math.abs(early) * rule.share, rule.least);
  return { rule, early, late, allowed, isFlat: late - early <= allowed };
}

/** Samples taken after the warm-up: a tenth of the run, at least so long that timeouts and sweeps have come round, at most half. */
export function afterWarmUp<Sample extends { readonly tMs: number }>(
  samples: readonly Sample[],
  leastMs: number,
): Sample[] {
  const lengthMs = samples.at(-1)?.tMs ?? 0;
  const from = Math.min(Math.max(lengthMs / 10, leastMs), lengthMs / 2);
  return samples.filter(({ tMs }) => tMs >= from);
}
