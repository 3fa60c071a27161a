/** The sections of the page that hold charts, each with its figures as a table below. */
import { cellName, latencyOfCell, probeCostOf, TIME_KINDS, type Cell } from '../result/cells.js';
import { markup, htmlTable, type Html, type HtmlColumn, type HtmlValue } from './html.js';
import { groupLabel, type PageData, type ScalingDesign } from './page-data.js';
import { formatCount, formatNs, formatRate, formatShare, signedNs } from '../text/quantities.js';
import type { LatencyDistribution } from '../result/schema.js';
import { percentileText } from '../result/tail.js';

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
  chart: 'forest' | 'trade' | 'curves' | 'heat' | 'scaling' | 'waits' | 'lag' | 'stale' | 'nat';
  /** What the chart shows, for those who do not see it; the table below gives the figures. */
  alternative: string;
  /** What is drawn, in one line or two. */
  caption: string;
  /** What more there is to say about reading it, behind a summary; absent where the caption is all. */
  howToRead?: string;
  labels: readonly string[];
  table: HtmlValue;
}

/** A chart with its caption, a choice of what to show where there is more than one, and its figures as a table. */
export function chartFigure({ chart, alternative, caption, howToRead, labels, table }: ChartOptions): Html {
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
    <div class="below">
      ${
        howToRead === undefined
          ? null
          : markup`<details>
              <summary>How to read it</summary>
              <p class="note">${howToRead}</p>
            </details>`
      }
      <details>
        <summary>The figures as a table</summary>
        ${table}
      </details>
      <p class="export">
        Save as
        <button type="button" data-export="svg" aria-label="SVG: ${alternative}">SVG</button>
        <button type="button" data-export="png" aria-label="PNG: ${alternative}">PNG</button>
      </p>
    </div>
  </figure> `;
}

/** A section with its heading; nothing at all where there is nothing in it. */
export function section(id: string, heading: string, content: HtmlValue): Html | null {
  if (content === null || content === undefined || content === false) return null;
  return markup`<section id="${id}" aria-labelledby="${id}-heading">
    <h2 id="${id}-heading">${heading}</h2>
    ${content}
  </section> `;
}

/** Pieces beside each other where the window is wide enough, one under the other where it is not; nothing for none. */
export function beside(
  shape: 'pair' | 'latency-expiration' | 'thirds',
  pieces: readonly HtmlValue[],
): Html | null {
  const there = pieces.filter((piece) => piece !== null && piece !== undefined && piece !== false);
  if (there.length === 0) return null;
  // One alone has the whole width.
  return markup`<div class="${there.length === 1 ? 'alone' : shape}">${there}</div> `;
}

/** The column that names the configuration; none where there is one only, which the page's heading names. */
export function placeColumn<Row>(
  { groups }: Pick<PageContent, 'groups'>,
  head: string,
  cell: (row: Row) => string,
): HtmlColumn<Row>[] {
  return groups.length < 2 ? [] : [{ head, left: true, cell }];
}

/**
 * Rows in the order of their kinds, so that the designs of a configuration stand one under the other in each.
 * @param kindOf what rows of the same figure have in common, configuration and kind
 */
export function designsTogether<Row>(rows: readonly Row[], kindOf: (row: Row) => string): Row[] {
  const kinds = new Map<string, Row[]>();
  for (const row of rows) kinds.set(kindOf(row), [...(kinds.get(kindOf(row)) ?? []), row]);
  return [...kinds.values()].flat();
}

/** A distribution of a design in a configuration. */
export interface DistributionRow {
  group: string;
  design: string;
  kind: string;
  figures: LatencyDistribution;
  /** What probes and clocks add to a packet, ns. */
  measuring: number | null;
}

/** Distributions as a table, the designs of a figure one under the other. */
export function distributionTable(
  caption: string,
  rows: readonly DistributionRow[],
  content: PageContent,
): HtmlValue {
  return htmlTable(
    caption,
    designsTogether(rows, (row) => `${row.group}\n${row.kind}`),
    [
      ...placeColumn<DistributionRow>(content, 'Configuration', (row) => row.group),
      { head: 'Time', left: true, cell: (row) => row.kind },
      { head: 'Design', left: true, cell: (row) => row.design },
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
    content.rowsMax,
  );
}

/** Rows of distributions, of every cell those that `pick` gives. */
export function distributionRows(
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
export function latencySection(content: PageContent): Html | null {
  const rows = distributionRows(content, (cell) =>
    TIME_KINDS.map((kind) => [kind, latencyOfCell(cell, kind)]),
  );
  const byClass = distributionRows(content, (cell) => {
    const [entry] = cell.cases;
    return TIME_KINDS.flatMap((kind): [string, LatencyDistribution | null | undefined][] => {
      const view = entry?.latency?.[kind];
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
          caption: 'Latency by percentile. Solid: service time. Dashed: response time.',
          howToRead:
            'Service time is from when a packet’s processing began to its end, response time from when it was due, so that a stall counts for every packet it delayed. Both axes are logarithmic; each step to the right is ten times rarer. A curve ends where interruptions by the machine would be more than half of what lies above.',
          labels: curves.map((group) => group.label),
          table: distributionTable(`Latency: ${content.figures}`, rows, content),
        });
  const body =
    rows.length === 0
      ? null
      : markup`${chart ?? distributionTable(`Latency: ${content.figures}`, rows, content)}${
          byClass.length === 0
            ? null
            : markup`<details>
                <summary>By packet class, and with and without a sweep (first trial)</summary>
                ${distributionTable(`Latency by packet class: ${content.figures}`, byClass, content)}
              </details>`
        }`;
  return section('latency', 'Latency', body);
}

function waitOf(design: ScalingDesign, workers: number): number | undefined {
  return design.waits.find(([at]) => at === workers)?.[1];
}

/** Throughput and waiting against workers, with the fit. */
export function scalingSection({ data, rowsMax, throughput }: PageContent): Html | null {
  if (data.scaling.length === 0) return null;
  const rows = designsTogether(
    data.scaling.flatMap((group) =>
      group.designs.flatMap((design) => design.measured.map((point) => ({ group, design, point }))),
    ),
    ({ group, point }) => `${group.label}\n${point[0]}`,
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
  const throughputFigure = chartFigure({
    chart: 'scaling',
    alternative: 'Packets per second against the number of workers.',
    caption: 'Throughput against workers; shaded where there are more workers than CPU cores.',
    howToRead:
      'Points were measured, with their interval where there is one; the curve is the Universal Scalability Law where it was fitted to them (ctreplay scale), straight lines only join them; hollow points are predicted. In the shaded part the scheduler shows as much as the design.',
    labels,
    table,
  });
  const waitFigure =
    waits.length === 0
      ? null
      : chartFigure({
          chart: 'waits',
          alternative: 'Share of worker time spent waiting for locks against the number of workers.',
          caption: 'Share of the workers’ time spent waiting for locks, against workers.',
          labels,
          table,
        });
  return section('scaling', 'Scaling', beside('pair', [throughputFigure, waitFigure]));
}
