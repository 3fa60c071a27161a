/**
 * How much the machine disturbs a thread that only computes: equal pieces of work are timed back to back, and whatever
 * takes longer than the rest was interrupted.
 * Source: fixed work quanta, M. Sottile and R. Minnich, "Analysis of microbenchmarks for performance tuning of clusters",
 * CLUSTER 2004; interruptions ("detours") as in P. Beckman et al., "The influence of operating systems on the
 * performance of collective operations at extreme scale", CLUSTER 2006.
 */
import { coefficientOfVariation, quantileSorted, sorted } from '../stats/sample.js';
import type { Clock } from './clock.js';

/** Figures of a probe. Interruption lengths are null when none was seen. */
export interface NoiseFigures {
  readonly probeMs: number;
  /** Pieces timed. */
  readonly pieces: number;
  /** Time of an undisturbed piece: median. */
  readonly pieceNs: number;
  /** Coefficient of variation of groups of about a millisecond; null when the probe has fewer than two groups. */
  readonly cv: number | null;
  readonly p50Ns: number | null;
  readonly p99Ns: number | null;
  readonly maxNs: number | null;
  readonly interruptionsPerSecond: number;
  /** Share of the probe's time that went to interruptions. */
  readonly lostShare: number;
}

/** What a probe needs. */
export interface NoiseProbeOptions {
  readonly clock: Clock;
  /** How long; default 100 ms. */
  readonly probeMs?: number;
  /** One piece of work, a few microseconds long; default a loop of integer arithmetic. */
  readonly work?: () => void;
}

/** A piece counts as interrupted when it takes this much longer than the median piece, and at least {@link FLOOR_NS}. */
const FACTOR = 1.5;
/** Shorter delays are cache misses and clock steps rather than interruptions. */
const FLOOR_NS = 1000;
/** Bound on pieces, so that a clock that stands still cannot make the probe run for ever. */
const MAX_PIECES = 5_000_000;

/**
 * Probes for `probeMs`; the calling thread is busy all that time.
 * @throws RangeError when `probeMs` is not above 0, or the clock did not move over {@link MAX_PIECES} pieces
 */
export function probeNoise({ clock, probeMs = 100, work = spin }: NoiseProbeOptions): NoiseFigures {
  if (!(probeMs > 0)) throw new RangeError(`noise probe: ${probeMs} ms is not above 0; 100 is usual`);
  for (let i = 0; i < 1000; i++) work(); // let the compiler finish with it
  const budgetNs = probeMs * 1e6;
  const times: number[] = [];
  const start = clock.nowNs();
  let previous = start;
  while (previous - start < budgetNs && times.length < MAX_PIECES) {
    work();
    const now = clock.nowNs();
    times.push(now - previous);
    previous = now;
  }
  const elapsedNs = previous - start;
  if (elapsedNs <= 0)
    throw new RangeError(`noise probe: clock ${clock.name} did not move; use another clock`);
  const pieceNs = quantileSorted(sorted(times), 0.5);
  const limit = Math.max(pieceNs * FACTOR, pieceNs + FLOOR_NS);
  const detours = sorted(times.filter((time) => time > limit).map((time) => time - pieceNs));
  const lostNs = detours.reduce((sum, time) => sum + time, 0);
  const at = (share: number): number | null => (detours.length === 0 ? null : quantileSorted(detours, share));
  return {
    probeMs: elapsedNs / 1e6,
    pieces: times.length,
    pieceNs,
    cv: groupVariation(times, pieceNs),
    p50Ns: at(0.5),
    p99Ns: at(0.99),
    maxNs: at(1),
    interruptionsPerSecond: detours.length / (elapsedNs / 1e9),
    lostShare: Math.min(1, lostNs / elapsedNs),
  };
}

/** Variation between equal groups of pieces, each about a millisecond of undisturbed work. */
function groupVariation(times: readonly number[], pieceNs: number): number | null {
  const groupSize = Math.max(1, Math.round(1e6 / Math.max(1, pieceNs)));
  const sums: number[] = [];
  for (let at = 0; at + groupSize <= times.length; at += groupSize) {
    let sum = 0;
    for (let i = at; i < at + groupSize; i++) sum += times[i] as number;
    sums.push(sum);
  }
  return sums.length < 2 ? null : coefficientOfVariation(sums);
}

let sink = 1;

function spin(): void {
  let value = sink;
  for (let i = 0; i < 1500; i++) value = Math.imul(value ^ (value >>> 13), 0x5bd1e995) + i;
  sink = value | 1; // kept, so that the loop cannot be left out
}
