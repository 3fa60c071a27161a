/** The forest plot as text: what stands where, for whom it has room, and that it is of the page's own data. */
import { describe, expect, it } from 'vitest';
import { forestGroup, forestOf, forestRow, type ForestRow } from '../../../tools/report/forest.js';
import { forestText } from '../../../tools/report/forest-text.js';
import { pageData, DETAILS } from '../../../tools/report/page-data.js';
import { renderTerminal } from '../../../tools/report/terminal.js';
import { cellsOf, comparableGroups } from '../../../tools/result/cells.js';
import { painter } from '../../../tools/text/terminal-style.js';
import { sampleRuns } from './sample-runs.js';

const plain = painter(false);

function row(name: string, low: number, ratio: number, high: number): ForestRow {
  const finding = low > 1 ? 'better' : high < 1 ? 'worse' : 'no-difference-shown';
  return forestRow(name, { low, ratio, high }, finding, '95 %, 5 sessions x 1 trial') as ForestRow;
}

function linesOf(rows: readonly ForestRow[], width = 100): string[] {
  return forestText([forestGroup({ base: 'old', head: 'new' }, rows)], width, plain).split('\n');
}

describe('the forest plot as text', () => {
  const rows = [row('throughput', 1.2, 1.5, 1.9), row('p99', 0.4, 0.5, 0.6), row('lag', 0.9, 1, 1.1)];
  const [title, ticks = '', ...lines] = linesOf(rows);

  it('says whose ratios they are', () => {
    expect(title).toBe('Ratios: new against old (new / old, logarithmic)');
  });

  it('has intervals on their side of 1, the one above the other', () => {
    const unity = ticks.search(/(?<![\d.])1(?![\d.])/);
    const [better = '', worse = '', same = ''] = lines;
    expect(better.indexOf('├')).toBeGreaterThan(unity);
    expect(worse.indexOf('┤')).toBeLessThan(unity);
    expect(better.indexOf('│')).toBe(unity);
    expect(worse.indexOf('│')).toBe(unity);
    expect(same.indexOf('├')).toBeLessThan(unity);
    expect(same.indexOf('┤')).toBeGreaterThan(unity);
    for (const line of lines) expect(line).toMatch(/├─*■─*┤/);
  });

  it('has the scale that it says: a factor is the same length everywhere', () => {
    const of = (line = ''): number[] => ['├', '■', '┤'].map((mark) => line.indexOf(mark));
    const [first, second] = linesOf([row('a', 1, 2, 4), row('b', 4, 8, 16)])
      .slice(2)
      .map(of);
    expect(second![0]! - first![0]!).toBeCloseTo(second![1]! - first![1]!, -1);
    expect(Math.abs(second![2]! - first![2]! - (second![0]! - first![0]!))).toBeLessThanOrEqual(1);
  });

  it('gives the figures beside it, and shows an interval of nothing as its ratio', () => {
    expect(lines[0]).toMatch(/1\.5 \(1\.2\.\.1\.9\)$/);
    expect(linesOf([row('exact', 0.049, 0.049, 0.049)])[2]).toMatch(/■.*0\.049 \(0\.049\.\.0\.049\)$/);
  });

  it('says how many rows are left to the tables, and is left out where it has no room', () => {
    const many = Array.from({ length: 30 }, (_, index) => row(`metric ${index}`, 0.9, 1, 1.1));
    expect(linesOf(many).at(-1)).toBe('(6 more in the tables)');
    expect(linesOf(rows, 30)).toEqual(['']);
  });

  it('has no row for what has no interval, or none above 0', () => {
    for (const of of [
      { ratio: 1, low: null, high: null },
      { ratio: 0, low: 0, high: 1 },
      { ratio: 1, low: -1, high: 2 },
    ])
      expect(forestRow('x', of, 'unknown', '')).toBeNull();
  });
});

describe('a matrix', () => {
  const runs = sampleRuns({ kind: 'bench', workers: [1, 2], packets: 300, trials: 6 });

  it('has one plot on the page and on the terminal', () => {
    const [group] = forestOf(runs, comparableGroups(cellsOf(runs)));
    expect(group!.rows.length).toBeGreaterThan(1);
    expect(pageData(runs, DETAILS[0]!).forest).toEqual(forestOf(runs, comparableGroups(cellsOf(runs))));
    const text = renderTerminal(runs, { width: 120, colour: false });
    expect(text.match(/■/g)).toHaveLength(group!.rows.length);
  });
});
