/** Throughput against expiration lag: a point a design, with its interval on both axes. */
import type { Spread, TradeGroup, TradePoint } from '../page-trade.js';
import { axis, baseOption, designColour, horizontalName, type DrawShape, type Option } from './theme.js';
import { fittedLog, showCount, showNs } from './quantities.js';

/** From this factor between the least and the most on, an axis of lags is logarithmic. */
const WIDE_FACTOR = 10;

function knownValues(values: readonly (number | null)[]): number[] {
  return values.filter((value) => value !== null);
}

const drawCross: DrawShape = (_params, api) => {
  const at = (dimensionX: number, dimensionY: number) =>
    api.coord([api.value(dimensionX), api.value(dimensionY)]) as [number, number];
  const style = { stroke: api.visual('color') as string, lineWidth: 1.5 };
  const line = ([x1, y1]: [number, number], [x2, y2]: [number, number]) => ({
    type: 'line' as const,
    shape: { x1, y1, x2, y2 },
    style,
  });
  const cap = ([x, y]: [number, number], dx: number, dy: number) => line([x - dx, y - dy], [x + dx, y + dy]);
  const [left, right, low, high] = [at(2, 1), at(3, 1), at(0, 4), at(0, 5)];
  return {
    type: 'group',
    children: [
      line(left, right),
      line(low, high),
      cap(left, 0, 4),
      cap(right, 0, 4),
      cap(low, 4, 0),
      cap(high, 4, 0),
    ],
  };
};

/** Two series to a design: the point, and its cross. */
function tradeSeries(group: TradeGroup, palette: readonly string[]) {
  return group.points.flatMap(({ design, pps, lagNs }) => {
    const shared = { name: design, color: designColour(palette, design) };
    const ends = ([value, low, high]: Spread): number[] => [low ?? value, high ?? value];
    const hasInterval = pps[1] !== null || lagNs[1] !== null;
    return [
      {
        ...shared,
        type: 'scatter' as const,
        symbolSize: 11,
        data: [[lagNs[0], pps[0]]],
        label: {
          show: true,
          position: 'top' as const,
          distance: 8,
          formatter: () => design,
          color: shared.color,
        },
        labelLayout: { hideOverlap: true },
      },
      {
        ...shared,
        type: 'custom' as const,
        silent: true,
        renderItem: drawCross,
        encode: { x: [0, 2, 3], y: [1, 4, 5] },
        data: hasInterval ? [[lagNs[0], pps[0], ...ends(lagNs), ...ends(pps)]] : [],
      },
    ];
  });
}

function tradeInterval([value, low, high]: Spread, show: (value: number) => string): string {
  return low === null || high === null ? show(value) : `${show(value)} (${show(low)} to ${show(high)})`;
}

function tradeLines({ design, pps, lagNs }: TradePoint): string[] {
  return [
    design,
    `${tradeInterval(pps, showCount)} packets/s`,
    `99 of 100 gone within ${tradeInterval(lagNs, showNs)}`,
  ];
}

/** The axis of lags: logarithmic where they differ much and none is 0. */
function lagAxis(group: TradeGroup) {
  const lags = knownValues(group.points.flatMap(({ lagNs }) => lagNs));
  const isWide = Math.min(...lags) > 0 && Math.max(...lags) / Math.min(...lags) >= WIDE_FACTOR;
  return isWide
    ? { ...horizontalName('p99 expiration lag, logarithmic'), type: 'log' as const, ...fittedLog(lags) }
    : { ...horizontalName('p99 expiration lag'), type: 'value' as const, min: 0 };
}

/** Ends of the axis of throughput, which is about differences: a tenth of the span is left on either side. */
function throughputEnds(group: TradeGroup): { min: number; max: number } {
  const rates = knownValues(group.points.flatMap(({ pps }) => pps));
  const [low, high] = [Math.min(...rates), Math.max(...rates)];
  const room = Math.max((high - low) * 0.15, high * 0.01);
  return { min: Math.max(0, low - room), max: high + room };
}

/** Option for the designs on one traffic. */
export function tradeOption(group: TradeGroup, palette: readonly string[]): Option {
  return {
    ...baseOption(
      ([mark]) => tradeLines(group.points.find(({ design }) => design === mark.seriesName) as TradePoint),
      'item',
    ),
    xAxis: axis({ ...lagAxis(group), axisLabel: { formatter: showNs } }),
    yAxis: axis({
      name: 'packets/s at top speed',
      nameTextStyle: { align: 'left' },
      type: 'value',
      ...throughputEnds(group),
      axisLabel: { formatter: showCount, showMinLabel: false, showMaxLabel: false },
    }),
    series: tradeSeries(group, palette),
  };
}

/** What the keyboard reads out at a point. */
export function tradeReading(group: TradeGroup, seriesIndex: number): string {
  return tradeLines(group.points[Math.floor(seriesIndex / 2)] as TradePoint).join(', ');
}
