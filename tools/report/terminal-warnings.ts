/** Warnings on a terminal: in full what changes the conclusion, once, with the designs it is about; the rest in one line. */
import { cellName, cellsOf, comparableGroups } from '../result/cells.js';
import type { Run } from '../result/runs.js';
import type { Warning } from '../result/schema.js';
import { printable } from '../text/escape.js';
import { wrap } from '../text/terminal-grid.js';
import type { Paint } from '../text/terminal-style.js';

/**
 * Warnings under which a reader may conclude something else: the figures are of other work than was asked for, at another rate, or by a
 * clock that cannot be trusted. All others say how noisy the machine was, which the intervals show.
 */
const CONCLUSIVE_CODES: ReadonlySet<string> = new Set([
  'checksums-wrong',
  'rate-not-reached',
  'source-too-slow',
  'table-full',
  'loop-addresses',
  'timer-backwards',
  'throttled',
  'histogram-overflow',
  'too-short',
  'oversubscribed',
  'matrix-repetitions',
  'control-differs',
  'merged-machines',
]);

/** A warning, and the designs that it is about; none where it is about the whole run. */
export interface NamedWarning {
  readonly warning: Warning;
  readonly designs: readonly string[];
}

/** Warnings of all runs, each kind once for the run and once for its designs, the first text of it. */
function namedWarnings(runs: readonly Run[]): NamedWarning[] {
  const found = new Map<string, { warning: Warning; designs: Set<string> }>();
  const add = (warning: Warning, design: string | null): void => {
    // Texts of one kind differ by their figures only, but only their texts distinguish remarks.
    const key = warning.code === 'matrix-repetitions' ? warning.text : warning.code;
    const known = found.get(key) ?? { warning, designs: new Set<string>() };
    if (design !== null) known.designs.add(design);
    found.set(key, known);
  };
  for (const { result } of runs) for (const warning of result.warnings) add(warning, null);
  for (const group of comparableGroups(cellsOf(runs))) {
    for (const cell of group) {
      for (const entry of cell.cases)
        entry.warnings?.forEach((warning) => add(warning, cellName(cell, group)));
    }
  }
  return [...found.values()].map(({ warning, designs }) => ({ warning, designs: [...designs] }));
}

/** Text and advice as sentences: a full stop between them where the text has none. */
export function sentences(first: string, second: string | null | undefined): string {
  if (second === null || second === undefined || second === '') return first;
  return /[.!?]$/.test(first) ? `${first} ${second}` : `${first}. ${second}`;
}

/** The lines; empty without warnings. `brief`: those that only tell of noise are counted. */
export function warningLines(runs: readonly Run[], brief: boolean, width: number, paint: Paint): string {
  const all = namedWarnings(runs);
  const shown = brief ? all.filter(({ warning }) => CONCLUSIVE_CODES.has(warning.code)) : all;
  const lines = shown.map(({ warning, designs }) => {
    const where = designs.length === 0 ? '' : `${designs.join(', ')}: `;
    return wrap(
      `${paint('yellow', 'Warning:')} ${printable(`${where}${sentences(warning.text, warning.advice)}`)}`,
      width,
      '  ',
    );
  });
  const notes = all.length - shown.length;
  if (notes > 0)
    lines.push(paint('dim', `noisy machine: ${notes} ${notes === 1 ? 'note' : 'notes'}, --verbose`));
  return lines.join('\n');
}
