/** The first tables of the page: throughput, and beside it the run that everything else comes from. */
import { throughputCover, throughputInterval, throughputOfCell } from '../result/cell-throughput.js';
import {
  cellName,
  largestOf,
  latencyOfCell,
  medianOf,
  onEnginePpsOf,
  probeCostOf,
  type Cell,
} from '../result/cells.js';
import { htmlTable, markup, type Html, type HtmlValue } from './html.js';
import { groupLabel } from './page-data.js';
import { outcomeColumns } from './outcome-columns.js';
import { placeColumn, section, type PageContent } from './page-sections.js';
import {
  formatBytes,
  formatCount,
  formatNs,
  formatRate,
  formatShare,
  NOT_MEASURED,
  signedNs,
} from '../text/quantities.js';
import { excessText, percentileText, WITHHELD, withheldSentences } from '../result/tail.js';
import { buildsText, throughputBuild, throughputOf } from '../result/throughput.js';

/**
 * A figure with a bar as long as its share of the largest in the column.
 * @param colourIndex of the design among those of the page, as in the charts
 */
export function bar(
  value: number | null | undefined,
  largest: number,
  text: string,
  colourIndex: number,
): HtmlValue {
  if (value === null || value === undefined) return NOT_MEASURED;
  const percent = largest > 0 ? Math.max(0, Math.min(100, (value / largest) * 100)) : 0;
  return markup`<span class="bar"><span class="fill" style="width:${percent.toFixed(1)}%;background:var(--series-${Math.max(0, colourIndex) % 6})"></span></span
    >${text}`;
}

/** The largest of the values that there are; 0 without any. */
export function largestIn(values: readonly (number | null | undefined)[]): number {
  return values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
}

interface Row {
  group: readonly Cell[];
  cell: Cell;
}

/** Throughput, then what the other run of each cell showed. */
export function resultsSection(content: PageContent): Html | null {
  const rows = content.groups.flatMap((group) => group.map((cell): Row => ({ group, cell })));
  const body =
    rows.length === 0
      ? null
      : markup`${throughputTable(content, rows)}${figuresTable(content, rows)}${withheldNotes(content.groups)}`;
  return section('results', 'Results', body);
}

function nameColumns(content: PageContent) {
  return [
    ...placeColumn<Row>(content, 'Configuration', ({ group }) => groupLabel(group, content.severalRuns)),
    { head: 'Design', left: true, cell: ({ cell, group }: Row) => cellName(cell, group) },
  ];
}

function throughputTable(content: PageContent, rows: readonly Row[]): HtmlValue {
  const { rowsMax, data } = content;
  const fastest = largestIn(rows.map(({ cell }) => throughputOfCell(cell)));
  const builds = buildsText(
    rows.flatMap(({ cell }) => cell.cases),
    throughputBuild,
  );
  return htmlTable(
    `Throughput: ${builds}`,
    rows,
    [
      ...nameColumns(content),
      {
        head: 'Packets/s',
        cell: ({ cell, group }) => {
          const pps = throughputOfCell(cell);
          return bar(pps, fastest, formatRate(pps), data.palette.indexOf(cellName(cell, group)));
        },
      },
      { head: 'Interval', cell: ({ cell }) => throughputInterval(cell) },
      { head: 'It covers', left: true, cell: ({ cell }) => throughputCover(cell) },
      { head: 'On the engine', cell: ({ cell }) => formatRate(onEnginePpsOf(cell)) },
      { head: 'Measured with', left: true, cell: ({ cell }) => throughputBuild(cell.first) },
      { head: 'Trials', cell: ({ cell }) => (cell.cases.length > 1 ? String(cell.cases.length) : '') },
      {
        head: 'Harness',
        cell: ({ cell }) => formatShare(medianOf(cell, (entry) => throughputOf(entry).harnessShare)),
      },
      {
        head: 'Waiting for a CPU',
        cell: ({ cell }) => formatShare(medianOf(cell, (entry) => throughputOf(entry).cpuWaitShare)),
      },
    ],
    rowsMax,
  );
}

function figuresTable(content: PageContent, rows: readonly Row[]): HtmlValue {
  const { rowsMax, figures } = content;
  return htmlTable(
    `Latency, locks and connections: ${figures}`,
    rows,
    [
      ...nameColumns(content),
      { head: 'Measuring adds to a packet', cell: ({ cell }) => signedNs(probeCostOf(cell)) },
      // Of a trial, as the counts beside it are.
      {
        head: 'Packets',
        cell: ({ cell }) => formatCount(medianOf(cell, (entry) => entry.packets.injected)),
      },
      ...outcomeColumns(rows.map(({ cell }) => cell)).map(({ head, of }) => ({
        head: head.charAt(0).toUpperCase() + head.slice(1),
        cell: ({ cell }: Row) => of(cell),
      })),
      { head: 'Service p50', cell: ({ cell }) => percentileText(latencyOfCell(cell, 'service'), 'p50Ns') },
      { head: 'p99', cell: ({ cell }) => percentileText(latencyOfCell(cell, 'service'), 'p99Ns') },
      { head: 'p99.9', cell: ({ cell }) => percentileText(latencyOfCell(cell, 'service'), 'p999Ns') },
      { head: 'p99.9 excess', cell: ({ cell }) => excessText(cell, 'service', 'p999Ns') },
      { head: 'Max', cell: ({ cell }) => formatNs(latencyOfCell(cell, 'service')?.maxNs) },
      { head: 'Response p99', cell: ({ cell }) => percentileText(latencyOfCell(cell, 'response'), 'p99Ns') },
      {
        head: 'Waiting for locks',
        cell: ({ cell }) => formatShare(medianOf(cell, (entry) => entry.lockWaitShare)),
      },
      {
        head: 'Waiting for a CPU',
        cell: ({ cell }) => formatShare(medianOf(cell, (entry) => entry.cpuWaitShare)),
      },
      {
        head: 'Connections created',
        cell: ({ cell }) => formatCount(medianOf(cell, (entry) => entry.connections?.created)),
      },
      {
        head: 'Expired',
        cell: ({ cell }) => formatCount(medianOf(cell, (entry) => entry.connections?.expired)),
      },
      {
        head: 'Left',
        cell: ({ cell }) => formatCount(medianOf(cell, (entry) => entry.connections?.remaining)),
      },
      {
        head: 'Memory per connection',
        cell: ({ cell }) => formatBytes(medianOf(cell, (entry) => entry.memory?.bytesPerConnection)),
      },
      {
        head: 'Grace period backlog',
        cell: ({ cell }) => formatCount(largestOf(cell, (entry) => entry.memory?.gracePending)),
      },
    ],
    rowsMax,
  );
}

/** Why percentiles are held back; null when none is. */
function withheldNotes(groups: readonly Cell[][]): HtmlValue {
  const texts = groups.flatMap((group) => withheldSentences(group, (cell) => cellName(cell, group)));
  const distinct = [...new Set(texts)];
  return distinct.length === 0
    ? null
    : markup`<details>
        <summary>Why some percentiles are ${WITHHELD}</summary>
        <ul class="note">
          ${distinct.map((text) => markup`<li>${text}</li> `)}
        </ul>
      </details>`;
}
