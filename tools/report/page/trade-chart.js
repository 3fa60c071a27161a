/** Throughput against expiration lag: a point a design, with its interval on both axes. */
import { axis, baseOption, designColour, horizontalName } from './theme.js';
import { fittedLog, showCount, showNs } from './quantities.js';

/** From this factor between the least and the most on, an axis of lags is logarithmic. */
const WIDE_FACTOR = 10;

function knownValues(values) {
  return values.filter((value) => value !== null);
}

function drawCross(_params, api) {
  const at = (dimensionX, dimensionY) => api.coord([api.value(dimensionX), api.value(dimensionY)]);
  const style = { stroke: api.visual('color'), lineWidth: 1.5 };
  const line = ([x1, y1], [x2, y2]) => ({ type: 'line', shape: { x1, y1, x2, y2 }, style });
  const cap = ([x, y], dx, dy) => line([x - dx, y - dy], [x + dx, y + dy]);
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
}

/** Two series to a design: the point, and its cross. */
function tradeSeries(group, designs) {
  return group.points.flatMap(({ design, pps, lagNs }) => {
    const shared = { name: design, color: designColour(designs, design) };
    const ends = ([value, low, high]) => [low ?? value, high ?? value];
    const hasInterval = pps[1] !== null || lagNs[1] !== null;
    return [
      {
        ...shared,
        type: 'scatter',
        symbolSize: 11,
        data: [[lagNs[0], pps[0]]],
        label: { show: true, position: 'top', distance: 8, formatter: () => design, color: shared.color },
        labelLayout: { hideOverlap: true },
      },
      {
        ...shared,
        type: 'custom',
        silent: true,
        renderItem: drawCross,
        encode: { x: [0, 2, 3], y: [1, 4, 5] },
        data: hasInterval ? [[lagNs[0], pps[0], ...ends(lagNs), ...ends(pps)]] : [],
      },
    ];
  });
}

function tradeInterval([value, low, high], show) {
  return low === null || high === null ? show(value) : `${show(value)} (${show(low)} to ${show(high)})`;
}

function tradeLines({ design, pps, lagNs }) {
  return [
    design,
    `${tradeInterval(pps, showCount)} packets/s`,
    `99 of 100 gone within ${tradeInterval(lagNs, showNs)}`,
  ];
}

/** The axis of lags: logarithmic where they differ much and none is 0. */
function lagAxis(group) {
  const lags = knownValues(group.points.flatMap(({ lagNs }) => lagNs));
  const isWide = Math.min(...lags) > 0 && Math.max(...lags) / Math.min(...lags) >= WIDE_FACTOR;
  return isWide
    ? { ...horizontalName('p99 expiration lag, logarithmic'), type: 'log', ...fittedLog(lags) }
    : { ...horizontalName('p99 expiration lag'), type: 'value', min: 0 };
}

/** Ends of the axis of throughput, which is about differences: a tenth of the span is left on either side. */
function throughputEnds(group) {
  const rates = knownValues(group.points.flatMap(({ pps }) => pps));
  const [low, high] = [Math.min(...rates), Math.max(...rates)];
  const room = Math.max((high - low) * 0.15, high * 0.01);
  return { min: Math.max(0, low - room), max: high + room };
}

/** Option for the designs on one traffic. */
export function tradeOption(group, designs) {
  return {
    ...baseOption((one) => tradeLines(group.points.find(({ design }) => design === one.seriesName)), 'item'),
    xAxis: axis({ ...lagAxis(group), axisLabel: { formatter: showNs } }),
    yAxis: axis({
      name: 'packets/s at top speed',
      nameTextStyle: { align: 'left' },
      type: 'value',
      ...throughputEnds(group),
      axisLabel: { formatter: showCount, showMinLabel: false, showMaxLabel: false },
    }),
    series: tradeSeries(group, designs),
  };
}

/** What the keyboard reads out at a point. */
export function tradeReading(group, seriesIndex) {
  return tradeLines(group.points[Math.floor(seriesIndex / 2)]).join(', ');
}
