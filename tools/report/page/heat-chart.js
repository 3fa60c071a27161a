/** Service time over the run: a heat map where intervals hold histograms, lines where they do not. */
import { axis, baseOption, colour, horizontalName } from './theme.js';
import { decades, showCount, showNs } from './quantities.js';

function showMs(ms) {
  return showNs(ms * 1e6);
}

function sweepSeries(group) {
  return {
    name: 'sweep',
    type: 'line',
    data: [],
    color: colour('--series-0'),
    symbol: 'none',
    markArea: {
      silent: true,
      itemStyle: { color: colour('--sweep'), borderColor: colour('--sweep'), borderWidth: 1 },
      data: group.sweeps.map(([from, to]) => [{ xAxis: from }, { xAxis: to }]),
    },
  };
}

function timeAxis(group) {
  const ends =
    group.rectangles.length > 0 ? group.rectangles.map((one) => one[1]) : group.lines.map((one) => one[0]);
  return axis({
    ...horizontalName('time since the start'),
    type: 'value',
    min: 0,
    max: ends.reduce((a, b) => Math.max(a, b), 1),
    axisLabel: { formatter: showMs },
    splitLine: { show: false },
  });
}

function drawRectangle(_params, api) {
  const [left, top] = api.coord([api.value(0), api.value(3)]);
  const [right, bottom] = api.coord([api.value(1), api.value(2)]);
  return {
    type: 'rect',
    // A hair wider than the field, so that no line of background shows between neighbours.
    shape: { x: left, y: top, width: right - left + 0.6, height: bottom - top + 0.6 },
    style: { fill: api.visual('color') },
  };
}

function heatMapOption(group) {
  const most = group.rectangles.reduce((a, one) => Math.max(a, one[4]), 1);
  const base = baseOption((one) => {
    const [from, to, low, high, packets] = one.value;
    return [
      `${showMs(from)} to ${showMs(to)}`,
      `${showNs(low)} to ${showNs(high)}`,
      `${showCount(packets)} packets`,
    ];
  }, 'item');
  return {
    ...base,
    legend: { ...base.legend, data: ['sweep'], selectedMode: false },
    grid: { ...base.grid, bottom: 84 },
    xAxis: timeAxis(group),
    yAxis: axis({
      type: 'log',
      ...decades(group.rectangles.flatMap((one) => [one[2], one[3]])),
      axisLabel: { formatter: showNs },
    }),
    visualMap: {
      type: 'continuous',
      seriesIndex: 0,
      dimension: 5,
      min: 0,
      max: Math.max(Math.log10(most), 0.1),
      orient: 'horizontal',
      left: 'center',
      bottom: 0,
      itemHeight: 160,
      itemWidth: 12,
      text: [`${showCount(most)} packets`, '1'],
      hoverLink: false,
      textStyle: { color: colour('--muted') },
      inRange: { color: [colour('--heat-low'), colour('--heat-high')] },
    },
    series: [
      {
        name: 'packets',
        type: 'custom',
        renderItem: drawRectangle,
        clip: true,
        encode: { x: [0, 1], y: [2, 3] },
        data: group.rectangles.map((one) => [...one, Math.log10(one[4])]),
      },
      sweepSeries(group),
    ],
  };
}

const LINES = ['p50', 'p99', 'max'];

function lineOption(group) {
  return {
    ...baseOption(
      (given) => [
        showMs(given[0].value[0]),
        ...given
          .filter((one) => one.seriesName !== 'sweep')
          .map((one) => `${one.seriesName}: ${showNs(one.value[1])}`),
      ],
      'axis',
    ),
    xAxis: timeAxis(group),
    yAxis: axis({
      type: 'log',
      ...decades(group.lines.flatMap((one) => one.slice(1))),
      axisLabel: { formatter: showNs },
    }),
    series: [
      ...LINES.map((name, index) => ({
        name,
        type: 'line',
        color: colour(`--series-${index + 1}`),
        showSymbol: group.lines.length < 3,
        data: group.lines.map((one) => [one[0], one[index + 1]]),
      })),
      sweepSeries(group),
    ],
  };
}

/** Option for the timeline of one case. */
export function heatOption(group) {
  return group.rectangles.length > 0 ? heatMapOption(group) : lineOption(group);
}

/** What the keyboard reads out at a point. */
export function heatReading(group, seriesIndex, dataIndex) {
  if (group.rectangles.length > 0) {
    const [from, to, low, high, packets] = group.rectangles[dataIndex];
    return `${showMs(from)} to ${showMs(to)}: ${showCount(packets)} packets took ${showNs(low)} to ${showNs(high)}`;
  }
  const line = group.lines[dataIndex];
  return `${showMs(line[0])}, ${LINES[seriesIndex]}: ${showNs(line[seriesIndex + 1])}`;
}
