/** Service time over the run, the designs beside each other: heat maps where intervals hold histograms, lines where they do not. */
import type { SeriesOption } from 'echarts';
import type { HeatGroup, HeatPanel } from '../page-data.js';
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
import { fittedLog, showCount, showMs, showNs } from './quantities.js';

/** Where a panel lies in the plot: across in per cent of it, downwards in pixels. */
interface PanelPlace {
  readonly left: number;
  readonly width: number;
  readonly topPx: number;
  readonly heightPx: number;
}

type Rectangle = HeatPanel['rectangles'][number];
type LinePoint = HeatPanel['lines'][number];

/** Whether panels stand beside each other; below, one under the other. */
const WIDE = 720;

/** Room above a panel for the name of its design. */
const TITLE_PX = 26;
/** A panel with the labels of its axes: alone in its column, and one of several under each other. */
const PANEL_PX = 186;
const STACKED_PANEL_PX = 98;
const GAP_PX = 10;
/** Room below the panels: for the name of the time axis, and for the colour scale of heat maps as well. */
const NAME_PX = 14;
const SCALE_PX = 50;

function columnsOf(group: HeatGroup, width: number): number {
  return width >= WIDE ? Math.min(group.panels.length, 2) : 1;
}

function panelHeightPx(group: HeatGroup, width: number): number {
  return group.panels.length > columnsOf(group, width) ? STACKED_PANEL_PX : PANEL_PX;
}

/** How high the plot has to be so that every design has a panel that can be read. */
export function heatHeightPx(group: HeatGroup, width: number): number {
  const rows = Math.ceil(group.panels.length / columnsOf(group, width));
  const below = isHeatMap(group) ? SCALE_PX : NAME_PX;
  return rows * (TITLE_PX + panelHeightPx(group, width) + GAP_PX) + below;
}

function panelPlaces(group: HeatGroup, width: number): PanelPlace[] {
  const columns = columnsOf(group, width);
  const heightPx = panelHeightPx(group, width);
  return group.panels.map((_, index) => ({
    left: (100 / columns) * (index % columns) + 1,
    width: 100 / columns - 2,
    topPx: TITLE_PX + Math.floor(index / columns) * (TITLE_PX + heightPx + GAP_PX),
    heightPx,
  }));
}

function grids(places: readonly PanelPlace[]) {
  return places.map(({ left, width, topPx, heightPx }) => ({
    left: `${left}%`,
    width: `${width}%`,
    top: topPx,
    height: heightPx,
    containLabel: true,
  }));
}

function titles(
  group: HeatGroup,
  palette: readonly string[],
  places: readonly PanelPlace[],
  isWide: boolean,
) {
  return group.panels.map((panel, index) => {
    const { left, width, topPx } = places[index] as PanelPlace;
    return {
      text: panel.design,
      // Over the middle of its panel, with the name of the axis at its left; a narrow window has no room for both.
      ...(isWide ? { left: `${left + width / 2}%`, textAlign: 'center' as const } : { left: 0 }),
      top: topPx - TITLE_PX,
      textStyle: { color: designColour(palette, panel.design), fontSize: 13 },
    };
  });
}

function timeEnd(group: HeatGroup): number {
  const ends = group.panels.flatMap((panel) =>
    panel.rectangles.length > 0 ? panel.rectangles.map(([, to]) => to) : panel.lines.map(([ms]) => ms),
  );
  return ends.reduce((a, b) => Math.max(a, b), 1);
}

/** The name of the axis stands below the last panel of each column. */
function timeAxes(group: HeatGroup, width: number) {
  const max = timeEnd(group);
  const isNamed = (index: number): boolean => index >= group.panels.length - columnsOf(group, width);
  return group.panels.map((_, gridIndex) =>
    axis({
      ...(isNamed(gridIndex) ? horizontalName('time since the start') : {}),
      gridIndex,
      type: 'value',
      min: 0,
      max,
      // The last one is at the edge of the plot and would be cut off.
      axisLabel: { formatter: showMs, alignMaxLabel: 'right' },
      splitLine: { show: false },
    }),
  );
}

/** The same range in every panel, so that they can be compared by eye. */
function serviceAxes(group: HeatGroup, values: readonly (number | null)[], width: number) {
  return group.panels.map((_, gridIndex) =>
    axis({
      // In a narrow window the design's name stands in its place; the caption says what is shown.
      name: gridIndex === 0 && width >= WIDE ? 'service time, logarithmic' : '',
      nameTextStyle: { align: 'left' },
      gridIndex,
      type: 'log',
      ...fittedLog(values),
      axisLabel: { formatter: showNs, hideOverlap: true },
    }),
  );
}

function sweepSeries(panel: HeatPanel, index: number): SeriesOption {
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

const drawRectangle: DrawShape = (_params, api) => {
  const [left = 0, top = 0] = api.coord([api.value(0), api.value(3)]);
  const [right = 0, bottom = 0] = api.coord([api.value(1), api.value(2)]);
  return {
    type: 'rect',
    // A hair wider than the field, so that no line of background shows between neighbours.
    shape: { x: left, y: top, width: right - left + 0.6, height: bottom - top + 0.6 },
    style: { fill: api.visual('color') as string },
  };
};

function heatMapOption(group: HeatGroup, palette: readonly string[], width: number): Option {
  const rectangles = group.panels.flatMap((panel) => panel.rectangles);
  const most = rectangles.reduce((a, [, , , , packets]) => Math.max(a, packets), 1);
  const places = panelPlaces(group, width);
  const base = baseOption(([mark]) => {
    const [from, to, low, high, packets] = mark.value as Rectangle;
    return [
      `${showMs(from)} to ${showMs(to)}`,
      `${showNs(low)} to ${showNs(high)}`,
      `${showCount(packets)} packets`,
    ];
  }, 'item');
  return {
    ...base,
    title: titles(group, palette, places, width >= WIDE),
    legend: { ...base.legend, left: 'right', data: ['sweep'], selectedMode: false },
    grid: grids(places),
    xAxis: timeAxes(group, width),
    yAxis: serviceAxes(
      group,
      rectangles.flatMap(([, , low, high]) => [low, high]),
      width,
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
      ...group.panels.map((panel, index): SeriesOption => ({
        name: panel.design,
        type: 'custom',
        xAxisIndex: index,
        yAxisIndex: index,
        renderItem: drawRectangle,
        clip: true,
        encode: { x: [0, 1], y: [2, 3] },
        data: panel.rectangles.map((rectangle) => [...rectangle, Math.log10(rectangle[4])]),
      })),
      ...group.panels.map(sweepSeries),
    ],
  };
}

const LINES = [
  ['p50', 'solid'],
  ['p99', 'dashed'],
  ['max', 'dotted'],
] as const;

function lineOption(group: HeatGroup, palette: readonly string[], width: number): Option {
  const places = panelPlaces(group, width);
  const base = baseOption(
    (marks) => [
      showMs(valueOf(marks[0], 0)),
      ...marks
        .filter(({ seriesName }) => seriesName !== 'sweep')
        .map((mark) => `${mark.seriesName}: ${showNs(valueOf(mark, 1))}`),
    ],
    'axis',
  );
  return {
    ...base,
    title: titles(group, palette, places, width >= WIDE),
    legend: { show: false },
    grid: grids(places),
    xAxis: timeAxes(group, width),
    yAxis: serviceAxes(
      group,
      group.panels.flatMap((panel) => panel.lines.flatMap(([, ...times]) => times)),
      width,
    ),
    series: [
      ...group.panels.flatMap((panel, panelIndex) =>
        LINES.map(([name, type], index): SeriesOption => ({
          name: `${panel.design}, ${name}`,
          type: 'line',
          xAxisIndex: panelIndex,
          yAxisIndex: panelIndex,
          color: designColour(palette, panel.design),
          lineStyle: { width: 2, type },
          showSymbol: panel.lines.length < 3,
          data: panel.lines.map((point) => [point[0], timeOf(point, index)]),
        })),
      ),
      ...group.panels.map(sweepSeries),
    ],
  };
}

/** The time of a point that a line of {@link LINES} shows. */
function timeOf(point: LinePoint, line: number): number | null {
  return point[line + 1] ?? null;
}

function isHeatMap(group: HeatGroup): boolean {
  return group.panels.some((panel) => panel.rectangles.length > 0);
}

/** Option for the timelines of the designs of one configuration. */
export function heatOption(group: HeatGroup, palette: readonly string[], width: number): Option {
  return isHeatMap(group) ? heatMapOption(group, palette, width) : lineOption(group, palette, width);
}

/** What the keyboard reads out at a point. */
export function heatReading(group: HeatGroup, seriesIndex: number, dataIndex: number): string {
  if (isHeatMap(group)) {
    const panel = group.panels[seriesIndex] as HeatPanel;
    const [from, to, low, high, packets] = panel.rectangles[dataIndex] as Rectangle;
    return `${panel.design}, ${showMs(from)} to ${showMs(to)}: ${showCount(packets)} packets took ${showNs(low)} to ${showNs(high)}`;
  }
  const panel = group.panels[Math.floor(seriesIndex / LINES.length)] as HeatPanel;
  const point = panel.lines[dataIndex] as LinePoint;
  const line = seriesIndex % LINES.length;
  const [name] = LINES[line] as (typeof LINES)[number];
  return `${panel.design}, ${showMs(point[0])}, ${name}: ${showNs(timeOf(point, line))}`;
}
