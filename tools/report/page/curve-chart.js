/** Percentile curves on the usual axis: 1 / (1 - percentile), logarithmic. */
import { axis, baseOption, designColour, horizontalName } from './theme.js';
import { decades, showNs, showPercentile } from './quantities.js';

const DASHES = { service: 'solid', response: 'dashed', lag: 'solid' };

function curveName(series) {
  return series.kind === 'lag' ? series.design : `${series.design}, ${series.kind}`;
}

/** Option for one group of curves. */
export function curveOption(group, designs) {
  const points = group.series.flatMap((series) => series.points);
  return {
    ...baseOption(
      (given) => [
        `up to ${showPercentile(given[0].value[0])}`,
        ...given.map((one) => `${one.seriesName}: ${showNs(one.value[1])}`),
      ],
      'axis',
    ),
    xAxis: axis({
      ...horizontalName('percentile'),
      type: 'log',
      min: 1,
      max: decades(points.map((point) => point[0])).max,
      axisLabel: { formatter: showPercentile },
    }),
    yAxis: axis({
      type: 'log',
      ...decades(points.map((point) => point[1])),
      minorSplitLine: { show: false },
      axisLabel: { formatter: showNs },
    }),
    series: group.series.map((series) => ({
      name: curveName(series),
      type: 'line',
      showSymbol: false,
      data: series.points,
      lineStyle: { width: 2, type: DASHES[series.kind] },
      color: designColour(designs, series.design),
      emphasis: { disabled: true },
    })),
  };
}

/** What the keyboard reads out at a point. */
export function curveReading(group, seriesIndex, dataIndex) {
  const series = group.series[seriesIndex];
  const [inverse, ns] = series.points[dataIndex];
  return `${curveName(series)}, ${showPercentile(inverse)}: ${showNs(ns)}`;
}
