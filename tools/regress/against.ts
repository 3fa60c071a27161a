/**
 * Level 3: whether a design got slower between two builds of the engine, on this machine, now.
 *
 * Both builds run in one process. A round makes both anew (so that no accident of where memory lies decides), and lets them
 * take turns pass by pass; its figure is the ratio of their times, each batch at the least it took. The verdict is read off the
 * interval over rounds: it must lie wholly on one side of what is allowed. While it does not, more rounds are taken, up to a
 * bound.
 *
 * Rounds that follow each other hang together: what favours one side in a round often still does in the next. So the interval
 * is that of a series (stats/serial-mean.ts), and a regression is one only when another process, which knows nothing of this
 * one, finds it as well (confirm.ts).
 */
import { setFlagsFromString } from 'node:v8';
import type { DesignChoice } from '../../engine/host/designs.js';
import { designLabel } from '../../engine/host/designs.js';
import type { TrackerConfig } from '../config/read-config.js';
import type { PacketSource } from '../replay/packet-source.js';
import type { RandomSource } from '../random/draws.js';
import { serialMean } from '../stats/serial-mean.js';
import { mapInterval } from '../stats/session-estimate.js';
import { confidencePerLook, decide, wantsMoreTrials, type VerdictResult } from '../stats/verdict.js';
import { median } from '../stats/sample.js';
import type { Check } from './check.js';
import { hasDesign, isSameBuild, type EngineBuild } from './engine-builds.js';
import { EngineSide, type SideOptions } from './engine-side.js';

/** One cell to compare. */
export interface AgainstCell {
  readonly inputName: string;
  readonly choice: DesignChoice;
  readonly traffic: PacketSource;
  readonly config: TrackerConfig;
}

/** How the comparison is decided. */
export interface AgainstRule {
  /** Relative slow-down that is allowed. */
  readonly threshold: number;
  /** Confidence in all verdicts of the gate together. */
  readonly confidence: number;
  readonly rounds: number;
  readonly maxRounds: number;
  readonly seed: number;
}

/** What the comparison needs from outside. */
export interface AgainstTools {
  /** Monotonic nanoseconds. */
  readonly clock: () => number;
  readonly random: RandomSource;
  /** Called after each look. */
  readonly onLook?: (cell: string, rounds: number, text: string) => void;
}

/** Passes of each side in a round that count, after one that does not. */
const PASSES = 6;

/**
 * Compiles WebAssembly once, optimised, when a module is loaded: otherwise a build would be measured partly before and partly
 * after the compiler got to it. Call before the first engine is loaded.
 */
export function settleCompiler(): void {
  for (const flag of [
    '--no-liftoff',
    '--no-wasm-tier-up',
    '--no-wasm-dynamic-tiering',
    '--no-wasm-lazy-compilation',
  ]) {
    setFlagsFromString(flag);
  }
}

/** The build that is compared with, and the one that is judged. */
export interface BuildPair {
  readonly base: EngineBuild;
  readonly head: EngineBuild;
}

/**
 * Compares one cell of two builds.
 * @throws EngineError when a build cannot run
 */
export function compareBuilds(
  cell: AgainstCell,
  { base, head }: BuildPair,
  rule: AgainstRule,
  cellCount: number,
  tools: AgainstTools,
): Check {
  const name = `${cell.inputName}/${designLabel(cell.choice)}`;
  const lacking = [base, head].find((build) => !hasDesign(cell.choice.design, build));
  if (lacking !== undefined) {
    return found(
      name,
      'skipped',
      `${lacking.label} does not have this design, so there is nothing to compare`,
    );
  }
  if (isSameBuild(cell.choice.design, base, head)) {
    return found(name, 'pass', `the compiled design is the same, byte for byte, at ${base.label}`);
  }
  const sides: SideOptions = { ...cell, seed: rule.seed, clock: tools.clock };
  const rounds: Round[] = [];
  const next = (): number => {
    const round = runRound(base, head, sides, tools.random);
    rounds.push(round);
    return Math.log(round.headNs / round.baseNs);
  };
  const { verdict, effective } = decideOverRounds(next, rule, cellCount, (taken, text) =>
    tools.onLook?.(name, taken, text),
  );
  const { worseBy, text } = verdict;
  const change = `${worseBy.value >= 1 ? '+' : ''}${((worseBy.value - 1) * 100).toFixed(2)}%`;
  return found(name, verdict.verdict, `time per packet ${change}: ${text}`, [
    `${base.label}: ${median(rounds.map((round) => round.baseNs)).toFixed(1)} ns per packet`,
    `${head.label}: ${median(rounds.map((round) => round.headNs)).toFixed(1)} ns per packet`,
    `${rounds.length} rounds of ${PASSES} passes, worth ${effective.toFixed(0)} independent ones`,
  ]);
}

/** What a sequence of rounds came to. */
export interface RoundsVerdict {
  readonly verdict: VerdictResult;
  /** Independent rounds that those taken are worth. */
  readonly effective: number;
}

/**
 * Takes rounds until the interval lies on one side of what is allowed, or the bound is reached.
 * @param next measures a round and returns the logarithm of head / base
 * @param cellCount cells of the gate: the permitted error is shared between all looks at all of them
 */
export function decideOverRounds(
  next: () => number,
  rule: AgainstRule,
  cellCount: number,
  onLook: (rounds: number, text: string) => void = () => {},
): RoundsVerdict {
  const maxLooks = Math.max(1, Math.floor(rule.maxRounds / rule.rounds));
  const confidence = confidencePerLook(rule.confidence, maxLooks * cellCount);
  const logs: number[] = [];
  let last: VerdictResult | null = null;
  let effective = 0;
  for (let looks = 0; wantsMoreTrials({ looks, maxLooks, last }); looks++) {
    for (let i = 0; i < rule.rounds; i++) logs.push(next());
    const mean = serialMean(logs, confidence);
    effective = mean.effective;
    const ratio = { value: Math.exp(mean.value), interval: mapInterval(mean.interval, Math.exp) };
    const judged = decide(ratio, { direction: 'lower-is-better', threshold: rule.threshold });
    last =
      mean.interval === null
        ? {
            ...judged,
            text: `${logs.length} rounds hang together so that they are worth ${effective.toFixed(1)} independent ones, too few for an interval`,
          }
        : judged;
    onLook(logs.length, last.text);
  }
  return { verdict: last as VerdictResult, effective };
}

/** Times of one round, ns per packet. */
interface Round {
  readonly baseNs: number;
  readonly headNs: number;
}

function found(name: string, verdict: Check['verdict'], text: string, details: string[] = []): Check {
  return { level: 'against', name, verdict, text, details, isOpen: verdict === 'inconclusive' };
}

/** Both sides anew; who is made first and who runs first is drawn by lot. */
function runRound(base: EngineBuild, head: EngineBuild, options: SideOptions, random: RandomSource): Round {
  const baseFirst = random.real() < 0.5;
  const first = new EngineSide((baseFirst ? base : head).folder, options);
  const second = new EngineSide((baseFirst ? head : base).folder, options);
  first.pass();
  second.pass();
  first.forget();
  second.forget();
  for (let i = 0; i < PASSES; i++) {
    // A B, B A, A B: a machine that slows down or speeds up meets both alike.
    for (const side of i % 2 === 0 ? [first, second] : [second, first]) side.pass();
  }
  const [ofFirst, ofSecond] = [first.leastNsPerPacket, second.leastNsPerPacket];
  return baseFirst ? { baseNs: ofFirst, headNs: ofSecond } : { baseNs: ofSecond, headNs: ofFirst };
}
