/** The verdict as a terminal shows it: the last thing that a comparing command prints. */
import { printable } from '../text/escape.js';
import { wrap } from '../text/terminal-grid.js';
import { painter } from '../text/terminal-style.js';

/** The sentences under a heading of their own, each on lines of its own; empty without sentences. */
export function renderVerdict(
  sentences: readonly string[],
  { width, colour }: { readonly width: number; readonly colour: boolean },
): string {
  if (sentences.length === 0) return '';
  const paint = painter(colour);
  const lines = sentences.map((text) => `  ${wrap(printable(text), Math.max(40, width) - 2, '  ')}`);
  return `\n${paint('bold', 'Verdict')}\n${lines.join('\n')}\n`;
}
