/** Colours of the page as the charts need them. */
import type { CustomSeriesRenderItem, EChartsOption } from 'echarts';

/** A mark under the pointer, as ECharts gives it to a tooltip. */
export interface Mark {
  readonly seriesName: string;
  readonly seriesIndex: number;
  /** The row of data that was drawn: numbers by dimension; for a bar its one value. */
  readonly value: readonly number[] | number | null;
  /** The name of its place on a category axis. */
  readonly axisValue: string;
}

/** What a chart is drawn with. */
export type Option = EChartsOption;

/** Draws one row of data as a shape of its own. */
export type DrawShape = CustomSeriesRenderItem;

/** Switches to and from the colours of paper, which is light whatever the screen is; redraw the charts afterwards. */
export function setPaper(on: boolean): void {
  document.documentElement.classList.toggle('paper', on);
}

/** The current value of a colour variable of the style sheet. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The colour of a design: the same in every chart and page. */
export function designColour(palette: readonly string[], design: string): string {
  return colour(`--series-${Math.max(0, palette.indexOf(design)) % 6}`);
}

/** A number of a mark's row. */
export function valueOf(mark: Mark, dimension: number): number {
  return (mark.value as readonly number[])[dimension] as number;
}

/** Wide enough to tell solid from dashed and dotted. */
const LEGEND_MARK_PX = 36;
const LEGEND_GAP_PX = 10;
const LEGEND_LINE_PX = 24;
/** A character of a legend, rather too wide than too narrow. */
const LEGEND_CHARACTER_PX = 7;
const LEGEND_NAME_CHARACTERS = 40;

function legendName(name: string): string {
  return name.length > LEGEND_NAME_CHARACTERS ? `${name.slice(0, LEGEND_NAME_CHARACTERS - 1)}…` : name;
}

/** Room that the lines of a chart's legend take beyond the first, in a plot so wide. */
export function legendRoomPx(option: Option, width: number): number {
  const { data, show } = option.legend as { data?: readonly string[]; show?: boolean };
  if (show === false) return 0;
  const names = data ?? (option.series as readonly { name: string }[]).map(({ name }) => name);
  let lines = 1;
  let usedPx = 0;
  for (const name of new Set(names)) {
    const itemPx = LEGEND_MARK_PX + LEGEND_GAP_PX + 5 + legendName(name).length * LEGEND_CHARACTER_PX;
    if (usedPx > 0 && usedPx + itemPx > width) {
      lines += 1;
      usedPx = 0;
    }
    usedPx += itemPx;
  }
  return (lines - 1) * LEGEND_LINE_PX;
}

/** A chart with as much room more above it. */
export function lowered(option: Option, byPx: number): Option {
  const grid = option.grid as { top: number };
  return byPx === 0 ? option : { ...option, grid: { ...grid, top: grid.top + byPx } };
}

/**
 * What every chart has in common.
 * @param tooltip lines of text for the marks under the pointer, one or more; they are escaped here
 */
export function baseOption(
  tooltip: (marks: readonly [Mark, ...Mark[]]) => readonly string[],
  trigger: 'axis' | 'item',
) {
  const ink = colour('--ink');
  return {
    animation: false,
    textStyle: { color: ink, fontFamily: 'system-ui, sans-serif' },
    grid: { left: 8, right: 34, top: 58, bottom: 30, containLabel: true },
    legend: {
      // All names at once, on as many lines as they need: pages to turn are of no use on paper and in a saved picture.
      type: 'plain' as const,
      top: 0,
      left: 0,
      itemWidth: LEGEND_MARK_PX,
      itemGap: LEGEND_GAP_PX,
      formatter: legendName,
      textStyle: { color: ink },
      inactiveColor: colour('--muted'),
    },
    tooltip: {
      trigger,
      confine: true,
      backgroundColor: colour('--surface'),
      borderColor: colour('--rule'),
      textStyle: { color: ink, fontSize: 13 },
      extraCssText: 'max-width: 22rem; white-space: normal;',
      formatter: (given: unknown) =>
        tooltip((Array.isArray(given) ? given : [given]) as [Mark, ...Mark[]])
          .map(escapeText)
          .join('<br>'),
    },
  };
}

/** An axis in the page's colours. */
export function axis<const T extends { readonly type: string; readonly axisLabel?: object }>(options: T) {
  return {
    nameTextStyle: { color: colour('--muted') },
    axisLine: { show: true, lineStyle: { color: colour('--rule') } },
    splitLine: { show: true, lineStyle: { color: colour('--rule'), opacity: 0.6 } },
    ...options,
    axisLabel: { color: colour('--muted'), hideOverlap: true, ...options.axisLabel },
  };
}

/** The name of a horizontal axis goes below its middle. */
export function horizontalName(name: string) {
  return { name, nameLocation: 'middle' as const, nameGap: 28 };
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text for HTML. */
function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (found) => ENTITIES[found] as string);
}
