/** The page's own style and script and the chart library, read from the installed package (build-page.mjs puts the library there). */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface PageAssets {
  style: string;
  /** The page's modules as one classic script. */
  script: string;
  /** ECharts, with its licence notice. */
  library: string;
}

const ASSET_FOLDER = join('tools', 'report', 'page');

/** In dependency order: each uses only names of those before it. */
const MODULES = [
  'theme.js',
  'quantities.js',
  'forest-chart.js',
  'trade-chart.js',
  'curve-chart.js',
  'heat-chart.js',
  'scaling-chart.js',
  'occupancy-chart.js',
  'main.js',
];

/**
 * The root of the package, from source and from dist alike: the nearest folder above that has the assets.
 * @throws Error when there is none, which means that the installation is incomplete.
 */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    if (existsSync(join(folder, 'package.json')) && existsSync(join(folder, ASSET_FOLDER, 'page.css')))
      return folder;
    const above = dirname(folder);
    if (above === folder) {
      throw new Error(
        `${join(ASSET_FOLDER, 'page.css')} is missing from the ctreplay installation; install it again`,
      );
    }
    folder = above;
  }
}

/** The chart library: as the build put it into the package, or in a checkout that was not built, that of the development dependency. */
function libraryFile(root: string): string {
  const built = join(root, 'dist', 'page', 'echarts.min.js');
  if (existsSync(built)) return built;
  const echarts = dirname(createRequire(import.meta.url).resolve('echarts/package.json'));
  return join(echarts, 'dist', 'echarts.min.js');
}

/** Reads everything that is put into the page. */
export async function loadPageAssets(): Promise<PageAssets> {
  const root = packageRoot();
  const folder = join(root, ASSET_FOLDER);
  const [style, library, ...modules] = await Promise.all([
    readFile(join(folder, 'page.css'), 'utf8'),
    readFile(libraryFile(root), 'utf8'),
    ...MODULES.map((name) => readFile(join(folder, name), 'utf8')),
  ]);
  return { style, script: joinModules(modules), library };
}

/**
 * ES modules as one script: a page opened from disk may not import files. Only the two forms the modules use are
 * taken away, `import … from './x.js';` and the `export` before a declaration.
 */
export function joinModules(modules: readonly string[]): string {
  const bodies = modules.map((text) =>
    text
      .replace(/^import\s[^;]*?from\s'[^']*';\n/gm, '')
      .replace(/^export (?=(?:async )?function|const|let|class)/gm, ''),
  );
  return `(() => {\n'use strict';\n${bodies.join('\n')}\n})();`;
}
