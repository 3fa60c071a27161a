/** Colours of designs: the same in every table, chart and page. */
import { availableDesigns } from '../../engine/host/designs.js';

/**
 * The names of a page in the order of their colours: a design of the engine has its own place whether the others are there or not;
 * other names (presets, several results side by side) have places that no name of the page has taken.
 */
export function paletteOf(names: readonly string[], known: readonly string[] = availableDesigns()): string[] {
  const palette: string[] = known.map((name) => (names.includes(name) ? name : ''));
  for (const name of names) {
    if (palette.includes(name)) continue;
    const free = palette.indexOf('');
    if (free >= 0) palette[free] = name;
    else palette.push(name);
  }
  return palette;
}
