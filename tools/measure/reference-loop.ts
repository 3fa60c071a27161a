/**
 * A loop that has nothing to do with trackers: dependent reads over a mebibyte, mixed with arithmetic. How long it takes says
 * how fast the machine is just now, so that a time measured beside it can be set against one of another hour.
 */

const WORDS = 2 ** 18;
const TURNS = 100_000;
/** The least counts: whatever takes longer was interrupted. */
const STRETCHES = 9;

let chain: Uint32Array | null = null;

/** Each word holds the index of the next, in one cycle through all of them that no prefetcher follows. */
function makeChain(): Uint32Array {
  const next = new Uint32Array(WORDS);
  // A full-period linear congruence: multiplier 1 mod 4, odd increment.
  for (let at = 0; at < WORDS; at++) next[at] = (Math.imul(at, 0x5d589) + 0x3039) & (WORDS - 1);
  return next;
}

function stretch(next: Uint32Array, from: number): number {
  let at = from;
  let mixed = 0;
  for (let turn = 0; turn < TURNS; turn++) {
    at = next[at] as number;
    mixed = (Math.imul(mixed ^ at, 0x9e3779b1) >>> 7) + turn;
  }
  return mixed & (WORDS - 1);
}

/**
 * Nanoseconds that a turn of the loop takes now.
 * @param now monotonic nanoseconds
 */
export function referenceLoopNs(now: () => number): number {
  chain ??= makeChain();
  let least = Number.POSITIVE_INFINITY;
  let from = 0;
  for (let i = 0; i < STRETCHES; i++) {
    const start = now();
    from = stretch(chain, from);
    least = Math.min(least, now() - start);
  }
  return least / TURNS;
}
