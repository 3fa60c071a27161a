/**
 * Puts what the page is made of into dist/page: its script as one file, its style, and the chart library, so that the installed package
 * needs neither a bundler nor a chart library beside it. rolldown bundles, as vitest brings it along.
 */
import { copyFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

const report = dirname(fileURLToPath(import.meta.url));
const out = join(report, '..', '..', 'dist', 'page');
const echarts = dirname(createRequire(import.meta.url).resolve('echarts/package.json'));
mkdirSync(out, { recursive: true });
copyFileSync(join(echarts, 'dist', 'echarts.min.js'), join(out, 'echarts.min.js'));
copyFileSync(join(echarts, 'LICENSE'), join(out, 'echarts.LICENSE'));
copyFileSync(join(report, 'page', 'page.css'), join(out, 'page.css'));
await build({
  input: join(report, 'page', 'main.ts'),
  platform: 'browser',
  output: { file: join(out, 'page.js'), format: 'iife' },
});
