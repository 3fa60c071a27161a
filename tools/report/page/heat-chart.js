/** Service time over the run, the designs beside each other: heat maps where intervals hold histograms, lines where they do not. */
import { axis, baseOption, colour, designColour, horizontalName } from './theme.js';
import { fittedLog, showCount, showNs } from './quantities.js';

function showMs(ms) {
  return showNs(ms * 1e6);
}

/** Whether panels stand beside each other; below, one under the other. */
const WIDE = 720;

function panelGrids(group, width, bottom) {
  const count = group.panels.length;
  const columns = width >= WIDE ? Math.min(count, 2) : 1;
  const rows = Math.ceil(count / columns);
  return group.panels.map((_, index) => {
    const column = index % columns;
    const row = Math.floor(index / columns);
    const height = (100 - bottom) / rows;
    return {
      left: `${(100 / columns) * column + 1}%`,
      width: `${100 / columns - 2}%`,
      top: `${height * row + 9}%`,
      height: `${height - 12}%`,
      containLabel: true,
    };
  });
}

function titles(group, designs, grids) {
  return group.panels.map((panel, index) => ({
    text: panel.design,
    // Over the middle of its panel: the name of the axis is at its left.
    left: `${Number.parseFloat(grids[index].left) + Number.parseFloat(grids[index].width) / 2}%`,
    textAlign: 'center',
    top: `${Math.max(0, Number.parseFloat(grids[index].top) - 9)}%`,
    textStyle: { color: designColour(designs, panel.design), fontSize: 13 },
  }));
}

function timeEnd(group) {
  const ends = group.panels.flatMap((panel) =>
    panel.rectangles.length > 0 ? panel.rectangles.map((one) => one[1]) : panel.lines.map((one) => one[0]),
  );
  return ends.reduce((a, b) => Math.max(a, b), 1);
}

/** The name of the axis stands below the last panel where they are one under the other. */
function timeAxes(group, width) {
  const max = timeEnd(group);
  const isNamed = (index) => width >= WIDE || index === group.panels.length - 1;
  return group.panels.map((_, gridIndex) =>
    axis({
      ...(isNamed(gridIndex) ? horizontalName('time since the start') : {}),
      gridIndex,
      type: 'value',
      min: 0,
      max,
      axisLabel: { formatter: showMs },
      splitLine: { show: false },
    }),
  );
}

/** The same range in every panel, so that they can be compared by eye. */
function serviceAxes(group, values) {
  return group.panels.map((_, gridIndex) =>
    axis({
      name: gridIndex === 0 ? 'service time, logarithmic' : '',
      nameTextStyle: { align: 'left' },
      gridIndex,
      type: 'log',
      ...fittedLog(values),
      axisLabel: { formatter: showNs },
    }),
  );
}

function sweepSeries(panel, index) {
  return {
    name: 'sweep',
    type: 'line',
    xAxisIndex: index,
    yAxisIndex: index,
    data: [],
    color: colour('--caution'),
    symbol: 'none',
    markArea: {
      silent: true,
      itemStyle: { color: colour('--sweep'), borderColor: colour('--sweep'), borderWidth: 1 },
      data: panel.sweeps.map(([from, to]) => [{ xAxis: from }, { xAxis: to }]),
    },
  };
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

function heatMapOption(group, designs, width) {
  const rectangles = group.panels.flatMap((panel) => panel.rectangles);
  const most = rectangles.reduce((a, one) => Math.max(a, one[4]), 1);
  const grids = panelGrids(group, width, 14);
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
    title: titles(group, designs, grids),
    legend: { ...base.legend, left: 'right', data: ['sweep'], selectedMode: false },
    grid: grids,
    xAxis: timeAxes(group, width),
    yAxis: serviceAxes(
      group,
      rectangles.flatMap((one) => [one[2], one[3]]),
    ),
    visualMap: {
      type: 'continuous',
      seriesIndex: group.panels.map((_, index) => index),
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
      ...group.panels.map((panel, index) => ({
        name: panel.design,
        type: 'custom',
        xAxisIndex: index,
        yAxisIndex: index,
        renderItem: drawRectangle,
        clip: true,
        encode: { x: [0, 1], y: [2, 3] },
        data: panel.rectangles.map((one) => [...one, Math.log10(one[4])]),
      })),
      ...group.panels.map(sweepSeries),
    ],
  };
}

const LINES = [
  ['p50', 'solid'],
  ['p99', 'dashed'],
  ['max', 'dotted'],
];

function lineOption(group, designs, width) {
  const grids = panelGrids(group, width, 4);
  const base = baseOption(
    (given) => [
      showMs(given[0].value[0]),
      ...given
        .filter((one) => one.seriesName !== 'sweep')
        .map((one) => `${one.seriesName}: ${showNs(one.value[1])}`),
    ],
    'axis',
  );
  return {
    ...base,
    title: titles(group, designs, grids),
    legend: { show: false },
    grid: grids,
    xAxis: timeAxes(group, width),
    yAxis: serviceAxes(
      group,
      group.panels.flatMap((panel) => panel.lines.flatMap((one) => one.slice(1))),
    ),
    series: [
      ...group.panels.flatMap((panel, panelIndex) =>
        LINES.map(([name, type], index) => ({
          name: `${panel.design}, ${name}`,
          type: 'line',
          xAxisIndex: panelIndex,
          yAxisIndex: panelIndex,
          color: designColour(designs, panel.design),
          lineStyle: { width: 2, type },
          showSymbol: panel.lines.length < 3,
          data: panel.lines.map((one) => [one[0], one[index + 1]]),
        })),
      ),
      ...group.panels.map(sweepSeries),
    ],
  };
}

function isHeatMap(group) {
  return group.panels.some((panel) => panel.rectangles.length > 0);
}

/** Option for the timelines of the designs of one configuration. */
export function heatOption(group, designs, width) {
  return isHeatMap(group) ? heatMapOption(group, designs, width) : lineOption(group, designs, width);
}

/** What the keyboard reads out at a point. */
export function heatReading(group, seriesIndex, dataIndex) {
  if (isHeatMap(group)) {
    const panel = group.panels[seriesIndex];
    const [from, to, low, high, packets] = panel.rectangles[dataIndex];
    return `${panel.design}, ${showMs(from)} to ${showMs(to)}: ${showCount(packets)} packets took ${showNs(low)} to ${showNs(high)}`;
  }
  const panel = group.panels[Math.floor(seriesIndex / LINES.length)];
  const line = panel.lines[dataIndex];
  const [name] = LINES[seriesIndex % LINES.length];
  return `${panel.design}, ${showMs(line[0])}, ${name}: ${showNs(line[(seriesIndex % LINES.length) + 1])}`;
}
