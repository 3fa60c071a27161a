/** The sections about what changes over a run: latency, expiration, and NAT as its pool fills. */
import { cellName, lagOfCell, medianOf, type Cell } from '../result/cells.js';
import type { LatencyDistribution, ResultCase } from '../result/schema.js';
import { interruptedShareOf, percentileText } from '../result/tail.js';
import { formatCount, formatNs, formatRatio, formatShare } from '../text/quantities.js';
import { htmlTable, type Html, type HtmlColumn, type HtmlValue } from './html.js';
import { groupLabel } from './page-data.js';
import {
  beside,
  chartFigure,
  designsTogether,
  distributionRows,
  distributionTable,
  placeColumn,
  section,
  type PageContent,
} from './page-sections.js';

/** Moments of a run in a table at most. */
const MOST_MOMENTS = 200;

/** The designs of a configuration at one moment: a row, with a column for each design and figure. */
interface Moment<At> {
  readonly where: string;
  readonly index: number;
  readonly at: ReadonlyMap<string, At>;
}

/** Moments of the cells of each configuration side by side, by their number in the run. */
function momentsOf<At>(
  { groups, severalRuns }: PageContent,
  of: (one: ResultCase) => readonly At[] | null | undefined,
): Moment<At>[] {
  return groups.flatMap((group) => {
    const lines = group
      .filter((cell) => cell.first.control !== true)
      .flatMap((cell): [string, readonly At[]][] => {
        const found = cell.cases.map(of).find((list) => (list?.length ?? 0) > 0);
        return found == null ? [] : [[cellName(cell, group), found]];
      });
    const most = Math.min(MOST_MOMENTS, Math.max(0, ...lines.map(([, list]) => list.length)));
    return Array.from({ length: most }, (_, index) => ({
      where: groupLabel(group, severalRuns),
      index,
      at: new Map(
        lines.flatMap(([design, list]): [string, At][] => {
          const at = list[index];
          return at === undefined ? [] : [[design, at]];
        }),
      ),
    }));
  });
}

/** A column for each design, of one figure. */
function byDesign<At>(
  moments: readonly Moment<At>[],
  head: string,
  cell: (at: At) => string,
): HtmlColumn<Moment<At>>[] {
  const designs = [...new Set(moments.flatMap(({ at }) => [...at.keys()]))];
  return designs.map((design) => ({
    head: `${head}, ${design}`,
    cell: ({ at }) => {
      const one = at.get(design);
      return one === undefined ? '' : cell(one);
    },
  }));
}

function firstOf<At>({ at }: Moment<At>): At {
  return [...at.values()][0] as At;
}

/** The heat maps beside each other, or lines where the timeline holds no histograms; the sweeps marked. */
export function timelineSection(content: PageContent): Html | null {
  const { data, rowsMax, figures } = content;
  if (data.heat.length === 0) return null;
  const moments = momentsOf(content, (one) =>
    (one.timeline ?? []).map((at) => ({
      ...at,
      // The share of the whole run: interruptions are not counted by interval.
      interruptedShare: interruptedShareOf(one, 'service'),
      sweeps: (one.sweeps ?? []).filter(
        (sweep) => sweep.startMs < at.tMs + at.intervalMs && sweep.startMs + sweep.durationNs / 1e6 >= at.tMs,
      ).length,
    })),
  );
  type Row = (typeof moments)[number];
  const body = chartFigure({
    chart: 'heat',
    alternative: `Service time over the run with the sweeps marked, for ${data.designs.join(', ')} beside each other.`,
    caption: 'Service time over the run, the designs on the same axes; shaded bands are sweeps.',
    howToRead:
      'The darker (in a dark theme, the lighter) a field, the more packets took that long in that interval; of the first trial. Where intervals hold no histogram, lines show the median, p99 and maximum.',
    labels: data.heat.map((group) => group.label),
    table: htmlTable(
      `Service time over the run, at most ${MOST_MOMENTS} intervals each: ${figures}`,
      moments,
      [
        ...placeColumn<Row>(content, 'Run', (row) => row.where),
        { head: 'From', cell: (row) => formatNs(firstOf(row).tMs * 1e6) },
        { head: 'For', cell: (row) => formatNs(firstOf(row).intervalMs * 1e6) },
        ...byDesign(moments, 'Packets', (at) => formatCount(at.packets)),
        ...byDesign(moments, 'p50', (at) => percentileText(at, 'p50Ns')),
        ...byDesign(moments, 'p99', (at) => percentileText(at, 'p99Ns')),
        ...byDesign(moments, 'Max', (at) => formatNs(at.maxNs)),
        ...byDesign(moments, 'Sweeps', (at) => formatCount(at.sweeps)),
      ],
      rowsMax,
    ),
  });
  return section('timeline', 'Latency over time', body);
}

/** Expiration lag and what is expired but still present. */
export function expirySection(content: PageContent): Html | null {
  const rows = distributionRows(content, (cell) => [
    ['all', lagOfCell(cell)],
    ...groupLags('zone', cell.first.expiry?.perZone),
    ...groupLags('policy', cell.first.expiry?.perPolicy),
  ]);
  const { data } = content;
  const lagTable = distributionTable(`From expiry to removal: ${content.figures}`, rows, content);
  const lag =
    data.lag.length === 0
      ? lagTable
      : chartFigure({
          chart: 'lag',
          alternative: `Time from expiry to removal by percentile for ${data.designs.join(', ')}.`,
          caption: 'How long after it had expired a connection was removed, by percentile.',
          howToRead:
            'The axis of the lag is linear. Until it is removed a connection holds memory and its NAT tuple.',
          labels: data.lag.map((group) => group.label),
          table: lagTable,
        });
  const stale = staleFigure(content);
  return section(
    'expiration',
    'Expiration',
    rows.length === 0 && stale === null ? null : beside('pair', [lag, stale]),
  );
}

type Groups = NonNullable<ResultCase['expiry']>['perZone'];

function groupLags(word: string, groups: Groups): [string, LatencyDistribution | null | undefined][] {
  return (groups ?? []).map((one) => [`${word} ${one.key}`, one.lag]);
}

function staleFigure(content: PageContent): HtmlValue {
  const { data, rowsMax, figures } = content;
  if (data.stale.length === 0) return null;
  const moments = momentsOf(content, (one) => one.expiry?.staleTimeline);
  return chartFigure({
    chart: 'stale',
    alternative: 'Expired connections still in the table, over the run.',
    caption: 'Connections in the table. Solid, left axis: expired but not yet removed. Dotted, right: all.',
    labels: data.stale.map((group) => group.label),
    table: htmlTable(
      `Connections over the run, at most ${MOST_MOMENTS} moments each: ${figures}`,
      moments,
      [
        ...placeColumn<(typeof moments)[number]>(content, 'Run', (row) => row.where),
        { head: 'At', cell: (row) => formatNs(firstOf(row).tMs * 1e6) },
        ...byDesign(moments, 'Expired, present', (at) => formatCount(at.expiredPresent)),
        ...byDesign(moments, 'In the table', (at) => formatCount(at.nConn)),
      ],
      rowsMax,
    ),
  });
}

/** What a NAT allocation costs as the pool fills. */
export function natSection(content: PageContent): Html | null {
  const { groups, severalRuns, rowsMax, figures } = content;
  const totals = groups.flatMap((group) =>
    group.filter((cell) => cell.first.nat).map((cell) => ({ group, cell, nat: cell.first.nat })),
  );
  type Row = (typeof totals)[number];
  const totalTable = htmlTable(
    `NAT allocations: ${figures}`,
    totals,
    [
      ...placeColumn<Row>(content, 'Configuration', (row) => groupLabel(row.group, severalRuns)),
      { head: 'Design', left: true, cell: (row) => cellName(row.cell, row.group) },
      { head: 'Allocations', cell: (row) => formatCount(medianOf(row.cell, (one) => one.nat?.allocations)) },
      { head: 'Failed', cell: (row) => formatCount(medianOf(row.cell, (one) => one.nat?.failures)) },
      { head: 'Candidates, mean', cell: (row) => formatRatio(row.nat?.candidates?.mean) },
      { head: 'p99', cell: (row) => formatCount(row.nat?.candidates?.p99) },
      { head: 'Max', cell: (row) => formatCount(row.nat?.candidates?.max) },
    ],
    rowsMax,
  );
  return section('nat', 'NAT', totals.length === 0 ? null : beside('pair', [natFigure(content), totalTable]));
}

function natFigure(content: PageContent): HtmlValue {
  const { data, groups, severalRuns, rowsMax, figures } = content;
  if (data.nat.length === 0) return null;
  const rows = groups.flatMap((group) =>
    group.flatMap((cell: Cell) =>
      (cell.first.nat?.byOccupancy ?? []).map((at) => ({
        where: groupLabel(group, severalRuns),
        design: cellName(cell, group),
        at: { ...at, interruptedShare: interruptedShareOf(cell.first, 'service') },
      })),
    ),
  );
  type Row = (typeof rows)[number];
  const timed = data.nat.some(({ series }) => series.some(({ p50 }) => p50.length > 0));
  const what = timed
    ? 'service time of the packets that allocate (solid: median, dashed: p99, left axis) and tuples tried (dotted, right axis)'
    : 'tuples tried';
  return chartFigure({
    chart: 'nat',
    alternative: 'Cost of a NAT allocation against how full the pool is.',
    caption: `What a NAT allocation costs as its pool fills: ${what}. The pool is full where the most connections were open at once.`,
    labels: data.nat.map((group) => group.label),
    table: htmlTable(
      `NAT allocation by occupancy: ${figures}`,
      designsTogether(rows, ({ where, at }) => `${where}\n${at.occupancy}`),
      [
        ...placeColumn<Row>(content, 'Run', (row) => row.where),
        { head: 'Pool in use', cell: (row) => formatShare(row.at.occupancy) },
        { head: 'Design', left: true, cell: (row) => row.design },
        { head: 'Allocations', cell: (row) => formatCount(row.at.allocations) },
        { head: 'Failed', cell: (row) => formatCount(row.at.failures) },
        { head: 'Tuples tried, mean', cell: (row) => formatRatio(row.at.meanCandidates) },
        { head: 'p50', cell: (row) => percentileText(row.at, 'p50Ns') },
        { head: 'p99', cell: (row) => percentileText(row.at, 'p99Ns') },
        { head: 'Max', cell: (row) => formatNs(row.at.maxNs) },
      ],
      rowsMax,
    ),
  });
}
