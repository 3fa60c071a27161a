/** Tables on terminals of every width: nothing sticks out, and rows that differ stay apart. */
import { describe, expect, it } from 'vitest';
import { comparisonBlock } from '../../../tools/report/terminal-comparisons.js';
import { renderTerminal } from '../../../tools/report/terminal.js';
import { grid } from '../../../tools/text/terminal-grid.js';
import { painter } from '../../../tools/text/terminal-style.js';
import { terminalWidth } from '../../../tools/text/terminal-width.js';
import { sampleRuns } from './sample-runs.js';

const DESIGNS = ['timeout-lists', 'rculist-sweep@v6', 'rculist-sweep@v7-fixed'];
const WIDTHS = [60, 80, 120, 200];

const replay = sampleRuns({
  designs: DESIGNS,
  packets: 300,
  captureName: 'a-capture-with-quite-a-long-name-of-its-own.pcapng',
});
const matrix = sampleRuns({ kind: 'bench', workers: [1, 2, 4], packets: 300, trials: 3 });

describe.each(WIDTHS)('at %i columns', (width) => {
  it.each([
    ['a replay', replay, 'brief'],
    ['a replay with every table', replay, 'full'],
    ['a matrix', matrix, 'full'],
  ] as const)('%s fits', (_, runs, detail) => {
    const text = renderTerminal(runs, { width, colour: false, detail });
    const wide = text.split('\n').filter((line) => [...line].length > width);
    expect(wide).toEqual([]);
  });

  it('keeps designs apart', () => {
    const text = renderTerminal(replay, { width, colour: false, detail: 'brief' }).replaceAll(/\s+/g, ' ');
    for (const name of ['timeout-lists', 'v6', 'v7-fixed']) expect(text).toContain(name);
  });

  it('names the place of a comparison once', () => {
    const text = comparisonBlock(matrix[0]!, false, width, painter(false)).replaceAll(/\n +/g, '');
    const places = new Set((matrix[0]!.result.comparisons ?? []).map(({ head }) => head.split('/').at(-1)));
    expect(places.size).toBeGreaterThan(0);
    expect(text).not.toContain('/rculist-sweep/');
  });
});

it('colours survive a fold, one pair a line', () => {
  const paint = painter(true);
  const text = grid(
    [{ name: paint('cyan', 'one-name-that-is-far-too-long-for-this') }],
    [{ head: 'Name', align: 'left', expendable: 0, cell: (row: { name: string }) => row.name }],
    20,
    paint,
  );
  const lines = text.split('\n').slice(1);
  expect(lines.length).toBeGreaterThan(1);
  for (const line of lines) {
    expect(line.trim().startsWith(paint('cyan', 'x').split('x')[0]!)).toBe(true);
    expect(line.trim().endsWith(paint('cyan', 'x').split('x')[1]!)).toBe(true);
  }
});

describe('the width', () => {
  it('is what COLUMNS says, then that of the terminal, then that of a pipe', () => {
    expect(terminalWidth({ COLUMNS: '77' }, 200)).toBe(77);
    expect(terminalWidth({}, 200)).toBe(200);
    expect(terminalWidth({}, undefined)).toBe(120);
    expect(terminalWidth({ COLUMNS: 'wide' }, undefined)).toBe(120);
    expect(terminalWidth({ COLUMNS: '3' }, 90)).toBe(90);
  });
});
