/** The sections of the page that hold charts, each with its figures as a table below. */
import {
  cellName,
  lagOfCell,
  latencyOfCell,
  medianOf,
  probeCostOf,
  TIME_KINDS,
  type Cell,
} from '../result/cells.js';
import { markup, htmlTable, type Html, type HtmlValue } from './html.js';
import { groupLabel, type PageData, type ScalingDesign } from './page-data.js';
import { formatCount, formatNs, formatRate, formatRatio, formatShare, signedNs } from '../text/quantities.js';
import type { LatencyDistribution } from '../result/schema.js';
import { interruptedShareOf, percentileText } from '../result/tail.js';

/** What the sections are made from. */
export interface PageContent {
  data: PageData;
  groups: readonly Cell[][];
  severalRuns: boolean;
  /** What throughput was measured with, and everything else. */
  throughput: string;
  figures: string;
  /** Rows of a table at most. */
  rowsMax: number;
}

interface ChartOptions {
  /** Key of the data and name of the drawing function in the page's script. */
  chart: 'curves' | 'heat' | 'scaling' | 'waits' | 'lag' | 'stale' | 'nat';
  /** What the chart shows, for those who do not see it; the table below gives the figures. */
  alternative: string;
  caption: string;
  labels: readonly string[];
  table: HtmlValue;
}

/** A chart with its caption, a choice of what to show where there is more than one, and its figures as a table. */
function chartFigure({ chart, alternative, caption, labels, table }: ChartOptions): Html {
  const choice =
    labels.length > 1
      ? markup`<label class="choice"
          >Show
          <select data-for="${chart}">
            ${labels.map((label, index) => markup`<option value="${index}">${label}</option>`)}
          </select></label
        >`
      : markup`<p class="choice">${labels[0]}</p>`;
  return markup`<figure data-chart="${chart}">
    ${choice}
    <div
      class="plot"
      role="img"
      tabindex="0"
      aria-label="${alternative} The figures are in the table below; arrow keys move along the chart."
    ></div>
    <p class="reading" aria-live="polite"></p>
    <figcaption>${caption}</figcaption>
    <details>
      <summary>The figures as a table</summary>
      ${table}
    </details>
  </figure> `;
}

/** A section with its heading, or a sentence that says why it is empty. */
export function section(id: string, heading: string, content: HtmlValue, otherwise: string): Html {
  return markup`<section id="${id}" aria-labelledby="${id}-heading">
    <h2 id="${id}-heading">${heading}</h2>
    ${content ?? markup`<p class="absent">${otherwise}</p>`}
  </section> `;
}

interface DistributionRow {
  group: string;
  design: string;
  kind: string;
  figures: LatencyDistribution;
  /** What probes and clocks add to a packet, ns. */
  measuring: number | null;
}

function distributionTable(caption: string, rows: readonly DistributionRow[], rowsMax: number): HtmlValue {
  return htmlTable(
    caption,
    rows,
    [
      { head: 'Configuration', left: true, cell: (row) => row.group },
      { head: 'Design', left: true, cell: (row) => row.design },
      { head: 'Time', left: true, cell: (row) => row.kind },
      { head: 'Count', cell: (row) => formatCount(row.figures.count) },
      { head: 'Min', cell: (row) => formatNs(row.figures.minNs) },
      { head: 'Mean', cell: (row) => formatNs(row.figures.meanNs) },
      { head: 'p50', cell: (row) => percentileText(row.figures, 'p50Ns') },
      { head: 'p90', cell: (row) => percentileText(row.figures, 'p90Ns') },
      { head: 'p99', cell: (row) => percentileText(row.figures, 'p99Ns') },
      { head: 'p99.9', cell: (row) => percentileText(row.figures, 'p999Ns') },
      { head: 'p99.99', cell: (row) => percentileText(row.figures, 'p9999Ns') },
      { head: 'Max', cell: (row) => formatNs(row.figures.maxNs) },
      { head: 'Measuring adds to a packet', cell: (row) => signedNs(row.measuring) },
    ],
    rowsMax,
  );
}

function rowsFor(
  { groups, severalRuns }: PageContent,
  pick: (cell: Cell) => [kind: string, figures: LatencyDistribution | null | undefined][],
): DistributionRow[] {
  return groups.flatMap((group) =>
    group.flatMap((cell) =>
      pick(cell).flatMap(([kind, figures]) =>
        figures !== null && figures !== undefined && figures.count > 0
          ? [
              {
                group: groupLabel(group, severalRuns),
                design: cellName(cell, group),
                kind,
                figures,
                measuring: probeCostOf(cell),
              },
            ]
          : [],
      ),
    ),
  );
}

/** Percentile curves of service and response time, and the table by packet class. */
export function latencySection(content: PageContent): Html {
  const { rowsMax } = content;
  const rows = rowsFor(content, (cell) => TIME_KINDS.map((kind) => [kind, latencyOfCell(cell, kind)]));
  const byClass = rowsFor(content, (cell) => {
    const [one] = cell.cases;
    return TIME_KINDS.flatMap((kind): [string, LatencyDistribution | null | undefined][] => {
      const view = one?.latency?.[kind];
      return [
        ...Object.entries(view?.perClass ?? {}).map(
          ([name, figures]): [string, LatencyDistribution | undefined] => [`${kind}, ${name}`, figures],
        ),
        [`${kind}, during a sweep`, view?.duringSweep],
        [`${kind}, outside sweeps`, view?.outsideSweep],
      ];
    });
  });
  const curves = content.data.curves;
  const chart =
    curves.length === 0
      ? null
      : chartFigure({
          chart: 'curves',
          alternative: `Latency by percentile for ${content.data.designs.join(', ')}.`,
          caption:
            'Latency by percentile. Solid: service time, from when a packet’s processing began to its end. Dashed: response time, from when it was due, so that a stall counts for every packet it delayed. Both axes are logarithmic; each step to the right is ten times rarer. A curve ends where interruptions by the machine would be more than half of what lies above.',
          labels: curves.map((group) => group.label),
          table: distributionTable(`Latency: ${content.figures}`, rows, rowsMax),
        });
  const body =
    rows.length === 0
      ? null
      : markup`${chart ?? distributionTable(`Latency: ${content.figures}`, rows, rowsMax)}${
          byClass.length === 0
            ? null
            : markup`<details>
                <summary>By packet class, and with and without a sweep (first trial)</summary>
                ${distributionTable(`Latency by packet class: ${content.figures}`, byClass, rowsMax)}
              </details>`
        }`;
  return section('latency', 'Latency', body, 'Latency was not measured in this run.');
}

/** The heat map, or lines where the timeline holds no histograms; the sweeps marked. */
export function timelineSection({ data, groups, severalRuns, rowsMax, figures }: PageContent): Html {
  const rows = groups.flatMap((group) =>
    group.flatMap((cell) => {
      const one = cell.cases.find((candidate) => (candidate.timeline?.length ?? 0) > 0);
      return (one?.timeline ?? []).slice(0, 200).map((at) => ({
        where: `${groupLabel(group, severalRuns)}: ${cellName(cell, group)}`,
        // The share of the whole run: interruptions are not counted by interval.
        at: { ...at, interruptedShare: one === undefined ? null : interruptedShareOf(one, 'service') },
        sweeps: (one?.sweeps ?? []).filter(
          (sweep) =>
            sweep.startMs < at.tMs + at.intervalMs && sweep.startMs + sweep.durationNs / 1e6 >= at.tMs,
        ).length,
      }));
    }),
  );
  const body =
    data.heat.length === 0
      ? null
      : chartFigure({
          chart: 'heat',
          alternative: 'Service time over the run, with the sweeps marked.',
          caption:
            'Service time over the run: the darker (in a dark theme, the lighter) a field, the more packets took that long in that interval. Where intervals hold no histogram, lines show the median, p99 and maximum. Shaded bands are sweeps.',
          labels: data.heat.map((group) => group.label),
          table: htmlTable(
            `Service time over the run, at most 200 intervals each: ${figures}`,
            rows,
            [
              { head: 'Run', left: true, cell: (row) => row.where },
              { head: 'From', cell: (row) => formatNs(row.at.tMs * 1e6) },
              { head: 'For', cell: (row) => formatNs(row.at.intervalMs * 1e6) },
              { head: 'Packets', cell: (row) => formatCount(row.at.packets) },
              { head: 'p50', cell: (row) => percentileText(row.at, 'p50Ns') },
              { head: 'p99', cell: (row) => percentileText(row.at, 'p99Ns') },
              { head: 'Max', cell: (row) => formatNs(row.at.maxNs) },
              { head: 'Sweeps in it', cell: (row) => formatCount(row.sweeps) },
            ],
            rowsMax,
          ),
        });
  return section('timeline', 'Latency over time', body, 'No latency was recorded over time in this run.');
}

function waitOf(design: ScalingDesign, workers: number): number | undefined {
  return design.waits.find(([at]) => at === workers)?.[1];
}

/** Throughput and waiting against workers, with the fit. */
export function scalingSection({ data, rowsMax, throughput }: PageContent): Html {
  if (data.scaling.length === 0) {
    return section(
      'scaling',
      'Scaling',
      null,
      'Each design was run with one number of workers only, so nothing is said about scaling.',
    );
  }
  const rows = data.scaling.flatMap((group) =>
    group.designs.flatMap((design) => design.measured.map((point) => ({ group, design, point }))),
  );
  const table = htmlTable(
    `Throughput by workers: ${throughput}`,
    rows,
    [
      { head: 'Input', left: true, cell: ({ group }) => group.label },
      { head: 'Design', left: true, cell: ({ design }) => design.design },
      { head: 'Workers', cell: ({ point }) => formatCount(point[0]) },
      { head: 'Packets/s', cell: ({ point }) => formatRate(point[1]) },
      { head: 'Low', cell: ({ point }) => formatRate(point[2]) },
      { head: 'High', cell: ({ point }) => formatRate(point[3]) },
      { head: 'Waiting for locks', cell: ({ design, point }) => formatShare(waitOf(design, point[0])) },
      {
        head: 'More workers than cores',
        cell: ({ group, point }) => (group.cores === null ? '–' : point[0] > group.cores ? 'yes' : 'no'),
      },
    ],
    rowsMax,
  );
  const waits = data.scaling.filter((group) => group.designs.some((design) => design.waits.length > 0));
  const labels = data.scaling.map((group) => group.label);
  const body = markup`${chartFigure({
    chart: 'scaling',
    alternative: 'Packets per second against the number of workers.',
    caption:
      'Throughput against workers. Points were measured, with their interval where there is one; the curve is the Universal Scalability Law where it was fitted to them (ctreplay scale), straight lines only join them; hollow points are predicted. In the shaded part there are more workers than CPU cores, so it shows the scheduler as much as the design.',
    labels,
    table,
  })}${
    waits.length === 0
      ? null
      : chartFigure({
          chart: 'waits',
          alternative: 'Share of worker time spent waiting for locks against the number of workers.',
          caption: 'Share of the workers’ time spent waiting for locks, against workers.',
          labels,
          table,
        })
  }`;
  return section('scaling', 'Scaling', body, '');
}

/** Expiration lag and what is expired but still present. */
export function expirySection(content: PageContent): Html {
  const { data, groups, severalRuns, rowsMax } = content;
  const rows = rowsFor(content, (cell) => [
    ['all', lagOfCell(cell)],
    ...(cell.first.expiry?.perZone ?? []).map((one): [string, LatencyDistribution | null | undefined] => [
      `zone ${one.key}`,
      one.lag,
    ]),
    ...(cell.first.expiry?.perPolicy ?? []).map((one): [string, LatencyDistribution | null | undefined] => [
      `policy ${one.key}`,
      one.lag,
    ]),
  ]);
  const lagTable = distributionTable(`From expiry to removal: ${content.figures}`, rows, rowsMax);
  const lag =
    data.lag.length === 0
      ? lagTable
      : chartFigure({
          chart: 'lag',
          alternative: `Time from expiry to removal by percentile for ${data.designs.join(', ')}.`,
          caption:
            'How long after it had expired a connection was removed, by percentile. Until then it holds memory and its NAT tuple.',
          labels: data.lag.map((group) => group.label),
          table: lagTable,
        });
  const staleRows = groups.flatMap((group) =>
    group.flatMap((cell) => {
      const one = cell.cases.find((candidate) => (candidate.expiry?.staleTimeline?.length ?? 0) > 0);
      return (one?.expiry?.staleTimeline ?? []).slice(0, 200).map((at) => ({
        where: `${groupLabel(group, severalRuns)}: ${cellName(cell, group)}`,
        at,
      }));
    }),
  );
  const stale =
    data.stale.length === 0
      ? null
      : chartFigure({
          chart: 'stale',
          alternative: 'Expired connections still in the table, over the run.',
          caption:
            'Connections in the table over the run. Solid: expired but not yet removed. Dotted: all of them.',
          labels: data.stale.map((group) => group.label),
          table: htmlTable(
            `Connections over the run, at most 200 moments each: ${content.figures}`,
            staleRows,
            [
              { head: 'Run', left: true, cell: (row) => row.where },
              { head: 'At', cell: (row) => formatNs(row.at.tMs * 1e6) },
              { head: 'Expired, present', cell: (row) => formatCount(row.at.expiredPresent) },
              { head: 'In the table', cell: (row) => formatCount(row.at.nConn) },
            ],
            rowsMax,
          ),
        });
  const body = rows.length === 0 && stale === null ? null : markup`${lag}${stale}`;
  return section(
    'expiration',
    'Expiration',
    body,
    'No connection expired in this run, or expiration was not measured.',
  );
}

/** What a NAT allocation costs as the pool fills. */
export function natSection({ data, groups, severalRuns, rowsMax, figures }: PageContent): Html {
  const rows = groups.flatMap((group) =>
    group.flatMap((cell) =>
      (cell.first.nat?.byOccupancy ?? []).map((at) => ({
        where: `${groupLabel(group, severalRuns)}: ${cellName(cell, group)}`,
        at: { ...at, interruptedShare: interruptedShareOf(cell.first, 'service') },
      })),
    ),
  );
  const totals = groups.flatMap((group) =>
    group.filter((cell) => cell.first.nat).map((cell) => ({ group, cell, nat: cell.first.nat })),
  );
  const totalTable = htmlTable(
    `NAT allocations: ${figures}`,
    totals,
    [
      { head: 'Configuration', left: true, cell: (row) => groupLabel(row.group, severalRuns) },
      { head: 'Design', left: true, cell: (row) => cellName(row.cell, row.group) },
      { head: 'Allocations', cell: (row) => formatCount(medianOf(row.cell, (one) => one.nat?.allocations)) },
      { head: 'Failed', cell: (row) => formatCount(medianOf(row.cell, (one) => one.nat?.failures)) },
      { head: 'Candidates, mean', cell: (row) => formatRatio(row.nat?.candidates?.mean) },
      { head: 'p99', cell: (row) => formatCount(row.nat?.candidates?.p99) },
      { head: 'Max', cell: (row) => formatCount(row.nat?.candidates?.max) },
    ],
    rowsMax,
  );
  const chart =
    data.nat.length === 0
      ? null
      : chartFigure({
          chart: 'nat',
          alternative: 'Cost of a NAT allocation against how full the pool is.',
          caption: `What a NAT allocation costs as its pool fills: ${
            data.nat.some(({ series }) => series.some(({ p50 }) => p50.length > 0))
              ? 'service time of the packets that allocate (solid: median, dashed: p99, left axis) and tuples tried (dotted, right axis)'
              : 'tuples tried'
          }. The pool is full where the most connections were open at once.`,
          labels: data.nat.map((group) => group.label),
          table: htmlTable(
            `NAT allocation by occupancy: ${figures}`,
            rows,
            [
              { head: 'Run', left: true, cell: (row) => row.where },
              { head: 'Pool in use', cell: (row) => formatShare(row.at.occupancy) },
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
  const body = totals.length === 0 ? null : markup`${chart}${totalTable}`;
  return section('nat', 'NAT', body, 'No NAT tuple was allocated in this run.');
}
