/** Percentile curves on the usual axis: 1 / (1 - percentile), logarithmic. */
import type { CurveGroup, CurveSeries, CurveXY } from '../page-data.js';
import { axis, baseOption, designColour, horizontalName, valueOf, type Option } from './theme.js';
import { fittedLog, showNs, showPercentile } from './quantities.js';

const DASHES = { service: 'solid', response: 'dashed', lag: 'solid' } as const;

function curveName(series: CurveSeries): string {
  return series.kind === 'lag' ? series.design : `${series.design}, ${series.kind}`;
}

function isLag(group: CurveGroup): boolean {
  return group.series.every((series) => series.kind === 'lag');
}

/** Option for one group of curves. */
export function curveOption(group: CurveGroup, palette: readonly string[]): Option {
  const points = group.series.flatMap((series) => series.points);
  const base = baseOption(
    (marks) => [
      `up to ${showPercentile(valueOf(marks[0], 0))}`,
      ...marks.map(
        (mark) => `${curveName(group.series[mark.seriesIndex] as CurveSeries)}: ${showNs(valueOf(mark, 1))}`,
      ),
    ],
    'axis',
  );
  return {
    ...base,
    // A design once: what solid and dashed lines are, the caption says.
    legend: { ...base.legend, data: [...new Set(group.series.map((series) => series.design))] },
    xAxis: axis({
      ...horizontalName('percentile of the values, each step ten times rarer'),
      type: 'log',
      min: 1,
      max: Math.max(10, ...points.map((point) => point[0])),
      axisLabel: { formatter: showPercentile },
    }),
    // A lag is a matter of seconds or nothing, and the first matter: its axis is linear, so that it does not spend itself on the latter.
    yAxis: isLag(group)
      ? axis({
          name: 'lag',
          nameTextStyle: { align: 'left' },
          type: 'value',
          min: 0,
          axisLabel: { formatter: showNs },
        })
      : axis({
          name: 'time, logarithmic',
          nameTextStyle: { align: 'left' },
          type: 'log',
          ...fittedLog(points.map((point) => point[1])),
          minorSplitLine: { show: false },
          axisLabel: { formatter: showNs },
        }),
    series: group.series.map((series) => ({
      name: series.design,
      type: 'line',
      showSymbol: false,
      data: series.points,
      lineStyle: { width: 2, type: DASHES[series.kind] },
      color: designColour(palette, series.design),
      emphasis: { disabled: true },
    })),
  };
}

/** What the keyboard reads out at a point. */
export function curveReading(group: CurveGroup, seriesIndex: number, dataIndex: number): string {
  const series = group.series[seriesIndex] as CurveSeries;
  const [inverse, ns] = series.points[dataIndex] as CurveXY;
  return `${curveName(series)}, ${showPercentile(inverse)}: ${showNs(ns)}`;
}
