/** The main table: one line a design, with what decides between them. */
import { largestOf, latencyOfCell, medianOf, type Cell, type TimeKind } from '../result/cells.js';
import { throughputInterval, throughputOfCell } from '../result/cell-throughput.js';
import { outcomeColumns } from './outcome-columns.js';
import type { Sweep } from '../result/schema.js';
import { keptShare } from '../result/kept-share.js';
import { LEAST, LEAST_REASON, lagText } from '../result/lag-quantile.js';
import { percentileOf, percentileText, type PercentileKey, WITHHELD } from '../result/tail.js';
import { buildsText, figuresBuild, isPaced, throughputBuild } from '../result/throughput.js';
import { formatCount, formatNs, formatRate, formatShare } from '../text/quantities.js';
import { grid, wrap, type Column } from '../text/terminal-grid.js';
import type { Paint } from '../text/terminal-style.js';
import type { Naming } from './terminal-throughput.js';

function percentile(head: string, kind: TimeKind, key: PercentileKey, expendable: number): Column<Cell> {
  return { head, expendable, cell: (cell) => percentileText(latencyOfCell(cell, kind), key) };
}

function longestHold(sweeps: readonly Sweep[]): number | null {
  const known = sweeps.map(({ longestHoldNs }) => longestHoldNs).filter((value) => typeof value === 'number');
  return known.length === 0 ? null : Math.max(...known);
}

/** With a rate to keep response times tell more, as long as the machine leaves anything to say of them. */
function kindShown(group: readonly Cell[]): TimeKind {
  const isKnown = group.some(
    (cell) => isPaced(cell.first) && percentileOf(latencyOfCell(cell, 'response'), 'p50Ns') !== null,
  );
  return isKnown ? 'response' : 'service';
}

/** The table, and below it what its figures were measured with. */
export function mainGrid(group: readonly Cell[], name: Naming, width: number, paint: Paint): string {
  const paced = group.some((cell) => isPaced(cell.first));
  const kind = kindShown(group);
  const columns: Column<Cell>[] = [
    { head: 'Design', align: 'left', expendable: 0, cell: (cell) => paint('cyan', name(cell)) },
    { head: 'packets/s', expendable: 0, cell: (cell) => paint('bold', formatRate(throughputOfCell(cell))) },
    { head: 'interval', expendable: 5, cell: (cell) => (paced ? '' : throughputInterval(cell)) },
    {
      head: 'of target',
      expendable: 4,
      cell: (cell) => formatShare(medianOf(cell, keptShare)),
    },
    percentile(`${kind} p50`, kind, 'p50Ns', 2),
    percentile('p99', kind, 'p99Ns', 0),
    percentile('p99.9', kind, 'p999Ns', 6),
    {
      head: 'lock wait',
      expendable: 1,
      cell: (cell) => formatShare(medianOf(cell, (entry) => entry.lockWaitShare)),
    },
    {
      head: 'longest hold',
      expendable: 4,
      cell: (cell) => formatNs(largestOf(cell, (entry) => longestHold(entry.sweeps ?? []))),
    },
    {
      head: 'expired',
      expendable: 3,
      cell: (cell) => formatCount(medianOf(cell, (entry) => entry.connections?.expired)),
    },
    { head: 'lag p50', expendable: 1, cell: (cell) => lagText(cell, 'p50Ns') },
    ...outcomeColumns(group).map(({ head, expendable, of }): Column<Cell> => ({
      head,
      expendable,
      cell: of,
    })),
    {
      head: 'trials',
      expendable: 7,
      cell: (cell) => (cell.cases.length > 1 ? String(cell.cases.length) : ''),
    },
  ];
  const cases = group.flatMap((cell) => cell.cases);
  const throughput = buildsText(cases, throughputBuild);
  const figures = buildsText(cases, figuresBuild);
  const builds = throughput === figures ? figures : `packets/s: ${throughput}; the rest: ${figures}`;
  const table = grid(group, columns, width, paint);
  const why = table.includes(WITHHELD)
    ? '; ~ is a tail that interruptions by the machine leave nothing to say of'
    : '';
  const least = table.includes(LEAST) ? `; ${LEAST_REASON}` : '';
  return `${table}\n${paint('dim', wrap(`${builds}${why}${least}`, width))}`;
}
