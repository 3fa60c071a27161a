/**
 * What the machine does to a thread that only reads its clock: the gaps between reads are times in which something else had
 * the core (timer interrupts, other threads, the hypervisor). A worker runs this loop before and after its packets, on
 * the core that it has: what shows here is not the tracker's.
 */

/** What one loop, or several together, saw. */
export interface ClockLoop {
  readonly probeNs: number;
  /** Times between two reads that were longer than {@link GAP_FLOOR_NS}. */
  readonly gapsNs: Float64Array;
}

/** Shorter gaps are cache misses and steps of the clock rather than interruptions. */
const GAP_FLOOR_NS = 1000;
/** Bound on gaps, so that a loop needs no memory while it runs; a loop that is full ends early. */
const MOST_GAPS = 65_536;
/** Bound on reads, so that a clock that stands still ends the loop. */
const MOST_READS = 100_000_000;

/**
 * Reads the clock for `probeMs` and keeps the gaps; the calling thread is busy all that time.
 * @param now monotonic nanoseconds
 * @throws RangeError when `probeMs` is not above 0
 */
export function runClockLoop(now: () => number, probeMs: number): ClockLoop {
  if (!(probeMs > 0)) throw new RangeError(`clock loop: ${probeMs} ms is not above 0; 25 is usual`);
  const gaps = new Float64Array(MOST_GAPS);
  gaps.fill(1); // its pages are there before the loop begins
  let found = 0;
  const start = now();
  const end = start + probeMs * 1e6;
  let previous = start;
  for (let reads = 0; previous < end && found < MOST_GAPS && reads < MOST_READS; reads++) {
    const time = now();
    if (time - previous > GAP_FLOOR_NS) gaps[found++] = time - previous;
    previous = time;
  }
  return { probeNs: previous - start, gapsNs: gaps.slice(0, found) };
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
