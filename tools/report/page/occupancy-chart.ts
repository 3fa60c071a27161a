/** Connections over time, and the cost of NAT against how full its pool is. */
import type { SeriesOption } from 'echarts';
import type { NatGroup, StaleGroup } from '../page-data.js';
import { axis, baseOption, designColour, horizontalName, valueOf, type Option } from './theme.js';
import { fittedLog, showCount, showMs, showNs, showShare } from './quantities.js';

type StaleSeries = StaleGroup['series'][number];
type NatSeries = NatGroup['series'][number];

/** Option for expired-but-present connections, and all connections, over the run. */
export function staleOption(group: StaleGroup, palette: readonly string[]): Option {
  const base = baseOption(
    (marks) => [
      showMs(valueOf(marks[0], 0)),
      ...marks.map(
        (mark) =>
          `${mark.seriesName}${mark.seriesIndex % 2 === 0 ? '' : ', all connections'}: ${showCount(valueOf(mark, 1))}`,
      ),
    ],
    'axis',
  );
  return {
    ...base,
    // A design once: what solid and dotted lines are, the axes and the caption say.
    legend: { ...base.legend, data: group.series.map((series) => series.design) },
    grid: { ...base.grid, top: 64 },
    xAxis: axis({
      ...horizontalName('time since the start'),
      type: 'value',
      axisLabel: { formatter: showMs },
      splitLine: { show: false },
    }),
    yAxis: [
      axis({
        name: 'expired, still there',
        nameTextStyle: { align: 'left' },
        type: 'value',
        min: 0,
        minInterval: 1,
        axisLabel: { formatter: showCount },
      }),
      axis({
        name: 'all connections',
        nameTextStyle: { align: 'right' },
        type: 'value',
        min: 0,
        minInterval: 1,
        axisLabel: { formatter: showCount },
        splitLine: { show: false },
        position: 'right',
      }),
    ],
    series: group.series.flatMap((series): SeriesOption[] => {
      const color = designColour(palette, series.design);
      return [
        {
          name: series.design,
          type: 'line',
          showSymbol: false,
          color,
          lineStyle: { width: 2 },
          data: series.expired,
        },
        {
          name: series.design,
          type: 'line',
          showSymbol: false,
          yAxisIndex: 1,
          color,
          lineStyle: { width: 1.5, type: 'dotted' },
          data: series.connections,
        },
      ];
    }),
  };
}

/** What the keyboard reads out at a point. */
export function staleReading(group: StaleGroup, seriesIndex: number, dataIndex: number): string {
  const series = group.series[Math.floor(seriesIndex / 2)] as StaleSeries;
  const points = seriesIndex % 2 === 0 ? series.expired : series.connections;
  const [ms, count] = points[dataIndex] as [number, number];
  return `${series.design}, ${showMs(ms)}: ${showCount(count)} ${seriesIndex % 2 === 0 ? 'expired but present' : 'in the table'}`;
}

const NAT_LINES = [
  ['p50', 'median', 'solid', 0],
  ['p99', 'p99', 'dashed', 0],
  ['candidates', 'tuples tried', 'dotted', 1],
] as const;

/** The lines of which there are figures. */
function natLinesOf(series: NatSeries) {
  return NAT_LINES.filter(([key]) => series[key].length > 0);
}

/** Option for the NAT exhaustion curve. */
export function natOption(group: NatGroup, palette: readonly string[]): Option {
  const times = group.series.flatMap((series) => [...series.p50, ...series.p99].map(([, ns]) => ns));
  const base = baseOption(
    (marks) => [
      `${showShare(valueOf(marks[0], 0))} of the pool in use`,
      ...marks.map((mark) => {
        const show = mark.seriesName.endsWith('tried') ? showCount : showNs;
        return `${mark.seriesName}: ${show(valueOf(mark, 1))}`;
      }),
    ],
    'axis',
  );
  return {
    ...base,
    grid: { ...base.grid, top: 64 },
    xAxis: axis({
      ...horizontalName('pool in use'),
      type: 'value',
      min: 'dataMin',
      max: 1,
      axisLabel: { formatter: showShare },
      splitLine: { show: false },
    }),
    yAxis: [
      axis({
        name: 'service time, logarithmic',
        show: times.length > 0,
        nameTextStyle: { align: 'left' },
        type: 'log',
        ...fittedLog(times),
        axisLabel: { formatter: showNs },
      }),
      axis({
        name: 'tuples tried',
        nameTextStyle: { align: 'right' },
        type: 'value',
        min: 0,
        splitLine: { show: false },
        axisLabel: { formatter: showCount },
      }),
    ],
    series: group.series.flatMap((series) =>
      natLinesOf(series).map(([key, words, type, yAxisIndex]) => ({
        name: `${series.design}, ${words}`,
        type: 'line',
        symbol: 'circle',
        symbolSize: 6,
        yAxisIndex,
        color: designColour(palette, series.design),
        lineStyle: { width: 2, type },
        data: series[key],
      })),
    ),
  };
}

/** What the keyboard reads out at a point. */
export function natReading(group: NatGroup, seriesIndex: number, dataIndex: number): string {
  const lines = group.series.flatMap((series) => natLinesOf(series).map((line) => ({ series, line })));
  const { series, line } = lines[seriesIndex] as (typeof lines)[number];
  const [key, words] = line;
  const [occupancy, value] = series[key][dataIndex] as [number, number];
  const shown = key === 'candidates' ? showCount(value) : showNs(value);
  return `${series.design}, ${showShare(occupancy)} in use: ${words} ${shown}`;
}
