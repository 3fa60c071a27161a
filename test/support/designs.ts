import { availableDesigns } from '../../engine/host/designs.js';

const IS_LONG = process.env['CTREPLAY_LONG'] !== undefined;

/** Designs that share all of a replay with another one: their tracker differs, which the tests under test/engine try. */
const LIKE_ANOTHER = ['narrow-insert'];

/**
 * Designs for tests of whole replays, in which minutes go by. All of them with CTREPLAY_LONG; otherwise without those that differ from
 * another one in the tracker alone.
 */
export function replayedDesigns(): string[] {
  const all = availableDesigns();
  if (IS_LONG) return all;
  return all.filter((name) => !LIKE_ANOTHER.includes(name));
}

/**
 * Which of some situations of the replay are tried with which design, where each takes a run and the code that they differ in is the
 * same for every design: by turns, so that every situation and every design is met. All of them with CTREPLAY_LONG.
 */
export function byTurns<T>(situations: readonly T[], design: string): T[] {
  const designs = replayedDesigns();
  const turn = designs.indexOf(design);
  if (IS_LONG || turn === -1) return [...situations];
  return situations.filter((_, index) => index % designs.length === turn);
}
