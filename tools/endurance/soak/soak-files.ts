/** A soak as a CSV and as a plot. */
import * as echarts from 'echarts';
import { toCsv } from '../../text/csv.js';
import { RULES, type SoakFigure, type SoakSample } from './soak-samples.js';

const FIGURES = Object.keys(RULES) as SoakFigure[];
const PANEL_WIDTH = 900;
const PANEL_HEIGHT = 150;
const MARGIN = { left: 110, right: 30, top: 40, bottom: 30 };

export function soakCsv(samples: readonly SoakSample[]): string {
  const names = ['tMs', 'packets', ...FIGURES] as const;
  return toCsv(
    names.map((name) => ({
      name,
      doc: name === 'tMs' ? 'since the start' : name === 'packets' ? 'so far' : RULES[name].name,
      value: (sample: SoakSample) => sample[name],
    })),
    samples,
  );
}

/** One panel a figure, over the minutes of the run, as SVG. */
export function soakPlot(samples: readonly SoakSample[], title: string): string {
  const chart = echarts.init(null, null, {
    renderer: 'svg',
    ssr: true,
    width: PANEL_WIDTH,
    height: MARGIN.top + FIGURES.length * PANEL_HEIGHT,
  });
  const top = (panel: number): number => MARGIN.top + panel * PANEL_HEIGHT + 24;
  chart.setOption({
    animation: false,
    title: [
      { text: title, left: 'center', textStyle: { fontSize: 14 } },
      ...FIGURES.map((figure, panel) => ({
        text: `${RULES[figure].name} (${RULES[figure].unit})`,
        left: MARGIN.left,
        top: top(panel) - 24,
        textStyle: { fontSize: 11, fontWeight: 'normal' as const },
      })),
    ],
    grid: FIGURES.map((_, panel) => ({
      left: MARGIN.left,
      right: MARGIN.right,
      top: top(panel),
      height: PANEL_HEIGHT - 24 - MARGIN.bottom,
    })),
    xAxis: FIGURES.map((_, panel) => ({ type: 'value' as const, gridIndex: panel, min: 0 })),
    yAxis: FIGURES.map((_, panel) => ({
      type: 'value' as const,
      gridIndex: panel,
      scale: true,
      splitNumber: 3,
    })),
    series: FIGURES.map((figure, panel) => ({
      type: 'line' as const,
      xAxisIndex: panel,
      yAxisIndex: panel,
      showSymbol: false,
      lineStyle: { width: 1 },
      data: samples.map((sample) => [sample.tMs / 60_000, sample[figure]]),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
