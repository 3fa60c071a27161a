/**
 * Level 2, what is timed besides the matrix: sweeps and flushes, contention of two workers, the tail at a rate, the lag of removal,
 * and the loading of captures. Every session is a set of fresh processes, so that compareSessions (stats/session-estimate.ts) may
 * take its values as independent; a baseline was measured in others.
 *
 * Times mean nothing on another day. They are set against the same figure of the first design, against a reference loop that runs
 * beside the process, or against something in it.
 */
import { referenceLoopNs } from '../measure/reference-loop.js';
import { shuffled, type RandomSource } from '../random/draws.js';
import { median } from '../stats/sample.js';
import { compareSessions, mapInterval } from '../stats/session-estimate.js';
import { confidencePerLook, decide, type Direction } from '../stats/verdict.js';
import type { Check } from './check.js';
import type { RegressConfig } from './regress-config.js';
import {
  TIMED_RUNS,
  type FigureKind,
  type TimedFigure,
  type TimedRunName,
  type TimedRunSettings,
} from './timed-runs.js';

/** A figure that may be compared with another day's, one value a session. */
export interface TimedRatio {
  /** `sweeps: cleaned, ns a connection of rculist-sweep against timeout-lists` */
  readonly name: string;
  readonly kind: FigureKind;
  readonly direction: Direction;
  /** Whether it depends on the machine all the same: two kinds of work are set against each other. */
  readonly machineBound: boolean;
  readonly sessionValues: readonly number[];
}

/** What measuring needs from outside. */
export interface TimedTools {
  /** Runs a command of ctreplay and parses what it prints. */
  readonly command: (args: readonly string[]) => Promise<unknown>;
  /** Monotonic nanoseconds. */
  readonly clock: () => number;
  readonly random: RandomSource;
  readonly onRun?: (name: string, session: number) => void;
}

/** How often to measure. */
export interface TimedPlan {
  readonly names: readonly TimedRunName[];
  readonly settings: TimedRunSettings;
  readonly sessions: number;
  readonly maxSessions: number;
}

/**
 * Measures sessions of all runs; while that is not enough, as many again, up to `maxSessions`.
 * @throws TimedRunError when a command fails
 */
export async function measureTimed(
  { names, settings, sessions, maxSessions }: TimedPlan,
  tools: TimedTools,
  enough: (soFar: readonly TimedRatio[]) => boolean,
): Promise<TimedRatio[]> {
  const found = new Map<string, { ratio: TimedRatio; values: number[] }>();
  const soFar = (): TimedRatio[] =>
    [...found.values()].map(({ ratio, values }) => ({ ...ratio, sessionValues: values }));
  let session = 0;
  for (let wanted = sessions; ; wanted = Math.min(2 * wanted, maxSessions)) {
    for (; session < wanted; session++) {
      for (const name of shuffled(names, tools.random)) {
        tools.onRun?.(name, session);
        const seeded = { ...settings, seed: settings.seed + session };
        for (const ratio of await measureOnce(name, seeded, tools)) {
          const entry = found.get(ratio.name) ?? { ratio, values: [] };
          entry.values.push(...ratio.sessionValues);
          found.set(ratio.name, entry);
        }
      }
    }
    if (names.length === 0 || wanted >= maxSessions || enough(soFar())) return soFar();
  }
}

/** The reference loop runs before the process and after it: a machine that changes meanwhile is met in the middle. */
async function measureOnce(
  name: TimedRunName,
  settings: TimedRunSettings,
  { command, clock }: TimedTools,
): Promise<TimedRatio[]> {
  const run = TIMED_RUNS[name];
  const before = referenceLoopNs(clock);
  const figures = run.read(await command(run.args(settings)));
  const loopNs = (before + referenceLoopNs(clock)) / 2;
  return figures.flatMap((figure) => ratiosOf(name, figure, figures, loopNs));
}

/** All that may be said of a figure without naming nanoseconds. */
export function ratiosOf(
  run: string,
  figure: TimedFigure,
  figures: readonly TimedFigure[],
  loopNs: number,
): TimedRatio[] {
  const { name, design, kind, direction, value, over } = figure;
  const of = `${run}: ${name}${design === null ? '' : ` of ${design}`}`;
  const ratioOf = (label: string, ratio: number, machineBound: boolean): TimedRatio => ({
    name: label,
    kind,
    direction,
    machineBound,
    sessionValues: [ratio],
  });
  const ratios: TimedRatio[] = [];
  if (over === 'nothing') ratios.push(ratioOf(of, value, false));
  if (over === 'loop') ratios.push(ratioOf(`${of} over the reference loop`, value / loopNs, true));
  if (typeof over === 'object')
    ratios.push(ratioOf(`${of} ${over.label}`, value / over.value, over.machineBound));
  const first = figures.find((other) => other.name === name);
  if (kind === 'cost' && design !== null && first !== undefined && first !== figure) {
    ratios.push(ratioOf(`${of} against ${first.design}`, value / first.value, false));
  }
  return ratios;
}

/** What the check of a ratio goes by. */
export interface TimedRule {
  readonly tolerances: RegressConfig['runs']['tolerances'];
  /** Of one look at one ratio. */
  readonly confidence: number;
  /** Why ratios that depend on the machine cannot be compared; null when they can. */
  readonly notComparable: string | null;
  /** For the reader. */
  readonly file: string;
}

/** Confidence of one look at one of so many ratios. */
export function timedConfidence(confidence: number, looks: number, ratios: number): number {
  return confidencePerLook(confidence, looks * Math.max(1, ratios));
}

/** Compares ratios with the baseline's. */
export function timedChecks(
  baseline: readonly TimedRatio[],
  found: readonly TimedRatio[],
  rule: TimedRule,
): Check[] {
  const before = new Map(baseline.map((ratio) => [ratio.name, ratio]));
  const checks = found.map((now): Check => {
    const then = before.get(now.name);
    before.delete(now.name);
    return timedCheck(then, now, rule);
  });
  const gone = [...before.keys()].map((name): Check => ({
    level: 'ratio',
    name,
    verdict: 'inconclusive',
    text: 'is in the baseline but was not measured; take it out with regress --update if that is meant',
    details: [],
    file: rule.file,
  }));
  return [...checks, ...gone];
}

function timedCheck(then: TimedRatio | undefined, now: TimedRatio, rule: TimedRule): Check {
  const common = { level: 'ratio', name: now.name, file: rule.file } as const;
  if (then === undefined) {
    const text = 'is not in the baseline; add it with regress --update';
    return { ...common, verdict: 'inconclusive', text, details: [] };
  }
  const details = [`baseline: ${describeTimed(then)}`, `now: ${describeTimed(now)}`];
  if (now.machineBound && rule.notComparable !== null) {
    const text = `${rule.notComparable}; level against compares it on this one`;
    return { ...common, verdict: 'skipped', text, details };
  }
  const logs = ({ sessionValues }: TimedRatio): number[] => sessionValues.map(Math.log);
  const compared = compareSessions(logs(then), logs(now), rule.confidence);
  const estimate =
    compared === null
      ? { value: median(now.sessionValues) / median(then.sessionValues), interval: null }
      : {
          value: Math.exp(compared.difference.value),
          interval: mapInterval(compared.difference.interval, Math.exp),
        };
  const threshold = toleranceOf(now, rule.tolerances);
  const { verdict, text } = decide(estimate, { direction: now.direction, threshold });
  return { ...common, verdict, text, details, isOpen: verdict === 'inconclusive' };
}

function toleranceOf({ kind, machineBound }: TimedRatio, tolerances: TimedRule['tolerances']): number {
  return kind === 'cost' && machineBound ? tolerances.reference : tolerances[kind];
}

/** `median 1.5 (1.4 .. 1.6, 6 sessions)` */
export function describeTimed({ sessionValues }: TimedRatio): string {
  const digits = (value: number): string => String(Number(value.toPrecision(3)));
  const [low, high] = [Math.min(...sessionValues), Math.max(...sessionValues)];
  return `median ${digits(median(sessionValues))} (${digits(low)} .. ${digits(high)}, ${sessionValues.length} sessions)`;
}
