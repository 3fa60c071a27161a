/** A forest plot: the ratio of two designs in each figure, with its interval, against the line of no difference. */
import { axis, baseOption, colour, designColour, horizontalName } from './theme.js';

/** A ratio as axis labels and texts write it. */
function showRatio(ratio) {
  return String(Number(ratio.toPrecision(3)));
}

const STEPS = [1, 1.2, 1.5, 2, 3, 5, 7];

/** Ratios to label an axis with: those of 1, 2, 5 steps between two ends, few enough to be read. */
function ratioTicks(low, high, most) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const step of STEPS) {
      const ratio = step * 10 ** power;
      if (ratio >= low && ratio <= high) ticks.push(ratio);
    }
  for (let index = STEPS.length - 1; ticks.length > most && index > 0; index--) {
    const gone = STEPS[index];
    for (let at = ticks.length - 1; at >= 0; at--)
      if (Math.abs(ticks[at] / 10 ** Math.floor(Math.log10(ticks[at]) + 1e-9) - gone) < 1e-9)
        ticks.splice(at, 1);
  }
  return ticks;
}

function drawRow(_params, api) {
  const [y] = [api.coord([0, api.value(3)])[1]];
  const x = (dimension) => api.coord([api.value(dimension), api.value(3)])[0];
  const stroke = api.visual('color');
  const line = (x1, y1, x2, y2) => ({
    type: 'line',
    shape: { x1, y1, x2, y2 },
    style: { stroke, lineWidth: 2 },
  });
  const [low, middle, high] = [x(1), x(0), x(2)];
  return {
    type: 'group',
    children: [
      line(low, y, high, y),
      line(low, y - 5, low, y + 5),
      line(high, y - 5, high, y + 5),
      { type: 'rect', shape: { x: middle - 4, y: y - 4, width: 8, height: 8 }, style: { fill: stroke } },
    ],
  };
}

/** Option for the ratios of one pair of designs. */
export function forestOption(group, designs, width) {
  const ends = group.rows.flatMap((row) => [row.low, row.high, row.ratio, 1]);
  const low = Math.min(...ends) / 1.08;
  const high = Math.max(...ends) * 1.08;
  const ticks = ratioTicks(low, high, width < 600 ? 5 : 9);
  const narrow = width < 600;
  return {
    ...baseOption((one) => {
      const row = group.rows[one.value[3]];
      return [
        row.name,
        `${showRatio(row.ratio)} (${showRatio(row.low)} to ${showRatio(row.high)})`,
        row.words,
      ];
    }, 'item'),
    legend: { show: false },
    grid: { left: 8, right: narrow ? 12 : 24, top: 8, bottom: 30, containLabel: true },
    xAxis: axis({
      ...horizontalName(`${group.head} / ${group.base}, logarithmic`),
      type: 'value',
      min: Math.log10(low),
      max: Math.log10(high),
      axisTick: { customValues: ticks.map(Math.log10) },
      axisLabel: { customValues: ticks.map(Math.log10), formatter: (value) => showRatio(10 ** value) },
      splitLine: { show: false },
    }),
    yAxis: axis({
      type: 'category',
      inverse: true,
      data: group.rows.map((row) => row.name),
      axisTick: { show: false },
      axisLabel: { interval: 0, width: narrow ? 120 : 300, overflow: 'break', fontSize: narrow ? 10 : 12 },
      splitLine: { show: false },
    }),
    series: [
      {
        name: group.head,
        type: 'custom',
        renderItem: drawRow,
        color: designColour(designs, group.head),
        encode: { x: [0, 1, 2], y: 3 },
        data: group.rows.map((row, index) => [
          Math.log10(row.ratio),
          Math.log10(row.low),
          Math.log10(row.high),
          index,
        ]),
        markLine: {
          silent: true,
          symbol: 'none',
          lineStyle: { color: colour('--muted'), type: 'dashed' },
          label: { show: false },
          data: [{ xAxis: 0 }],
        },
      },
    ],
  };
}

/** What the keyboard reads out at a row. */
export function forestReading(group, _seriesIndex, dataIndex) {
  const row = group.rows[dataIndex];
  return `${row.name}: ${showRatio(row.ratio)}, ${showRatio(row.low)} to ${showRatio(row.high)}, ${row.words}`;
}
