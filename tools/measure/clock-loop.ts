/**
 * What the machine does to a thread that does nothing but look at its clock: where two looks lie further apart than they should,
 * something else had the core (timer interrupts, other threads, the hypervisor). A worker runs this loop before and after its
 * packets, on the core that it has: what shows here is not the tracker's.
 *
 * Between two looks the loop pauses. A look leaves garbage (spin-pause.ts), and without pauses the loop would be stopped some three
 * hundred times a second while that is collected, and take its own stops for the machine's.
 */
import { SpinPause, type Pause } from './spin-pause.js';

/** What one loop, or several together, saw. */
export interface ClockLoop {
  readonly probeNs: number;
  /** By how much looks lay further apart than a pause, where that was more than {@link GAP_FLOOR_NS}. */
  readonly gapsNs: Float64Array;
}

/** Between two looks: long beside a read of the clock, and no longer than the gaps that matter. */
export const CLOCK_LOOP_PAUSE_NS = 2000;
/** Shorter gaps are cache misses and steps of the clock rather than interruptions. */
const GAP_FLOOR_NS = 1000;
/** Bound on gaps, so that a loop needs no memory while it runs; a loop that is full ends early. */
const MOST_GAPS = 65_536;
/** Bound on reads, so that a clock that stands still ends the loop. */
const MOST_READS = 100_000_000;

/**
 * Looks at the clock for `probeMs` and keeps the gaps; the calling thread is busy all that time.
 * @param now monotonic nanoseconds
 * @param pause passes the time between two looks
 * @throws RangeError when `probeMs` is not above 0
 */
export function runClockLoop(now: () => number, probeMs: number, pause: Pause = new SpinPause()): ClockLoop {
  if (!(probeMs > 0)) throw new RangeError(`clock loop: ${probeMs} ms is not above 0; 25 is usual`);
  const gaps = new Float64Array(MOST_GAPS);
  gaps.fill(1); // its pages are there before the loop begins
  touchYoungGeneration();
  let found = 0;
  const start = now();
  const end = start + probeMs * 1e6;
  let previous = start;
  for (let reads = 0; previous < end && found < MOST_GAPS && reads < MOST_READS; reads++) {
    const turns = pause.pass(CLOCK_LOOP_PAUSE_NS);
    const time = now();
    const gapNs = time - previous - CLOCK_LOOP_PAUSE_NS;
    if (gapNs > GAP_FLOOR_NS) gaps[found++] = gapNs;
    pause.learn(turns, time - previous);
    previous = time;
  }
  return { probeNs: previous - start, gapsNs: gaps.slice(0, found) };
}

/** What a thread’s heap takes for what is new, and as much again: it is copied from one half to the other. */
const YOUNG_BYTES = 2 * 1024 * 1024;
const PIECE_BYTES = 4096;
const PIECE: readonly number[] = Array.from({ length: PIECE_BYTES / 8 }, (_, place) => place);
let garbage = PIECE;

/**
 * Leaves garbage until the memory for it has been used once. Its first use, a page at a time, takes the system so long that a young
 * thread that reads its clock finds more gaps of that kind than of all others.
 */
function touchYoungGeneration(): void {
  for (let bytes = 0; bytes < YOUNG_BYTES; bytes += PIECE_BYTES) garbage = PIECE.slice();
  garbage = garbage.length === PIECE.length ? PIECE : []; // looked at, so that none of it can be left out
}

/** Several loops as one. */
export function joinClockLoops(loops: readonly ClockLoop[]): ClockLoop {
  const gapsNs = new Float64Array(loops.reduce((sum, loop) => sum + loop.gapsNs.length, 0));
  let at = 0;
  for (const loop of loops) {
    gapsNs.set(loop.gapsNs, at);
    at += loop.gapsNs.length;
  }
  return { probeNs: loops.reduce((sum, loop) => sum + loop.probeNs, 0), gapsNs };
}

/**
 * How long stretches of the loop take that would take `stretchNs` undisturbed, as quantiles. With gaps at random, one longer
 * than x falls into a stretch with probability (rate of such gaps) x (length of the stretch), and the quantile q is where that
 * is 1 - q.
 * @param shares from 0 to 1
 * @returns nanoseconds; null where the loop was too short for that
 */
export function stretchQuantiles(
  loop: ClockLoop,
  stretchNs: number,
  shares: readonly number[],
): (number | null)[] {
  if (loop.probeNs <= 0 || stretchNs <= 0) return shares.map(() => null);
  const descending = loop.gapsNs.toSorted().toReversed();
  return shares.map((share) => {
    // So many of the gaps seen are longer than the one looked for.
    const longer = ((1 - share) / stretchNs) * loop.probeNs;
    if (longer < 1) return null;
    return stretchNs + (descending[Math.floor(longer)] ?? 0);
  });
}
