/** Connections over time, and the cost of NAT against how full its pool is. */
import { axis, baseOption, designColour, horizontalName } from './theme.js';
import { fittedLog, showCount, showNs, showShare } from './quantities.js';

/** Option for expired-but-present connections, and all connections, over the run. */
export function staleOption(group, designs) {
  const base = baseOption(
    (given) => [
      showNs(given[0].value[0] * 1e6),
      ...given.map(
        (one) =>
          `${one.seriesName}${one.seriesIndex % 2 === 0 ? '' : ', all connections'}: ${showCount(one.value[1])}`,
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
      axisLabel: { formatter: (ms) => showNs(ms * 1e6) },
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
    series: group.series.flatMap((series) => {
      const color = designColour(designs, series.design);
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
export function staleReading(group, seriesIndex, dataIndex) {
  const series = group.series[Math.floor(seriesIndex / 2)];
  const [ms, count] = (seriesIndex % 2 === 0 ? series.expired : series.connections)[dataIndex];
  return `${series.design}, ${showNs(ms * 1e6)}: ${showCount(count)} ${seriesIndex % 2 === 0 ? 'expired but present' : 'in the table'}`;
}

const NAT_LINES = [
  ['p50', 'median', 'solid', 0],
  ['p99', 'p99', 'dashed', 0],
  ['candidates', 'tuples tried', 'dotted', 1],
];

/** The lines of which there are figures. */
function natLinesOf(series) {
  return NAT_LINES.filter(([key]) => series[key].length > 0);
}

/** Option for the NAT exhaustion curve. */
export function natOption(group, designs) {
  const times = group.series.flatMap((series) => [...series.p50, ...series.p99].map((point) => point[1]));
  const base = baseOption(
    (given) => [
      `${showShare(given[0].value[0])} of the pool in use`,
      ...given.map(
        (one) =>
          `${one.seriesName}: ${one.seriesName.endsWith('tried') ? showCount(one.value[1]) : showNs(one.value[1])}`,
      ),
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
        color: designColour(designs, series.design),
        lineStyle: { width: 2, type },
        data: series[key],
      })),
    ),
  };
}

/** What the keyboard reads out at a point. */
export function natReading(group, seriesIndex, dataIndex) {
  const [series, [key, words]] = group.series.flatMap((one) => natLinesOf(one).map((line) => [one, line]))[
    seriesIndex
  ];
  const [occupancy, value] = series[key][dataIndex];
  return `${series.design}, ${showShare(occupancy)} in use: ${words} ${key === 'candidates' ? showCount(value) : showNs(value)}`;
}
