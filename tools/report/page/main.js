/** Draws the charts and keeps them in step with the window, the theme, the choice above each, and printing. */
import { colour, setPaper } from './theme.js';
import { forestOption, forestReading } from './forest-chart.js';
import { curveOption, curveReading } from './curve-chart.js';
import { heatOption, heatReading } from './heat-chart.js';
import { scalingOption, scalingReading, waitsOption, waitsReading } from './scaling-chart.js';
import { tradeOption, tradeReading } from './trade-chart.js';
import { natOption, natReading, staleOption, staleReading } from './occupancy-chart.js';

const CHARTS = {
  forest: { data: 'forest', option: forestOption, reading: forestReading, renderer: 'svg' },
  trade: { data: 'trade', option: tradeOption, reading: tradeReading, renderer: 'svg' },
  curves: { data: 'curves', option: curveOption, reading: curveReading, renderer: 'svg' },
  heat: { data: 'heat', option: heatOption, reading: heatReading, renderer: 'canvas' },
  scaling: { data: 'scaling', option: scalingOption, reading: scalingReading, renderer: 'svg' },
  waits: { data: 'scaling', option: waitsOption, reading: waitsReading, renderer: 'svg' },
  lag: { data: 'lag', option: curveOption, reading: curveReading, renderer: 'svg' },
  stale: { data: 'stale', option: staleOption, reading: staleReading, renderer: 'svg' },
  nat: { data: 'nat', option: natOption, reading: natReading, renderer: 'svg' },
};

const pageData = JSON.parse(document.getElementById('page-data').textContent);
const drawn = [];

function startChart(figure) {
  const kind = CHARTS[figure.dataset.chart];
  const groups = pageData[kind.data];
  const plot = figure.querySelector('.plot');
  const select = figure.querySelector('select');
  const reading = figure.querySelector('.reading');
  const chart = echarts.init(plot, null, { renderer: kind.renderer });
  const group = () => groups[select ? Number(select.value) : 0];
  const option = () => kind.option(group(), pageData.designs, chart.getWidth());
  const draw = () => {
    if (kind.data === 'forest') fitRows(plot, chart, group().rows.length);
    chart.setOption(option(), true);
  };
  draw();
  for (const button of figure.querySelectorAll('[data-export]'))
    button.addEventListener('click', () =>
      exportChart(button.dataset.export, figure.dataset.chart, plot, option()),
    );
  if (select) select.addEventListener('change', draw);
  followKeys(plot, chart, reading, (series, point) => kind.reading(group(), series, point));
  new ResizeObserver(() => {
    if (document.documentElement.classList.contains('paper') || plot.clientWidth === chart.getWidth()) return;
    chart.resize();
    draw();
  }).observe(plot);
  drawn.push({ chart, draw });
}

/** A forest is as high as it has rows. */
function fitRows(plot, chart, rows) {
  plot.style.height = `${Math.max(7, 3.5 + rows * 1.75)}rem`;
  chart.resize();
}

/** Saves a chart as it is shown, as a picture of its own. */
function exportChart(format, name, plot, option) {
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
function followKeys(plot, chart, reading, textAt) {
  let series = 0;
  let point = -1;
  const lengths = () => chart.getOption().series.map((one) => one.data?.length ?? 0);
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
      point = Math.min(Math.max(point, 0), sizes[series] - 1);
    } else return;
    event.preventDefault();
    chart.dispatchAction({ type: 'showTip', seriesIndex: series, dataIndex: point });
    reading.textContent = textAt(series, point);
  });
}

function redrawAll() {
  for (const { draw } of drawn) draw();
}

/** Width of a chart on paper, in CSS pixels: A4 and Letter with their margins. The window's own width says nothing. */
const PAPER_WIDTH = 680;

function toPaper(on) {
  setPaper(on);
  for (const { chart } of drawn) chart.resize({ width: on ? PAPER_WIDTH : 'auto' });
  redrawAll();
}

for (const figure of document.querySelectorAll('figure[data-chart]')) startChart(figure);

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redrawAll);
addEventListener('beforeprint', () => toPaper(true));
addEventListener('afterprint', () => toPaper(false));
