/** Throughput and waiting against workers. */
import type { MarkAreaComponentOption, SeriesOption } from 'echarts';
import type { ScalingDesign, ScalingGroup } from '../page-data.js';
import {
  axis,
  baseOption,
  colour,
  designColour,
  horizontalName,
  valueOf,
  type DrawShape,
  type Option,
} from './theme.js';
import { showCount, showShare } from './quantities.js';

const drawInterval: DrawShape = (_params, api) => {
  const [x = 0, low = 0] = api.coord([api.value(0), api.value(1)]);
  const [, high = 0] = api.coord([api.value(0), api.value(2)]);
  const line = (x1: number, y1: number, x2: number, y2: number) => ({
    type: 'line' as const,
    shape: { x1, y1, x2, y2 },
    style: { stroke: api.visual('color') as string, lineWidth: 1.5 },
  });
  return {
    type: 'group',
    children: [line(x, low, x, high), line(x - 4, low, x + 4, low), line(x - 4, high, x + 4, high)],
  };
};

function mostWorkers(group: ScalingGroup): number {
  return group.designs
    .flatMap((design) => [...design.measured, ...design.predicted].map(([workers]) => workers))
    .reduce((a, b) => Math.max(a, b), 1);
}

function axisEnd(group: ScalingGroup): number {
  return Math.ceil(mostWorkers(group) * 1.05);
}

function beyondCores(group: ScalingGroup): MarkAreaComponentOption | undefined {
  const furthest = mostWorkers(group);
  if (group.cores === null || furthest <= group.cores) return undefined;
  return {
    silent: true,
    itemStyle: { color: colour('--rule'), opacity: 0.35 },
    label: { color: colour('--muted'), position: 'insideTop' },
    data: [[{ name: 'more workers than cores', xAxis: group.cores }, { xAxis: axisEnd(group) }]],
  };
}

/** Points that have an interval, in the order of its series. */
function intervalsOf({ measured, predicted }: ScalingDesign): ScalingDesign['measured'][number][] {
  return [...measured, ...predicted].filter(([, , low, high]) => low !== null && high !== null);
}

/** The four series of each design: measured, fit, predicted, intervals. */
function scalingSeries(group: ScalingGroup, palette: readonly string[]): SeriesOption[] {
  return group.designs.flatMap((design, index): SeriesOption[] => {
    const area = index === 0 ? beyondCores(group) : undefined;
    const shared = { name: design.design, color: designColour(palette, design.design) };
    const fitted = design.fit.length > 0;
    const intervals = intervalsOf(design);
    return [
      {
        ...shared,
        type: fitted ? 'scatter' : 'line',
        symbol: 'circle',
        symbolSize: 9,
        data: design.measured.map((point) => point.slice(0, 2)),
        ...(area === undefined ? {} : { markArea: area }),
      },
      {
        ...shared,
        type: 'line',
        showSymbol: false,
        silent: true,
        data: design.fit,
        tooltip: { show: false },
      },
      {
        ...shared,
        type: 'scatter',
        symbol: 'circle',
        symbolSize: 8,
        itemStyle: { color: 'transparent', borderColor: shared.color, borderWidth: 2 },
        data: design.predicted.map((point) => point.slice(0, 2)),
      },
      {
        ...shared,
        type: 'custom',
        silent: true,
        renderItem: drawInterval,
        encode: { x: 0, y: [1, 2] },
        data: intervals.map((point) => [point[0], point[2], point[3]]),
      },
    ];
  });
}

/** Option for packets per second against workers. */
export function scalingOption(group: ScalingGroup, palette: readonly string[]): Option {
  return {
    ...baseOption(([mark]) => {
      const workers = valueOf(mark, 0);
      const measured = group.designs
        .find(({ design }) => design === mark.seriesName)
        ?.measured.find((point) => point[0] === workers);
      const [, , low = null, high = null] = measured ?? [];
      return [
        `${mark.seriesName}, ${workers} workers`,
        `${showCount(valueOf(mark, 1))} packets/s${measured === undefined ? ', predicted' : ''}`,
        ...(low !== null && high !== null ? [`interval ${showCount(low)} to ${showCount(high)}`] : []),
      ];
    }, 'item'),
    xAxis: axis({
      ...horizontalName('workers'),
      type: 'value',
      min: 0,
      max: axisEnd(group),
      minInterval: 1,
    }),
    yAxis: axis({
      name: 'packets/s',
      nameLocation: 'end',
      type: 'value',
      min: 0,
      axisLabel: { formatter: showCount },
    }),
    series: scalingSeries(group, palette),
  };
}

/** What the keyboard reads out at a point. */
export function scalingReading(group: ScalingGroup, seriesIndex: number, dataIndex: number): string {
  // Four series to a design; see scalingSeries.
  const design = group.designs[Math.floor(seriesIndex / 4)] as ScalingDesign;
  const { measured, fit, predicted } = design;
  const points: readonly (readonly [workers: number, pps: number, ...unknown[]])[] =
    [measured, fit, predicted, intervalsOf(design)][seriesIndex % 4] ?? measured;
  const [workers, pps] = points[dataIndex] as (typeof points)[number];
  return `${design.design}, ${showCount(workers)} workers: ${showCount(pps)} packets per second`;
}

function workersOf(group: ScalingGroup): number[] {
  const counts = group.designs.flatMap((design) => design.waits.map(([workers]) => workers));
  return [...new Set(counts)].toSorted((a, b) => a - b);
}

/** Option for the share of time spent waiting for locks against workers. */
export function waitsOption(group: ScalingGroup, palette: readonly string[]): Option {
  const workers = workersOf(group);
  return {
    ...baseOption(
      (marks) => [
        `${marks[0].axisValue} workers`,
        ...marks.map(
          ({ seriesName, value }) =>
            `${seriesName}: ${typeof value === 'number' ? showShare(value) : 'not measured'}`,
        ),
      ],
      'axis',
    ),
    xAxis: axis({
      ...horizontalName('workers'),
      type: 'category',
      data: workers.map(String),
      splitLine: { show: false },
    }),
    yAxis: axis({
      name: 'share of the workers’ time',
      nameTextStyle: { align: 'left' },
      type: 'value',
      min: 0,
      axisLabel: { formatter: showShare },
    }),
    series: group.designs.map((design) => ({
      name: design.design,
      type: 'bar',
      barMaxWidth: 36,
      color: designColour(palette, design.design),
      data: workers.map((count) => design.waits.find((point) => point[0] === count)?.[1] ?? null),
    })),
  };
}

/** What the keyboard reads out at a bar. */
export function waitsReading(group: ScalingGroup, seriesIndex: number, dataIndex: number): string {
  const design = group.designs[seriesIndex] as ScalingDesign;
  const workers = workersOf(group)[dataIndex];
  const wait = design.waits.find((point) => point[0] === workers)?.[1];
  return `${design.design}, ${workers} workers: ${wait === undefined ? 'not measured' : showShare(wait)} waiting`;
}
