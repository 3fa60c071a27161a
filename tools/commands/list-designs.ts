/** `--list-designs`: the designs there are, with what they are and their presets. */
import { availableDesigns, DESIGN_DESCRIPTIONS } from '../../engine/host/designs.js';
import { loadEngine } from '../../engine/host/module.js';

/** A line a design, and one with its presets where it has some. */
export function designList(): string {
  return availableDesigns()
    .map((name) => {
      const presets = Object.keys(loadEngine(name, 'bare').presets);
      const more = presets.length === 0 ? '' : `\n  presets: ${presets.map((preset) => `${name}@${preset}`).join(', ')}`;
      return `${name}: ${DESIGN_DESCRIPTIONS[name] ?? 'a design of your own'}${more}\n`;
    })
    .join('');
}
