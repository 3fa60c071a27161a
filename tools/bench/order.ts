/**
 * In which order the cells of a group run. One block is every cell once; the order of a block depends on seed, group
 * and block only, so that a resumed matrix goes on exactly as it would have.
 */
import { shuffled } from '../random/draws.js';
import { Random } from '../random/random.js';
import type { Cell, Group } from './matrix-plan.js';

/**
 * Seed of a session, from which its traffic, orders and hash bases derive; that of the first is the matrix's own. Each
 * session has another, so that no finding hangs on one.
 */
export function sessionSeed(seed: number, session: number): number {
  return session === 0 ? seed : new Random(seed).derive(`session ${session}`).u32();
}

/** How blocks are ordered: every second one backwards, or each in a random order. */
export type OrderKind = 'abba' | 'randomised';

/**
 * The cells of block `block` of a session in the order in which they run.
 * @param seed of the session
 */
export function blockOrder(group: Group, block: number, order: OrderKind, seed: number): readonly Cell[] {
  if (order === 'abba') return block % 2 === 0 ? group.cells : group.cells.toReversed();
  return shuffled(group.cells, new Random(seed).derive(`order ${group.index} ${block}`));
}

/**
 * Seed of the trials of a block: the same for all its cells, so that all designs get the same hash basis, and another one
 * in each block.
 * @param seed of the session
 */
export function trialSeed(group: Group, block: number, seed: number): number {
  return new Random(seed).derive(`trial ${group.index} ${block}`).u32();
}
