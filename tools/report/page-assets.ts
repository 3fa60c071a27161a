/** The page's own style and script and the chart library, as the build puts them into dist/page (build-page.mjs). */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../engine/host/module.js';

export interface PageAssets {
  style: string;
  /** The page's own script, classic: a page opened from disk may not import files. */
  script: string;
  /** ECharts, with its licence notice. */
  library: string;
}

/**
 * Reads everything that is put into the page.
 * @throws Error when a file is missing: the checkout is not built, or the installation incomplete
 */
export async function loadPageAssets(): Promise<PageAssets> {
  const [style = '', script = '', library = ''] = await Promise.all(
    ['page.css', 'page.js', 'echarts.min.js'].map(readAsset),
  );
  return { style, script, library };
}

async function readAsset(name: string): Promise<string> {
  const file = join(packageRoot(), 'dist', 'page', name);
  return readFile(file, 'utf8').catch((error: Error) => {
    throw new Error(`${error.message}: run 'npm run build' in a checkout, or install ctreplay again`);
  });
}
