/** Draws the charts and keeps them in step with the window, the theme, the choice above each, and printing. */
import type { ECharts } from 'echarts';
import type { PageData } from '../page-data.js';
import { colour, legendRoomPx, lowered, setPaper, type Option } from './theme.js';
import { forestHeightPx, forestOption, forestReading } from './forest-chart.js';
import { curveOption, curveReading } from './curve-chart.js';
import { heatHeightPx, heatOption, heatReading } from './heat-chart.js';
import { scalingOption, scalingReading, waitsOption, waitsReading } from './scaling-chart.js';
import { tradeOption, tradeReading } from './trade-chart.js';
import { natOption, natReading, staleOption, staleReading } from './occupancy-chart.js';

/** The chart library, a script of its own before this one. */
declare const echarts: typeof import('echarts');

/** The parts of the page's data that hold a list of groups. */
type GroupedData = Exclude<keyof PageData, 'designs' | 'palette' | 'leftOut'>;

/** A kind of chart, for one group of its data. */
interface ChartKind<Group> {
  readonly data: GroupedData;
  readonly renderer: 'svg' | 'canvas';
  readonly option: (group: Group, palette: readonly string[], width: number) => Option;
  /** What the keyboard reads out at a point. */
  readonly reading: (group: Group, seriesIndex: number, dataIndex: number) => string;
  /** How high a chart is that is as high as its rows need; absent = as the style sheet has it. */
  readonly heightPx?: (group: Group, width: number) => number;
}

/** Ties what draws a chart to the data that it draws; groups of all kinds go through one list below. */
function kind<Key extends GroupedData>(
  data: Key,
  drawing: Omit<ChartKind<PageData[Key][number]>, 'data' | 'renderer'>,
  renderer: 'svg' | 'canvas' = 'svg',
): ChartKind<never> {
  return { data, renderer, ...drawing };
}

const CHARTS: Readonly<Record<string, ChartKind<never>>> = {
  forest: kind('forest', {
    option: forestOption,
    reading: forestReading,
    heightPx: forestHeightPx,
  }),
  trade: kind('trade', { option: tradeOption, reading: tradeReading }),
  curves: kind('curves', { option: curveOption, reading: curveReading }),
  heat: kind('heat', { option: heatOption, reading: heatReading, heightPx: heatHeightPx }, 'canvas'),
  scaling: kind('scaling', { option: scalingOption, reading: scalingReading }),
  waits: kind('scaling', { option: waitsOption, reading: waitsReading }),
  lag: kind('lag', { option: curveOption, reading: curveReading }),
  stale: kind('stale', { option: staleOption, reading: staleReading }),
  nat: kind('nat', { option: natOption, reading: natReading }),
};

const pageData = JSON.parse(document.getElementById('page-data')?.textContent ?? 'null') as PageData;
const drawn: { readonly chart: ECharts; readonly draw: () => void }[] = [];

/** An element that the page's sections put into every figure. */
function part<E extends HTMLElement>(figure: HTMLElement, selector: string): E {
  return figure.querySelector<E>(selector) as E;
}

function startChart(figure: HTMLElement): void {
  const name = figure.dataset['chart'] as string;
  const { data, renderer, option: optionOf, reading, heightPx } = CHARTS[name] as ChartKind<never>;
  const plot = part(figure, '.plot');
  const select = figure.querySelector('select');
  const chart = echarts.init(plot, null, { renderer });
  const group = () => pageData[data][select ? Number(select.value) : 0] as never;
  const option = (): Option => {
    const made = optionOf(group(), pageData.palette, chart.getWidth());
    return lowered(made, legendRoomPx(made, chart.getWidth()));
  };
  const draw = (): void => {
    if (heightPx !== undefined) plot.style.height = `${heightPx(group(), chart.getWidth())}px`;
    const made = optionOf(group(), pageData.palette, chart.getWidth());
    plot.style.setProperty('--legend-room', `${legendRoomPx(made, chart.getWidth())}px`);
    chart.resize();
    chart.setOption(option(), true);
  };
  draw();
  for (const button of figure.querySelectorAll<HTMLElement>('[data-export]'))
    button.addEventListener('click', () =>
      exportChart(button.dataset['export'] === 'svg' ? 'svg' : 'png', name, plot, option()),
    );
  if (select) select.addEventListener('change', draw);
  followKeys(plot, chart, (series, point) => {
    part(figure, '.reading').textContent = reading(group(), series, point);
  });
  new ResizeObserver(() => {
    if (document.documentElement.classList.contains('paper') || plot.clientWidth === chart.getWidth()) return;
    chart.resize();
    draw();
  }).observe(plot);
  drawn.push({ chart, draw });
}

/** Saves a chart as it is shown, as a picture of its own. */
function exportChart(format: 'svg' | 'png', name: string, plot: HTMLElement, option: Option): void {
  const size = { width: plot.clientWidth, height: plot.clientHeight };
  const isSvg = format === 'svg';
  const copy = echarts.init(isSvg ? null : document.createElement('div'), null, {
    renderer: isSvg ? 'svg' : 'canvas',
    ssr: isSvg,
    devicePixelRatio: 2,
    ...size,
  });
  copy.setOption({ ...option, backgroundColor: colour('--surface') });
  const link = document.createElement('a');
  link.download = `ctreplay-${name}.${format}`;
  link.href = isSvg
    ? `data:image/svg+xml;charset=utf-8,${encodeURIComponent(copy.renderToSVGString())}`
    : copy.getDataURL({ type: 'png', pixelRatio: 2 });
  copy.dispose();
  link.click();
}

/** Left and right move along a series, up and down change it, Home and End go to its ends. */
function followKeys(plot: HTMLElement, chart: ECharts, read: (series: number, point: number) => void): void {
  let series = 0;
  let point = -1;
  const lengths = (): number[] =>
    (chart.getOption()['series'] as { data?: unknown[] }[]).map(({ data }) => data?.length ?? 0);
  plot.addEventListener('keydown', (event) => {
    const sizes = lengths();
    if ((sizes[series] ?? 0) === 0)
      series = Math.max(
        0,
        sizes.findIndex((size) => size > 0),
      );
    const last = (sizes[series] ?? 0) - 1;
    if (last < 0) return;
    if (event.key === 'ArrowRight') point = Math.min(last, point + 1);
    else if (event.key === 'ArrowLeft') point = Math.max(0, point - 1);
    else if (event.key === 'Home') point = 0;
    else if (event.key === 'End') point = last;
    else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      const step = event.key === 'ArrowDown' ? 1 : sizes.length - 1;
      do series = (series + step) % sizes.length;
      while (sizes[series] === 0);
      point = Math.min(Math.max(point, 0), (sizes[series] as number) - 1);
    } else return;
    event.preventDefault();
    chart.dispatchAction({ type: 'showTip', seriesIndex: series, dataIndex: point });
    read(series, point);
  });
}

function redrawAll(): void {
  for (const { draw } of drawn) draw();
}

/** Width of a chart on paper, in CSS pixels: A4 and Letter with their margins. The window's own width says nothing. */
const PAPER_WIDTH = 680;

function toPaper(on: boolean): void {
  setPaper(on);
  for (const { chart } of drawn) chart.resize({ width: on ? PAPER_WIDTH : 'auto' });
  redrawAll();
}

for (const figure of document.querySelectorAll<HTMLElement>('figure[data-chart]')) startChart(figure);

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redrawAll);
addEventListener('beforeprint', () => toPaper(true));
addEventListener('afterprint', () => toPaper(false));
