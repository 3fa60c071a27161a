/** report.html: one file that needs nothing else and asks the network for nothing. */
import { createHash } from 'node:crypto';
import { cellsOf, comparableGroups } from '../result/cells.js';
import { jsonForScript } from '../text/escape.js';
import { fairnessSection } from './page-fairness.js';
import { markup, trusted, type Html, type HtmlValue } from './html.js';
import { loadPageAssets, type PageAssets } from './page-assets.js';
import { DETAILS, pageData, type Detail, type PageData } from './page-data.js';
import { beside, latencySection, scalingSection, type PageContent } from './page-sections.js';
import { tradeSection } from './page-trade-section.js';
import { expirySection, natSection, timelineSection } from './page-over-time.js';
import {
  auditSection,
  comparisonSection,
  lockSection,
  runSection,
  summarySection,
  warningsOf,
  workSection,
} from './page-tables.js';
import { resultsSection } from './page-results.js';
import type { Run } from '../result/runs.js';
import { summarySentences } from './summary-sentences.js';
import { buildsText, figuresBuild, throughputBuild } from '../result/throughput.js';

/** The page stays below this, so that it can be mailed and opened on a phone. */
export const PAGE_BYTES_MAX = 2 * 1000 * 1000;

/** Sections in the order of the page; also its table of contents. */
const CONTENTS: readonly [id: string, heading: string][] = [
  ['summary', 'Summary'],
  ['comparisons', 'Comparison'],
  ['trade', 'Throughput against lag'],
  ['results', 'Results'],
  ['latency', 'Latency'],
  ['expiration', 'Expiration'],
  ['timeline', 'Over time'],
  ['scaling', 'Scaling'],
  ['nat', 'NAT'],
  ['locks', 'Locks'],
  ['run', 'What was run'],
  ['work', 'Work'],
  ['fairness', 'Beside the original'],
  ['audit', 'Self-audit'],
];

/** The whole page. Charts hold less where the page would otherwise grow past {@link PAGE_BYTES_MAX}, and it says so. */
export async function renderPage(runs: readonly Run[]): Promise<string> {
  const assets = await loadPageAssets();
  let page = '';
  for (const detail of DETAILS) {
    page = pageText(runs, detail, assets);
    if (Buffer.byteLength(page) < PAGE_BYTES_MAX) break;
  }
  return page;
}

function scriptHash(script: string): string {
  return `'sha256-${createHash('sha256').update(script).digest('base64')}'`;
}

/** Not written out in a template: the bundler would replace such a template by a call of a package of its own. */
const SCRIPT_END = trusted('</script>');

/** No space may stand inside the elements: the policy's hashes are over every character. */
function scriptElements(data: PageData, library: string, script: string): Html {
  return markup`<script type="application/json" id="page-data">${trusted(jsonForScript(data))}${SCRIPT_END}
<script>${trusted(library)}${SCRIPT_END}
<script>${trusted(script)}${SCRIPT_END}`;
}

/** Only the two scripts written here may run, whatever a name in the result says; nothing may be fetched. */
function policyOf(library: string, script: string): string {
  return [
    "default-src 'none'",
    `script-src ${scriptHash(library)} ${scriptHash(script)}`,
    "style-src 'unsafe-inline'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

/** Every section by its id; null where there is nothing in it. */
function sectionsOf(runs: readonly Run[], content: PageContent): Readonly<Record<string, Html | null>> {
  const { data, rowsMax } = content;
  return {
    summary: summarySection(summarySentences(runs), warningsOf(runs)),
    comparisons: comparisonSection(runs, rowsMax, data.forest),
    trade: tradeSection(content),
    results: resultsSection(content),
    latency: latencySection(content),
    timeline: timelineSection(content),
    scaling: scalingSection(content),
    locks: lockSection(content),
    expiration: expirySection(content),
    nat: natSection(content),
    work: workSection(content),
    run: runSection(runs, rowsMax),
    fairness: fairnessSection(),
    audit: auditSection(runs, rowsMax),
  };
}

function pageText(runs: readonly Run[], detail: Detail, { style, script, library }: PageAssets): string {
  const data = pageData(runs, detail);
  const rowsMax = detail.tableRows;
  const cases = runs.flatMap(({ result }) => result.cases);
  const content: PageContent = {
    data,
    groups: comparableGroups(cellsOf(runs)),
    severalRuns: runs.length > 1,
    throughput: buildsText(cases, throughputBuild),
    figures: buildsText(cases, figuresBuild),
    rowsMax,
  };
  const sections = sectionsOf(runs, content);
  const contents = CONTENTS.filter(([id]) => sections[id] != null);
  const page = markup`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="${trusted(policyOf(library, script))}" />
        <meta name="color-scheme" content="light dark" />
        <meta name="generator" content="ctreplay" />
        <link rel="icon" href="data:," />
        <title>${titleOf(runs)}</title>
        <style>${trusted(style)}</style>
        <noscript><style>${trusted(WITHOUT_SCRIPT)}</style></noscript>
      </head>
      <body>
        <a class="skip" href="#summary">Skip to the summary</a>
        <header>
          <p class="brand">ctreplay</p>
          <h1>${titleOf(runs)}</h1>
          <p class="made">${madeOf(runs)}</p>
          <nav aria-label="Sections">
            <ul>
              ${contents.map(([id, heading]) => markup`<li><a href="#${id}">${heading}</a></li>`)}
            </ul>
          </nav>
        </header>
        <noscript><p class="note">Charts need JavaScript; all their figures are in the tables.</p></noscript>
        <main>
          ${bodyOf(sections, data.leftOut)}
        </main>
        <footer>
          <p>
            Charts by Apache ECharts, Apache License 2.0. This page is self-contained and makes no request.
          </p>
        </footer>
        ${scriptElements(data, library, script)}
      </body>
    </html> `;
  return page.text;
}

/** Without the script a plot is an empty box, and what chooses and saves it does nothing. */
const WITHOUT_SCRIPT = '.plot, .export, .choice:has(select) { display: none; }';

/** Sections that stand beside each other in a wide window, by the first of them. */
const ROWS: Readonly<Record<string, readonly [shape: Parameters<typeof beside>[0], ...ids: string[]]>> = {
  comparisons: ['pair', 'comparisons', 'trade'],
  latency: ['latency-expiration', 'latency', 'expiration'],
  work: ['thirds', 'work', 'fairness', 'audit'],
};

/** The sections in their order, those of a row together. */
function bodyOf(sections: Readonly<Record<string, Html | null>>, leftOut: string | null): HtmlValue {
  const inRows = new Set(Object.values(ROWS).flatMap(([, ...ids]) => ids));
  return CONTENTS.flatMap(([id]): HtmlValue[] => {
    const row = ROWS[id];
    if (row !== undefined) {
      const [shape, ...ids] = row;
      return [
        beside(
          shape,
          ids.map((each) => sections[each]),
        ),
      ];
    }
    if (inRows.has(id)) return [];
    const note = id === 'summary' && leftOut !== null ? markup`<p class="note">${leftOut}</p>` : null;
    return [sections[id], note];
  });
}

function titleOf(runs: readonly Run[]): string {
  const inputs = new Set(runs.flatMap((run) => run.result.cases.map((entry) => entry.input.name)));
  const [first] = inputs;
  if (first === undefined) return 'ctreplay report';
  return inputs.size === 1 ? first : `${first} and ${inputs.size - 1} more`;
}

function madeOf(runs: readonly Run[]): Html {
  const [first] = runs;
  if (first === undefined) return markup``;
  if (runs.length > 1) return markup`${runs.length} runs: ${runs.map((run) => run.label).join(', ')}`;
  const { result } = first;
  return markup`<time datetime="${result.createdAt}"
      >${result.createdAt.replace('T', ' ').replace(/\.\d+Z$|Z$/, ' UTC')}</time
    >
    · <code>ctreplay ${result.commandLine.join(' ')}</code>`;
}
