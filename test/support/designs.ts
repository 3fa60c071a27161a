import { traitsOf, type DesignTraits } from '../../engine/host/design-traits.js';
import { availableDesigns, DEFAULT_DESIGNS } from '../../engine/host/designs.js';

const IS_LONG = process.env['CTREPLAY_LONG'] !== undefined;

/** What a design declares but for the way of creating, which whole replays share. */
function restOf(design: string): string {
  const { order: _order, createsNarrowly: _narrowly, ...rest }: DesignTraits = traitsOf(design);
  return JSON.stringify(rest);
}

/** Whether a design is another one, listed before it, in all but how it creates: the tests under test/engine try the difference. */
export function likeAnother(design: string): boolean {
  const all = availableDesigns();
  return all.slice(0, all.indexOf(design)).some((other) => restOf(other) === restOf(design));
}

/** Designs whose passes differ: all of them with CTREPLAY_LONG, otherwise without those that differ from another one in creating alone. */
export function sweptDesigns(): string[] {
  const all = availableDesigns();
  return IS_LONG ? all : all.filter((name) => !likeAnother(name));
}

/**
 * Designs for tests of whole replays, in which minutes go by: all of them with CTREPLAY_LONG, otherwise the two that are run when nobody
 * says which. The others share all of a replay with these; their trackers differ, which the tests under test/engine try.
 */
export function replayedDesigns(): readonly string[] {
  return IS_LONG ? availableDesigns() : DEFAULT_DESIGNS;
}

/**
 * Which of some situations of the replay are tried with which design, where each takes a run and the code that they differ in is the
 * same for every design: by turns, so that every situation and every design is met. All of them with CTREPLAY_LONG.
 */
export function byTurns<T>(
  situations: readonly T[],
  design: string,
  designs: readonly string[] = replayedDesigns(),
): T[] {
  const turn = designs.indexOf(design);
  if (IS_LONG || turn === -1) return [...situations];
  // With fewer situations than designs some share one.
  const share = Math.min(designs.length, situations.length);
  return situations.filter((_, index) => index % share === turn % share);
}
