/** Throughput on a terminal, and beside it the run that everything else comes from. */
import { throughputCover, throughputInterval, throughputOfCell } from '../result/cell-throughput.js';
import { medianOf, onEnginePpsOf, probeCostOf, type Cell } from '../result/cells.js';
import { keptShare } from '../result/kept-share.js';
import { formatCount, formatNs, formatRate, formatShare, signedNs } from '../text/quantities.js';
import { outcomeColumns } from './outcome-columns.js';
import { grid, wrap, type Column } from '../text/terminal-grid.js';
import type { Paint } from '../text/terminal-style.js';
import {
  buildsText,
  figuresBuild,
  hasOwnThroughput,
  throughputBuild,
  throughputOf,
} from '../result/throughput.js';

/** What a cell is called in a table. */
export type Naming = (cell: Cell) => string;

/** The line above a table: what it is about, and with which build it was measured. Empty where neither is known. */
export function caption(what: string, builds: string, width: number, paint: Paint): string {
  const text = [what, builds].filter((part) => part !== '').join(' · ');
  return text === '' ? '' : paint('dim', wrap(text, width));
}

/** Throughput, and what else there is to say of a run; two tables where throughput comes from a run of its own. */
export function throughputGrids(group: readonly Cell[], name: Naming, width: number, paint: Paint): string[] {
  const cases = group.flatMap((cell) => cell.cases);
  const design: Column<Cell> = {
    head: 'Design',
    align: 'left',
    expendable: 0,
    cell: (cell) => paint('cyan', name(cell)),
  };
  const table = (what: string, builds: string, columns: readonly Column<Cell>[]): string =>
    `${caption(what, builds, width, paint)}\n${grid(group, [design, ...columns], width, paint)}`;
  const throughput = buildsText(cases, throughputBuild);
  if (!cases.some(hasOwnThroughput)) {
    return [table('Throughput', throughput, [...throughputColumns(paint), ...runColumns(group)])];
  }
  return [
    table('Throughput', throughput, [
      ...throughputColumns(paint),
      ...sizeColumns((entry) => throughputOf(entry)),
      shareColumn('CPU wait', 4, (cell) => medianOf(cell, (entry) => throughputOf(entry).cpuWaitShare)),
    ]),
    table('Run for everything below', buildsText(cases, figuresBuild), [
      { head: 'measuring', expendable: 1, cell: (cell) => signedNs(probeCostOf(cell)) },
      ...runColumns(group),
    ]),
  ];
}

type SizeOf = (entry: Cell['first']) => { readonly packets: number; readonly elapsedNs: number };

function sizeColumns(of: SizeOf): Column<Cell>[] {
  return [
    {
      head: 'packets',
      expendable: 6,
      cell: (cell) => formatCount(medianOf(cell, (entry) => of(entry).packets)),
    },
    { head: 'time', expendable: 5, cell: (cell) => formatNs(medianOf(cell, (entry) => of(entry).elapsedNs)) },
  ];
}

function shareColumn(head: string, expendable: number, of: (cell: Cell) => number | null): Column<Cell> {
  return { head, expendable, cell: (cell) => formatShare(of(cell)) };
}

function throughputColumns(paint: Paint): Column<Cell>[] {
  return [
    { head: 'packets/s', expendable: 0, cell: (cell) => paint('bold', formatRate(throughputOfCell(cell))) },
    { head: 'interval', expendable: 4, cell: throughputInterval },
    { head: 'covers', align: 'left', expendable: 4, cell: throughputCover },
    { head: 'on engine', expendable: 3, cell: (cell) => formatRate(onEnginePpsOf(cell)) },
    shareColumn('harness', 3, (cell) => medianOf(cell, (entry) => throughputOf(entry).harnessShare)),
    shareColumn('of target', 2, (cell) => medianOf(cell, keptShare)),
    {
      head: 'trials',
      expendable: 7,
      cell: (cell) => (cell.cases.length > 1 ? String(cell.cases.length) : ''),
    },
  ];
}

function runColumns(group: readonly Cell[]): Column<Cell>[] {
  const counted = (head: string, of: (entry: Cell['first']) => number | null | undefined): Column<Cell> => ({
    head,
    expendable: 3,
    cell: (cell) => formatCount(medianOf(cell, of)),
  });
  return [
    ...sizeColumns((entry) => ({ packets: entry.packets.injected, elapsedNs: entry.elapsedNs })),
    counted('created', (entry) => entry.connections?.created),
    counted('expired', (entry) => entry.connections?.expired),
    counted('left', (entry) => entry.connections?.remaining),
    ...outcomeColumns(group).map(({ head, expendable, of }): Column<Cell> => ({
      head,
      expendable,
      cell: of,
    })),
    shareColumn('lock wait', 1, (cell) => medianOf(cell, (entry) => entry.lockWaitShare)),
    shareColumn('CPU wait', 4, (cell) => medianOf(cell, (entry) => entry.cpuWaitShare)),
    {
      head: 'imbalance',
      expendable: 6,
      cell: (cell) => medianOf(cell, (entry) => entry.packets.imbalance)?.toFixed(2) ?? '',
    },
  ];
}
