import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAIRNESS_MEASURED, FAIRNESS_NOTES } from '../../../tools/report/fairness.js';
import { loadPageAssets } from '../../../tools/report/page-assets.js';
import type { PageData } from '../../../tools/report/page-data.js';
import { PAGE_BYTES_MAX, renderPage } from '../../../tools/report/page.js';
import type { Run } from '../../../tools/result/runs.js';
import { latencyOf } from '../../support/distributions.js';
import { CHROMIUM, NO_CHROMIUM, startChromium, withWindow } from './chromium.js';
import { HOSTILE_TEXTS, hostileRun, sampleRuns } from './sample-runs.js';

const CHARTS = ['forest', 'trade', 'curves', 'heat', 'scaling', 'waits', 'lag', 'stale', 'nat'];

let folder: string;
let url: string;
let hostileUrl: string;
/** The page of two designs on one traffic, with trials. */
let twoUrl: string;
let html: string;
/** The page of all designs on one traffic, read from a long path. */
let allUrl: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ctreplay-page-'));
  html = await renderPage(sampleRuns({ kind: 'bench', trials: 2, workers: [1, 2, 4], packets: 1000 }));
  await writeFile(join(folder, 'report.html'), html);
  url = pathToFileURL(join(folder, 'report.html')).href;
  await writeFile(join(folder, 'two.html'), await renderPage(twoDesigns()));
  twoUrl = pathToFileURL(join(folder, 'two.html')).href;
  const [all] = sampleRuns({
    designs: ALL_DESIGNS,
    packets: 1000,
    captureName: '/srv/captures/of-a-long-name/that-breaks-at-nothing.pcap',
  });
  await writeFile(join(folder, 'all.html'), await renderPage([all!]));
  allUrl = pathToFileURL(join(folder, 'all.html')).href;
  await writeFile(join(folder, 'hostile.html'), await renderPage(HOSTILE_TEXTS.map(hostileRun)));
  hostileUrl = pathToFileURL(join(folder, 'hostile.html')).href;
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

/** Two designs on one traffic with one number of workers, with trials: what `replay` leaves. */
function twoDesigns(): Run[] {
  const runs = sampleRuns({ kind: 'bench', trials: 2, workers: [2], packets: 1000 });
  for (const { result } of runs) {
    delete result.scaling;
    for (const entry of result.cases) delete entry.nat;
  }
  return runs;
}

const ALL_DESIGNS = [
  'timeout-lists',
  'rculist-sweep',
  'narrow-insert',
  'timing-wheel',
  'table-scan',
  'sharded-wheel',
];

/** What the page's charts are made with, as far as it is looked at here. */
declare const echarts: {
  getInstanceByDom(element: Element): {
    getOption(): {
      xAxis: readonly Axis[];
      yAxis: readonly Axis[];
      series: readonly { type: string; data: readonly [number, number][] }[];
    };
    convertToPixel(place: object, point: readonly number[]): number[];
  };
};

interface Axis {
  readonly type: string;
  readonly name?: string;
  readonly min?: number;
  readonly max?: number;
}

/** Opens the page and returns what went wrong: console messages, errors, and requests besides the page itself. */
async function open(page: Page, address: string): Promise<string[]> {
  const faults: string[] = [];
  page.on('console', (message) => faults.push(`console ${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    if (request.url() !== address && !request.url().startsWith('data:'))
      faults.push(`request: ${request.url()}`);
  });
  await page.goto(address);
  await page.waitForFunction(() => document.querySelectorAll('.plot svg, .plot canvas').length > 0);
  return faults;
}

describe('the page', () => {
  it('is one file below 2 MB that refers to nothing', () => {
    expect(Buffer.byteLength(html)).toBeLessThan(PAGE_BYTES_MAX);
    const outside = html.replaceAll(/<script[\s\S]*?<\/script>/g, '');
    expect(outside).not.toMatch(/(?:src|href)="(?!#|data:)/);
    expect(outside).not.toMatch(/@import|url\(/);
  });

  it('stays below 2 MB with more cells than charts can show, and says what it left out', async () => {
    const [run] = sampleRuns({ packets: 200 });
    const many = Array.from({ length: 42 }, (_, index) => ({ ...run!, label: `run ${index}` }));
    const page = await renderPage(many);
    expect(Buffer.byteLength(page)).toBeLessThan(PAGE_BYTES_MAX);
    expect(page).toContain('Left out of the charts to keep this page small');
    expect(page).toMatch(/\d+ more rows are in the CSV files/);
  });

  it('says how far its comparison is that of the original, and where it is not', () => {
    const [, part = ''] = /<section id="fairness"([\s\S]*?)<\/section>/.exec(html) ?? [];
    const text = part.replaceAll(/\s+/g, ' ').replaceAll('&#39;', "'").replaceAll('&amp;', '&');
    expect(text).toContain(FAIRNESS_MEASURED);
    expect(FAIRNESS_NOTES.length).toBeGreaterThan(0);
    for (const note of FAIRNESS_NOTES) {
      expect(text).toContain(note.about);
      expect(text).toContain(note.text);
    }
  });

  it('has a text alternative and a table for every chart, and a scope for every heading of a table', () => {
    const figures = html.match(/<figure data-chart="[\s\S]*?<\/figure>/g) ?? [];
    expect(figures.map((figure) => /data-chart="(\w+)"/.exec(figure)![1]).toSorted()).toEqual(
      CHARTS.toSorted(),
    );
    for (const figure of figures) {
      expect(figure).toMatch(/role="img"\s+tabindex="0"\s+aria-label="[^"]{20,}"/);
      expect(figure).toContain('<table>');
    }
    expect(html).not.toMatch(/<th(?! scope=)[\s>]/);
  });
});

describe('what the page shows', () => {
  const sectionsOf = (text: string): string[] =>
    [...text.matchAll(/<section id="(\w+)"/g)].map((match) => match[1] as string);

  it('has the verdict first, then the ratios with their intervals', () => {
    expect(sectionsOf(html).slice(0, 2)).toEqual(['summary', 'comparisons']);
    const data = JSON.parse(/id="page-data">([\s\S]*?)<\/script>/.exec(html)![1]!) as PageData;
    expect(data.forest[0]).toMatchObject({ base: 'timeout-lists', head: 'rculist-sweep' });
    for (const row of data.forest[0]!.rows) expect(row.low <= row.ratio && row.ratio <= row.high).toBe(true);
    // The designs of a configuration beside each other in one picture.
    expect(data.heat[0]!.panels.map(({ design }) => design)).toEqual(['timeout-lists', 'rculist-sweep']);
  });

  it('leaves out what was not measured, in the contents too', async () => {
    const bare = await renderPage(sampleRuns({ minimal: true, packets: 200 }));
    expect(sectionsOf(bare)).not.toContain('nat');
    expect(sectionsOf(bare)).not.toContain('comparisons');
    expect(bare).not.toContain('href="#nat"');
    expect(bare).not.toContain('class="absent"');
    for (const [, id] of bare.matchAll(/<a href="#(\w+)"/g)) expect(sectionsOf(bare)).toContain(id);
  });

  it('has the options in force as a table, a line each', () => {
    const [, run = ''] = /<section id="run"([\s\S]*?)<\/section>/.exec(html) ?? [];
    expect(run).toContain('Every option in force');
    expect(run).not.toContain('{&quot;');
  });

  it('has both designs of a figure one under the other in every table', () => {
    const tables = html.match(/<table>[\s\S]*?<\/table>/g) ?? [];
    const cellsOf = (row: string): string[] =>
      [...row.matchAll(/<t[hd][^>]*>([\s\S]*?)<\/t[hd]>/g)].map(([, cell = '']) =>
        cell.replaceAll(/<[^>]*>/g, '').trim(),
      );
    let looked = 0;
    for (const table of tables) {
      const [head = [], ...rows] = (table.match(/<tr>[\s\S]*?<\/tr>/g) ?? []).map(cellsOf);
      const design = head.indexOf('Design');
      if (design === -1 || rows.length < 2) continue;
      looked++;
      // Rows of one figure differ in the design first: what stands left of it is the same for both.
      const figures = rows.map((row) => row.slice(0, design).join(' '));
      expect(new Set(figures).size).toBeLessThan(rows.length);
      for (const figure of new Set(figures)) {
        expect(figures.lastIndexOf(figure) - figures.indexOf(figure) + 1).toBe(
          figures.filter((each) => each === figure).length,
        );
      }
    }
    expect(looked).toBeGreaterThan(4);
  });

  it('has counts of one trial beside each other', async () => {
    const [one] = sampleRuns({ packets: 1000 });
    const three = structuredClone(one!);
    three.result.cases = [0, 1, 2].flatMap((trial) =>
      one!.result.cases.map((entry) => ({ ...structuredClone(entry), trial })),
    );
    const rowsOf = (page: string): string[][] => {
      const [, , table = ''] =
        /<section id="results"[\s\S]*?(<table>[\s\S]*?)(<table>[\s\S]*?<\/table>)/.exec(page)!;
      return (table.match(/<tr>[\s\S]*?<\/tr>/g) ?? []).map((row) =>
        [...row.matchAll(/<t[hd][^>]*>([\s\S]*?)<\/t[hd]>/g)].map(([, cell = '']) => cell),
      );
    };
    // Three times the same trial: none of the counts is another one.
    expect(rowsOf(await renderPage([three]))).toEqual(rowsOf(await renderPage([one!])));
  });

  it('says of a connection that was removed at once that it was', async () => {
    const [run] = sampleRuns({ packets: 1000 });
    for (const { expiry } of run!.result.cases) expiry!.lag = latencyOf([0, 0, 0, 5e9]);
    const page = await renderPage([run!]);
    const { lag } = JSON.parse(/id="page-data">([\s\S]*?)<\/script>/.exec(page)![1]!) as PageData;
    expect(lag[0]!.series.map(({ points }) => points[0]![1])).toEqual([0, 0]);
  });

  it('says whose counts a table has where there are several trials', async () => {
    const several = await renderPage(sampleRuns({ packets: 200, trials: 3, kind: 'bench' }));
    expect(several).toContain('Locks, all threads and trials together: ');
    expect(several).toContain('Work, counted in the first trial: ');
    const one = await renderPage(sampleRuns({ packets: 200, trials: 1 }));
    expect(one).toContain('Locks, all threads: ');
    expect(one).toContain('Work, counted: ');
  });

  it('lets every chart be saved as SVG and PNG', () => {
    for (const figure of html.match(/<figure data-chart="[\s\S]*?<\/figure>/g) ?? [])
      for (const format of ['svg', 'png']) expect(figure).toContain(`data-export="${format}"`);
    // Read out by themselves they say which chart they are of.
    const names = [...html.matchAll(/data-export="\w+" aria-label="([^"]+)"/g)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(2);
    expect(new Set(names).size).toBe(names.length);
  });

  it('gives a design one colour, in bars as in charts', () => {
    const colours = new Set(
      [...html.matchAll(/class="fill" style="width:[\d.]+%;background:var\((--series-\d)\)"/g)].map(
        (match) => match[1],
      ),
    );
    expect(colours).toEqual(new Set(['--series-0', '--series-1']));
  });
});

describe("the page's script", () => {
  it('is a classic script that can stand in a page', async () => {
    const { script } = await loadPageAssets();
    // As a script, which an import or an export would be an error in.
    expect(() => new Script(script)).not.toThrow();
    expect(script).not.toContain('</script');
  });
});

describe.skipIf(CHROMIUM === undefined)(`in Chromium (else: ${NO_CHROMIUM})`, () => {
  let browser: Browser;
  beforeAll(async () => void (browser = await startChromium()));
  afterAll(async () => browser.close());

  const openings = [
    { width: 390, height: 844, colorScheme: 'dark' as const },
    { width: 1280, height: 900, colorScheme: 'light' as const },
    { width: 390, height: 844, colorScheme: 'light' as const },
    { width: 1280, height: 900, colorScheme: 'dark' as const },
  ];

  // All four with CTREPLAY_LONG: each takes a second or two.
  it.each(openings.slice(0, process.env['CTREPLAY_LONG'] === undefined ? 2 : 4))(
    'opens at $width pixels, $colorScheme, without error, request or sideways scrolling',
    async (opening) => {
      await withWindow(browser, opening, async (page) => {
        const faults = await open(page, url);
        expect(await page.locator('.plot svg, .plot canvas').count()).toBe(CHARTS.length);
        const { scroll, width, background, ink } = await page.evaluate(() => ({
          scroll: document.documentElement.scrollWidth,
          width: innerWidth,
          background: getComputedStyle(document.body).backgroundColor,
          ink: getComputedStyle(document.body).color,
        }));
        expect(scroll).toBeLessThanOrEqual(width);
        const brightness = (colour: string): number => Number(/\d+/.exec(colour)![0]);
        expect(brightness(background) > brightness(ink)).toBe(opening.colorScheme === 'light');
        expect(faults).toEqual([]);
      });
    },
  );

  it('has axes that are named, have units, and fit what they show', async () => {
    await withWindow(browser, { width: 1280, height: 900, colorScheme: 'light' }, async (page) => {
      await open(page, twoUrl);
      const charts = await page.evaluate(() =>
        [...document.querySelectorAll<HTMLElement>('figure[data-chart]')].map((figure) => {
          const chart = echarts.getInstanceByDom(figure.querySelector('.plot')!);
          const { xAxis, yAxis, series } = chart.getOption();
          return {
            name: figure.dataset['chart'],
            names: [...xAxis, ...yAxis].map(({ name = '' }) => name).filter((text) => text !== ''),
            yTypes: yAxis.map(({ type }) => type),
            text: figure.querySelector('.plot')!.textContent,
            curves: series.filter(({ type }) => type === 'line').map(({ data }) => data),
            low: Number(yAxis[0]?.min),
            high: Number(yAxis[0]?.max),
          };
        }),
      );
      const shown = charts.map(({ name }) => name).toSorted();
      expect(shown).toEqual(['curves', 'forest', 'heat', 'lag', 'stale', 'trade']);
      // The rows of the forest name themselves, and panels that share an axis name it once.
      for (const { name, names } of charts)
        expect(`${name} ${names.length > (name === 'forest' ? 0 : 1)}`).toBe(`${name} true`);
      const of = (name: string) => charts.find((each) => each.name === name)!;
      expect(of('curves').text).toMatch(/\d (?:ns|µs|ms)/);
      expect(of('lag').text).toMatch(/\d (?:ms|s)/);
      // Lags of seconds do not share an axis with nanoseconds; what is expired has one of its own beside all.
      expect(of('lag').yTypes).toEqual(['value']);
      expect(of('stale').yTypes).toHaveLength(2);
      // A logarithmic axis ends within a power of ten of the data at either end.
      const times = of('curves')
        .curves.flat()
        .map(([, ns]) => ns as number);
      expect(of('curves').low).toBeGreaterThan(Math.min(...times) / 10);
      expect(of('curves').high).toBeLessThan(Math.max(...times) * 10);
    });
  });

  it.each([1280, 390])('shows where a table goes on at %d pixels', async (width) => {
    await withWindow(browser, { width, height: 900, colorScheme: 'light' }, async (page) => {
      await open(page, twoUrl);
      const cut = await page.evaluate(() => {
        for (const details of document.querySelectorAll('details')) details.open = true;
        return [...document.querySelectorAll('table')]
          .filter((table) => table.scrollWidth > table.parentElement!.clientWidth + 1)
          .map((table) => {
            const { backgroundImage, overflowX } = getComputedStyle(table.parentElement!);
            return `${overflowX} ${(backgroundImage.match(/gradient/g) ?? []).length}`;
          });
      });
      if (width === 390) expect(cut.length).toBeGreaterThan(2);
      expect(new Set(cut)).toEqual(new Set(cut.length === 0 ? [] : ['auto 4']));
    });
  });

  it.each([1280, 360])('draws all designs at %d pixels, and names every one', async (width) => {
    await withWindow(browser, { width, height: 900, colorScheme: 'light' }, async (page) => {
      await open(page, allUrl);
      const { heats, names, overlaps } = await page.evaluate(() => {
        const plot = document.querySelector<HTMLElement>('[data-chart=heat] .plot')!;
        const heat = echarts.getInstanceByDom(plot);
        const y = (panel: number, ns: number) =>
          heat.convertToPixel({ xAxisIndex: panel, yAxisIndex: panel }, [0, ns])[1]!;
        const { yAxis } = heat.getOption();
        return {
          heats: yAxis.map(({ min, max }, panel) => ({ top: y(panel, max!), bottom: y(panel, min!) })),
          names: document.querySelector('[data-chart=curves] .plot')!.textContent,
          overlaps: [...document.querySelectorAll('table')].flatMap((table) =>
            [...table.querySelectorAll<HTMLElement>('th, td')].filter(
              (cell) => cell.scrollWidth > cell.clientWidth + 1,
            ),
          ).length,
        };
      });
      expect(heats).toHaveLength(ALL_DESIGNS.length);
      // From the top downwards, high enough to be read, and none over another.
      for (const { top, bottom } of heats) expect(bottom - top).toBeGreaterThan(60);
      const columns = width === 1280 ? 2 : 1;
      for (const [index, { top }] of heats.slice(columns).entries())
        expect(top).toBeGreaterThan(heats[index]!.bottom + 26);
      for (const design of ALL_DESIGNS) expect(names).toContain(design);
      expect(overlaps).toBe(0);
    });
  });

  it('has no empty boxes without its script, and says why', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    try {
      const page = await context.newPage();
      await page.goto(url);
      expect(await page.locator('.plot').count()).toBeGreaterThan(5);
      for (const part of ['.plot', '.export', 'select'])
        for (const element of await page.locator(part).all()) expect(await element.isVisible()).toBe(false);
      expect(await page.locator('body > noscript').innerText()).toContain('Charts need JavaScript');
      await page.locator('#latency summary', { hasText: 'The figures as a table' }).click();
      expect(await page.locator('#latency table').first().isVisible()).toBe(true);
    } finally {
      await context.close();
    }
  });

  it('names on paper what stays folded, and breaks no figure', async () => {
    await withWindow(browser, { width: 700, height: 900, colorScheme: 'light' }, async (page) => {
      await open(page, allUrl);
      await page.emulateMedia({ media: 'print' });
      const { summaries, broken } = await page.evaluate(() => {
        const range = document.createRange();
        const lines = (node: Node, from: number, to: number): number => {
          range.setStart(node, from);
          range.setEnd(node, to);
          return new Set([...range.getClientRects()].map(({ top }) => top)).size;
        };
        return {
          summaries: [...document.querySelectorAll('#work summary, #fairness summary')].map(
            (summary) => summary.getBoundingClientRect().height > 0,
          ),
          broken: [...document.querySelectorAll('td:not(.left)')]
            .filter((cell) => cell.getBoundingClientRect().height > 0)
            .flatMap((cell) => {
              const text = cell.lastChild;
              return [...(text?.textContent ?? '').matchAll(/[\d.,]+/g)]
                .filter(({ index, 0: figure }) => lines(text!, index, index + figure.length) > 1)
                .map(([figure]) => figure);
            }),
        };
      });
      expect(summaries).toEqual([true, true]);
      expect(broken).toEqual([]);
    });
  });

  it('puts what belongs together beside each other in a wide window, so that the page is short', async () => {
    const place = (page: Page, selector: string) => page.locator(selector).boundingBox();
    await withWindow(browser, { width: 1280, height: 900, colorScheme: 'light' }, async (page) => {
      await open(page, twoUrl);
      const [latency, expiration] = [await place(page, '#latency'), await place(page, '#expiration')];
      expect(latency!.y).toBe(expiration!.y);
      const [lag, stale] = [await place(page, '[data-chart=lag]'), await place(page, '[data-chart=stale]')];
      expect(lag!.y).toBe(stale!.y);
      // Before the charts stood beside each other, and what only some look for was folded, it was 6371 pixels high.
      expect(await page.evaluate(() => document.documentElement.scrollHeight)).toBeLessThan(6371 / 2);
    });
    await withWindow(browser, { width: 390, height: 844, colorScheme: 'light' }, async (page) => {
      await open(page, twoUrl);
      const [latency, expiration] = [await place(page, '#latency'), await place(page, '#expiration')];
      expect(expiration!.y).toBeGreaterThan(latency!.y + latency!.height - 1);
      // It was 8604 pixels high.
      expect(await page.evaluate(() => document.documentElement.scrollHeight)).toBeLessThan(8604 / 2);
    });
  });

  it('shows figures on hover and by keyboard, changes what a chart shows, and prints', async () => {
    await withWindow(browser, { width: 1280, height: 900, colorScheme: 'dark' }, async (page) => {
      const faults = await open(page, url);
      const curves = page.locator('figure[data-chart="curves"]');
      const plot = curves.locator('.plot');
      await plot.scrollIntoViewIfNeeded();
      await plot.hover({ position: { x: 200, y: 150 } });
      await page.waitForFunction(() =>
        document.querySelector('figure[data-chart="curves"] .plot')?.textContent?.includes('up to '),
      );
      expect(await plot.innerText()).toMatch(/up to [\d.]+ %[\s\S]*timeout-lists, service: [\d.]+ (ns|µs)/);

      await plot.focus();
      for (const key of ['ArrowRight', 'ArrowRight', 'ArrowDown', 'End']) await page.keyboard.press(key);
      expect(await curves.locator('.reading').innerText()).toMatch(
        /^timeout-lists, response, [\d.]+ %: [\d.]+ [nµm]s$/,
      );

      const before = await plot.innerHTML();
      await curves.locator('select').selectOption('1');
      expect(await plot.innerHTML()).not.toBe(before);

      for (const [format, begin] of [
        ['svg', '<svg'],
        ['png', '\u0089PNG'],
      ] as const) {
        const saved = page.waitForEvent('download');
        await curves.locator(`[data-export="${format}"]`).click();
        const file = await saved;
        expect(file.suggestedFilename()).toBe(`ctreplay-curves.${format}`);
        const bytes = await readFile(await file.path());
        expect(bytes.subarray(0, begin.length).toString('latin1')).toBe(begin);
      }

      const pdf = await page.pdf({ format: 'A4' });
      expect(pdf.subarray(0, 5).toString('latin1')).toBe('%PDF-');
      expect(pdf.length).toBeGreaterThan(20_000);
      expect(faults).toEqual([]);
    });
  });

  it('runs nothing that names and packet text hold', async () => {
    await withWindow(browser, { width: 1280, height: 900, colorScheme: 'light' }, async (page) => {
      const faults = await open(page, hostileUrl);
      await page.locator('figure[data-chart="curves"] .plot').hover({ position: { x: 200, y: 150 } });
      const found = await page.evaluate(() => ({
        pwned: 'pwned' in globalThis,
        scripts: document.scripts.length,
        images: document.querySelectorAll('img, iframe, object, embed, svg[onload]').length,
        handlers: [...document.querySelectorAll('*')].filter((element) =>
          element.getAttributeNames().some((name) => name.startsWith('on')),
        ).length,
      }));
      expect(found).toEqual({ pwned: false, scripts: 3, images: 0, handlers: 0 });
      expect(faults).toEqual([]);
    });
  });
});
