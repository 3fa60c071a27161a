/** The forest plot as text: ratios with their intervals against the line of no difference, on a logarithmic scale. */
import { printable } from '../text/escape.js';
import { formatRatio } from '../text/quantities.js';
import { grid, wrap } from '../text/terminal-grid.js';
import type { Colour, Paint } from '../text/terminal-style.js';
import type { ForestGroup, ForestRow } from './forest.js';

/** Columns of the plot: with fewer an interval is no picture, more are not looked at as one. */
const FEWEST_COLUMNS = 12;
const MOST_COLUMNS = 60;
/** Share of the width that names may take before they go over several lines. */
const NAME_SHARE = 0.4;
/** The ends of the axis lie this much beyond the intervals. */
const MARGIN = 1.05;
/** Ratios that a tick may be at within a power of ten, the most wanted first. */
const STEPS = [1, 2, 5, 3, 1.5, 1.2, 7];
const MOST_TICKS = 6;

const COLOURS: Readonly<Record<ForestRow['finding'], Colour>> = {
  better: 'green',
  worse: 'red',
  'no-difference-shown': 'dim',
  unknown: 'dim',
};

/** Where ratios lie among the columns of a plot. */
interface Axis {
  readonly low: number;
  readonly high: number;
  readonly columns: number;
}

function columnOf(ratio: number, { low, high, columns }: Axis): number {
  const share = Math.log(ratio / low) / Math.log(high / low);
  return Math.round(share * (columns - 1));
}

function axisOf(rows: readonly ForestRow[], columns: number): Axis {
  const ends = rows.flatMap(({ low, high, ratio }) => [low, high, ratio, 1]);
  return { low: Math.min(...ends) / MARGIN, high: Math.max(...ends) * MARGIN, columns };
}

/** The line of one interval: `├──■──┤`, and where it does not lie, the line of no difference. */
function intervalLine({ ratio, low, high }: ForestRow, axis: Axis): string {
  const line = Array.from({ length: axis.columns }, () => ' ');
  line[columnOf(1, axis)] = '│';
  const [from, to] = [columnOf(low, axis), columnOf(high, axis)];
  line.fill('─', from, to + 1);
  if (to > from) {
    line[from] = '├';
    line[to] = '┤';
  }
  line[columnOf(ratio, axis)] = '■';
  return line.join('');
}

/** The labels of the axis over their columns, 1 first, then as many as have room. */
function tickLine(axis: Axis): string {
  const line = Array.from({ length: axis.columns }, () => ' ');
  const powers = Array.from(
    { length: Math.ceil(Math.log10(axis.high)) - Math.floor(Math.log10(axis.low)) + 1 },
    (_, index) => index + Math.floor(Math.log10(axis.low)),
  );
  const ratios = STEPS.flatMap((step) => powers.map((power) => Number(`${step}e${power}`)));
  let ticks = 0;
  for (const ratio of [1, ...ratios]) {
    if (ratio < axis.low || ratio > axis.high || ticks === MOST_TICKS) continue;
    const label = formatRatio(ratio);
    const middle = columnOf(ratio, axis);
    const from = Math.min(Math.max(0, middle - Math.floor(label.length / 2)), axis.columns - label.length);
    // A space on either side keeps labels apart.
    const room = line.slice(Math.max(0, from - 1), from + label.length + 1);
    if (from < 0 || room.some((letter) => letter !== ' ')) continue;
    line.splice(from, label.length, ...label);
    ticks++;
  }
  return line.join('');
}

function ratioText({ ratio, low, high }: ForestRow): string {
  return `${formatRatio(ratio)} (${formatRatio(low)}..${formatRatio(high)})`;
}

/** The plot of one pair, with its title. */
function pairText({ label, head, base, rows, left }: ForestGroup, width: number, paint: Paint): string {
  const ratioWidth = Math.max(...rows.map((row) => ratioText(row).length));
  const nameWidth = Math.min(
    Math.max(...rows.map(({ name }) => printable(name).length)),
    Math.floor(width * NAME_SHARE),
  );
  const columns = Math.min(MOST_COLUMNS, width - nameWidth - ratioWidth - 4);
  if (columns < FEWEST_COLUMNS) return '';
  const axis = axisOf(rows, columns);
  const plot = grid(
    rows,
    [
      { head: '', align: 'left', expendable: 0, cell: ({ name }) => printable(name) },
      {
        head: tickLine(axis),
        expendable: 0,
        cell: (row) => paint(COLOURS[row.finding], intervalLine(row, axis)),
      },
      { head: '', align: 'right', expendable: 0, cell: ratioText },
    ],
    width,
    paint,
  );
  const more = left === 0 ? [] : [paint('dim', `(${left} more in the tables)`)];
  const title = `Ratios: ${printable(label)} (${printable(head)} / ${printable(base)}, logarithmic)`;
  return [paint('bold', wrap(title, width)), plot, ...more].join('\n');
}

/** The plots of all pairs, for a terminal; empty where there are none, or no room for one. */
export function forestText(groups: readonly ForestGroup[], width: number, paint: Paint): string {
  return groups
    .filter(({ rows }) => rows.length > 0)
    .map((group) => pairText(group, width, paint))
    .filter((text) => text !== '')
    .join('\n\n');
}

/** Width of a plot in Markdown, which is read as wide as it is written. */
const MARKDOWN_WIDTH = 100;

/** The plots as a block of Markdown that keeps its columns; empty where there are none. */
export function forestMarkdown(groups: readonly ForestGroup[]): string {
  const text = forestText(groups, MARKDOWN_WIDTH, (_colour, plain) => plain);
  // A name must not end the block.
  return text === '' ? '' : `\`\`\`text\n${text.replaceAll('`', "'")}\n\`\`\``;
}
