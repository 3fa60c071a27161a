/** Colours of the page as the charts need them. */

/** Switches to and from the colours of paper, which is light whatever the screen is; redraw the charts afterwards. */
export function setPaper(on) {
  document.documentElement.classList.toggle('paper', on);
}

/** The current value of a colour variable of the style sheet. */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The colour of a design: the same in every chart. */
export function designColour(designs, design) {
  return colour(`--series-${Math.max(0, designs.indexOf(design)) % 6}`);
}

/** What every chart has in common. `tooltip` gives lines of text; they are escaped here. */
export function baseOption(tooltip, trigger) {
  const ink = colour('--ink');
  return {
    animation: false,
    textStyle: { color: ink, fontFamily: 'system-ui, sans-serif' },
    grid: { left: 8, right: 34, top: 58, bottom: 30, containLabel: true },
    legend: {
      type: 'scroll',
      top: 0,
      left: 0,
      // Wide enough to tell solid from dashed and dotted.
      itemWidth: 36,
      textStyle: { color: ink },
      pageTextStyle: { color: ink },
      pageIconColor: ink,
      inactiveColor: colour('--muted'),
    },
    tooltip: {
      trigger,
      confine: true,
      backgroundColor: colour('--surface'),
      borderColor: colour('--rule'),
      textStyle: { color: ink, fontSize: 13 },
      extraCssText: 'max-width: 22rem; white-space: normal;',
      formatter: (given) => tooltip(given).map(escapeText).join('<br>'),
    },
  };
}

/** An axis in the page's colours. */
export function axis(options) {
  const { name, ...rest } = options;
  return {
    name,
    nameTextStyle: { color: colour('--muted') },
    axisLine: { show: true, lineStyle: { color: colour('--rule') } },
    splitLine: { show: true, lineStyle: { color: colour('--rule'), opacity: 0.6 } },
    ...rest,
    axisLabel: { color: colour('--muted'), hideOverlap: true, ...rest.axisLabel },
  };
}

/** The name of a horizontal axis goes below its middle. */
export function horizontalName(name) {
  return { name, nameLocation: 'middle', nameGap: 28 };
}

/** Text for HTML. */
export function escapeText(text) {
  return String(text).replace(
    /[&<>"']/g,
    (found) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[found],
  );
}
