import { traitsOf, type DesignTraits } from '../../engine/host/design-traits.js';
import { availableDesigns } from '../../engine/host/designs.js';

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

/**
 * Designs for tests of whole replays, in which minutes go by. All of them with CTREPLAY_LONG; otherwise without those that differ from
 * another one in the tracker alone.
 */
export function replayedDesigns(): string[] {
  const all = availableDesigns();
  if (process.env['CTREPLAY_LONG'] !== undefined) return all;
  return all.filter((name) => !likeAnother(name));
}
