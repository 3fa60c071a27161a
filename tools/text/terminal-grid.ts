/** A table for the terminal that gives up its least important columns rather than wrap. */
import Table from 'cli-table3';
import type { Paint } from './terminal-style.js';

export interface Column<Row> {
  head: string;
  cell: (row: Row) => string;
  align?: 'left' | 'right';
  /** Columns with the highest number go first when the terminal is narrow; 0 is never dropped. */
  expendable?: number;
}

const PADDING = 2;
/** Below this a text column is not made narrower: words would be taken apart letter by letter. */
const NARROWEST_TEXT = 8;

/** Display width: colours take no room. Text has passed `printable`, so no other escapes are in it. */
function widthOf(text: string): number {
  // oxlint-disable-next-line no-control-regex -- colours are escape sequences
  return [...text.replace(/\u001b\[\d+m/g, '')].length;
}

/**
 * Lines of a table of `rows`, at most `width` characters wide if dropping every expendable column is enough.
 * Columns in which no row has a value (all `–` or empty) are left out. Empty for no rows.
 */
export function grid<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  width: number,
  paint: Paint,
): string {
  if (rows.length === 0) return '';
  const all = columns
    .map((column): Laid<Row> => {
      const texts = rows.map((row) => column.cell(row));
      return { column, texts, source: texts, width: Math.max(widthOf(column.head), ...texts.map(widthOf)) };
    })
    .filter(
      ({ texts, column }) => column.expendable === 0 || texts.some((text) => text !== '–' && text !== ''),
    );
  const { kept, dropped } = fitted(all, width);
  const none = {
    top: '',
    'top-mid': '',
    'top-left': '',
    'top-right': '',
    bottom: '',
    'bottom-mid': '',
  } as const;
  const table = new Table({
    head: kept.map(({ column, width: room }) =>
      paint('dim', fold(column.head, Math.max(room, NARROWEST_TEXT))),
    ),
    colAligns: kept.map(({ column }) => column.align ?? 'right'),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': PADDING, compact: true },
    chars: {
      ...none,
      'bottom-left': '',
      'bottom-right': '',
      left: '',
      'left-mid': '',
      mid: '',
      'mid-mid': '',
      right: '',
      'right-mid': '',
      middle: '',
    },
  });
  rows.forEach((_, index) => table.push(kept.map(({ texts }) => texts[index] ?? '')));
  const lines = table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
  if (dropped.length > 0)
    lines.push(
      paint('dim', wrap(`(a wider terminal also shows: ${dropped.toReversed().join(', ')})`, width)),
    );
  return lines.join('\n');
}

/** A column with its texts, and how wide they are. */
interface Laid<Row> {
  readonly column: Column<Row>;
  readonly texts: readonly string[];
  /** Before they were folded. */
  readonly source: readonly string[];
  readonly width: number;
}

/** Columns that fit the width: the least telling ones are dropped, and then text is folded. */
function fitted<Row>(
  all: readonly Laid<Row>[],
  width: number,
): { readonly kept: readonly Laid<Row>[]; readonly dropped: readonly string[] } {
  let kept = all;
  const total = (): number => kept.reduce((sum, laid) => sum + laid.width + PADDING, 0);
  const dropped: string[] = [];
  while (total() > width) {
    const next = kept.reduce((most, laid) =>
      (laid.column.expendable ?? 0) > (most.column.expendable ?? 0) ? laid : most,
    );
    if ((next.column.expendable ?? 0) === 0) break;
    kept = kept.filter((laid) => laid !== next);
    dropped.push(next.column.head);
  }
  // What is left tells rows apart, so none of it may go: text goes over several lines instead.
  for (;;) {
    const over = total() - PADDING - width;
    const widest = kept
      .filter(({ column }) => column.align === 'left')
      .reduce<Laid<Row> | null>((most, laid) => (laid.width > (most?.width ?? 0) ? laid : most), null);
    if (over <= 0 || widest === null || widest.width <= NARROWEST_TEXT) break;
    const others = kept
      .filter((laid) => laid !== widest && laid.column.align === 'left')
      .map((laid) => laid.width);
    // Down to the next widest first, so that short words stay whole.
    const floor = Math.max(NARROWEST_TEXT, ...others.filter((each) => each < widest.width));
    const room = Math.max(floor, widest.width - over);
    const narrower = room === widest.width ? widest.width - 1 : room;
    const texts = widest.source.map((text) => fold(text, narrower));
    const folded = { ...widest, texts, width: narrower };
    kept = kept.map((laid) => (laid === widest ? folded : laid));
  }
  return { kept, dropped };
}

/** Text of at most `width` characters a line, broken where names have joints: spaces, slashes, dashes, plus signs, dots. Colours are kept per line. */
function fold(text: string, width: number): string {
  // oxlint-disable-next-line no-control-regex -- colours are escape sequences
  const colour = /^(\u001b\[\d+m)(.*)(\u001b\[\d+m)$/s.exec(text);
  const plain = colour?.[2] ?? text;
  const lines: string[] = [];
  let rest = [...plain];
  while (rest.length > width) {
    const line = rest.slice(0, width);
    const joint = line.findLastIndex((letter) => ' /-+.,:'.includes(letter));
    const taken = joint >= Math.floor(width / 3) ? joint + 1 : width;
    lines.push(rest.slice(0, taken).join(''));
    rest = rest.slice(taken);
  }
  lines.push(rest.join(''));
  return lines.map((line) => (colour === null ? line : `${colour[1]}${line}${colour[3]}`)).join('\n');
}

/** Words broken over lines of at most `width`; lines after the first begin with `indent`. */
export function wrap(text: string, width: number, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const room = width - (lines.length === 0 ? 0 : indent.length);
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > room) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines.map((full, index) => (index === 0 ? full : indent + full)).join('\n');
}
