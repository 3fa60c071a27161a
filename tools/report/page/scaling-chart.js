/** Throughput and waiting against workers. */
import { axis, baseOption, colour, designColour, horizontalName } from './theme.js';
import { showCount, showShare } from './quantities.js';

function drawInterval(params, api) {
  const [x, low] = api.coord([api.value(0), api.value(1)]);
  const [, high] = api.coord([api.value(0), api.value(2)]);
  const line = (x1, y1, x2, y2) => ({
    type: 'line',
    shape: { x1, y1, x2, y2 },
    style: { stroke: api.visual('color'), lineWidth: 1.5 },
  });
  return {
    type: 'group',
    children: [line(x, low, x, high), line(x - 4, low, x + 4, low), line(x - 4, high, x + 4, high)],
  };
}

function mostWorkers(group) {
  return group.designs
    .flatMap((design) => [...design.measured, ...design.predicted].map((point) => point[0]))
    .reduce((a, b) => Math.max(a, b), 1);
}

function axisEnd(group) {
  return Math.ceil(mostWorkers(group) * 1.05);
}

function beyondCores(group) {
  const furthest = mostWorkers(group);
  if (group.cores === null || furthest <= group.cores) return undefined;
  return {
    silent: true,
    itemStyle: { color: colour('--rule'), opacity: 0.35 },
    label: { color: colour('--muted'), position: 'insideTop' },
    data: [[{ name: 'more workers than cores', xAxis: group.cores }, { xAxis: axisEnd(group) }]],
  };
}

/** The four series of each design: measured, fit, predicted, intervals. */
function scalingSeries(group, designs) {
  return group.designs.flatMap((design, index) => {
    const shared = { name: design.design, color: designColour(designs, design.design) };
    const fitted = design.fit.length > 0;
    const intervals = [...design.measured, ...design.predicted].filter(
      (point) => point[2] !== null && point[3] !== null,
    );
    return [
      {
        ...shared,
        type: fitted ? 'scatter' : 'line',
        symbol: 'circle',
        symbolSize: 9,
        data: design.measured.map((point) => point.slice(0, 2)),
        markArea: index === 0 ? beyondCores(group) : undefined,
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
export function scalingOption(group, designs) {
  return {
    ...baseOption((one) => {
      const point = group.designs
        .find((design) => design.design === one.seriesName)
        .measured.find((measured) => measured[0] === one.value[0]);
      const interval =
        point && point[2] !== null && point[3] !== null
          ? [`interval ${showCount(point[2])} to ${showCount(point[3])}`]
          : [];
      return [
        `${one.seriesName}, ${one.value[0]} workers`,
        `${showCount(one.value[1])} packets/s${point ? '' : ', predicted'}`,
        ...interval,
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
    series: scalingSeries(group, designs),
  };
}

/** What the keyboard reads out at a point. */
export function scalingReading(group, seriesIndex, dataIndex) {
  // Four series to a design; see scalingSeries.
  const design = group.designs[Math.floor(seriesIndex / 4)];
  const [workers, pps] = (
    seriesIndex % 4 === 1 ? design.fit : seriesIndex % 4 === 2 ? design.predicted : design.measured
  )[dataIndex];
  return `${design.design}, ${showCount(workers)} workers: ${showCount(pps)} packets per second`;
}

function workersOf(group) {
  const counts = group.designs.flatMap((design) => design.waits.map((point) => point[0]));
  return [...new Set(counts)].toSorted((a, b) => a - b);
}

/** Option for the share of time spent waiting for locks against workers. */
export function waitsOption(group, designs) {
  const workers = workersOf(group);
  return {
    ...baseOption(
      (given) => [
        `${given[0].axisValue} workers`,
        ...given.map(
          (one) =>
            `${one.seriesName}: ${typeof one.value === 'number' ? showShare(one.value) : 'not measured'}`,
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
      color: designColour(designs, design.design),
      data: workers.map((count) => design.waits.find((point) => point[0] === count)?.[1] ?? null),
    })),
  };
}

/** What the keyboard reads out at a bar. */
export function waitsReading(group, seriesIndex, dataIndex) {
  const design = group.designs[seriesIndex];
  const workers = workersOf(group)[dataIndex];
  const wait = design.waits.find((point) => point[0] === workers)?.[1];
  return `${design.design}, ${workers} workers: ${wait === undefined ? 'not measured' : showShare(wait)} waiting`;
}
