/** How the members of a group are drawn. */
import type { Random } from './random.js';

/** Picks an index below `count`: uniform or skewed. */
export type Picker = (count: number) => number;

/** Every index is as likely as any other. */
export function uniformPicker(random: Random): Picker {
  return (count) => random.below(count);
}
