/**
 * In which order the trials of several designs run, so that a machine that gets slower or faster over time does not
 * favour one of them.
 */
import { shuffled, type RandomSource } from '../random/draws.js';

/** One trial to run. */
export interface TrialSlot {
  /** Index of the design. */
  readonly design: number;
  /** Block the trial belongs to: each block holds every design once. */
  readonly block: number;
  /** Which trial of its design it is, from 0; equal to the block. */
  readonly trial: number;
}

/**
 * ABBA order: every second block runs backwards (A B, B A, A B, …; for three designs A B C, C B A, …). Over two blocks
 * a linear drift adds equally to every design.
 * @param designCount number of designs, at least 1
 * @param blockCount number of trials of each
 */
export function abbaOrder(designCount: number, blockCount: number): TrialSlot[] {
  assertCounts(designCount, blockCount);
  const forward = Array.from({ length: designCount }, (_, design) => design);
  return blocks(blockCount, (block) => (block % 2 === 0 ? forward : forward.toReversed()));
}

/**
 * Randomised complete blocks: each block is every design once, in an order drawn from the seeded generator. Guards also
 * against a periodic disturbance that ABBA could fall in step with.
 */
export function randomisedOrder(designCount: number, blockCount: number, random: RandomSource): TrialSlot[] {
  assertCounts(designCount, blockCount);
  const forward = Array.from({ length: designCount }, (_, design) => design);
  return blocks(blockCount, () => shuffled(forward, random));
}

function blocks(blockCount: number, orderOf: (block: number) => readonly number[]): TrialSlot[] {
  return Array.from({ length: blockCount }, (_, block) =>
    orderOf(block).map((design) => ({ design, block, trial: block })),
  ).flat();
}

function assertCounts(designCount: number, blockCount: number): void {
  for (const [what, count] of [
    ['designs', designCount],
    ['trials of each', blockCount],
  ] as const) {
    if (!Number.isInteger(count) || count < 1) {
      throw new RangeError(`trial order: ${count} ${what}; give a whole number of at least 1`);
    }
  }
}
