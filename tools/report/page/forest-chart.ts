/** A forest plot: the ratio of two designs in each figure, with its interval, against the line of no difference. */
import type { ForestGroup, ForestRow } from '../forest.js';
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

/** A ratio as axis labels and texts write it. */
function showRatio(ratio: number): string {
  return String(Number(ratio.toPrecision(3)));
}

const STEPS = [1, 1.2, 1.5, 2, 3, 5, 7];

/** Ratios to label an axis with: those of 1, 2, 5 steps between two ends, few enough to be read. */
function ratioTicks(low: number, high: number, most: number): number[] {
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const step of STEPS) {
      const ratio = step * 10 ** power;
      if (ratio >= low && ratio <= high) ticks.push(ratio);
    }
  for (let index = STEPS.length - 1; ticks.length > most && index > 0; index--) {
    const gone = STEPS[index] as number;
    for (let at = ticks.length - 1; at >= 0; at--) {
      const tick = ticks[at] as number;
      if (Math.abs(tick / 10 ** Math.floor(Math.log10(tick) + 1e-9) - gone) < 1e-9) ticks.splice(at, 1);
    }
  }
  return ticks;
}

const drawRow: DrawShape = (_params, api) => {
  const place = (dimension: number): number[] => api.coord([api.value(dimension), api.value(3)]);
  const x = (dimension: number): number => place(dimension)[0] as number;
  const y = place(0)[1] as number;
  const stroke = api.visual('color') as string;
  const line = (x1: number, y1: number, x2: number, y2: number) => ({
    type: 'line' as const,
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
};

/** A forest is as high as it has rows. */
export function forestHeightPx(group: ForestGroup): number {
  return Math.max(112, 56 + group.rows.length * 28);
}

/** Option for the ratios of one pair of designs. */
export function forestOption(group: ForestGroup, palette: readonly string[], width: number): Option {
  const ends = group.rows.flatMap((row) => [row.low, row.high, row.ratio, 1]);
  const low = Math.min(...ends) / 1.08;
  const high = Math.max(...ends) * 1.08;
  const ticks = ratioTicks(low, high, width < 600 ? 5 : 9);
  const narrow = width < 600;
  return {
    ...baseOption(([mark]) => {
      const row = group.rows[valueOf(mark, 3)] as ForestRow;
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
      axisLabel: {
        customValues: ticks.map(Math.log10),
        formatter: (value: number) => showRatio(10 ** value),
      },
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
        color: designColour(palette, group.head),
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
export function forestReading(group: ForestGroup, _seriesIndex: number, dataIndex: number): string {
  const row = group.rows[dataIndex] as ForestRow;
  return `${row.name}: ${showRatio(row.ratio)}, ${showRatio(row.low)} to ${showRatio(row.high)}, ${row.words}`;
}
