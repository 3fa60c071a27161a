import { availableDesigns } from '../../engine/host/designs.js';

/** Designs that share all of a replay with another one: their tracker differs, which the tests under test/engine try. */
const LIKE_ANOTHER = ['narrow-insert'];

/**
 * Designs for tests of whole replays, in which minutes go by. All of them with CTREPLAY_LONG; otherwise without those that differ from
 * another one in the tracker alone.
 */
export function replayedDesigns(): string[] {
  const all = availableDesigns();
  if (process.env['CTREPLAY_LONG'] !== undefined) return all;
  return all.filter((name) => !LIKE_ANOTHER.includes(name));
}
